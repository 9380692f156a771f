"""`casewright eval import`: a company's own labelled cases, from a table, become a set to measure on."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import orjson

from cases.case import read_case
from cases.problem import Invalid, Problem
from casewright.mapping import filled, read_mapping, rows_of
from casewright.settings import read_settings
from evaluation.golden_case import Expectable
from policies.corpus import load_corpus

_OUTCOMES: tuple[str, ...] = get_args(Expectable)


@click.command("import")
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
def command(table: Path, mapping: Path, out: Path) -> None:
    """Turn the rows of TABLE (CSV, or JSON Lines) into labelled cases that `eval golden --split FOLDER` runs.

    The mapping is that of `cases from-table`, with `expected` beside the case's fields: where the outcome and the
    violation type stand, and what your labels mean (docs/guides/bring-your-labels.md).

    A row that makes no labelled case is named with its line, and the others go on. Exit status 1 where there was one.
    """
    shape = read_mapping(mapping)
    labels = _labels(shape.pop("expected", None), mapping, load_corpus(read_settings().policies).types)
    path = _new(out)
    rows, bad = [], 0
    for number, row in rows_of(table):
        # A column that is not there is the mapping's fault, not a row's.
        made, said = filled(shape, row, mapping), {name: label.said(row, mapping) for name, label in labels.items()}
        try:
            rows.append(_golden(made, said, labels))
        except Invalid as error:
            bad += 1
            for problem in error.problems:
                click.echo(f"{table}:{number}: {problem}", err=True)
    out.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    click.echo(f"{len(rows)} labelled cases in {out}; measure with: casewright eval golden --split {out}", err=True)
    sys.exit(1 if bad else 0)


class _Label:
    """Where a label stands, and what the words that stand there mean; without `labels` they mean themselves."""

    def __init__(self, shape: Mapping[str, Any], allowed: Iterable[str]) -> None:
        """Take the mapping's shape; `allowed` are the words that we know."""
        self._leaf = {key: value for key, value in shape.items() if key != "labels"}
        named = shape.get("labels", {word: word for word in allowed})
        self.meaning = {str(word): str(meant) for word, meant in named.items()}

    def said(self, row: dict[str, Any], mapping: Path) -> str:
        """What a row says."""
        return str(filled(self._leaf, row, mapping) or "").strip()

    def meant(self, said: str, pointer: str) -> str:
        """What that means; raises `Invalid` where nobody has said so."""
        if said in self.meaning:
            return self.meaning[said]
        detail = f"nothing says what {said!r} means" if said else "there is no label"
        hint = f"write it under `labels` in the mapping; known are: {', '.join(self.meaning)}"
        raise Invalid(pointer, (Problem(code="unknown_label", pointer=pointer, detail=detail, hint=hint),))


def _labels(expected: Any, mapping: Path, types: Iterable[str]) -> dict[str, _Label]:  # noqa: ANN401 - YAML
    """The labels that a mapping names: `outcome`, and `type` where the table says it."""
    shapes = expected if isinstance(expected, dict) else {}
    allowed = {"outcome": _OUTCOMES, "type": tuple(types)}
    problems = list(_faults(shapes, allowed))
    if problems:
        placed = (p.model_copy(update={"pointer": f"{mapping}/expected/{p.pointer}"}) for p in problems)
        raise Invalid(str(mapping), tuple(placed))
    return {name: _Label(shape, allowed[name]) for name, shape in shapes.items()}


def _faults(shapes: Mapping[str, Any], allowed: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    if "outcome" not in shapes:
        hint = "write outcome: {column: ..., labels: {removed: violation, kept: no_violation}}"
        yield Problem(code="missing", pointer="outcome", detail="where the outcome stands is not said", hint=hint)
    for name, shape in shapes.items():
        labels = shape.get("labels", {}) if isinstance(shape, dict) else None
        if name not in allowed:
            yield Problem(code="unknown_field", pointer=name, detail=f"expected are {' and '.join(allowed)}")
        elif not isinstance(labels, dict) or "column" not in shape:
            yield Problem(code="not_a_mapping", pointer=name, detail="expected {column: ..., labels: {...}}")
        else:
            for word, meant in labels.items():
                if meant not in allowed[name]:
                    detail, hint = f"there is no {name} {meant!r}", f"there are: {', '.join(allowed[name])}"
                    yield Problem(code="invalid_value", pointer=f"{name}/labels/{word}", detail=detail, hint=hint)


def _golden(made: Any, said: Mapping[str, str], labels: Mapping[str, _Label]) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """One labelled case; a type counts only for violations, and one that is not said is left out."""
    case = read_case(made)
    outcome = labels["outcome"].meant(said["outcome"], "/expected/outcome")
    expected = {"outcome": outcome}
    if outcome == "violation" and said.get("type"):
        expected["type"] = labels["type"].meant(said["type"], "/expected/type")
    return {"id": case.id, "case": case.model_dump(mode="json", exclude_unset=True), "expected": expected}


def _new(out: Path) -> Path:
    """Where the cases go; refuses to write over cases that somebody may have argued."""
    path = out / "cases.jsonl"
    if path.exists():
        hint = "name a new folder, or remove the file if it may go"
        raise Invalid(str(path), (Problem(code="already_there", pointer=str(path), detail="it exists", hint=hint),))
    return path
