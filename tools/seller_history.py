"""Seller history: what the platform knows of the seller, as it stood when the case was opened."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, get_args

from pydantic import ValidationError

from cases.case import Authorisation, Case, Link, Seller, Strike
from cases.evidence import Draft, Evidence, facts_of, one_line
from tools.facts import detail, fact, record
from tools.rows import read_rows
from tools.titles import resemblance, shingles
from tools.tool import Look, ToolUnavailable

RECORD_KINDS: tuple[str, ...] = get_args(Authorisation.model_fields["kind"].annotation)
_WINDOW_DAYS = 365
_LISTED = 50
_SOURCE = "tool:seller_history"
_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"seller_id": {"type": "string", "description": "the case's seller, or an account linked to it"}},
    "required": ["seller_id"],
    "additionalProperties": False,
}


class SellerRecords(Protocol):
    """The port: where the platform keeps its sellers. A company's service takes its place."""

    async def get(self, seller_id: str) -> Seller | None:
        """One seller's record, or None where there is none."""
        ...


class SellerRows:
    """Sellers in memory; the embedded default reads them from a file."""

    def __init__(self, sellers: Iterable[Seller] = ()) -> None:
        """Take the records; of two with one id the later counts."""
        self._sellers = {seller.id: seller for seller in sellers}

    @classmethod
    def read(cls, path: Path) -> "SellerRows":
        """Read a JSON Lines file of seller records; raises `Invalid` with file and line."""
        return cls(read_rows(path, Seller))

    async def get(self, seller_id: str) -> Seller | None:
        """One seller's record, or None where there is none."""
        return self._sellers.get(seller_id)


class SellerHistory:
    """The tool. Standing for the case's own seller; an auditor may ask for a linked account."""

    name: str = "seller_history"
    description: str = "What the platform knows of a seller: age, strikes, authorisations, linked accounts."
    parameters: Mapping[str, Any] = _PARAMETERS
    standing: bool = True
    reads_evidence: bool = False
    deadline_s: float = 5.0

    def __init__(self, records: SellerRecords) -> None:
        """Look up in `records`."""
        self._records = records

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:
        """Look up the case's seller, or the linked account in `arguments["seller_id"]`."""
        case = look.case
        seller = await self._get(case.seller_id)
        asked = str(arguments.get("seller_id") or case.seller_id)
        if asked != case.seller_id:
            return [await self._other(case, seller, asked)]
        if seller is None:
            unknown = record(fact("seller.on_record", 0, "no seller record"))
            return [Draft(source=_SOURCE, voucher="platform", text=unknown), *_authorisations(())]
        linked = await self._linked(seller)
        facts = [*_standing_facts(seller, case), *_strike_facts(seller, case), *_link_facts(seller, linked, case)]
        return [
            Draft(source=_SOURCE, voucher="platform", text=record(*facts)),
            Draft(source=f"{_SOURCE}/name", voucher="seller", text=detail("name", seller.name)),
            *_authorisations(seller.authorisations),
            *_strikes(seller, case),
            *_links(seller, linked, case),
        ]

    async def _get(self, seller_id: str) -> Seller | None:
        seller = await self._records.get(seller_id)
        if seller and seller.id != seller_id:
            raise ToolUnavailable(tool=self.name, why=f"asked for {seller_id}, the records answered {seller.id}")
        return seller

    async def _linked(self, seller: Seller) -> dict[str, Seller | None]:
        """Records of linked accounts; one that cannot be read is as one that is not there."""
        ids = list(dict.fromkeys(link.seller_id for link in seller.linked))[:_LISTED]
        found = await asyncio.gather(*(self._get(linked_id) for linked_id in ids), return_exceptions=True)
        return {i: None if isinstance(answer, BaseException) else answer for i, answer in zip(ids, found, strict=True)}

    async def _other(self, case: Case, seller: Seller | None, asked: str) -> Draft:
        """A summary of another account, under names of its own: its facts and records are not this seller's."""
        source = f"{_SOURCE}/other/{one_line(asked)}"
        links = [link.by for link in seller.linked if link.seller_id == asked] if seller else []
        if not links and asked not in {item.seller_id for item in case.related}:
            # A fact, not a failure: a flag here would close the seller's own records.
            return Draft(source=source, voucher="tool", text="not_looked_up: this account is not linked to the seller")
        other = await self._get(asked)
        lines = [detail("other_seller", asked), *(detail("linked_by", by) for by in links)]
        lines.append(fact("other_seller.on_record", int(other is not None), "" if other else "no seller record"))
        if other:
            lines += [
                fact("other_seller.age_days", _days(other.opened_at, case.opened_at)),
                detail("other_seller.state", _state(other, case.opened_at)),
                *(detail("other_seller.strike", f"{s.type} on {s.at.date()}") for s in _counting(other, case)),
            ]
        return Draft(source=source, voucher="platform", text=record(*lines))


def authorisation_of(evidence: Evidence) -> Authorisation | None:
    """Read an authorisation back from its evidence; None where this is none."""
    if not evidence.source.startswith(f"{_SOURCE}/authorisation:"):
        return None
    fields = set(Authorisation.model_fields) - {"from_"} | {"from"}
    try:
        return Authorisation.model_validate({k: v for k, v in facts_of(evidence).items() if k in fields})
    except ValidationError:
        return None


def _days(then: datetime, now: datetime) -> float:
    """Whole days between, or no number where `then` lies ahead."""
    return (now - then).days if then <= now else float("nan")


def _state(seller: Seller, moment: datetime) -> str:
    """The account's state at a moment, or nothing where it changed later."""
    return seller.state if seller.state_since is None or seller.state_since <= moment else ""


def _counting(seller: Seller, case: Case) -> list[Strike]:
    """Strikes that count, latest first: not reversed, not later than the case, not of the case or decision at hand."""
    own = {case.id, case.appeal.of if case.appeal else case.id}
    counting = [s for s in seller.strikes if not s.reversed and s.at <= case.opened_at and s.case_id not in own]
    return sorted(counting, key=lambda strike: strike.at, reverse=True)


def _standing_facts(seller: Seller, case: Case) -> list[str]:
    state = _state(seller, case.opened_at)
    lines = [
        fact("seller.on_record", 1),
        fact("seller.age_days", _days(seller.opened_at, case.opened_at), f"opened {seller.opened_at.date()}"),
        fact("seller.trusted", int(seller.trusted)),
        fact("seller.abroad", int(seller.country[:2] != case.region[:2]), f"{seller.country}, case in {case.region}"),
        detail("country", seller.country),
    ]
    if seller.form:
        lines += [fact("seller.form_private", int(seller.form == "private"), seller.form)]
    if seller.identity:
        lines += [fact("seller.identity_verified", int(seller.identity == "verified"), seller.identity)]
    if state:
        since = f" since {seller.state_since.date()}" if seller.state_since else ""
        lines += [fact("seller.state_active", int(state == "active"), f"{state}{since}")]
    stated = (("rating", seller.rating), ("orders_90d", seller.orders_90d), ("refund_rate_90d", seller.refund_rate_90d))
    return [*lines, *(fact(f"seller.{name}", value) for name, value in stated if value is not None)]


def _strike_facts(seller: Seller, case: Case) -> list[str]:
    counting = _counting(seller, case)
    recent = [s for s in counting if case.opened_at - s.at <= timedelta(days=_WINDOW_DAYS)]
    lines = [fact("seller.strikes_365d", len(recent))]
    raised = case.raised_types
    if raised:
        of_raised = sum(strike.type in raised for strike in recent)
        lines.append(fact("seller.strikes_raised_types_365d", of_raised, f"of {', '.join(raised)}"))
    reversed_ = sum(strike.reversed for strike in seller.strikes)
    if reversed_:
        lines.append(fact("reversed_strikes", reversed_, "not counted"))
    title = shingles(case.subject.title)
    titled = [strike for strike in counting if strike.subject_title]
    if titled:
        alike = [resemblance(title, shingles(strike.subject_title)) for strike in titled]
        nearest = titled[alike.index(max(alike))]
        note = f"the strike for {nearest.type} on {nearest.at.date()}"
        lines.append(fact("seller.struck_title_resemblance", max(alike), note))
    return lines


def _link_facts(seller: Seller, linked: Mapping[str, Seller | None], case: Case) -> list[str]:
    accounts = {link.seller_id for link in seller.linked}
    states = [_state(other, case.opened_at) for other in linked.values() if other]
    suspended = states.count("suspended")
    unknown = len(accounts) - sum(bool(state) for state in states)
    lines = [fact("seller.linked_accounts", len(accounts))]
    # With an account unread, "none is suspended" is not known; "one is" stays true.
    if suspended or not unknown:
        note = f"at least; the state of {unknown} is not known" if unknown else ""
        lines.append(fact("seller.linked_suspended", suspended, note))
    return lines


def _authorisations(records: tuple[Authorisation, ...]) -> list[Draft]:
    drafts: list[Draft] = []
    for i, item in enumerate(records[:_LISTED], 1):
        source = f"{_SOURCE}/authorisation:{i}"
        names = ("kind", "value", "scope", "region", "status", "from", "until", "document")
        written = item.model_dump(by_alias=True)
        lines = record(*(detail(name, written[name]) for name in names))
        drafts.append(Draft(source=source, voucher="platform", text=lines))
        drafts.append(Draft(source=f"{source}/holder", voucher="seller", text=detail("holder", item.holder)))
    missing = [kind for kind in RECORD_KINDS if kind not in {item.kind for item in records}]
    none_of = record(*(detail("no_record", kind) for kind in missing))
    return [*drafts, Draft(source=f"{_SOURCE}/records", voucher="platform", text=none_of)]


def _strikes(seller: Seller, case: Case) -> list[Draft]:
    drafts: list[Draft] = []
    for i, strike in enumerate(_counting(seller, case)[:_LISTED], 1):
        source = f"{_SOURCE}/strike:{i}"
        lines = record(
            detail("type", strike.type),
            detail("at", strike.at.isoformat()),
            fact("days_ago", (case.opened_at - strike.at).days),
            detail("case_id", strike.case_id),
            detail("subject_id", strike.subject_id),
        )
        drafts.append(Draft(source=source, voucher="platform", text=lines))
        drafts.append(Draft(source=f"{source}/title", voucher="seller", text=detail("title", strike.subject_title)))
    return drafts


def _links(seller: Seller, linked: Mapping[str, Seller | None], case: Case) -> list[Draft]:
    return [
        Draft(source=f"{_SOURCE}/link:{i}", voucher="platform", text=_link(link, linked.get(link.seller_id), case))
        for i, link in enumerate(seller.linked[:_LISTED], 1)
    ]


def _link(link: Link, other: Seller | None, case: Case) -> str:
    lines = [detail("linked_seller", link.seller_id), detail("linked_by", link.by)]
    if other is None:
        return record(*lines, "linked_state: not known")
    return record(*lines, detail("linked_state", _state(other, case.opened_at) or "not known"))
