"""What identifies a listing: its barcodes, its lots, and the words of its title and brand."""

import re
from dataclasses import dataclass

from cases.case import Attribute, Case, Quantity
from tools.tool import Look


@dataclass(frozen=True)
class Item:
    """What identifies the listing.

    Attributes:
        barcodes: GTINs, digits without leading zeros.
        lots: letters and digits only, in capitals.
        words: of title and brand, as `words_of` folds them.
    """

    barcodes: frozenset[str] = frozenset()
    lots: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


_STOP = frozenset({"and", "the", "for", "with", "from", "all", "recall"})
_PLURAL_MIN = 3
_BARCODE_NAME = re.compile(
    r"(?:^|[^a-z])(?:upc|ean|gtin|isbn|bar ?code)(?:$|[^a-z])|kode batang|código de barras|条码|條碼|บาร์โค้ด"
)
_LOT_NAME = re.compile(
    r"(?:^|[^a-z])(?:lot|batch|lote|partida|charge)(?:$|[^a-z])|bets|số lô|批号|批號|批次|ロット|รุ่นการผลิต|ล็อต"
)
# Behind a word for lot: an identifier that holds a digit. GS1 codes name a lot by (10).
_LOT_IN_TEXT = re.compile(
    r"(?:\b(?:lot|batch|lote)\b(?:\s*(?:no|number|code|nr)\b)?|批号|批號|ロット(?:番号)?)[\s.:#：]*"
    r"((?=[A-Z0-9/-]*\d)[A-Z0-9][A-Z0-9/-]{2,24})"
    r"|\(10\)([A-Z0-9/-]{3,20})",
    re.IGNORECASE,
)
_TEXT_SOURCES = ("listing.description", "listing.title", "image:", "text:")


def item_of(look: Look) -> Item:
    """What identifies the case's listing.

    Barcodes come from attributes and from codes read in images; lots from attributes, documents and labelled words in
    texts. Both are the seller's word, and taken as such: a seller who states a recalled lot offers it.
    """
    case = look.case
    barcodes, lots = _stated(case)
    for item in look.evidence:
        if item.flags.unavailable:
            continue
        if re.fullmatch(r"image:\d+/(?:barcode|qr)", item.source):
            barcodes |= {code for digits in re.findall(r"\d{8,14}", item.text) for code in gtins(digits)}
        if item.source.startswith(_TEXT_SOURCES):
            lots |= {_plain(one or other) for one, other in _LOT_IN_TEXT.findall(item.text)}
    title_words = words_of(f"{case.subject.brand} {case.subject.title}")
    return Item(barcodes=frozenset(barcodes), lots=frozenset(filter(None, lots)), words=title_words)


def _stated(case: Case) -> tuple[set[str], set[str]]:
    barcodes: set[str] = set()
    lots = {_plain(text.batch) for text in case.texts if text.batch}
    for name, value in case.subject.attributes.items():
        folded = name.casefold().replace("_", " ")
        if _BARCODE_NAME.search(folded):
            barcodes |= {code for text in _scalars(value) for code in gtins(text)}
        elif _LOT_NAME.search(folded):
            lots |= {_plain(lot) for text in _scalars(value) for lot in re.split(r"[,;\s]+", text)}
    return barcodes, lots


def _scalars(value: Attribute) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [f"{v.value:g}" if isinstance(v, Quantity) else str(v) for v in values]


def gtins(text: str) -> frozenset[str]:
    """Read a barcode as written into GTINs without leading zeros, so that UPC, EAN and padded forms agree.

    Notices often leave out a UPC's check digit; where the digits do not check, the form with one added counts too
    (GS1 General Specifications, section 7.9: weights 3 and 1 from the right, modulo 10).
    """
    digits = re.sub(r"[\s-]", "", text)
    if not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 14):  # noqa: PLR2004 - GTIN-8 to GTIN-14
        return frozenset()
    plain = digits.lstrip("0")
    if _check_digit(digits[:-1]) == digits[-1]:
        return frozenset({plain})
    return frozenset({plain, plain + _check_digit(digits)})


def _check_digit(digits: str) -> str:
    total = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def _plain(lot: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", lot.upper())


_CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9/-]*[A-Z0-9])?")
_RANGE = re.compile(r"\b([A-Z]*)(\d{2,12})\s*(?:-|–|to|through|thru)\s*\1(\d{2,12})\b", re.IGNORECASE)
_LOT_MIN = 3


def covers_lot(code_info: str, lot: str) -> bool:
    """Tell whether a notice's text names a lot (letters and digits only), by itself or inside a range of lots."""
    if len(lot) < _LOT_MIN:
        return False
    upper = code_info.upper()
    if any(_plain(code) == lot for code in _CODE.findall(upper)):
        return True
    parts = re.fullmatch(r"([A-Z]*)(\d+)", lot)
    return parts is not None and any(
        prefix == parts[1] and len(first) == len(last) == len(parts[2]) and first <= parts[2] <= last
        for prefix, first, last in _RANGE.findall(upper)
    )


def words_of(text: str) -> frozenset[str]:
    """Words of three letters or more, folded in case and (English) plural."""
    words = re.findall(r"[^\W\d_]{3,}", text.casefold().replace("'s", "").replace("’s", ""))
    return frozenset(word.removesuffix("s") if len(word) > _PLURAL_MIN else word for word in words) - _STOP
