"""Cutting a case into evidence: every text gets a source, and the voucher of whoever wrote it."""

from datetime import date
from decimal import Decimal

from cases.case import Attribute, Case, CaseText, Listing, Quantity, Report, Scalar
from cases.evidence import Draft, Voucher, one_line

_REPORT_VOUCHERS: dict[str, Voucher] = {
    "brand_owner": "brand_owner",
    "trusted_flagger": "trusted_flagger",
    "authority": "authority",
    "employee": "platform",
}


def cut_case(case: Case, day: date, language: str) -> list[Draft]:
    """Cut a case into drafts of evidence, in the order in which people read it.

    Args:
        case: as it came in.
        day: the case's local day in its region; goes into `case.facts`.
        language: of the case, BCP 47; marked on the subject's prose.
    """
    drafts = _listing(case.subject, language)
    if case.appeal:
        drafts.append(Draft(source="appeal", voucher="seller", text=case.appeal.statement, language=language))
    drafts += [_report(i, report) for i, report in enumerate(case.reports, 1)]
    drafts += [_text(i, text) for i, text in enumerate(case.texts, 1)]
    drafts += [
        Draft(source=f"related:{i}", voucher="seller", text="\n".join(filter(None, (item.title, item.description))))
        for i, item in enumerate(case.related, 1)
    ]
    signals = "\n".join(f"{one_line(name)}: {value:g}" for name, value in sorted(case.signals.items()))
    drafts.append(Draft(source="case.signals", voucher="model", text=signals))
    drafts.append(Draft(source="case.facts", voucher="platform", text=_facts(case, day)))
    return drafts


def _listing(subject: Listing, language: str) -> list[Draft]:
    def seller(source: str, text: str, spoken: str = "") -> Draft:
        return Draft(source=f"listing.{source}", voucher="seller", text=text, language=spoken)

    return [
        seller("title", subject.title, language),
        seller("description", subject.description, language),
        seller("category", " > ".join(one_line(step) for step in subject.category)),
        seller("brand", one_line(subject.brand)),
        seller("attributes", "\n".join(_attribute(name, value) for name, value in subject.attributes.items())),
        seller("variants", "\n".join(one_line(variant.name) for variant in subject.variants), language),
        seller("condition", one_line(subject.condition)),
        seller("offer", _offer(subject)),
    ]


def _attribute(name: str, value: Attribute) -> str:
    values = value if isinstance(value, tuple) else (value,)
    shown = ", ".join(_scalar(item) for item in values)
    return f"{one_line(name).replace(': ', ' ')}: {shown}"


def _scalar(value: Scalar) -> str:
    if isinstance(value, Quantity):
        return f"{_plain_number(value.value)} {one_line(value.unit)}"
    return _plain_number(value) if isinstance(value, float) else one_line(str(value))


def _plain_number(value: float) -> str:
    """All digits and no exponent; after three decimals a zero, as 1.125 is a thousand in half of the languages."""
    whole, _, decimals = f"{Decimal(repr(value)):f}".partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) == 3:  # noqa: PLR2004 - the digits of a group
        decimals += "0"
    return f"{whole}.{decimals}" if decimals else whole


def _offer(subject: Listing) -> str:
    lines = []
    if subject.price:
        lines.append(f"price: {subject.price.amount} {subject.price.currency}")
    lines += [
        f"variant: {one_line(variant.name)}, {variant.price.amount} {variant.price.currency}"
        for variant in subject.variants
        if variant.price
    ]
    if subject.quantity is not None:
        lines.append(f"quantity: {subject.quantity}")
    if subject.ships_from:
        lines.append(f"ships from: {subject.ships_from}")
    if subject.ships_to:
        lines.append(f"ships to: {', '.join(subject.ships_to)}")
    return "\n".join(lines)


def _report(ordinal: int, report: Report) -> Draft:
    voucher: Voucher = "model" if report.by == "model" else "reporter"
    if report.verified:
        voucher = _REPORT_VOUCHERS.get(report.by, voucher)
    return Draft(source=f"report:{ordinal}", voucher=voucher, text=report.text)


def _text(ordinal: int, text: CaseText) -> Draft:
    details = (("issuer", text.issuer), ("model", text.model), ("batch", text.batch), ("valid until", text.valid_until))
    lines = [text.text, *(f"{name}: {one_line(str(value))}" for name, value in details if value)]
    return Draft(source=f"text:{ordinal}", voucher=_text_voucher(text), text="\n".join(lines))


def _text_voucher(text: CaseText) -> Voucher:
    if text.by == "platform" or (text.verified and text.source == "document"):
        return "platform"
    if text.verified and text.by in _REPORT_VOUCHERS:
        return _REPORT_VOUCHERS[text.by]
    return "seller" if text.by == "seller" else "reporter"


def _facts(case: Case, day: date) -> str:
    lines = [f"region: {case.region}", f"day: {day.isoformat()}"]
    if case.subject.listed_at:
        lines.append(f"listed: {case.subject.listed_at.date().isoformat()}")
    if case.subject.ships_from and case.subject.ships_from[:2] != case.region[:2]:
        lines.append(f"cross_border: 1 (ships from {case.subject.ships_from})")
    if case.appeal:
        lines.append(f"appeal_of: {one_line(case.appeal.of)}")
    return "\n".join(lines)
