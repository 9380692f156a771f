from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.model import (
    EXAMPLE_PRICES,
    AnswerUnusable,
    BudgetExhausted,
    ModelSettings,
    ModelUnavailable,
    Price,
    Prices,
    RequestRejected,
    check_budget,
    describe,
    total,
)
from cases.decision import REASON_CODES, Usage
from cases.problem import Invalid

COUNTS = st.integers(0, 10**9)


def settings(**changes):
    return ModelSettings.model_validate({"model": "gpt-5", "api_key": "sk-secret", **changes})


def test_the_key_is_printed_nowhere():
    shown = settings()
    assert "sk-secret" not in f"{shown!r} {shown} {shown.model_dump()} {shown.model_dump_json()}"
    assert "sk-secret" not in str(describe(shown, Prices()))


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "https://", "https://me:pw@host/v1", "file:///etc"])
def test_a_base_url_must_be_plain(url):
    with pytest.raises(ValidationError) as refused:
        settings(base_url=url)
    assert "pw" not in str(refused.value.errors(include_input=False, include_context=False))


@pytest.mark.parametrize(
    "changes", [{"options": {"tools": []}}, {"max_cost": "1,5"}, {"max_cost": "NaN"}, {"attempts": 0}]
)
def test_settings_that_cannot_be_meant_are_refused(changes):
    with pytest.raises(ValidationError):
        settings(**changes)


def test_options_may_come_as_json():
    assert settings(options='{"temperature": 0}').options == {"temperature": 0}
    with pytest.raises(ValidationError):
        settings(options="{")


def test_which_model_judges():
    chosen = settings(strong_model="big", judge_models=("a", "b"), fallback_model="c")
    assert (chosen.named("standard"), chosen.named("strong")) == ("gpt-5", "big")
    assert [chosen.judging("standard", n) for n in (1, 2, 3)] == ["a", "b", "a"]
    assert settings().judging("strong", 1) == "gpt-5"
    assert chosen.models == ("gpt-5", "big", "c", "a", "b")


def test_calls_follow_the_lead():
    assert (settings().calls("standard"), settings().calls("strong")) == (8, 10)
    assert (settings(lead=4).calls("standard"), settings(high_lead=5).calls("strong")) == (12, 14)
    assert settings(max_calls=3).calls("strong") == 3


@pytest.mark.parametrize(
    ("spent", "limit"),
    [
        (Usage(model_calls=8), "calls"),
        (Usage(tokens_in=900, tokens_out=100), "tokens"),
        (Usage(cost="0.50"), "cost"),
    ],
)
def test_a_spent_budget_is_named(spent, limit):
    chosen = settings(max_tokens=1000, max_cost="0.5")
    with pytest.raises(BudgetExhausted, match=f"budget of {limit} is spent"):
        check_budget(chosen, "standard", spent)


def test_what_is_left_of_a_budget_may_be_used():
    spent = Usage(model_calls=7, tokens_in=999, cost="0.49")
    check_budget(settings(max_tokens=1000, max_cost="0.5"), "standard", spent)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ModelUnavailable(model="m", attempts=1, why="{x}"), "model_unavailable"),
        (RequestRejected(model="m", status=401, why="no"), "model_unavailable"),
        (BudgetExhausted(limit="calls", spent=1, allowed=1), "budget_exhausted"),
        (AnswerUnusable("malformed", "{}"), "unverified"),
    ],
)
def test_every_fault_is_a_reason_with_something_to_do(fault, code):
    assert fault.code == code
    assert code in REASON_CODES
    assert fault.problem.hint


def test_an_answer_that_is_none_is_no_unverified_one():
    reasons = {name: AnswerUnusable(name, "").reason for name in ("malformed", "truncated", "refused", "empty")}
    assert reasons == {
        "malformed": "unverified",
        "truncated": "unverified",
        "refused": "model_unavailable",
        "empty": "model_unavailable",
    }


def test_cost_counts_cached_tokens_at_their_price():
    prices = Prices(models={"m": Price(input="2.00", cached="0.50", output="8")})
    assert prices.cost("m", 1_000_000, 500_000, 400_000) == "5.4"
    assert prices.cost("m", 1, 0, 0) == "0.000002"
    assert prices.cost("unknown", 10**6, 10**6, 0) == "0"


def test_a_dated_name_has_its_models_price_and_a_smaller_model_has_not():
    prices = Prices(models={"gpt-5": Price(input="1", output="1")})
    assert prices.of("gpt-5-2025-08-07")
    assert prices.of("gpt-5-nano") is None


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS), max_size=5))
def test_totals_add_up_exactly(calls):
    prices = Prices(models={"m": Price(input="1.25", cached="0.125", output="10")})
    each = [
        Usage(model_calls=1, tokens_in=i, tokens_out=o, tokens_cached=min(i, c), cost=prices.cost("m", i, o, min(i, c)))
        for i, o, c in calls
    ]
    whole = total(*each)
    assert whole.model_calls == len(calls)
    assert Decimal(whole.cost) == sum((Decimal(u.cost) for u in each), Decimal(0))
    assert "E" not in whole.cost


def test_the_example_table_can_be_read_and_a_status_says_what_it_does_not_know():
    prices = Prices.read(EXAMPLE_PRICES)
    assert prices.of("gpt-5-mini")
    assert "2025" in describe(settings(), prices)["prices"]
    assert describe(settings(fallback_model="mine"), prices)["prices"] == "unknown for mine: cost counts as 0"


@pytest.mark.parametrize(
    "text", ["models = 3", "[models.x]\ninput = 'free'\noutput = '1'", "{", "[models.x]\ninput = '1'"]
)
def test_a_table_that_is_none_says_where(tmp_path, text):
    path = tmp_path / "prices.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=r"prices\.toml"):
        Prices.read(path)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(Invalid, match="not_a_price_table"):
        Prices.read(tmp_path / "none.toml")
