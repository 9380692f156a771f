"""`casewright eval compare`: configurations and reports on the same cases."""

import json

import pytest

from tests.casewright.conftest import VAPE, case

ROWS = [
    ("knife", case("knife", "Zombie knife, 12 inch serrated blade", region="GB"), "violation"),
    ("dress", case("dress"), "no_violation"),
    ("vape", case("vape", VAPE), "person"),
]


@pytest.fixture(scope="module")
def compared(casewright, tmp_path_factory):
    """A tiny set, and the comparison of the rulebook with one that may decide nothing alone."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "mine").mkdir()
    rows = [{"id": i, "case": c, "expected": {"outcome": outcome}} for i, c, outcome in ROWS]
    (folder / "mine/cases.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "off.toml").write_text('auditor = "rulebook"\nCASEWRIGHT_AUTOMATION = "off"\n', encoding="utf-8")
    ran = casewright("eval", "compare", "rulebook", "off.toml", "--split", "mine", cwd=folder, check=0)
    return folder, ran.stdout


def test_flips_are_listed_with_the_exact_test_and_the_noise_of_a_second_run(compared):
    _, printed = compared
    assert "3 cases, the same evidence for A and B, A again" in printed
    assert "B  off.toml: rulebook" in printed
    told = "A → B: 2 outcomes changed: 0 for the better, 2 for the worse, 0 neither (McNemar's exact test: p = 0.500)"
    assert told in printed
    assert "knife: violation → person (expected: violation)" in printed
    assert "dress: no_violation → person (expected: no_violation)" in printed
    assert "A → A again: 0 outcomes changed" in printed
    assert printed.splitlines()[-1].startswith("A → A again")


def test_figures_and_cost_stand_side_by_side(compared):
    rows = {line[:47].strip(): line[47:].split("  ") for line in compared[1].splitlines()}
    alone = [cell.strip() for cell in rows["decided alone"] if cell.strip()]
    assert [cell.rpartition("(")[2] for cell in alone] == ["2 of 3)", "95 % bound 63.2 %)", "2 of 3)"]
    for row in ("model calls, all cases (a case)", "cost, all cases (a case)", "seconds, a case"):
        assert len([cell for cell in rows[row] if cell.strip()]) == 3


def test_reports_are_compared_as_files_and_refused_on_other_cases(casewright, compared):
    folder, _ = compared
    casewright("eval", "golden", "--split", "mine", "--json", "a.json", cwd=folder, check=0)
    report = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    flipped = [{**one, "got": "person"} if one["case_id"] == "dress" else one for one in report["cases"]]
    (folder / "b.json").write_text(json.dumps({**report, "cases": flipped, "snapshot": "other"}), encoding="utf-8")
    ran = casewright("eval", "compare", "a.json", "b.json", cwd=folder, check=0)
    assert "A → B: 1 outcomes changed: 0 for the better, 1 for the worse" in ran.stdout
    assert "their policies differ" in ran.stdout
    assert "A again" not in ran.stdout  # nothing was run
    for field, what, asked in (
        ("cases_sha256", "different cases", ("a.json", "c.json")),
        ("evidence_sha256", "different records or pictures", ("rulebook", "c.json", "--split", "mine")),
    ):
        (folder / "c.json").write_text(json.dumps({**report, field: "other"}), encoding="utf-8")
        ran = casewright("eval", "compare", *asked, cwd=folder, check=2)
        assert f"other_cases: the reports are on {what}" in ran.stderr
        assert ran.stdout == ""


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("x.toml", "CASEWRIGHT_LEED = 3", "bad_setting: CASEWRIGHT_LEED: there is no such variable"),
        ("x.toml", 'CASEWRIGHT_LEAD = "two"', "bad_setting: CASEWRIGHT_LEAD"),
        ("x.toml", 'auditor = "human"', "bad_setting: x.toml: auditor"),
        ("x.toml", "auditor", "not_toml"),
        ("x.json", "{}", "x.json/split: missing"),
        ("x.txt", "rulebook", "unreadable_file"),
    ],
)
def test_what_is_to_be_compared_is_named_rightly(casewright, tmp_path, name, written, told):
    (tmp_path / name).write_text(written, encoding="utf-8")
    ran = casewright("eval", "compare", name, "rulebook", cwd=tmp_path, check=2)
    assert told in ran.stderr
