"""ROOST Coop: its user reports come in as cases, and decisions go out as its action callback.

Looked up on 2026-11-30 in github.com/roostorg/coop:

- the body of `POST /api/v1/report`: its page `api/report.md` (commit 88433ade) and the schema of the route,
  `server/routes/reporting/ReportingRoutes.ts` (7398937c); the two spellings of an item's type, `typeId` and
  `type: {id}`, of which one is given: `server/services/itemProcessingService/types.ts` (ac198d0a);
- the body of the action callback: its page `api/actions.md` (49b06d76) and `server/rule_engine/ActionPublisher.ts`
  (2a0f7e5f).

As Coop does, fields that it does not know are let through. Nothing is fetched: images, which Coop names by their
addresses, are left out, and so are the other messages of a thread, whose authors it does not tell apart.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from cases.case import Case, Id, Moment, Region, ViolationType, read_case
from cases.decision import Decision
from cases.finding import Finding
from cases.problem import Invalid, Problem, Record, pointer_of, problems_of
from policies.corpus import Corpus

WHAT = "the report"
Penalty = Literal["NONE", "LOW", "MEDIUM", "HIGH", "SEVERE"]
_PENALTIES: dict[str, Penalty] = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "critical": "SEVERE"}


class CoopFields(Record):
    """What the fields of a listing are called in the `data` of a Coop item."""

    title: str = "title"
    description: str = "description"
    category: str = "category"
    brand: str = "brand"
    condition: str = "condition"
    price: str = "price"
    currency: str = "currency"
    quantity: str = "quantity"
    ships_from: str = "ships_from"
    listed_at: str = "created_at"
    seller: str = "seller_id"
    region: str = "region"
    language: str = "language"
    left_out: tuple[str, ...] = ("images",)


class CoopMapping(Record):
    """How one Coop organisation's words are ours; a setting.

    Attributes:
        item_type: the id of the item type whose items are listings; reports about others are refused.
        user_type: the id of the item type of users; empty leaves the seller out of the callback.
        region: of items that name none; empty refuses them.
        policies: our violation type by Coop's policy id; a policy that is not named here suspects nothing.
        actions: Coop's action id by our action's name; one that is not named here is sent under our name.
    """

    item_type: Id
    item_type_name: str = ""
    user_type: str = ""
    region: Region | None = None
    fields: CoopFields = CoopFields()
    policies: dict[str, ViolationType] = Field(default_factory=dict)
    actions: dict[str, str] = Field(default_factory=dict)


class _Theirs(Record):
    """A body of Coop's: it may hold more than we know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CoopItemType(_Theirs):
    """The type of an item, as an object."""

    id: Id


# What `_one_type` checks, for the JSON Schema.
_ONE_TYPE: dict[str, Any] = {
    "oneOf": [
        {"required": ["typeId"], "properties": {"typeId": {"type": "string"}, "type": {"type": "null"}}},
        {"required": ["type"], "properties": {"type": {"type": "object"}, "typeId": {"type": "null"}}},
    ]
}


class CoopItem(_Theirs):
    """An item: what is reported, or what is sent along with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_ONE_TYPE)

    id: Id
    data: dict[str, Any]
    typeId: Id | None = None  # noqa: N815 - Coop's name
    type: CoopItemType | None = None

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        if (self.typeId is None) == (self.type is None):
            msg = "give exactly one of typeId and type"
            raise ValueError(msg)
        return self

    @property
    def item_type(self) -> str:
        """The id of its type, whichever way it was given."""
        return self.typeId or (self.type.id if self.type else "")


class CoopReporter(_Theirs):
    """Who reports."""

    kind: Literal["user"]
    typeId: Id  # noqa: N815 - Coop's name
    id: Id


class CoopReason(_Theirs):
    """Why it is reported."""

    policyId: str | None = None  # noqa: N815 - Coop's name
    reason: str | None = None
    csam: bool | None = None


class CoopReport(_Theirs):
    """The body of `POST /api/v1/report`."""

    reporter: CoopReporter
    reportedAt: Moment  # noqa: N815 - Coop's name
    reportedItem: CoopItem  # noqa: N815 - Coop's name
    reportedForReason: CoopReason | None = None  # noqa: N815 - Coop's name
    additionalItems: tuple[CoopItem, ...] = ()  # noqa: N815 - Coop's name


def case_of_report(body: Mapping[str, Any], mapping: CoopMapping) -> Case:
    """Make a case of a Coop report.

    The reporter becomes an unverified buyer, and stays unnamed. What the item's data holds beyond the mapped fields
    becomes the listing's attributes. The id follows from who reported what and when, so that a report that is delivered
    again is the same case.

    Args:
        body: of `POST /api/v1/report`, parsed.
        mapping: the organisation's words.

    Raises:
        Invalid: with every problem, each with its JSON pointer into the body.
    """
    try:
        report = CoopReport.model_validate(body)
    except ValidationError as error:
        raise Invalid(WHAT, problems_of(error)) from error
    if refused := tuple(_refused(report, mapping)):
        raise Invalid(WHAT, refused)
    try:
        return read_case(_case(report, mapping))
    except Invalid as error:
        raise Invalid(WHAT, tuple(_placed(problem, mapping.fields) for problem in error.problems)) from error


def callback_of(decision: Decision, case: Case, mapping: CoopMapping, corpus: Corpus) -> dict[str, Any] | None:
    """The action callback for a decision, as Coop would send it; none where nothing is done.

    `policies` are the violation types that were found, under Coop's ids where the mapping has them; `rules` are the
    clauses, where no person decided. Under `custom` stands what Coop has no field for. Who reviewed is not told.

    Args:
        decision: concluded.
        case: what it is about, made by `case_of_report`.
        mapping: the organisation's words.
        corpus: the policies of the decision.
    """
    if decision.action is None:
        return None
    action = decision.action
    violated = _violated(decision)
    body: dict[str, Any] = {
        "item": {"id": case.subject.id, "typeId": mapping.item_type, "typeName": mapping.item_type_name},
        "action": {"id": mapping.actions.get(action.name, action.name)},
        "policies": _policies(violated, mapping, corpus),
        "rules": _rules(violated, corpus) if decision.decided_by == "agent" else [],
        "custom": {
            "case_id": decision.case_id,
            "action": action.name,
            "days": action.days,
            "scope": list(decision.scope),
            "decided_by": decision.decided_by,
            "decided_at": decision.at.isoformat().replace("+00:00", "Z"),
            "notice": decision.notice,
        },
    }
    if mapping.user_type:
        body["creator"] = {"id": case.seller_id, "typeId": mapping.user_type}
    return body


# In


def _refused(report: CoopReport, mapping: CoopMapping) -> Iterator[Problem]:
    item = report.reportedItem
    if item.item_type != mapping.item_type:
        pointer = "/reportedItem/typeId" if item.typeId else "/reportedItem/type/id"
        detail = f"items of type {item.item_type!r} are no listings"
        hint = f"send reports about {mapping.item_type!r}, or map this type"
        yield Problem(code="unknown_item_type", pointer=pointer, detail=detail, hint=hint)
    if report.reportedForReason and report.reportedForReason.csam:
        detail = "suspected sexual abuse of a child is not for this queue"
        hint = "Coop sends such reports to its NCMEC queue; follow the law's way of reporting it"
        yield Problem(code="csam", pointer="/reportedForReason/csam", detail=detail, hint=hint)


def _case(report: CoopReport, mapping: CoopMapping) -> dict[str, Any]:
    fields, data = mapping.fields, report.reportedItem.data
    reason = report.reportedForReason or CoopReason()
    told = {"by": "buyer", "text": reason.reason or "", "at": report.reportedAt}
    if violation := mapping.policies.get(reason.policyId or ""):
        told["type"] = violation
    case = {
        "id": _id(report),
        "opened_at": report.reportedAt,
        "region": data.get(fields.region, mapping.region),
        "language": data.get(fields.language),
        "seller_id": _reference(data.get(fields.seller)),
        "subject": _listing(report.reportedItem, fields),
        "reports": [told],
        "related": [_related(item, fields) for item in report.additionalItems if item.item_type == mapping.item_type],
    }
    return _given(case)


def _id(report: CoopReport) -> str:
    """Who reported what, and when: the very report, whatever else is sent along with it."""
    item, reporter = report.reportedItem, report.reporter
    who = [reporter.typeId, reporter.id, item.item_type, item.id, report.reportedAt.timestamp()]
    return f"coop-{hashlib.sha256(json.dumps(who).encode()).hexdigest()[:32]}"


def _listing(item: CoopItem, fields: CoopFields) -> dict[str, Any]:
    data = item.data
    category = data.get(fields.category)
    return _given(
        {
            "kind": "listing",
            "id": item.id,
            "title": data.get(fields.title),
            "description": data.get(fields.description),
            "category": [category] if isinstance(category, str) else category,
            "brand": data.get(fields.brand),
            "condition": data.get(fields.condition),
            "price": _price(data.get(fields.price), data.get(fields.currency)),
            "quantity": data.get(fields.quantity),
            "ships_from": data.get(fields.ships_from),
            "listed_at": data.get(fields.listed_at),
            "attributes": _attributes(data, fields),
        }
    )


def _related(item: CoopItem, fields: CoopFields) -> dict[str, Any]:
    data = item.data
    return _given(
        {
            "kind": "listing",
            "id": item.id,
            "title": data.get(fields.title),
            "description": data.get(fields.description),
            "seller_id": _reference(data.get(fields.seller)),
        }
    )


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _reference(value: Any) -> Any:  # noqa: ANN401 - JSON from outside
    """A user, as Coop writes one: `{id, typeId}`; or an id."""
    return value.get("id") if isinstance(value, dict) else value


def _price(amount: Any, currency: Any) -> Any:  # noqa: ANN401 - JSON from outside
    """An amount with its currency, or both in one; an amount without a currency compares with nothing."""
    if isinstance(amount, dict):
        return amount
    if amount is None or currency is None:
        return None
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        amount = f"{Decimal(repr(amount)):f}"
    return {"amount": amount, "currency": currency}


def _attributes(data: Mapping[str, Any], fields: CoopFields) -> dict[str, Any]:
    """What is left of the data, as far as it is text, numbers, or lists of these; a price without a currency too."""
    mapped = {*fields.model_dump(exclude={"left_out"}).values(), *fields.left_out}
    if data.get(fields.currency) is None:
        mapped.discard(fields.price)
    return {
        name: value
        for name, value in data.items()
        if name not in mapped and all(map(_is_plain, value if isinstance(value, list) and value else [value]))
    }


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


_IN_DATA = ("title", "description", "category", "brand", "condition", "quantity", "ships_from", "listed_at")


def _placed(problem: Problem, fields: CoopFields) -> Problem:
    """Point into Coop's body where the case's own problem points into the case."""
    named = {"region": fields.region, "language": fields.language, "seller_id": fields.seller}
    named |= {f"subject/{name}": getattr(fields, name) for name in (*_IN_DATA, "price")}
    places = {
        "/subject/id": "/reportedItem/id",
        "/subject/attributes": "/reportedItem/data",
        "/reports/0/text": "/reportedForReason/reason",
        **{f"/{ours}": f"/reportedItem/data{pointer_of((theirs,))}" for ours, theirs in named.items()},
    }
    for ours, theirs in places.items():
        if problem.pointer == ours or problem.pointer.startswith(f"{ours}/"):
            # A price is one value of theirs, and two of ours.
            within = "" if ours == "/subject/price" else problem.pointer.removeprefix(ours)
            return problem.model_copy(update={"pointer": theirs + within})
    whole = "/additionalItems" if problem.pointer.startswith("/related/") else problem.pointer
    return problem.model_copy(update={"pointer": whole})


# Out


def _violated(decision: Decision) -> list[Finding]:
    """The clauses that are broken: that of the action first."""
    carrier = decision.action.clause_id if decision.action else ""
    broken = [f for f in decision.findings if f.status == "fulfilled" and not f.lifted_by]
    return sorted(broken, key=lambda finding: finding.clause_id != carrier)


def _policies(violated: list[Finding], mapping: CoopMapping, corpus: Corpus) -> list[dict[str, str]]:
    theirs = {ours: policy for policy, ours in reversed(mapping.policies.items())}
    found: dict[str, dict[str, str]] = {}
    for finding in violated:
        info, clause = corpus.types.get(finding.type), corpus.clauses.get(finding.clause_id)
        told = {
            "id": theirs.get(finding.type, finding.type),
            "name": info.title if info else finding.type,
            "penalty": _PENALTIES[clause.severity] if clause else "NONE",
        }
        found.setdefault(finding.type, told)
    return list(found.values())


def _rules(violated: list[Finding], corpus: Corpus) -> list[dict[str, str]]:
    clauses = [(finding.clause_id, corpus.clauses.get(finding.clause_id)) for finding in violated]
    return [{"id": clause_id, "name": clause.title if clause else clause_id} for clause_id, clause in clauses]
