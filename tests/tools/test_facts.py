import asyncio
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cases.case import read_seller
from cases.evidence import facts_of, number
from cases.rule import Fact
from tools.facts import detail, fact, record
from tools.image_checks.checks import ImageChecks
from tools.image_checks.hashes import ImageRows
from tools.image_checks.ocr import ScriptedReader
from tools.listing_facts import ListingFacts
from tools.recalls import Recall, RecallRows, Recalls
from tools.seller_history import SellerHistory, SellerRows
from tools.similar_listings import Listed, ListingRows, SimilarListings
from tools.tool import run_tool

KNOWN = yaml.safe_load(Path(__file__).parents[2].joinpath("policies", "facts.yaml").read_text(encoding="utf-8"))[
    "facts"
]


def money(amount):
    return {"amount": amount, "currency": "SGD"}


@pytest.fixture
def full(look, tmp_path):
    """A case of which everything can be measured."""
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    noise.save(tmp_path / "a.png")
    return look(
        suspected=["ip.counterfeit"],
        folder=tmp_path,
        subject={
            "title": "STEEL water bottle 500 ml",
            "brand": "Acme",
            "category": ["Home"],
            "price": money("8.00"),
            "price_history": [{**money("20.00"), "until": "2026-03-01T00:00:00Z"}],
            "variants": [{"name": "a", "price": money("1.00")}, {"name": "b", "price": money("9.00")}],
            "quantity": 4,
            "ships_from": "CN",
            "listed_at": "2026-03-01T00:00:00Z",
            "attributes": {"upc": "078300010234"},
            "images": [{"path": "a.png"}],
        },
    )


@pytest.fixture
def tools():
    strike = {"type": "ip.counterfeit", "at": "2026-01-01T00:00:00Z", "subject_title": "Steel bottle"}
    seller = {
        "id": "S-9",
        "opened_at": "2025-01-01T00:00:00Z",
        "country": "CN",
        "form": "trader",
        "identity": "none",
        "rating": 4.0,
        "orders_90d": 3,
        "refund_rate_90d": 0.1,
        "strikes": [strike],
    }
    others = [
        Listed.model_validate(
            {
                "id": f"O-{i}",
                "title": "Steel water bottle 500 ml",
                "seller_id": f"S-{i + 20}",
                "brand": "Acme",
                "category": ["Home"],
                "price": money("20.00"),
            }
        )
        for i in range(5)
    ]
    return {
        "seller_history": SellerHistory(SellerRows([read_seller(seller)])),
        "listing_facts": ListingFacts(),
        "similar_listings": SimilarListings(ListingRows(others)),
        "image_checks": ImageChecks(readers=(ScriptedReader(),), bank=ImageRows()),
        "recalls": Recalls(RecallRows([Recall.model_validate({"id": "R", "upcs": ["078300010234"]})])),
    }


def test_the_closed_list_names_exactly_what_the_tools_measure(full, tools):
    measured = {}
    for name, tool in tools.items():
        assert (tool.name, tool.standing) == (name, True)
        for item in number(asyncio.run(run_tool(tool, full, {})), 1):
            dotted = {fact: value for fact, value in facts_of(item).items() if "." in fact}
            assert not dotted.keys() & measured.keys(), "a fact stands once a case"
            measured |= dict.fromkeys(dotted, name)
            assert all(re.match(r"-?\d+(\.\d+)?( |$)", value) for value in dotted.values())
    assert measured == {name: known["tool"] for name, known in KNOWN.items()}


@pytest.mark.parametrize("name", KNOWN)
def test_every_fact_can_be_written_in_a_clause(name):
    assert Fact.parse(f"{name} >= 1").name == name
    assert KNOWN[name]["meaning"]
    assert KNOWN[name]["unit"]


@given(st.floats(), st.text())
def test_a_fact_is_one_line_that_reads_back_or_nothing(value, note):
    line = fact("price.amount", value, note)
    assert len(line.splitlines()) <= 1
    if line:
        assert float(line.removeprefix("price.amount: ").split(" ", 1)[0]) == pytest.approx(value, rel=1e-9, abs=5e-5)
    else:
        assert value != value or abs(value) == float("inf")  # noqa: PLR0124 - NaN


@given(st.text())
def test_a_detail_is_one_line_or_nothing(value):
    assert len(detail("name", value).splitlines()) <= 1


def test_what_was_not_measured_leaves_no_line():
    assert record("a: 1", "", detail("b", None), detail("c", " "), fact("d", float("nan"))) == "a: 1"
