"""Floors: which of them break, what a file of them may hold, and those that we ship."""

import tomllib

import pytest

from cases.problem import Invalid
from evaluation.floors import SHIPPED, Floors, broken, floors_beside, shipped_floors
from evaluation.intervals import rate
from evaluation.scoring import figures
from tests.evaluation.conftest import scored

FOUND = figures(
    [
        scored("a", "violation", "violation", quotes=(3, 3)),
        scored("b", "violation", "no_violation", quotes=(2, 3)),
        scored("c", "no_violation", "violation"),
        scored("d", "no_violation", "person"),
    ]
)


@pytest.mark.parametrize(
    ("floors", "told"),
    [
        ({"alone_right": 0.5}, ["alone_right is 0.333 (1 of 3), and must be 0.5 at least"]),
        ({"alone_right": 0.3}, []),
        ({"unsafe": 0}, ["unsafe is 1, and may be 0 at most"]),
        ({"unsafe": 1, "wrongly_convicted": 1}, []),
        ({"right_question": 1.0, "recall_at_8": 1.0}, []),  # nothing to count; of another set
        ({"outcome": 0.3, "wrongly_convicted": 0}, ["outcome is 0.250", "wrongly_convicted is 1"]),
    ],
)
def test_a_floor_breaks_below_its_figure_and_a_count_above(floors, told):
    found = broken(Floors(quotes=0, **floors), FOUND)
    assert [line[: len(start)] for line, start in zip(found, told, strict=True)] == told


def test_quotes_must_stand_where_nothing_else_is_asked():
    assert broken(Floors(), FOUND) == ["quotes is 0.833 (5 of 6), and must be 1 at least"]


def test_a_search_is_held_to_its_recall_only():
    assert broken(Floors(recall_at_8=0.8, unsafe=0), rate(7, 10)) == [
        "recall_at_8 is 0.700 (7 of 10), and must be 0.8 at least"
    ]


@pytest.mark.parametrize(
    ("written", "code"),
    [("unsafe = ", "not_toml"), ("unsave = 0", "unknown_field"), ("alone_right = 90", "invalid_value")],
)
def test_a_file_of_floors_names_what_is_wrong_with_it(tmp_path, written, code):
    (tmp_path / "floors.toml").write_text(written, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        floors_beside(tmp_path)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert str(tmp_path / "floors.toml") in caught.value.problems[0].pointer


def test_floors_lie_beside_a_set(tmp_path):
    assert floors_beside(tmp_path) == Floors()
    (tmp_path / "floors.toml").write_text("unsafe = 0", encoding="utf-8")
    assert floors_beside(tmp_path) == Floors(unsafe=0)


def test_ours_are_by_split_and_every_quote_must_stand():
    assert set(tomllib.loads(SHIPPED.read_text(encoding="utf-8"))) == {"dev", "test"}
    assert [shipped_floors(split).quotes for split in ("dev", "test")] == [1.0, 1.0]
    assert shipped_floors("dev").unsafe is not None
