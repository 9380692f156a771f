"""A report as one self-contained page: no script, no font, nothing fetched; charts are SVG."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evaluation.intervals import Rate
from evaluation.scoring import Report, Scored

_TEMPLATES = Path(__file__).parent / "templates"
_OUTCOMES = {"violation": "violation", "no_violation": "no violation", "person": "a person"}


class Row(NamedTuple):
    """One rate in a chart of rates."""

    name: str
    rate: Rate
    about: str = ""


class Share(NamedTuple):
    """One group of cases in a chart of shares: what became of them, as counts.

    Attributes:
        right: decided alone as argued.
        asked: handed to a person, as was due.
        needless: handed to a person, though it could have been decided.
        wrong: decided alone, and not as argued.
    """

    name: str
    right: int
    asked: int
    needless: int
    wrong: int

    @property
    def n(self) -> int:
        """Cases in all."""
        return self.right + self.asked + self.needless + self.wrong


_Grouping = tuple[str, Callable[[Scored], Iterable[str]]]


@dataclass(frozen=True)
class Page:
    """What the template shows of a report."""

    report: Report

    @property
    def headline(self) -> str:
        """What a reader should take away, in one sentence."""
        f = self.report.figures
        wrong = f.alone.hits - f.alone_right.hits
        decided = f"Decided {f.alone.hits} of {f.cases} cases alone, {wrong or 'none'} of them wrongly"
        return f"{decided}; cleared {f.unsafe.hits or 'none'} that should not have been."

    @property
    def rates(self) -> list[Row]:
        """The figures that say how far to trust it."""
        f, answer = self.report.figures, self.answer
        rows = [
            Row("Decided alone", f.alone, "of all cases"),
            Row(f"… of these, as {answer}", f.alone_right, "of those decided alone"),
            Row("Handed to a person where one was due", f.asked_when_due, "of cases that a person must decide"),
        ]
        if not self.report.labelled:
            rows += [
                Row("… with the right question", f.right_question, "of cases that a person must decide"),
                Row("Parts judged as argued", f.parts, "of the parts that the arguments name"),
                Row("Named clauses that are violated", f.clause_precision, "of clauses named in violations"),
            ]
        return [*rows, Row("Quotes found word for word", f.quotes, "of all quotes, checked by code")]

    @property
    def answer(self) -> str:
        """What the right answers are: argued, or labelled."""
        return "labelled" if self.report.labelled else "argued"

    @property
    def by_outcome(self) -> list[Share]:
        """What became of the cases by what should have."""
        return _shares(self.report.cases, lambda one: [_OUTCOMES[one.expected]])

    @property
    def columns(self) -> list[list[tuple[str, list[Share]]]]:
        """The same in two columns, by what makes cases hard, market, language and type; not where all have one name."""
        left: list[_Grouping] = [
            ("What makes them hard", lambda one: [_spoken(kind) for kind in one.kinds]),
            ("Market", lambda one: [one.region]),
            ("Language", lambda one: [one.language or "not said"]),
        ]
        right: list[_Grouping] = [("Violation type", lambda one: [_spoken(one.type) or "none named"])]
        columns = [[(name, _shares(self.report.cases, of)) for name, of in column] for column in (left, right)]
        return [[(name, shares) for name, shares in column if len(shares) > 1] for column in columns]

    @property
    def reasons(self) -> list[tuple[str, int, int]]:
        """Reason codes of what went to a person: how many cases, and of these how many needlessly."""
        asked = [one for one in self.report.cases if one.got == "person"]
        every = Counter(code for one in asked for code in one.reasons)
        idle = Counter(code for one in asked if one.expected != "person" for code in one.reasons)
        return [(code, n, idle[code]) for code, n in every.most_common()]

    @property
    def cases(self) -> list[Scored]:
        """All cases, those first that one should look at: cleared unsafely, wrong, needlessly asked, right."""
        return sorted(self.report.cases, key=lambda one: (not one.unsafe, _WEIGHT[became(one)], one.case_id))


def _spoken(name: str) -> str:
    """A name as people say it: `listing.misleading_claim` is "listing: misleading claim"."""
    return name.replace("_", " ").replace(".", ": ")


def became(one: Scored) -> str:
    """What became of a case: `right`, `asked`, `needless` or `wrong`, as in `Share`."""
    if one.got == "person":
        return "asked" if one.expected == "person" else "needless"
    return "right" if one.right else "wrong"


_WEIGHT = {"wrong": 0, "needless": 1, "asked": 2, "right": 3}


def _shares(cases: Sequence[Scored], of: Callable[[Scored], Iterable[str]]) -> list[Share]:
    counted: dict[str, Counter[str]] = {}
    for one in cases:
        for name in of(one):
            counted.setdefault(name, Counter())[became(one)] += 1
    found = [Share(name, c["right"], c["asked"], c["needless"], c["wrong"]) for name, c in counted.items()]
    return sorted(found, key=lambda share: (-share.n, share.name))


def render(report: Report, command: str) -> str:
    """Render a report.

    Args:
        report: as `casewright eval golden` makes it. Its texts are data: escaped, never markup.
        command: what made it, printed at the foot.
    """
    import jinja2  # noqa: PLC0415 - only who wants the page pays for it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(became=became, outcomes=_OUTCOMES)
    environment.filters["became"] = became
    return environment.get_template("page.html.j2").render(page=Page(report), report=report, command=command)
