"""What assessing looks at: candidates, findings and settings of one case, read from its state."""

from collections.abc import Mapping
from dataclasses import dataclass

from cases.finding import Ballot, Judge, Judgement, Key, PartFinding, Verdicts
from cases.rule import Rule
from graphs.settings import AuditSettings
from graphs.settle import firmest_first
from policies.clause import Clause
from policies.corpus import Corpus
from policies.table import Table


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the outcome follows from, and nothing else: the candidates, and where their parts stand.

    Attributes:
        findings: per clause, per judged part: the verdict with its ballots.
        governs: the clause that a person named as governing, or empty.
        requested: the seller has been asked once: records still missing count against the seller.
    """

    clauses: tuple[Clause, ...]
    findings: Mapping[str, Mapping[str, PartFinding]]
    governs: str = ""
    requested: bool = False

    @property
    def verdicts(self) -> dict[str, Verdicts]:
        """Verdicts by clause and part; after a request, a record that did not come is `not_met`."""
        verdicts: dict[str, Verdicts] = {}
        for clause in self.clauses:
            found = self.findings.get(clause.id, {})
            judged = {name: finding.verdict for name, finding in found.items()}
            if self.requested:
                for name, part in clause.rule.judged.items():
                    if part.if_absent == "request" and judged.get(name, "unclear") == "unclear":
                        judged[name] = "not_met"
            verdicts[clause.id] = judged
        return verdicts

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The candidates' rules, with a person's word on which of them governs, each resting on its firmest part."""
        verdicts = self.verdicts
        return tuple(
            firmest_first(_governed(clause.rule, self), verdicts[clause.id], self.findings.get(clause.id, {}))
            for clause in self.clauses
        )

    def clause(self, clause_id: str) -> Clause:
        """One candidate by id."""
        return next(clause for clause in self.clauses if clause.id == clause_id)

    def found(self, key: Key) -> PartFinding:
        """Where a part stands; what was not judged is `unclear`."""
        found = self.findings.get(key[0], {}).get(key[1])
        return found or PartFinding(part=key[1], verdict="unclear", basis="silent")


@dataclass(frozen=True, kw_only=True)
class Docket(Judged):
    """All that assessing looks at.

    Attributes:
        standing_out: a clause that the search finds much nearer than every other one, or none.
        settled: how each part was settled: `code`, `lead`, `contested`, `person` or empty.
        reviewed: a person has judged; checks for acting alone no longer apply.
    """

    corpus: Corpus
    table: Table
    settings: AuditSettings
    settled: Mapping[Key, str]
    failures: tuple[str, ...] = ()
    standing_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    reviewed: bool = False
    deterministic: bool = False
    auditor_languages: tuple[str, ...] = ()


def persons_ballot(judgement: Judgement, reviewer: str, number: int) -> Ballot:
    """What a reviewer says of a part, as the ballot that replaces its verdict in round `number`."""
    said = judgement.model_copy(update={"basis": "person"})
    return Ballot(judge=Judge(prompt="person", model=reviewer), round=number, judgement=said)


def _governed(rule: Rule, docket: Judged) -> Rule:
    """Where a person named the governing clause: a permit lifts what it clashes with, a forbid stands against it."""
    named = next((c.rule for c in docket.clauses if c.id == docket.governs), None)
    if named is None or rule.effect != "permit" or rule.type != named.type:
        return rule
    if rule.id == named.id:
        rivals = tuple(c.id for c in docket.clauses if c.type == rule.type and c.effect == "forbid")
        return rule.model_copy(update={"over": (*rule.over, *rivals)})
    # A permit that does not govern is taken out of the clash by giving it a type of its own.
    over = tuple(lifted for lifted in rule.over if lifted != named.id)
    return rule.model_copy(update={"type": f"{rule.type}_not_governing", "over": over})
