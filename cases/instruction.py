"""Marking text that reads like an instruction to a machine or a moderator, in texts that others wrote.

A mark is a warning to people and a bar to the outcome its author would gain; it is never the defence by itself,
for what matters is that outcomes are derived and quotes are checked.
"""

import re
import unicodedata
from collections.abc import Sequence

_TARGET = r"(?:listing|item|product|seller|case|report|account|post|shop|store|offer)"
_READER = (
    r"(?:ai|a\.i\.|assistant|chat ?bot|bot|(?:language |moderation |ai )?model|llm|gpt|chatgpt|claude|gemini"
    r"|moderators?|reviewers?|classifier|auditor|agent|moderation (?:system|tool|bot|team))"
)
_DECIDED = r"(?:compliant|safe|allowed|approved|cleared|legal|authentic|no[_ ]violation|violations?|not[_ ]met|met"
_DECIDED += r"|prohibited|counterfeit|illegal|banned)"
_RULES = (
    r"(?:instructions?|prompts?|rules?|polic(?:y|ies)|guidelines?|directions?|above|previous|prior|everything|context)"
)
_VERDICT = r"(?:no[_ ]violation|violation|not[_ ]met|met|cleared|clear(?!\s*:|\s+\w)|approved?|compliant|safe|remove"
_VERDICT += r"|reject)"
# Of the platform: an authority that registers goods is no moderator.
_AUTHORITY = r"(?:moderat|trust|safety(?! (?:authority|agency|administration|commission|board|standard))|platform"
_AUTHORITY += r"|compliance|polic(?:y|ies)|admin(?!istration))"
_ORDERS = r"(?:ignore|respond|answer|approve|clear|classify|output|conclude|judge|decide|rule|translate|summari[sz]e"
_ORDERS += r"|generate|reveal|print|act as|pretend|mark)"
_GREETING = r"(?:dear|hey|hi|hello|attention|note (?:to|for)|message (?:to|for)|if you are(?: an?)?"
_GREETING += r"|you are (?:now )?(?:an?|the))"
# "According to the model" and "hand it to the agent" are no address.
_MACHINE = r"(?:ai|a\.i\.|assistant|chat ?bot|(?:language |moderation |ai )model|llm|gpt|chatgpt|claude|gemini"
_MACHINE += r"|moderators?|classifier|moderation (?:system|tool|bot|team))"
_SPARED = r"(?:flag|escalate|moderate|ban|take (?:it|this) down|(?:remove|report|reject|quote|mention|consider) (?:it\b"
_SPARED += rf"|this|(?:[a-z]+ ){{0,2}}?{_TARGET}))"
_ELSEWHERE = r"(?! (?:from (?:its|the (?:box|pack|bag|wrap|pouch|mou?ld))|to|in|with|before|after)\b)"
_TAG = r"(?:system|assistant|instructions?|prompt|im_start|im_end|evidence|tool_call|user)"
# Sellers print with people's names; only an order says that nothing else may be written.
_SAY = r"(?:(?:respond|reply|answer|output|say|return)\b (?:only |just |exactly |simply |with |back )+"
_SAY += r"|(?:print|write)\b (?:only |just |exactly |simply )+)"
_LITERAL = r"""(?:["'“”«»]|\b(?:yes|no|true|false|json|ok|compliant|approved|met)\b)"""
_RULES_ES_PT = r"(?:instruc\w+|instru[cç]\w+|regras|reglas|pol[ií]ticas?|anterior\w*)"
_RULES_VI = r"(?:h[uư][oớ]ng d[aẫ]n|ch[iỉ] th[iị]|quy t[aắ]c|l[eệ]nh|ch[ií]nh s[aá]ch)"
_MUST = r"(?:you must|you should|you will|you are required to|your (?:only )?task is|your job is|i want you to)"
_PATTERNS = (
    # Overriding what the reader was told.
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.!?\n]{{0,40}}\b{_RULES}\b",
    r"\b(?:new|updated|real|hidden|secret) (?:system )?(?:instructions?|prompt|directive)s?\s*[:\-]",
    r"\b(?:system|developer) (?:prompt|message|override|note|instruction)s?\b",
    # A data sheet says "System: Android 13"; a planted turn says what to do or what the listing is.
    (
        r"(?:^|\n)[ \t]*(?:#+[ \t]*)?(?:system|assistant|user|developer|human)[ \t]*:\s*(?=[^\n]{0,160}?\b(?:you|your|i"
        rf"|ignore|approve|return|polic(?:y|ies)|must|mark|respond|answer|instructions?|violations?|{_TARGET})\b)"
    ),
    rf"</?\s*{_TAG}\s*>|<\|[a-z_]+\|>|\[/?inst\]",
    # Addressing the reader and telling it what to conclude.
    rf"\b{_GREETING}\s+(?:[a-z]+ ){{0,2}}?{_READER}\b",
    rf"\bto (?:the|any|all)\s+(?:[a-z]+ ){{0,2}}?{_MACHINE}\b",
    r"\bas an? (?:ai|language model|llm|assistant|moderator|reviewer|auditor)\b",
    (
        r"\b(?:mark|rate|classify|label|flag|treat|judge|report|return|rule|consider)\b[^.!?\n]{0,40}\bas\b"
        rf"[^.!?\n]{{0,20}}\b{_DECIDED}\b"
    ),
    (
        r"\b(?:set|change|switch)\b[^.!?\n]{0,30}\b(?:verdict|outcome|decision|status|result|label|element|part|listing)s?\b"
        rf"[^.!?\n]{{0,20}}\bto\b[^.!?\n]{{0,20}}\b{_DECIDED}\b"
    ),
    (
        r"\b(?:approve|clear|pass|accept|remove|delete|ban|suspend|reject|whitelist|escalate)\b"
        rf" (?:this|the|my|their|all|that) (?:[a-z]+ ){{0,2}}?{_TARGET}\b{_ELSEWHERE}"
    ),
    rf"\b(?:do not|don'?t|never|no need to|must not|should not) (?:[a-z]+ ){{0,2}}?{_SPARED}\b",
    (
        r"\b(?:verdict|outcome|decision|judg(?:e)?ment|finding|final answer|classification)\b"
        rf"\s*(?:[:=]|is|must be|should be)\s*\W?{_VERDICT}"
    ),
    r"\b(?:submit_findings|no_violation|not_met)\b",
    rf"\b{_SAY}[^.!?\n]{{0,60}}{_LITERAL}",
    rf"\b{_MUST} (?:now |always |only |instead |immediately )*{_ORDERS}\b",
    r"\bplease (?:now |always |only |just )*(?:approve|clear|classify|conclude|output|act as|pretend)\b",
    (
        r"\b(?:this (?:listing|item|product|seller|shop) (?:has (?:already )?been|is|was) (?:already |pre-?)?"
        rf"(?:approved|verified|cleared|reviewed|whitelisted) by (?:[a-z]+ ){{0,3}}?{_AUTHORITY})"
    ),
    # Other languages of the markets: the same two ideas, override and address.
    r"\b(?:abaikan|lupakan)\b[^.!?\n]{0,40}\b(?:instruksi|arahan|perintah|aturan|peraturan|kebijakan)\b",
    (
        r"\b(?:ignore[nrz]?|ignorar?|oublie[rz]?|olvida|desconsidere|esque[cç]a)\b[^.!?\n]{0,40}"
        rf"\b{_RULES_ES_PT}\b"
    ),
    r"\b(?:balewalain|huwag pansinin|kalimutan)\b[^.!?\n]{0,40}\b(?:tagubilin|utos|patakaran|panuto)\b",
    r"\b(?:ignoriere|vergiss|missachte)\w*\b[^.!?\n]{0,40}\b(?:anweisung\w*|regel\w*|richtlinie\w*|vorgabe\w*)\b",
    rf"\b(?:b[oỏ] qua|ph[oớ]t l[oờ])\b[^.!?\n]{{0,40}}\b{_RULES_VI}",
    r"(?:ไม่ต้องสนใจ|เพิกเฉย|ละเว้น|ข้าม)[^\n]{0,30}(?:คำสั่ง|คำแนะนำ|กฎ|นโยบาย)",
    r"(?:忽略|无视|無視|不要理会|忘记)[^\n]{0,20}(?:指令|指示|规则|規則|政策|提示|说明)",
    r"(?:指示|命令|ルール|規則|ポリシー)[^\n]{0,10}(?:無視|忘れて)",
    r"(?:지시|명령|규칙|정책)[^\n]{0,10}(?:무시|잊)",
)
_INSTRUCTION = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)


def instruction_like(text: str) -> tuple[tuple[int, int], ...]:
    """Find stretches that read like instructions.

    Returns:
        Start and end in code points of `text`, in order, not overlapping. Only the stretch is marked: an honest
        sentence beside a planted one keeps its worth.
    """
    marks: list[tuple[int, int]] = []
    read, origin = _as_read(text)
    for found in _INSTRUCTION.finditer(read):
        first, last = _sentence(read, found.start(), found.end())
        start, end = origin[first], origin[last - 1] + 1
        if marks and start <= marks[-1][1]:
            marks[-1] = (marks[-1][0], max(end, marks[-1][1]))
        else:
            marks.append((start, end))
    return tuple(marks)


def _as_read(text: str) -> tuple[str, Sequence[int]]:
    """The text as a reader takes it in: without characters that do not show, full-width letters as plain ones.

    Returns:
        The text read, and for each of its characters the place of the one in `text` that it comes from.
    """
    if text.isascii():
        return text, range(len(text))
    shown = [(c, i) for i, char in enumerate(text) for c in _shown(char)]
    return "".join(c for c, _ in shown), [i for _, i in shown]


def _shown(char: str) -> str:
    if unicodedata.category(char) == "Cf" or char in "\u034f\u115f\u1160\u3164\uffa0":
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain.isascii() and (plain.isalnum() or plain == " ") else char


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a match to the end of its line or sentence: what follows is usually what the author wants done."""
    stop = re.compile(r"[.!?\n。！？]").search(text, end)
    return (start, min(stop.start() if stop else len(text), end + 200))
