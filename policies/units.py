"""Numbers with units in free text, brought to the unit that a rule speaks in (units through pint)."""

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pint import UnitRegistry


# Letters and digits that a number may not follow; in scripts without spaces it stands right behind a word.
_LETTERS = "0-9A-Za-z_\u00c0-\u024f\u0370-\u052f\u1e00-\u1eff"


def _pattern(grouping: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![.,])(?<![{_LETTERS}])(?P<number>\d{{1,3}}(?:[{grouping}]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?)"
        r"[\s-]?(?P<unit>%|มล|ซม|มก|กก|毫升|毫克|厘米|公分|公斤|ミリ|グラム|[\"”″]|°[CF]?"
        r"|(?!in[\s-]+\d)[A-Za-zµμ]{1,12}(?:/[A-Za-zµμ]{1,6}\d?)?)?"  # "3 in 1" is no length
    )


_NUMBER, _NUMBER_SPACED = _pattern(".,\u00a0"), _pattern(".,\u00a0 ")
# Where a space groups thousands; elsewhere "2 100 ml" is two bottles.
_SPACE_GROUPS = {"fr", "es", "pt", "de", "it", "nb", "sv", "da", "fi", "pl", "cs", "sk", "hu", "bg", "et", "lv", "lt"}
# Where a point groups thousands and a comma starts decimals.
_COMMA_DECIMAL = {"id", "pt", "es", "de", "vi", "fr", "it", "nl"}
_ALIASES = {
    "%": "percent",
    '"': "inch",
    "”": "inch",
    "″": "inch",
    "in": "inch",
    "inches": "inch",
    "mcg": "microgram",
    "ug": "microgram",
    "μg": "microgram",
    "µg": "microgram",
    "cc": "milliliter",
    "gr": "gram",
    "gm": "gram",
    "kgs": "kilogram",
    # Sellers write 100ML and 5MW, and never mean megalitres or megawatts.
    "mg": "milligram",
    "g": "gram",
    "kg": "kilogram",
    "ml": "milliliter",
    "l": "liter",
    "mm": "millimeter",
    "cm": "centimeter",
    "mw": "milliwatt",
    "mb": "megabyte",
    "gb": "gigabyte",
    "tb": "terabyte",
    "mah": "milliampere_hour",
    "wh": "watt_hour",
    "iu": "",
    "°": "degree",
    "มล": "milliliter",
    "毫升": "milliliter",
    "ซม": "centimeter",
    "厘米": "centimeter",
    "公分": "centimeter",
    "มก": "milligram",
    "毫克": "milligram",
    "กก": "kilogram",
    "公斤": "kilogram",
    "グラム": "gram",
    "ミリ": "millimeter",
}


@dataclass(frozen=True)
class Number:
    """A number as found: its value, its unit as written, and where it stands."""

    value: float
    unit: str
    start: int
    end: int


def numbers_in(text: str, language: str) -> list[Number]:
    """Find numbers with the unit written behind them.

    Args:
        text: any text.
        language: BCP 47; decides what `1.000` means.
    """
    found = []
    spoken = language.split("-", maxsplit=1)[0]
    for match in (_NUMBER_SPACED if spoken in _SPACE_GROUPS else _NUMBER).finditer(text):
        value = _value(match["number"], spoken)
        found.append(Number(value, match["unit"] or "", match.start(), match.end()))
    return found


def in_unit(number: Number, unit: str) -> float | None:
    """The number in `unit`, or None where its own unit is missing or of another kind."""
    if not unit:
        return number.value
    if number.unit.casefold().rstrip("s") == unit.casefold().rstrip("s"):
        return number.value
    ours, theirs = _parsed(unit), _parsed(number.unit)
    if ours is None or theirs is None:
        return None
    import pint  # noqa: PLC0415 - a registry costs 0.2 s, which only cases with measures pay

    try:
        return float(_registry().Quantity(number.value, theirs).to(ours).magnitude)
    except (pint.DimensionalityError, pint.OffsetUnitCalculusError):
        return None


def is_unit(unit: str) -> bool:
    """Tell whether a unit is one that numbers can be brought to; no unit at all is one."""
    return not unit or _parsed(unit) is not None


def _value(written: str, language: str) -> float:
    plain = written.replace("\u00a0", "").replace(" ", "")
    if "," in plain and "." in plain:
        decimal = max(plain.rfind(","), plain.rfind("."))
        return float(re.sub(r"[.,]", "", plain[:decimal]) + "." + plain[decimal + 1 :])
    mark = "," if "," in plain else "."
    groups = plain.split(mark)
    thousands = len(groups) > 2 or (len(groups[-1]) == 3 and (mark == ",") != (language in _COMMA_DECIMAL))  # noqa: PLR2004 - digits of a group
    return float("".join(groups)) if thousands else float(".".join(groups))


@functools.cache
def _registry() -> "UnitRegistry[Any]":
    import pint  # noqa: PLC0415 - as above

    return pint.UnitRegistry()


@functools.cache
def _parsed(unit: str) -> str | None:
    """The unit in pint's words, or None where it knows no such unit."""
    import pint  # noqa: PLC0415 - as above

    if not unit:
        return None
    steps = [_ALIASES.get(step.casefold(), step) for step in unit.split("/")]
    for spelled in ("/".join(steps), "/".join(step.casefold() for step in steps)):
        try:
            _registry().parse_units(spelled)
        except (pint.UndefinedUnitError, ValueError, AttributeError, TypeError):
            continue
        return spelled
    return None
