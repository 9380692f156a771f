"""Golden cases: a case, and the outcome that is right: argued, or as somebody has labelled it. Read and checked."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import orjson
from pydantic import Field, ValidationError, field_validator, model_validator

from cases.case import Case, Id
from cases.decision import QuestionKind
from cases.finding import Derived, Verdict, clause_status, derive
from cases.problem import Invalid, Problem, Record, problems_of
from policies.clause import Clause
from policies.corpus import Corpus

Kind = Literal[
    "image_only",
    "other_language",
    "record_exemption",
    "clauses_pull_apart",
    "regional_difference",
    "changed_on_the_day",
    "quantity_limit",
    "replica_wording",
    "weighed_indicators",
    "display_only",
    "bundle_or_accessory",
    "code_words",
    "innocent_trigger_words",
    "history_contradicts",
    "rival_report",
    "recalled_lot",
    "qr_off_platform",
    "planted_instruction",
    "honest_newcomer",
    "price_fact",
    "plain",
]
"""What makes a case hard; `plain` where nothing does."""
Expectable = Literal["violation", "no_violation", "person"]
_ARGUMENT = 30
"""Characters below which nobody has argued anything."""
SHIPPED = Path(__file__).parent / "golden"
"""Our own sets: `dev` and `test`."""


class AskedFor(Record):
    """The question that a person should be asked."""

    kind: QuestionKind
    clause: str = ""
    part: str = ""


class Expected(Record):
    """The right answer.

    Attributes:
        clauses: violation: the clauses that are fulfilled, the heaviest first. No violation: those that come nearest
            and are not fulfilled (or are lifted). Person: those that the question is about.
        type: of a labelled violation: its violation type, where the label says it.
        parts: verdicts of the parts that carry the outcome, by clause; members of groups as `group.member`.
        question: for `person`.
    """

    outcome: Expectable
    clauses: tuple[str, ...] = ()
    parts: dict[str, dict[str, Verdict]] = Field(default_factory=dict)
    question: AskedFor | None = None
    type: str = ""

    @property
    def bare(self) -> bool:
        """Whether there is an outcome, and nothing of what it rests on."""
        return not (self.clauses or self.parts or self.question)

    @model_validator(mode="after")
    def _asks_where_a_person_must(self) -> Self:
        if not self.bare and (self.outcome == "person") != (self.question is not None):
            msg = "a question belongs to the outcome `person`, and to no other"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _is_of_one_type(self) -> Self:
        if self.type and not (self.bare and self.outcome == "violation"):
            msg = "a type belongs to a violation that is labelled; where clauses are named, it is theirs"
            raise ValueError(msg)
        return self


class GoldenCase(Record):
    """A case whose right answer is argued, or, where `argument` is empty, labelled: an outcome, at most with its type.

    Attributes:
        kinds: what makes it hard; none where it is labelled.
        pair: a name that it shares with the one other case that differs from it in one fact.
        argument: why the answer is right, in one line, from the clause's words.
    """

    id: Id
    kinds: tuple[Kind, ...] = ()
    pair: str = ""
    case: Case
    expected: Expected
    argument: str = ""

    @field_validator("argument")
    @classmethod
    def _argues(cls, argument: str) -> str:
        if 0 < len(argument) < _ARGUMENT:
            msg = f"an argument has at least {_ARGUMENT} characters"
            raise ValueError(msg)
        return argument

    @model_validator(mode="after")
    def _is_argued_or_labelled(self) -> Self:
        if self.argument and not self.kinds:
            msg = "an argued case has at least one of `kinds`; `plain` where nothing makes it hard"
            raise ValueError(msg)
        if self.argument and self.expected.outcome == "person" and not self.expected.question:
            msg = "an argued case names the question that a person should be asked"
            raise ValueError(msg)
        if not self.argument and not (self.expected.bare and not self.kinds and not self.pair):
            msg = "an argument is missing; a case without one has an outcome, at most with its type, and nothing else"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class GoldenSet:
    """Golden cases of one split, with the folder that holds their records and images."""

    folder: Path
    cases: tuple[GoldenCase, ...]

    def __iter__(self) -> Iterator[GoldenCase]:
        """Go through the cases in the order of the file."""
        return iter(self.cases)

    @property
    def cases_sha256(self) -> str:
        """Hash of the file of cases: what makes two reports comparable."""
        return hashlib.sha256((self.folder / "cases.jsonl").read_bytes()).hexdigest()

    @property
    def evidence_sha256(self) -> str:
        """Hash of what lies beside the cases and becomes evidence: records, and the pictures that cases name."""
        images = {image.path for row in self.cases for image in row.case.subject.images if image.path}
        whole = hashlib.sha256()
        for name in [path.name for path in self.records.values()] + sorted(images):
            whole.update(f"{name} {hashlib.sha256((self.folder / name).read_bytes()).hexdigest()}\n".encode())
        return whole.hexdigest()

    @property
    def labelled(self) -> bool:
        """Whether its answers are labels, not arguments."""
        return not any(row.argument for row in self.cases)

    @property
    def records(self) -> dict[str, Path]:
        """Files of the ports (`sellers`, `listings`, `recalls`, `image_bank`) that lie beside the cases."""
        names = ("sellers", "listings", "recalls", "image_bank")
        return {name: path for name in names if (path := self.folder / f"{name}.jsonl").exists()}


def read_golden(folder: Path) -> GoldenSet:
    """Read `cases.jsonl` of a folder.

    Raises:
        Invalid: with every problem of every line, as `file:line` and JSON pointer.
    """
    path = folder / "cases.jsonl"
    if not path.exists():
        hint = "name a folder that holds cases.jsonl; docs/guides/write-a-golden-case.md shows the format"
        raise Invalid(
            str(path), (Problem(code="no_file", pointer=str(path), detail="there is no such file", hint=hint),)
        )
    cases, problems = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(GoldenCase.model_validate(orjson.loads(line)))
        except orjson.JSONDecodeError as error:
            problems.append(Problem(code="not_json", pointer=f"{path.name}:{number}", detail=str(error)))
        except ValidationError as error:
            found = problems_of(error)
            problems += [p.model_copy(update={"pointer": f"{path.name}:{number}{p.pointer}"}) for p in found]
    if problems:
        raise Invalid(str(path), tuple(problems))
    return GoldenSet(folder, tuple(cases))


def lint_golden(golden: GoldenSet, corpus: Corpus) -> list[Problem]:
    """Find what cannot be right: unknown or unheld clauses and parts, verdicts that do not give the outcome.

    A set is argued or labelled as a whole: in an argued one no case passes without its argument.

    Args:
        golden: the cases.
        corpus: the snapshot that they are argued from.

    Returns:
        Problems, each at `case id` and JSON pointer, in the order of the cases.
    """
    found: list[Problem] = []
    for row in golden:
        if not row.argument and not golden.labelled:
            found.append(_fault("no_argument", row.id, "others of the set have an argument, this one has none"))
        found += [p.model_copy(update={"pointer": f"{row.id}{p.pointer}"}) for p in _faults(row, golden, corpus)]
    return found + _faults_between(golden.cases)


def _faults(row: GoldenCase, golden: GoldenSet, corpus: Corpus) -> Iterator[Problem]:
    held = held_by(row.case, corpus)
    named = {
        *row.expected.clauses,
        *row.expected.parts,
        *([row.expected.question.clause] if row.expected.question else []),
    }
    for clause_id in sorted(named - {""}):
        if clause_id not in corpus.clauses:
            yield _fault(
                "unknown_clause", "/expected", f"there is no clause {clause_id!r}", "see `casewright policy list`"
            )
        elif clause_id not in held:
            where = f"{row.case.region} on {corpus.local_day(row.case.opened_at, row.case.region)}"
            hint = "name the clause that is in force there (one that extends another replaces it)"
            yield _fault("not_in_force", "/expected", f"{clause_id} is not in force in {where}", hint)
    if row.argument:
        yield from _faults_of_parts(row, held)
    elif row.expected.type and row.expected.type not in corpus.types:
        hint = "the corpus's taxonomy.yaml has them all"
        yield _fault("unknown_type", "/expected/type", f"there is no type {row.expected.type!r}", hint)
    for number, image in enumerate(row.case.subject.images):
        if image.path and not (golden.folder / image.path).exists():
            yield _fault("no_image", f"/case/subject/images/{number}", f"{image.path} does not lie beside the cases")
    if (
        row.argument
        and not named - {""}
        and row.expected.outcome != "no_violation"
        and _kind_of(row) not in {"policy", "clause"}
    ):
        yield _fault("no_clause", "/expected/clauses", "no clause is named that the outcome rests on")


def _kind_of(row: GoldenCase) -> str:
    return row.expected.question.kind if row.expected.question else ""


def _faults_of_parts(row: GoldenCase, held: Mapping[str, Clause]) -> Iterator[Problem]:
    """Parts that are not there, and verdicts from which the outcome does not follow."""
    expected = row.expected
    asked = expected.question
    parts = [(clause_id, part) for clause_id, verdicts in expected.parts.items() for part in verdicts]
    parts += [(asked.clause, asked.part)] if asked and asked.part else []
    for clause_id, part in parts:
        if clause_id in held and part not in held[clause_id].rule.judged:
            known = ", ".join(held[clause_id].rule.judged)
            yield _fault("unknown_part", f"/expected/parts/{clause_id}/{part}", f"{clause_id} has no such part", known)
            return
    if any(clause_id not in held for clause_id in expected.parts):
        return
    derived = derivation(row, held)
    follows = "person" if derived.outcome is None else derived.outcome
    by_judgement = asked is None or asked.kind in {"part", "clause"}
    if by_judgement and follows != expected.outcome:
        told = "; ".join(f"{name} is {status.replace('_', ' ')}" for name, status in sorted(derived.statuses.items()))
        yield _fault("impossible", "/expected/parts", f"from these verdicts follows {follows}: {told}", "mend one")
    if expected.outcome == "violation" and set(expected.clauses) != set(derived.violated):
        told = ", ".join(derived.violated) or "none"
        yield _fault("impossible", "/expected/clauses", f"by these verdicts the fulfilled clauses are: {told}")
    if asked and asked.kind == "part" and expected.parts.get(asked.clause, {}).get(asked.part) != "unclear":
        yield _fault("impossible", "/expected/question", "the part that is asked about is not `unclear`")


def _faults_between(cases: Sequence[GoldenCase]) -> list[Problem]:
    """Ids that come twice, and pairs that are none."""
    ids = Counter(row.id for row in cases) + Counter(row.case.id for row in cases if row.case.id != row.id)
    found = [_fault("id_twice", name, "this id stands in more than one case") for name, n in ids.items() if n > 1]
    pairs: dict[str, list[GoldenCase]] = {}
    for row in cases:
        if row.pair:
            pairs.setdefault(row.pair, []).append(row)
    for name, members in pairs.items():
        if len(members) != 2:  # noqa: PLR2004 - a pair
            found.append(_fault("no_pair", members[0].id, f"pair {name!r} has {len(members)} cases", "a pair has two"))
        elif members[0].expected.model_dump(exclude={"clauses"}) == members[1].expected.model_dump(exclude={"clauses"}):
            found.append(_fault("no_pair", members[0].id, f"both cases of pair {name!r} have the same answer"))
    return found


def held_by(case: Case, corpus: Corpus) -> dict[str, Clause]:
    """Clauses in force for a case, by id."""
    day = corpus.local_day(case.opened_at, case.region)
    return {clause.id: clause for clause in corpus.in_force(case.region, day)}


def derivation(row: GoldenCase, held: Mapping[str, Clause]) -> Derived:
    """What follows from a row's verdicts; a clause's exemptions that the row leaves out count as not met."""
    verdicts = {name: _whole(held[name], given) for name, given in row.expected.parts.items()}
    return derive([held[name].rule for name in verdicts], verdicts)


def _whole(clause: Clause, given: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Add what a row may leave out where nothing settles the clause: exemptions and members of groups, not met."""
    if clause_status(clause.rule, given) == "not_fulfilled":
        return dict(given)
    judged = clause.rule.judged.items()
    left_out: dict[str, Verdict] = {n: "not_met" for n, part in judged if part.role == "exemption" or "." in n}
    return left_out | dict(given)


def _fault(code: str, pointer: str, detail: str, hint: str = "") -> Problem:
    return Problem(code=code, pointer=pointer, detail=detail, hint=hint)
