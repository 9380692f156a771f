"""An oracle with noise: an auditor that knows a golden case's argued answer and errs as often as it is told to.

With it the workflow round a model (verification, blind ballots, guards, assessing) is measured without one. It argues
as a model must: what it submits verifies, its errors too, for an error that code refuses would prove nothing.

**What is right.** What the case argues. Where a measure, a fact or a record decides, code's verdict; of a record in
force the argument may say that it does not fit. What an argument leaves out of its own clause is what it takes for
granted: elements `met`; exemptions and members of groups `not_met`, as `golden_case` counts them. So a clause that the
argument calls not fulfilled hangs on what it names, and one error fulfils it. A candidate that it does not name is not
fulfilled: the first element that is a matter of judgement is `not_met`; others are `met` where the rulebook finds
signs for them, else `not_met`.

**An error** turns `met` and `not_met` into each other and `unclear` into one of them: two errors on one part always
agree, which is the worst case for a vote. A wrong `met` quotes the title (or whoever may prove the part), a wrong
`not_met` quotes it as `contrary`, which binds it less than `absent`. What code settles cannot be said wrongly.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from agents.auditor import Ballots, Dossier, Turn
from agents.rulebook import judge_part
from cases.decision import AuditorName, Usage
from cases.evidence import Evidence, Quote, find_quote
from cases.finding import Ballot, Basis, Judge, Judgement, Key, Verdict, clause_status, part_verdict
from cases.rule import Part
from evaluation.golden_case import GoldenCase
from graphs.settle import NARROW
from policies.clause import Clause
from policies.settled import absence_refused, settle
from policies.table import Table

_PROMPTS = 3
"""Prompts of blind judges, which take turns."""
_EVEN = 0.5


@dataclass(frozen=True)
class Noise:
    """When a ballot errs; the same names always err alike, and whoever errs at a rate errs at every higher one.

    Attributes:
        error: probability that a ballot is wrong.
        shared: share of the errors that all ballots on a part have in common.
        seed: another one errs elsewhere.
    """

    error: float = 0.0
    shared: float = 0.0
    seed: int = 0

    def verdict(self, case_id: str, key: Key, right: Verdict, ballot: str) -> Verdict:
        """What one ballot says of one part that is rightly judged `right`."""
        together = self.error * self.shared
        # Of the ballots that no shared error spoils, so many err alone that `error` of all are wrong.
        alone = (self.error - together) / (1 - together) if together < 1 else 0.0
        for who, chance in (("all", together), (ballot, alone)):
            if self.chance(case_id, *key, who) < chance:
                if right == "unclear":
                    return "met" if self.chance(case_id, *key, who, "which") < _EVEN else "not_met"
                return "not_met" if right == "met" else "met"
        return right

    def chance(self, *names: str) -> float:
        """A number in [0, 1) that seed and names alone decide."""
        digest = hashlib.sha256("\x00".join((str(self.seed), *names)).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


@dataclass
class Oracle:
    """Judges one golden case: rightly, but for the noise. An `Auditor`, challenged like a model.

    Attributes:
        row: the case that it is asked about; of others it knows nothing.
    """

    row: GoldenCase
    noise: Noise = Noise()
    deterministic: bool = field(default=False, init=False)
    languages: tuple[str, ...] = field(default=(), init=False)
    _right: dict[str, dict[str, Verdict]] = field(default_factory=dict, repr=False)
    _said: dict[tuple[Key, Verdict, bool], Judgement] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> AuditorName:
        """Who judges, for the record."""
        return AuditorName(name="oracle")

    def with_noise(self, noise: Noise) -> "Oracle":
        """The same oracle, erring otherwise; what it has worked out about its case it keeps."""
        return replace(self, noise=noise)

    async def investigate(self, dossier: Dossier, step: int) -> Turn:  # noqa: ARG002 - it judges in one step
        """Judge every asked part (all of every candidate where none is named)."""
        judged = tuple(self._judgements(dossier, "investigate"))
        return Turn(judgements=judged, usage=Usage(model_calls=1), model="oracle")

    async def judge(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast a blind ballot on each asked part."""
        return self._ballots(dossier, f"judge-{(ordinal - 1) % _PROMPTS + 1}", ordinal)

    async def judge_narrowly(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast a narrow ballot on each asked part; it knows and errs like any other, and quotes what it is shown."""
        return self._ballots(dossier, NARROW, ordinal)

    def _ballots(self, dossier: Dossier, prompt: str, ordinal: int) -> Ballots:
        judge = Judge(prompt=prompt, model="oracle")
        judged = self._judgements(dossier, f"{prompt}/{ordinal}", narrow=prompt == NARROW)
        ballots = tuple(Ballot(judge=judge, round=dossier.round, judgement=j) for j in judged)
        return Ballots(ballots, Usage(model_calls=1))

    def _judgements(self, dossier: Dossier, ballot: str, *, narrow: bool = False) -> Iterator[Judgement]:
        table = _table(dossier)
        asked = set(dossier.asked)
        for clause in dossier.clauses:
            if clause.id not in self._right:
                self._right[clause.id] = right_verdicts(self.row, clause, table)
            for name, part in clause.rule.judged.items():
                key = (clause.id, name)
                if asked and key not in asked:
                    continue
                right = self._right[clause.id][name]
                judged = can_err(clause, part, right, table)
                verdict = self.noise.verdict(self.row.id, key, right, ballot) if judged else right
                yield self._judgement(dossier, clause, part, verdict, narrow=narrow)

    def _judgement(self, dossier: Dossier, clause: Clause, part: Part, verdict: Verdict, *, narrow: bool) -> Judgement:
        said = ((clause.id, part.name), verdict, narrow)
        if said not in self._said:
            right = verdict == self._right[clause.id][part.name]
            argued = part.name in self.row.expected.parts.get(clause.id, {})
            self._said[said] = judgement_of(dossier, clause, part, verdict, plain=narrow or not right, argued=argued)
        return self._said[said]


def _table(dossier: Dossier) -> Table:
    if dossier.table is None:
        msg = "the oracle asks code what code settles; the dossier has no table"
        raise ValueError(msg)
    return dossier.table


def can_err(clause: Clause, part: Part, right: Verdict, table: Table) -> bool:
    """Tell whether verification would let a wrong verdict on a part pass: of what code settles, only a record's fit."""
    if settle(clause, part, table) is None:
        return True
    return bool(part.record) and right == "met"


def right_verdicts(row: GoldenCase, clause: Clause, table: Table) -> dict[str, Verdict]:
    """Say how each judged part of a candidate is rightly judged (the module tells by what rules).

    Args:
        row: the argued case.
        clause: a candidate, in force for the case.
        table: the case as code sees it.
    """
    argued = row.expected.parts.get(clause.id)
    judged = clause.rule.judged
    known: dict[str, Verdict] = dict(argued or {})
    for name, part in judged.items():
        settled = settle(clause, part, table)
        doubted = part.record and settled and settled.verdict == "met" and name in known
        if settled and not doubted:
            known[name] = settled.verdict
    if argued is None:
        return _not_applying(clause, table, known)
    left_out: dict[str, Verdict] = {
        name: "met" if part.role == "element" and "." not in name else "not_met" for name, part in judged.items()
    }
    return left_out | known


def _not_applying(clause: Clause, table: Table, known: dict[str, Verdict]) -> dict[str, Verdict]:
    """Verdicts on a clause that does not apply, as far as code has not settled them."""
    verdicts = dict(known)
    for name, part in clause.rule.judged.items():
        if name not in known:
            signed = part.role == "element" and judge_part(clause, part, table).verdict == "met"
            verdicts[name] = "met" if signed else "not_met"
    if clause_status(clause.rule, verdicts) == "not_fulfilled":
        return verdicts
    for part in clause.rule.elements:
        members = [member.name for member in part.of] or [part.name]
        unmet: dict[str, Verdict] = {name: "not_met" for name in members if name not in known}
        if part_verdict(part, verdicts | unmet) == "not_met":
            return verdicts | unmet
    return verdicts  # code has settled every element: nothing is left to judge


def judgement_of(
    dossier: Dossier, clause: Clause, part: Part, verdict: Verdict, *, plain: bool, argued: bool
) -> Judgement:
    """Make a judgement that verifies of a verdict; `unclear` where nobody in sight may prove a `met`.

    Args:
        dossier: what the judge is shown.
        clause: the clause.
        part: one of its judged parts.
        verdict: what is to be said of it.
        plain: quote the title rather than what signs point to.
        argued: the case argues this part, so that a `not_met` is said to be excluded rather than not spoken for.
    """
    table = _table(dossier)
    settled = settle(clause, part, table)
    if settled and settled.verdict == verdict:
        return settled
    if not plain:
        read = judge_part(clause, part, table)
        if read.verdict == verdict and not (argued and read.basis == "absent"):
            return read
    quotes = _quotes(dossier, part, verdict)
    if verdict == "met" and not quotes:
        verdict = "unclear"
    absent = verdict == "not_met" and not plain and not argued and not absence_refused(clause, part, table)
    basis: dict[Verdict, Basis] = {"met": "shown", "not_met": "absent" if absent else "contrary", "unclear": "silent"}
    why = f"The part is {verdict.replace('_', ' ')}."
    return Judgement(clause_id=clause.id, part=part.name, verdict=verdict, basis=basis[verdict], quotes=quotes, why=why)


def _quotes(dossier: Dossier, part: Part, verdict: Verdict) -> tuple[Quote, ...]:
    """The title, or the first words of whoever may prove the part; an open part is quoted for by nobody."""
    if verdict == "unclear":
        return ()
    may = [i for i in dossier.evidence if verdict == "not_met" or i.voucher in part.vouchers]
    may = [item for item in may if not item.flags.unavailable]
    may.sort(key=lambda item: item.source != "listing.title")
    return next(((quote,) for item in may if (quote := _first_words(item))), ())


def _first_words(item: Evidence) -> Quote | None:
    lines = (line.strip() for line in item.text.split("\n"))
    return next((Quote(evidence_id=item.id, text=line) for line in lines if find_quote(item.text, line)), None)
