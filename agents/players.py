"""Who answers for the scripted model: players that know the truth, err, or obey what they read.

A player sees what a model would see, the messages, and nothing else. It names verdicts; what it leaves out (basis,
quotes) is filled in from what it sees, so that what it submits can be verified like a model's findings.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError, model_validator

from agents.auditor import Dossier
from agents.blocks import SeenPart
from agents.messages import Seen
from agents.rulebook import judge_by_rulebook
from cases.case import Case, Listing
from cases.evidence import Evidence, find_quote
from cases.finding import Basis, Key, Verdict
from cases.problem import Invalid, Problem, Record, problems_of
from policies.corpus import Corpus
from policies.table import lay

_LONGEST = 160
"""Code points of a quote that a player makes up its mind on."""


class GivenQuote(Record):
    """Words that a judgement rests on; `source` is an evidence id, a source such as `listing.title`, or a clause id."""

    source: str
    text: str
    gloss: str = ""


class Given(Record):
    """A verdict, with as much of what it rests on as is given; a bare string is the verdict."""

    verdict: Verdict
    basis: Basis | None = None
    quotes: tuple[GivenQuote, ...] = ()
    why: str = ""
    question: str = ""
    would_settle: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_verdict(cls, value: object) -> object:
        return {"verdict": value} if isinstance(value, str) else value


Player = Callable[[Seen], Mapping[Key, Given]]
"""What a player says of a case as it is shown. Parts that it leaves out are not submitted."""


class Truth(Record):
    """The right verdicts: case id, clause id, part."""

    cases: dict[str, dict[str, dict[str, Given]]]

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read a truth file, JSON or YAML: `{case id: {clause id: {part: verdict | {verdict, basis, quotes}}}}`.

        Raises:
            Invalid: where the file is missing or of another form.
        """
        try:
            return cls.model_validate({"cases": yaml.safe_load(path.read_text(encoding="utf-8")) or {}})
        except ValidationError as error:
            raise Invalid(path.name, problems_of(error)) from error
        except (OSError, yaml.YAMLError) as error:
            raise Invalid(path.name, (Problem(code="not_readable", pointer=path.name, detail=str(error)),)) from error


@dataclass(frozen=True)
class Oracle:
    """Knows the truth. Of a case that it does not know it says `unclear`; a clause it is not told of does not apply."""

    truth: Truth

    def __call__(self, seen: Seen) -> dict[Key, Given]:
        """Say the truth about the asked parts."""
        known = self.truth.cases.get(seen.head.case_id)
        if known is None:
            return {key: Given(verdict="unclear") for key in seen.asked}
        return {key: given for key in seen.asked if (given := self._of(known.get(key[0], {}), seen, key))}

    def _of(self, clause: Mapping[str, Given], seen: Seen, key: Key) -> Given | None:
        part = seen.part(key)
        if key[1] in clause or part is None:
            return clause.get(key[1])
        if not clause or part.role == "exemption":
            return Given(verdict="not_met")
        # An element the truth does not name matters only where nothing that it names settles the clause.
        settled = any(_settles(seen.part((key[0], name)), given) for name, given in clause.items())
        return None if settled and seen.head.task == "investigate" else Given(verdict="unclear")


def _settles(part: SeenPart | None, given: Given) -> bool:
    return part is not None and given.verdict == ("not_met" if part.role == "element" else "met")


@dataclass(frozen=True)
class Noisy:
    """Errs, repeatably.

    Attributes:
        error: probability that a judgement is wrong.
        shared: share of the errors that all judges of a case make together.
        seed: another seed errs elsewhere.
    """

    base: Player
    error: float
    shared: float = 0.0
    seed: int = 0

    def __call__(self, seen: Seen) -> dict[Key, Given]:
        """Say what `base` says, but for the errors."""
        head = seen.head
        judge = (head.task, head.ordinal, head.round)
        return {key: self._err(given, (head.case_id, *key), judge) for key, given in self.base(seen).items()}

    def _err(self, given: Given, part: tuple[str, ...], judge: tuple[object, ...]) -> Given:
        together = self.error * self.shared
        # Of the judgements that no shared error spoils, so many err alone that `error` of all are wrong.
        alone = (self.error - together) / (1 - together) if together < 1 else 0.0
        for who, chance in (((), together), (judge, alone)):
            if _chance(self.seed, *part, *who) < chance:
                others = [v for v in ("met", "not_met", "unclear") if v != given.verdict]
                return Given.model_validate(others[_chance(self.seed, "which", *part, *who) < 0.5])  # noqa: PLR2004 - even
        return given


@dataclass(frozen=True)
class Obeying:
    """Does what planted text tells it to, where it sees that text; else says what `base` says.

    Attributes:
        planted: the texts that it obeys.
        then: what it then submits: nothing applies, or everything does.
    """

    base: Player
    planted: tuple[str, ...]
    then: Literal["clear", "convict"]

    def __call__(self, seen: Seen) -> Mapping[Key, Given]:
        """Lie about every asked part where the planted text is in sight."""
        if not any(find_quote(item.text, text) for item in seen.evidence for text in self.planted):
            return self.base(seen)
        lies: dict[Key, Given] = {}
        for key in seen.asked:
            part = seen.part(key)
            element = part is not None and part.role == "element"
            met = element == (self.then == "convict")
            lies[key] = Given(verdict="met") if met else Given(verdict="not_met", basis="contrary")
        return lies


def rulebook(corpus: Corpus) -> Player:
    """Return a player that says what the embedded rulebook auditor would say to what the model sees."""

    def play(seen: Seen) -> dict[Key, Given]:
        title = next((item.text for item in seen.evidence if item.source == "listing.title"), "")
        head = seen.head
        case = Case(
            id=head.case_id,
            opened_at=datetime.fromisoformat(head.opened_at),
            region=head.region,
            subject=Listing(kind="listing", id="shown", title=title),
            seller_id="shown",
        )
        language = "" if head.language == "und" else head.language
        dossier = Dossier(
            case=case,
            evidence=seen.evidence,
            clauses=tuple(corpus.clauses[clause.id] for clause in seen.clauses if clause.id in corpus.clauses),
            round=head.round,
            language=language,
            once=_no_calls,
            asked=seen.asked,
            table=lay(corpus, case, seen.evidence, language),
        )
        return {j.key: _as_given(j.model_dump()) for j in judge_by_rulebook(dossier)}

    return play


async def _no_calls(slot: str, _request: bytes, _call: object) -> Any:  # noqa: ANN401 - as `Once`
    msg = f"the rulebook calls nothing, and {slot} was called"
    raise RuntimeError(msg)


def _as_given(judgement: Mapping[str, Any]) -> Given:
    quotes = [{"source": q["evidence_id"] or q["clause_id"], "text": q["text"]} for q in judgement["quotes"]]
    kept = {name: judgement[name] for name in ("verdict", "basis", "why", "question", "would_settle")}
    return Given.model_validate({**kept, "quotes": quotes})


def findings(seen: Seen, given: Mapping[Key, Given]) -> dict[str, Any]:
    """Make a submission of what a player says: the arguments of `submit_findings`."""
    return {"judgements": [_judgement(seen, key, said) for key, said in given.items()], "sightings": []}


def _judgement(seen: Seen, key: Key, given: Given) -> dict[str, Any]:
    part = seen.part(key)
    quotes = [quote for quote in (_placed(seen, q) for q in given.quotes) if quote]
    proof, title = _proof(seen, part), _title(seen)
    verdict, basis = given.verdict, given.basis
    if verdict == "met" and not quotes and not proof:
        # What nobody may prove cannot be submitted as met.
        verdict, basis = "unclear", "silent"
    if not quotes:
        quotes = {"met": proof, "not_met": proof if _on_file(part) else title, "unclear": []}[verdict]
    judgement: dict[str, Any] = {
        "clause_id": key[0],
        "part": key[1],
        "quotes": quotes,
        "why": given.why or f"The part is {verdict.replace('_', ' ')}.",
        "verdict": verdict,
        "basis": basis or _basis(seen, part, verdict),
        "question": given.question or (f"Does {key[1]} hold?" if verdict == "unclear" else ""),
        "would_settle": given.would_settle or ("What shows it." if verdict == "unclear" else ""),
    }
    return judgement if seen.head.task == "investigate" else {**judgement, "for": proof, "against": title}


def _basis(seen: Seen, part: SeenPart | None, verdict: Verdict) -> Basis:
    if verdict == "unclear":
        return "silent"
    if _on_file(part) and _proof(seen, part):
        return "record"
    if verdict == "met":
        return "shown"
    # Where code did not agree that nothing speaks for it, the words that are there must be argued with.
    return "contrary" if seen.faulted else "absent"


def _on_file(part: SeenPart | None) -> bool:
    return part is not None and bool(part.record)


def _placed(seen: Seen, quote: GivenQuote) -> dict[str, str] | None:
    """A quote with its evidence id, if its words are in sight."""
    for item in seen.evidence:
        if quote.source in {item.id, item.source} and find_quote(item.text, quote.text):
            return {"source": item.id, "text": quote.text, "gloss": quote.gloss}
    for clause in seen.clauses:
        if quote.source == clause.id and find_quote(clause.text, quote.text):
            return {"source": clause.id, "text": quote.text, "gloss": quote.gloss}
    return None


def _proof(seen: Seen, part: SeenPart | None) -> list[dict[str, str]]:
    """Words of somebody who may prove the part: the title where the seller may, or a record of the kind it needs."""
    if part is None:
        return []
    items = [item for item in seen.evidence if item.voucher in part.vouchers and not item.flags.unavailable]
    if part.record:
        items = [item for item in items if part.record in item.text]
    items.sort(key=lambda item: (item.source != "listing.title", int(item.id[1:]) if item.id[1:].isdecimal() else 0))
    return _first_words(items, part.record)


def _title(seen: Seen) -> list[dict[str, str]]:
    return _first_words([item for item in seen.evidence if item.source == "listing.title"] or list(seen.evidence), "")


def _first_words(items: list[Evidence], holding: str) -> list[dict[str, str]]:
    for item in items:
        for line in item.text.split("\n"):
            words = line.strip()[:_LONGEST].rstrip()
            if holding in words and find_quote(item.text, words):
                return [{"source": item.id, "text": words, "gloss": ""}]
    return []


def _chance(*names: object) -> float:
    """A number in [0, 1) that the names alone decide."""
    digest = hashlib.sha256("\x00".join(map(str, names)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
