"""Settings, read once from the environment. A missing or wrong one fails by its name."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from pydantic import Field, ValidationError

from cases.problem import CasewrightError, Record
from console.settings import ConsoleSettings
from graphs.settings import AuditSettings

if TYPE_CHECKING:
    from agents.model import ModelSettings


_PASSWORD = re.compile(r"(?:://[^:/@]*:|\bpassword\s*=\s*'?)([^@'&\s]+)")
"""As it stands in a URI, and in a list of words."""


class BadSetting(CasewrightError):
    """{name}: {why}"""

    code: ClassVar[str] = "bad_setting"
    hint: ClassVar[str] = "see docs/reference/settings.md"


class ServiceSettings(Record):
    """What a company decides about its service.

    Attributes:
        db: a PostgreSQL connection string; empty for the embedded database in the data folder.
        workers: processes that `serve` starts; `in_flight`: cases at a time in each.
        backlog: waiting cases beyond which no more are taken.
        webhook_private: webhooks may go to private addresses and without TLS.
        coop: a file that says how a ROOST Coop organisation's words are ours.
        auditor: who judges: `llm` where a model is set, else `rulebook`.
    """

    db: str = ""
    workers: int = Field(1, ge=0, le=64)
    in_flight: int = Field(200, ge=2, le=5000)
    backlog: int = Field(200_000, ge=1)
    webhook_private: bool = False
    auditor: Literal["rulebook", "llm"] | None = None
    coop: Path | None = None


class Settings(Record):
    """What the process was started with.

    Attributes:
        home: data folder: the clause index, the local embedder; created on first use.
        policies: the corpus.
        sellers, listings, recalls, precedents, image_bank: files of the embedded ports (JSON Lines); none: no records.
        images: folder of uploaded images, named by their SHA-256.
        model: `CASEWRIGHT_MODEL` and its kin, as written; `model_settings` checks them.
        embeddings_url, embeddings_model: an OpenAI-compatible endpoint for the clause search.
        console: the reviewers' pages.
        log: the least that is logged by the service.
        traces: where OpenTelemetry traces go, by OTLP over HTTP; empty for nowhere.
    """

    home: Path
    policies: Path
    sellers: Path | None = None
    listings: Path | None = None
    recalls: Path | None = None
    precedents: Path | None = None
    image_bank: Path | None = None
    images: Path | None = None
    embeddings_url: str = ""
    embeddings_model: str = ""
    model: dict[str, str] = Field(default_factory=dict)
    audit: AuditSettings = AuditSettings()
    service: ServiceSettings = ServiceSettings()
    console: ConsoleSettings = ConsoleSettings()
    log: Literal["debug", "info", "warning", "error"] = "info"
    traces: str = Field("", pattern=r"^(https?://.+)?$")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is written nowhere: the model's key, and the password in the database's connection string."""
        found = [self.model.get("api_key"), *_PASSWORD.findall(self.service.db)]
        return tuple(form for secret in found if secret for form in {secret, unquote(secret)})

    def model_settings(self) -> "ModelSettings":
        """The model's settings.

        Raises:
            BadSetting: naming the variable that is missing or wrong.
        """
        from agents.model import ModelSettings  # noqa: PLC0415 - only runs with a model pay for it

        if not self.model.get("model"):
            raise BadSetting(name="CASEWRIGHT_MODEL", why="name the model that is to judge")
        given: dict[str, Any] = {**self.model, "lead": self.audit.lead, "high_lead": self.audit.high_lead}
        for name in ("judge_models", "languages"):
            if name in given:
                given[name] = tuple(part.strip() for part in given[name].split(",") if part.strip())
        try:
            return ModelSettings.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BadSetting(
                name=_MODEL_NAMES.get(str(first["loc"][0]), str(first["loc"][0])), why=first["msg"]
            ) from None


_PATHS = ("home", "policies", "sellers", "listings", "recalls", "precedents", "image_bank", "images")
_MODEL_NAMES = {
    "model": "CASEWRIGHT_MODEL",
    "base_url": "CASEWRIGHT_MODEL_URL",
    "api_key": "CASEWRIGHT_MODEL_KEY",
    "strong_model": "CASEWRIGHT_MODEL_STRONG",
    "fallback_model": "CASEWRIGHT_MODEL_FALLBACK",
    "judge_models": "CASEWRIGHT_MODEL_JUDGES",
    "vision": "CASEWRIGHT_MODEL_VISION",
    "languages": "CASEWRIGHT_MODEL_LANGUAGES",
    "timeout_s": "CASEWRIGHT_MODEL_TIMEOUT",
    "seconds": "CASEWRIGHT_MODEL_SECONDS",
    "concurrency": "CASEWRIGHT_MODEL_CONCURRENCY",
    "requests_per_minute": "CASEWRIGHT_MODEL_RPM",
    "tokens_per_minute": "CASEWRIGHT_MODEL_TPM",
    "prices": "CASEWRIGHT_MODEL_PRICES",
    "options": "CASEWRIGHT_MODEL_OPTIONS",
    "attempts": "CASEWRIGHT_MODEL_ATTEMPTS",
    "max_calls": "CASEWRIGHT_MODEL_MAX_CALLS",
    "max_tokens": "CASEWRIGHT_MODEL_MAX_TOKENS",
    "max_cost": "CASEWRIGHT_MODEL_MAX_COST",
}
_AUDIT_NAMES = {
    "automation": "CASEWRIGHT_AUTOMATION",
    "lead": "CASEWRIGHT_LEAD",
    "high_lead": "CASEWRIGHT_HIGH_LEAD",
    "marking": "CASEWRIGHT_MARKING",
    "sampled": "CASEWRIGHT_SAMPLED",
}
_SERVICE_NAMES = {
    "db": "CASEWRIGHT_DB",
    "workers": "CASEWRIGHT_WORKERS",
    "in_flight": "CASEWRIGHT_IN_FLIGHT",
    "backlog": "CASEWRIGHT_BACKLOG",
    "webhook_private": "CASEWRIGHT_WEBHOOK_PRIVATE",
    "auditor": "CASEWRIGHT_AUDITOR",
    "coop": "CASEWRIGHT_COOP",
}
_CONSOLE_NAMES = {
    "judge_first": "CASEWRIGHT_JUDGE_FIRST",
    "grace_s": "CASEWRIGHT_GRACE",
    "blind_share": "CASEWRIGHT_BLIND_SHARE",
    "feedback_share": "CASEWRIGHT_FEEDBACK_SHARE",
    "idle_minutes": "CASEWRIGHT_SESSION_IDLE",
    "session_hours": "CASEWRIGHT_SESSION_HOURS",
}
_PROCESS_NAMES = {"log": "CASEWRIGHT_LOG", "traces": "OTEL_EXPORTER_OTLP_ENDPOINT"}
_EMBEDDINGS = ("embeddings_url", "embeddings_model")
VARIABLES = frozenset(f"CASEWRIGHT_{name.upper()}" for name in (*_PATHS, *_EMBEDDINGS, "url", "key")) | {
    *_MODEL_NAMES.values(),
    *_AUDIT_NAMES.values(),
    *_SERVICE_NAMES.values(),
    *_CONSOLE_NAMES.values(),
    *_PROCESS_NAMES.values(),
}
"""Every variable that is read."""


def read_settings(
    environment: Mapping[str, str] | None = None,
    changes: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings from `CASEWRIGHT_...` variables, and where traces go from OpenTelemetry's own.

    Args:
        environment: the variables; the process's own where none are given.
        changes: variables that stand above those.
        defaults: variables that count where the environment does not set them.

    Raises:
        BadSetting: naming the variable.
    """
    given = {**(defaults or {}), **(os.environ if environment is None else environment), **(changes or {})}
    if unknown := [name for name in changes or {} if name not in VARIABLES]:
        raise BadSetting(name=unknown[0], why="there is no such variable")
    values: dict[str, Any] = {"home": Path.home() / ".casewright", "policies": shipped_policies()}
    for name in _PATHS:
        written = given.get(f"CASEWRIGHT_{name.upper()}")
        if written:
            values[name] = Path(written).expanduser()
    values["embeddings_url"] = given.get("CASEWRIGHT_EMBEDDINGS_URL", "")
    values["embeddings_model"] = given.get("CASEWRIGHT_EMBEDDINGS_MODEL", "")
    values |= {name: given[key] for name, key in _PROCESS_NAMES.items() if given.get(key)}
    values["model"] = {name: given[key] for name, key in _MODEL_NAMES.items() if given.get(key)}
    audit = {name: given[key] for name, key in _AUDIT_NAMES.items() if given.get(key)}
    served = {name: given[key] for name, key in _SERVICE_NAMES.items() if given.get(key)}
    shown = {name: given[key] for name, key in _CONSOLE_NAMES.items() if given.get(key)}
    try:
        checked = {
            "audit": AuditSettings.model_validate(audit),
            "service": ServiceSettings.model_validate(served),
            "console": ConsoleSettings.model_validate(shown),
        }
        return Settings(**values, **checked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][-1]) if first["loc"] else ""
        known = {**_AUDIT_NAMES, **_SERVICE_NAMES, **_CONSOLE_NAMES, **_PROCESS_NAMES}
        raise BadSetting(name=known.get(name, f"CASEWRIGHT_{name.upper()}"), why=first["msg"]) from None


class Access(Record):
    """Where a running service is, and the key to it; empty where nothing names one."""

    url: str
    key: str


def read_access(environment: Mapping[str, str] | None = None) -> Access:
    """Read how commands reach a running service.

    The address is CASEWRIGHT_URL, else this machine's. The key is CASEWRIGHT_KEY, else what the file `api-key` in the
    data folder holds.
    """
    given = os.environ if environment is None else environment
    home = Path(given.get("CASEWRIGHT_HOME") or Path.home() / ".casewright").expanduser()
    key = given.get("CASEWRIGHT_KEY", "")
    if not key and (home / "api-key").is_file():
        key = (home / "api-key").read_text(encoding="utf-8")
    return Access(url=given.get("CASEWRIGHT_URL") or "http://127.0.0.1:8400", key=key.strip())


def inherited(changes: Mapping[str, str]) -> dict[str, str]:
    """The variables for a process that this one starts: its own, and changes above them."""
    return {**os.environ, **changes}


def shipped_policies() -> Path:
    """The example corpus that comes with Casewright."""
    import policies  # noqa: PLC0415 - only its place is wanted

    return Path(policies.__file__ or "").parent
