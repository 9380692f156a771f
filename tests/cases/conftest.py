"""A case and rules to vary; reading what comes of them."""

import copy

import pytest

from cases.case import read_case
from cases.problem import Invalid
from cases.rule import Part, Rule

CASE = {
    "id": "case-0001",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "language": "en",
    "subject": {
        "kind": "listing",
        "id": "L-77",
        "revision": "7",
        "title": "Mini pod kit",
        "description": "USB humidifier. Pod compatible.",
        "category": ["Electronics", "Audio"],
        "brand": "Acme",
        "price": {"amount": "12.90", "currency": "SGD"},
        "price_history": [{"amount": "19.90", "currency": "SGD", "until": "2026-01-01T00:00:00+08:00"}],
        "quantity": 40,
        "condition": "new",
        "ships_from": "CN",
        "ships_to": ["SG", "MY"],
        "variants": [{"name": "0.5 m", "price": {"amount": "1.00", "currency": "SGD"}}],
        "attributes": {"material": "steel", "nicotine": {"value": 50, "unit": "mg/ml"}, "batch": ["L2291", 7]},
        "images": [{"path": "images/l77-1.png"}, {"sha256": "0" * 64, "media_type": "image/png"}],
        "listed_at": "2026-02-01T10:00:00Z",
    },
    "seller_id": "S-9",
    "reports": [
        {
            "by": "buyer",
            "verified": False,
            "type": "ip.counterfeit",
            "text": "Not real.",
            "at": "2026-03-12T08:00:00Z",
            "reference": "R-1",
            "due_at": "2026-04-01T00:00:00Z",
        }
    ],
    "texts": [
        {
            "source": "document",
            "by": "seller",
            "text": "Certificate of conformity",
            "at": "2026-03-11T08:00:00Z",
            "issuer": "TÜV",
            "model": "MP-1",
            "batch": "L2291",
            "valid_until": "2027-01-31",
            "verified": True,
        }
    ],
    "related": [{"kind": "listing", "id": "L-78", "title": "Pod refill", "seller_id": "S-4"}],
    "suspected": ["restricted.tobacco"],
    "signals": {"image_model.counterfeit": 0.71},
    "appeal": {"of": "case-0000", "statement": "It is a humidifier.", "documents": [{"sha256": "1" * 64}]},
    "due_at": "2026-03-20T00:00:00Z",
    "priority": 0,
    "group_key": "S-9/refill",
}
SMALLEST = {
    "id": "c",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "seller_id": "S",
    "subject": {"kind": "listing", "id": "L", "title": "Mug"},
}


def steps(pointer):
    """Split a JSON pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def resolve(document, pointer):
    """Follow a JSON pointer; LookupError where it leads nowhere."""
    for step in steps(pointer):
        if isinstance(document, list) and step.isdigit():
            document = document[int(step)]
        elif isinstance(document, dict):
            document = document[step]
        else:
            raise LookupError(pointer)
    return document


class Doc:
    """A JSON document to vary, by JSON pointer."""

    def __init__(self, data):
        self.data = copy.deepcopy(data)

    def put(self, pointer, value):
        *above, last = steps(pointer)
        target = self.data
        for step in above:
            target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
        target[int(last) if isinstance(target, list) else last] = value
        return self

    def drop(self, pointer):
        above, _, last = pointer.rpartition("/")
        del resolve(self.data, above)[last]
        return self


def refused(read, data, *rest):
    try:
        read(data, *rest)
    except Invalid as error:
        return error.problems
    return ()


@pytest.fixture(scope="session")
def doc():
    """Copy a JSON document to vary it: `doc(data).put(pointer, value).drop(pointer).data`."""
    return Doc


@pytest.fixture(scope="session")
def contract():
    """Give the case of the contracts, with every field, as JSON; not to be changed."""
    return CASE


@pytest.fixture
def whole():
    """Give the case of the contracts, with every field."""
    return Doc(CASE)


@pytest.fixture
def smallest():
    """Give a case with the required fields only."""
    return Doc(SMALLEST)


@pytest.fixture(scope="session")
def problems():
    """Read a case (or what `read` reads); give the problems for which it was refused, none where it was not."""

    def of(data, *rest, read=read_case):
        return refused(read, data, *rest)

    return of


@pytest.fixture(scope="session")
def at():
    """Follow a JSON pointer into a document; LookupError where it leads nowhere."""
    return resolve


@pytest.fixture(scope="session")
def case():
    """Make a case: `case(subject={...}, **fields)`."""

    def make(*, subject=None, **fields):
        return read_case({**SMALLEST, **fields, "subject": {**SMALLEST["subject"], **(subject or {})}})

    return make


def make_parts(role, parts):
    """Parts from names, or from `{group: (at_least, {member: weight})}`."""
    made = []
    for name, group in parts.items() if isinstance(parts, dict) else ((name, None) for name in parts):
        at_least, weights = group or (None, {})
        members = tuple(
            Part(name=f"{name}.{key}", role=role, text="A member.", weight=weight) for key, weight in weights.items()
        )
        made.append(Part(name=name, role=role, text="A part.", at_least=at_least, of=members))
    return made


def make_rule(rule_id="a.x", elements=("e",), exemptions=(), **fields):
    """Make a rule from names of parts."""
    parts = (*make_parts("element", elements), *make_parts("exemption", exemptions))
    return Rule(**{"id": rule_id, "type": "a.one", "parts": parts, **fields})


@pytest.fixture(scope="session")
def rule():
    """Make a rule: `rule(id, elements=[names] or {group: (at_least, {member: weight})}, exemptions=..., **fields)`."""
    return make_rule
