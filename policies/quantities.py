"""What a stated amount is an amount of: a portion or a day, one pack or all of them.

Sellers state an amount a capsule, rules one a day; sellers add up five bottles, rules look at each.
"""

import re

from policies.folding import fold, folded_pattern

_WORDS = {
    "one": 1, "once": 1, "two": 2, "twice": 2, "three": 3, "four": 4,
    "ein": 1, "eine": 1, "einmal": 1, "zwei": 2, "zweimal": 2, "drei": 3, "dreimal": 3, "vier": 4,
    "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "mot": 1, "hai": 2, "ba": 3, "bon": 4,
    "uma": 1, "um": 1, "duas": 2, "dois": 2, "tres": 3, "quatro": 4, "una": 1, "dos": 2, "cuatro": 4,
    "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4,
}  # fmt: skip
_COUNT = rf"(?P<n>\d{{1,2}}|{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_PORTION = (
    r"(?:capsules?|caps?|tablets?|tabs?|pills?|softgels?|gumm(?:y|ies)|scoops?|servings?|sachets?|drops?|times"
    r"|kapseln?|tabletten?|pressling(?:e)?|kapsul|tablet|biji|butir|sachet|kali|vien|lan|goi"
    r"|capsulas?|comprimidos?|pastilhas?|tabletas?|pastillas?|gotas?|veces|vezes|sobres?)"
)
_A_DAY = (
    r"(?:(?:a|per|each|every|in a)\s?day|/\s?day|daily|(?:am|pro|je)\s?tag|taglich|/\s?tag|sehari|per hari|setiap hari"
    r"|/\s?hari|(?:mot|moi)\s?ngay|/\s?ngay|(?:por|ao|al|cada)\s?dia|diari[oa]s?|/\s?dia)"
)
_PATTERNS = tuple(
    re.compile(folded_pattern(pattern))
    for pattern in (
        rf"(?<!\w){_COUNT}\s?(?:x\s?)?{_PORTION}?\s(?:\w+\s){{0,2}}?{_A_DAY}",
        rf"(?<!\w)(?:daily|taglich|sehari|ngay(?: uong)?|diariamente)[:\s]\s?(?:dose[:\s]\s?)?{_COUNT}\s?{_PORTION}",
        rf"วันละ\s?(?:ครั้งละ\s?)?{_COUNT}",
        rf"{_COUNT}\s?(?:เม็ด|แคปซูล)\s?ต่อวัน",
        rf"每[日天]\s?(?:服用?|吃|食用)?\s?{_COUNT}\s?[粒片颗顆次包]",
        rf"1日\s?(?:あたり|に)?\s?{_COUNT}\s?[粒錠カ包]",
    )
)
# What one amount is the content of: "each 4 drops give 0.4 mg", "0.4 mg per 4 drops".
_EACH = r"(?:each|every|per|a cada|cada|por cada|por|je|pro|setiap|tiap|moi)"
_HOLDING_BEFORE = tuple(
    re.compile(folded_pattern(pattern))
    for pattern in (
        rf"(?<!\w){_EACH}\s{_COUNT}\s?{_PORTION}\W[^.;,\n]{{0,24}}$",
        rf"每{_COUNT}[粒片颗顆滴包][^。，]{{0,8}}$",
    )
)
_HOLDING_BEHIND = tuple(
    re.compile(folded_pattern(pattern))
    for pattern in (
        rf"^[^.;,\n\d]{{0,24}}?(?:(?<!\w)(?:{_EACH}|in|em|en|trong|dalam)\s|/\s?){_COUNT}\s?{_PORTION}(?!\w)(?!\s{_A_DAY})",
        rf"^[^。，\d]{{0,8}}?[/每]\s?{_COUNT}[粒片颗顆滴包]",
    )
)

# Behind or before a number: the amount is one a day as it stands.
_STATED = r"tagesdosis|daily (?:dose|amount)|dosis diaria"
_DAILY_AMOUNT = re.compile(folded_pattern(rf"{_A_DAY}|{_STATED}|ต่อวัน|每[日天]|1日"))
_NEAR = 24


def portions_a_day(texts: list[str]) -> int | None:
    """The largest number of portions a day that texts tell people to take; None where none says."""
    found = [
        _WORDS.get(match["n"]) or int(match["n"])
        for text in texts
        for pattern in _PATTERNS
        for match in pattern.finditer(fold(text).text)
    ]
    return max(found, default=None)


def portions_held(text: str, start: int, end: int) -> int:
    """Of how many portions an amount at this place is the content ("0.4 mg in each 4 drops"); 1 where nothing says."""
    before, behind = fold(text[max(0, start - 2 * _NEAR) : start]).text, fold(text[end : end + 2 * _NEAR]).text
    found = [pattern.search(behind) for pattern in _HOLDING_BEHIND] + [
        pattern.search(before) for pattern in _HOLDING_BEFORE
    ]
    counts = [_WORDS.get(match["n"]) or int(match["n"]) for match in found if match]
    return max(1, counts[0]) if counts else 1


def states_a_day(text: str, start: int, end: int) -> bool:
    """Tell whether an amount at this place is stated as one a day ("3 mg per day", "daily dose: 3 mg")."""
    before, behind = fold(text[max(0, start - _NEAR) : start]).text, fold(text[end : end + _NEAR]).text
    cut = re.split(r"[.;,\n]", behind)[0]
    return bool(_DAILY_AMOUNT.search(cut) or re.search(rf"(?:{_STATED})\W*$", before))


_TOTAL = (
    r"(?:in total|total(?: of)?|altogether|in all|combined|zusammen|insgesamt|gesamt|totalnya|jumlah(?: keseluruhan)?"
    r"|keseluruhan|tong cong|tong|no total|ao todo|en total|รวมทั้งหมด|รวม|共计|共計|合计|合計|总共|總共|一共|共)"
)
_TOTAL_BEFORE = re.compile(folded_pattern(rf"(?<![a-z]){_TOTAL}\W{{0,3}}$"))
_TOTAL_BEHIND = re.compile(
    folded_pattern(r"^ ?(?:in total|in all|altogether|insgesamt|zusammen|en total|no total|ao todo)")
)


def is_total(text: str, start: int, end: int) -> bool:
    """Tell whether an amount at this place adds up several packs ("together 50 ml", "50 ml in total")."""
    before, behind = fold(text[max(0, start - _NEAR) : start]).text, fold(text[end : end + _NEAR]).text
    return bool(_TOTAL_BEFORE.search(before) or _TOTAL_BEHIND.match(behind))
