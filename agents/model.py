"""A model's settings, budget, usage, cost and faults: all that can be said without opening a connection."""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import Field, SecretStr, ValidationError, field_validator

from cases.decision import Usage
from cases.problem import CasewrightError, Invalid, Problem, Record, problems_of

Tier = Literal["standard", "strong"]
EXAMPLE_PRICES = Path(__file__).parent / "prices.toml"
_MILLION = Decimal(1_000_000)
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4,8}|latest)$")
_OURS = {"model", "messages", "tools", "stream"}


class ModelSettings(Record):
    """Which endpoint and models judge, and what a round may cost.

    Attributes:
        base_url: of an OpenAI-compatible API, up to and including `/v1`.
        api_key: sent as bearer token, printed nowhere; empty for servers that ask for none.
        model: judges; the other models are this one where they are not named.
        strong_model: judges where severity or stake is high.
        fallback_model: takes over where the first gives no answer.
        judge_models: blind judges take turns through these.
        vision: the models see images.
        languages: BCP 47 tags the models may judge in; empty means any.
        options: further fields of each request, sent as they stand (`temperature`, `reasoning_effort`, ...); a string
            is read as JSON.
        timeout_s: seconds for one attempt.
        attempts: for one call to one model; the first included.
        seconds: for one call to one model with all its attempts and pauses; waiting for a free slot costs none.
        backoff_s: the first pause; each further one doubles, with jitter.
        concurrency: calls in flight in this process.
        requests_per_minute, tokens_per_minute: to each model, over all processes that share a gate; none means no
            limit. An open gate counts neither.
        lead, high_lead: by how many ballots a verdict must lead, where the stake is standard and where it is high.
        max_calls: model calls a round; none means 4 + 2 x lead.
        max_tokens: tokens in and out a round.
        max_cost: decimal string in the price table's currency, a round.
        prices: a price table (TOML); none means the example table that comes with Casewright.
    """

    base_url: str = "https://api.openai.com/v1"
    api_key: SecretStr = SecretStr("")
    model: str = Field(min_length=1)
    strong_model: str = ""
    fallback_model: str = ""
    judge_models: tuple[str, ...] = ()
    vision: bool = False
    languages: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    timeout_s: float = Field(60, gt=0)
    attempts: int = Field(4, ge=1)
    seconds: float = Field(180, gt=0)
    backoff_s: float = Field(0.5, ge=0)
    concurrency: int = Field(64, ge=1)
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    lead: int = Field(2, ge=1)
    high_lead: int = Field(3, ge=1)
    max_calls: int | None = Field(None, ge=1)
    max_tokens: int = Field(400_000, ge=1)
    max_cost: str = "2.00"
    prices: Path | None = None

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = "a base URL begins with http:// or https:// and names a host"
            raise ValueError(msg)
        if "@" in parts.netloc:
            msg = "a base URL holds no user or password; set the API key"
            raise ValueError(msg)
        return url.rstrip("/")

    @field_validator("options", mode="before")
    @classmethod
    def _from_json(cls, options: object) -> object:
        return orjson.loads(options) if isinstance(options, str) else options

    @field_validator("options")
    @classmethod
    def _not_ours(cls, options: dict[str, Any]) -> dict[str, Any]:
        if taken := _OURS & set(options):
            msg = f"{', '.join(sorted(taken))} is set by Casewright"
            raise ValueError(msg)
        return options

    @field_validator("max_cost")
    @classmethod
    def _is_money(cls, cost: str) -> str:
        _money(cost)
        return cost

    def named(self, tier: Tier) -> str:
        """Return the model that judges at this tier."""
        return (self.strong_model if tier == "strong" else "") or self.model

    def judging(self, tier: Tier, ordinal: int) -> str:
        """Return the model of the blind judge with this ordinal, from 1."""
        return self.judge_models[(ordinal - 1) % len(self.judge_models)] if self.judge_models else self.named(tier)

    def calls(self, tier: Tier) -> int:
        """Model calls that a round may make: enough to investigate, mend, look things up, and lead."""
        return self.max_calls or 4 + 2 * (self.high_lead if tier == "strong" else self.lead)

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that may be called, once each."""
        named = (self.model, self.strong_model, self.fallback_model, *self.judge_models)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass
class Asking:
    """A model that is being asked, with all attempts, for whoever watches.

    Attributes:
        answer: as `Endpoint.complete` gives it; none where none came.
    """

    base_url: str
    model: str
    answer: dict[str, Any] | None = None


class ModelFault(CasewrightError):
    """The model gave nothing usable."""

    code: ClassVar[str] = "model_unavailable"


class ModelUnavailable(ModelFault):
    """{model} gave no answer in {attempts} attempts: {why}"""

    hint: ClassVar[str] = "the case goes to a person; run it again once the endpoint answers"


class RequestRejected(ModelFault):
    """{model} rejects the request with status {status}: {why}"""

    hint: ClassVar[str] = "check base_url, API key and model name, and that the model can call tools"

    @property
    def of_the_key(self) -> bool:
        """Whether the key is at fault, so that no other model behind it would answer either."""
        return self.details["status"] in {401, 403}


class BudgetExhausted(ModelFault):
    """this round's budget of {limit} is spent: {spent} of {allowed}"""

    code: ClassVar[str] = "budget_exhausted"
    hint: ClassVar[str] = "raise the limit in the settings, or let a person decide"


class AnswerUnusable(ModelFault):
    """the answer is {fault}: {why}"""

    code: ClassVar[str] = "unverified"
    hint: ClassVar[str] = "the model was asked once to mend it; a person decides"

    def __init__(self, fault: str, why: str) -> None:
        """Name the fault (malformed, truncated, incomplete, refused, empty) and, for the model, what is wrong."""
        self.fault = fault
        self.why = why
        super().__init__(fault=fault, why=why)

    @property
    def reason(self) -> Literal["unverified", "model_unavailable"]:
        """Why a person gets the case: an answer that cannot be verified, or none at all."""
        return "model_unavailable" if self.fault in {"refused", "empty"} else "unverified"


def check_budget(settings: ModelSettings, tier: Tier, spent: Usage) -> None:
    """Let one more call of this round pass.

    Args:
        settings: with the limits.
        tier: a strong round may call more, for its lead is larger.
        spent: what the round has used so far.

    Raises:
        BudgetExhausted: naming the limit.
    """
    limits = (
        ("calls", spent.model_calls, settings.calls(tier)),
        ("tokens", spent.tokens_in + spent.tokens_out, settings.max_tokens),
        ("cost", Decimal(spent.cost), Decimal(settings.max_cost)),
    )
    for limit, used, allowed in limits:
        if used >= allowed:
            raise BudgetExhausted(limit=limit, spent=used, allowed=allowed)


class Price(Record):
    """What a million tokens cost, as decimal strings; `cached` is the price of input read from the cache."""

    input: str
    output: str
    cached: str | None = None

    @field_validator("input", "output", "cached")
    @classmethod
    def _is_money(cls, price: str | None) -> str | None:
        if price is not None:
            _money(price)
        return price


class Prices(Record):
    """The price table that the user edits.

    Attributes:
        currency: ISO 4217, of every price.
        as_of: the day on which somebody last looked, as written.
        models: by the name that is sent, with or without the date behind it.
    """

    currency: str = "USD"
    as_of: str = ""
    models: dict[str, Price] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table.

        Raises:
            Invalid: where the file is missing, no TOML, or says something else than prices.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise Invalid(path.name, problems_of(error)) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            hint = "see docs/guides/models.md"
            problem = Problem(code="not_a_price_table", pointer=path.name, detail=str(error), hint=hint)
            raise Invalid(path.name, (problem,)) from error

    def of(self, model: str) -> Price | None:
        """Return the price of a model, or none where the table does not know it."""
        return self.models.get(model) or self.models.get(_DATE.sub("", model))

    def cost(self, model: str, tokens_in: int, tokens_out: int, tokens_cached: int) -> str:
        """Cost of one call as a decimal string; "0" where the price is not known."""
        price = self.of(model)
        if price is None:
            return "0"
        cached = Decimal(price.input if price.cached is None else price.cached) * tokens_cached
        fresh = Decimal(price.input) * (tokens_in - tokens_cached)
        return _plain((fresh + cached + Decimal(price.output) * tokens_out) / _MILLION)


def total(*usages: Usage) -> Usage:
    """Add up what several calls have used."""
    return Usage(
        model_calls=sum(u.model_calls for u in usages),
        tool_calls=sum(u.tool_calls for u in usages),
        tokens_in=sum(u.tokens_in for u in usages),
        tokens_out=sum(u.tokens_out for u in usages),
        tokens_cached=sum(u.tokens_cached for u in usages),
        cost=_plain(sum((Decimal(u.cost) for u in usages), Decimal(0))),
    )


def describe(settings: ModelSettings, prices: Prices) -> dict[str, str]:
    """Say for a status page which models judge and what is known of their prices; the key is not in it."""
    unknown = ", ".join(name for name in settings.models if prices.of(name) is None)
    known = f"{prices.currency}, as of {prices.as_of}"
    return {
        "endpoint": settings.base_url,
        "models": ", ".join(settings.models),
        "key": "set" if settings.api_key.get_secret_value() else "none",
        "sees images": "yes" if settings.vision else "no",
        "prices": f"unknown for {unknown}: cost counts as 0" if unknown else known,
    }


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        msg = f"{text!r} is no decimal number"
        raise ValueError(msg) from error
    if not amount.is_finite() or amount < 0:
        msg = f"{text!r} is no amount of money"
        raise ValueError(msg)
    return amount


def _plain(amount: Decimal) -> str:
    """Write without exponent and without zeros at the end, so that equal costs read the same."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
