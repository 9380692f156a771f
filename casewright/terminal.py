"""A sheet on a terminal. Nothing from a case is read as markup or as a control sequence."""

from rich.console import Console
from rich.text import Text

from casewright.sheet import Asked, ClauseBlock, PartRow, Quoted, Sheet

_COLOURS = {"decided": "green", "escalated": "yellow", "invalid": "red"}
_VERDICTS = {"met": "bold", "not met": "dim", "unclear": "yellow"}


def print_sheet(sheet: Sheet, console: Console, *, brief: bool = False) -> None:
    """Print a sheet.

    Args:
        sheet: what to print.
        console: where to.
        brief: leave out the notice and name what was cleared on one line.
    """
    head = Text.assemble((f"{sheet.case_id}  ", "bold"), sheet.subject)
    console.rule(head, align="left", style=_COLOURS[sheet.status])
    colour = "red" if sheet.headline.startswith("Violation") else _COLOURS[sheet.status]
    console.print(Text.assemble((sheet.headline, f"bold {colour}"), ("  → " + sheet.action if sheet.action else "")))
    if sheet.reasons:
        console.print(Text(f"to a person because: {', '.join(sheet.reasons)}", style="yellow"))
    for problem in sheet.problems:
        console.print(Text(f"  {problem}"))
    for warning in sheet.warnings:
        console.print(Text(f"  ! {warning}", style="magenta"))
    for question in sheet.questions:
        _question(question, console)
    if sheet.meanwhile == "hide":
        console.print(Text("  Meanwhile the listing is to be hidden.", style="dim"))
    if sheet.recommended:
        console.print(Text(f"  Recommended: {sheet.recommended}"))
    for block in sheet.carried:
        _clause(block, console)
    _cleared(sheet.cleared, console, brief=brief)
    if sheet.notice and not brief:
        console.print(Text.assemble(("Notice  ", "bold"), sheet.notice))
    if sheet.made:
        console.print(Text(sheet.made, style="dim"))
    console.print()


def _question(question: Asked, console: Console) -> None:
    label = {"part": "Question", "confirm": "Confirm", "clause": "Which clause", "policy": "For the policy team"}
    console.print(Text.assemble((f"  {label[question.kind]}  ", "bold yellow"), (question.text, "bold")))
    if question.where:
        console.print(Text(f"    {question.where}", style="dim"))
    for name, quotes in (("for", question.for_), ("against", question.against), ("bears on it", question.neither)):
        for quote in quotes:
            console.print(Text.assemble((f"    {name}: ", "dim"), *_quote(quote)))
    if question.would_settle:
        console.print(Text.assemble(("    would settle it: ", "dim"), question.would_settle))
    if question.kind == "clause":
        console.print(Text(f"    it forbids → {question.if_met};  it allows → {question.if_not_met}"))
    elif question.if_met != question.if_not_met:
        console.print(Text(f"    met → {question.if_met};  not met → {question.if_not_met}"))


def _clause(block: ClauseBlock, console: Console) -> None:
    lifted = f", lifted by {block.lifted_by}" if block.lifted_by else ""
    console.print(Text.assemble(("  " + block.title, "bold"), (f"  ({block.id}) {block.status}{lifted}", "dim")))
    for row in block.parts:
        console.print(_row(row))


def _row(row: PartRow) -> Text:
    text = Text(f"    {row.name}: ")
    text.append(row.verdict, style=_VERDICTS[row.verdict])
    text.append(f" ({row.basis})", style="dim")
    if row.ballots:
        text.append(f" [{row.ballots}]", style="dim")
    for quote in () if row.basis == "absent" else row.quotes[:2]:
        text.append("  ")
        for piece in _quote(quote):
            text.append(*piece) if isinstance(piece, tuple) else text.append(piece)
    if row.why and row.basis not in {"shown", "absent"}:
        text.append(f"  {row.why}", style="italic")
    return text


def _quote(quote: Quoted) -> tuple[str | tuple[str, str], ...]:
    gloss = f" [{quote.gloss}]" if quote.gloss else ""
    return (f"«{quote.text}»{gloss}", (f" ({quote.where})", "dim"))


def _cleared(blocks: tuple[ClauseBlock, ...], console: Console, *, brief: bool) -> None:
    if not blocks:
        return
    if brief:
        # Clauses that only the search brought in, and for which nothing speaks, are a number to a reader.
        telling = [b for b in blocks if b.parts and b.parts[0].basis not in {"absent", "measured"}]
        names = [f"{b.title} ({b.parts[0].name} {b.parts[0].verdict}: {b.parts[0].why.rstrip('.')})" for b in telling]
        silent = len(blocks) - len(telling)
        names += [f"{silent} clause{'s' if silent != 1 else ''} for which nothing speaks"] if silent else []
        console.print(Text(f"  Considered, and does not apply: {'; '.join(names)}", style="dim"))
        return
    console.print(Text("  Considered, and does not apply:", style="dim"))
    for block in blocks:
        line = Text(f"    {block.title} ({block.id})", style="dim")
        if block.parts:
            row = block.parts[0]
            line.append(f" — {row.name} {row.verdict} ({row.basis}): {row.why}", style="dim")
        console.print(line)
