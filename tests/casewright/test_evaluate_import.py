"""`casewright eval import`: labelled rows become a set that `eval golden` measures on."""

import json
import shutil

import pytest

MAPPING = """
id: {column: ref}
opened_at: 2026-03-02T08:00:00Z
region: SG
seller_id: S-1
subject: {kind: listing, id: {column: ref}, title: {column: title}}
expected:
  outcome: {column: said, labels: {removed: violation, kept: no_violation, "?": person}}
  type: {column: why}
"""
TABLE = """ref,title,said,why
1,Brass knuckles key ring,removed,prohibited.weapons
2,"Stoneware mug, 350 ml",kept,
3,Mini pod kit,?,
4,"Cotton dress, size M",kept,prohibited.weapons
5,"Steel ring, size 9",removed,
"""


def imported(casewright, folder, table=TABLE, mapping=MAPPING, check=0):
    (folder / "t.csv").write_text(table, encoding="utf-8")
    (folder / "m.yaml").write_text(mapping.replace("2026-03-02T08:00:00Z", '"2026-03-02T08:00:00Z"'), encoding="utf-8")
    ran = casewright("eval", "import", "t.csv", "--mapping", "m.yaml", "--out", "set", cwd=folder, check=check)
    path = folder / "set/cases.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return ran, [json.loads(line) for line in lines]


def test_labels_become_outcomes_and_types_of_violations(casewright, tmp_path):
    ran, rows = imported(casewright, tmp_path)
    assert [row["expected"] for row in rows] == [
        {"outcome": "violation", "type": "prohibited.weapons"},
        {"outcome": "no_violation"},
        {"outcome": "person"},
        {"outcome": "no_violation"},
        {"outcome": "violation"},
    ]
    assert rows[0]["case"]["subject"] == {"kind": "listing", "id": "1", "title": "Brass knuckles key ring"}
    assert "casewright eval golden --split set" in ran.stderr


def test_a_set_is_not_written_over(casewright, tmp_path):
    imported(casewright, tmp_path)
    ran, rows = imported(casewright, tmp_path, TABLE.replace("kept", "removed"), check=2)
    assert "already_there" in ran.stderr
    assert rows[1]["expected"] == {"outcome": "no_violation"}


def test_rows_without_a_known_label_are_named_with_their_line_and_the_others_go_on(casewright, tmp_path):
    table = TABLE + "6,A lamp,banned,\n7,A lamp,,\n8,A lamp,removed,weapons\n9,,kept,\n10,A lamp,kept,\n"
    ran, rows = imported(casewright, tmp_path, table, check=1)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "10"]
    assert "t.csv:7: /expected/outcome: unknown_label: nothing says what 'banned' means" in ran.stderr
    assert "known are: removed, kept, ?" in ran.stderr
    assert "t.csv:8: /expected/outcome: unknown_label: there is no label" in ran.stderr
    assert "t.csv:9: /expected/type: unknown_label: nothing says what 'weapons' means" in ran.stderr
    assert "t.csv:10: /subject/title: missing" in ran.stderr


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("said,", "decided,", "unknown_column"),
        ("removed: violation", "removed: banned", "m.yaml/expected/outcome/labels/removed: invalid_value"),
        ('"?": person}}', '"?": person}}\n  reason: {column: why}', "m.yaml/expected/reason: unknown_field"),
        ("  outcome:", "  type:", "m.yaml/expected/outcome: missing"),
        ("{column: why}", "why", "m.yaml/expected/type: not_a_mapping"),
    ],
)
def test_a_mapping_says_where_the_labels_stand_and_what_they_mean(casewright, tmp_path, was, becomes, told):
    mapping = MAPPING.replace("  type: {column: why}", "") if was == "  outcome:" else MAPPING
    ran, rows = imported(casewright, tmp_path, TABLE, mapping.replace(was, becomes), check=2)
    assert told in ran.stderr
    assert rows == []


@pytest.fixture(scope="module")
def measured(casewright, tmp_path_factory, root):
    """The example of the guide, imported and measured, with its report."""
    folder = tmp_path_factory.mktemp("labelled")
    shutil.copytree(root / "examples/labelled", folder / "e")
    casewright("eval", "import", "e/decided.csv", "--mapping", "e/mapping.yaml", "--out", "mine", cwd=folder, check=0)
    ran = casewright("eval", "golden", "--split", "mine", "--json", "r.json", cwd=folder, check=0)
    return folder, ran, json.loads((folder / "r.json").read_text(encoding="utf-8"))


def test_labelled_cases_are_scored_by_outcome_and_type(measured):
    _, ran, report = measured
    assert "mine: 6 labelled cases, judged by rulebook" in ran.stdout
    for row in ("violation types: precision", "violation types: recall", "cleared unsafely"):
        assert row in ran.stdout
    for row in ("violated clauses", "parts judged", "right question"):
        assert row not in ran.stdout
    assert report["labelled"]
    convicted = [one for one in report["cases"] if one["got"] == "violation"]
    figures = report["figures"]
    assert figures["type_precision"]["n"] == sum(one["types"][1] for one in convicted) > 0
    assert figures["type_precision"]["hits"] == figures["type_precision"]["n"]
    assert figures["clause_recall"]["n"] == figures["parts"]["n"] == 0


def test_theirs_come_first_and_then_how_to_run_ours(measured):
    assert measured[1].stdout.splitlines()[-1].endswith("casewright eval golden --split dev")


def test_floors_beside_the_set_are_theirs(casewright, measured):
    folder, _, report = measured
    assert report["figures"]["alone"]["hits"] < 6
    (folder / "mine/floors.toml").write_text("alone = 1.0\nunsafe = 0\n", encoding="utf-8")
    ran = casewright("eval", "golden", "--split", "mine", cwd=folder, check=1)
    alone = report["figures"]["alone"]["hits"]
    told = [line for line in ran.stderr.splitlines() if line.startswith("floor")]
    assert told == [f"floor broken: alone is {alone / 6:.3f} ({alone} of 6), and must be 1 at least"]
