"""Reports and comparisons as lines for a terminal: every rate with its interval, every zero with its bound."""

from collections.abc import Iterator, Sequence

from evaluation.baselines import Baseline
from evaluation.comparison import Comparison
from evaluation.scoring import Report, Scored

_ROW = 47


def judged_by(report: Report) -> str:
    """Who judged, with the model where there is one."""
    return report.auditor + (f" ({report.model})" if report.model else "")


def report_lines(report: Report) -> Iterator[str]:
    """A golden report: figures, cost, baselines, and every case that was wrongly decided alone."""
    f, answers = report.figures, "labelled" if report.labelled else "argued"
    yield f"{report.split}: {f.cases} {answers} cases, judged by {judged_by(report)}"
    yield "  95 % intervals (Wilson); bounds of counts: upper 95 %, one-sided (Clopper-Pearson)"
    for name, value in _figures(report):
        yield f"  {name:{_ROW}} {value}"
    spent = f"{f.tool_calls:.1f} tool calls, {f.tokens:.0f} tokens, cost {f.cost:.4f}, {f.seconds:.2f} s"
    yield f"  a case: {f.model_calls:.1f} model calls, {spent}"
    if report.baselines:
        yield from _baselines(report)
    for title, chosen in (
        ("cleared unsafely", [s for s in report.cases if s.unsafe]),
        ("convicted wrongly", [s for s in report.cases if s.got == "violation" and not s.right]),
    ):
        for one in chosen:
            yield f"  {title}: {one.case_id} ({one.region}, expected {one.expected}): {one.title}"


def _figures(report: Report) -> Iterator[tuple[str, object]]:
    f = report.figures
    yield f"outcome as {_answer(report)} (a person where one is due)", f.outcome
    yield "decided alone", f.alone
    yield "… of these right", f.alone_right
    yield "… of these cleared unsafely", f.unsafe.counted
    yield "… of these convicted wrongly", f.wrongly_convicted.counted
    yield "a person where one was due", f.asked_when_due
    if not report.labelled:
        yield "… with the right question", f.right_question
    yield "a person was due where one was asked", f.due_when_asked
    if report.labelled:
        yield "violation types: precision", f.type_precision
        yield "violation types: recall", f.type_recall
    else:
        yield "parts judged as argued", f.parts
        yield "violated clauses: precision", f.clause_precision
        yield "violated clauses: recall", f.clause_recall
        yield "violated clauses: F1", f"{f.clause_f1:.3f}"
    yield "quotes found word for word", f.quotes


def _answer(report: Report) -> str:
    return "labelled" if report.labelled else "argued"


def _baselines(report: Report) -> Iterator[str]:
    f = report.figures
    ours = Baseline.model_validate({"name": judged_by(report), **f.model_dump(include=set(Baseline.model_fields))})
    heads = ("outcome right", "decided alone", "… of these right", "… cleared unsafely", "… convicted wrongly")
    yield _beside("beside it", *heads)
    for one in (ours, *report.baselines):
        rates = (one.outcome.short, one.alone.short, one.alone_right.short)
        yield _beside(one.name, *rates, one.unsafe.counted, one.wrongly_convicted.counted)
    for one in report.baselines:
        if one.tuned_on:
            yield f"  {one.name}: threshold chosen on {one.tuned_on}"


def _beside(name: str, *cells: str) -> str:
    return (
        f"  {name:31}"
        + "".join(f"{cell:23}" for cell in cells[:3])
        + "".join(f"{cell:31}" for cell in cells[3:]).rstrip()
    )


def change_lines(told: Comparison) -> Iterator[str]:
    """What changed between two reports, and the cases."""
    neither = len(told.flips) - told.won - told.lost
    counts = f"{told.won} for the better, {told.lost} for the worse, {neither} neither"
    yield f"{len(told.flips)} outcomes changed: {counts} (McNemar's exact test: p = {told.p:.3f})"
    for flip in told.flips:
        yield f"  {flip.case_id}: {flip.before} → {flip.after} (expected: {flip.expected}): {flip.title}"


def side_by_side(reports: Sequence[tuple[str, Report]]) -> Iterator[str]:
    """Figures and cost of reports on the same cases, a column each."""
    yield " " * _ROW + "  " + "".join(f"{name:34}" for name, _ in reports).rstrip()
    columns = [[*_figures(report), *_spent(report.cases)] for _, report in reports]
    for row in zip(*columns, strict=True):
        yield f"{row[0][0]:{_ROW}}  " + "".join(f"{value!s:34}" for _, value in row).rstrip()


def _spent(cases: Sequence[Scored]) -> Iterator[tuple[str, object]]:
    n = max(len(cases), 1)
    yield "model calls, all cases (a case)", _both(sum(one.model_calls for one in cases), n, ".0f")
    yield "tool calls asked for, all cases (a case)", _both(sum(one.tool_calls for one in cases), n, ".0f")
    yield "tokens, all cases (a case)", _both(sum(one.tokens for one in cases), n, ".0f")
    yield "cost, all cases (a case)", _both(sum(one.cost for one in cases), n, ".4f")
    yield "seconds, a case", f"{sum(one.seconds for one in cases) / n:.2f}"


def _both(whole: float, n: int, form: str) -> str:
    return f"{whole:{form}} ({whole / n:.4g})"
