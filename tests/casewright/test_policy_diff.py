"""`casewright policy diff`: what it tells of an edit, between folders and git revisions, and of golden cases."""

import json
import shutil
import subprocess

import pytest

CLAUSE = """---
id: listing.sirens
title: Toy sirens
type: restricted.children
effect: forbid
regions: [GB]
in_force: {from: 2026-01-01}
severity: medium
elements:
  siren:
    text: The item is a toy siren.
enforcement: {window_days: 180, ladder: [{strikes: 0, action: edit_listing}]}
---
A toy siren is loud. It may hurt an ear.
"""
VARIANT = """---
id: listing.sirens-at-night
title: Toy sirens at night
extends: listing.sirens
regions: [IE]
---
At night it is louder still.
"""
SIGNS = "siren:\n  for: {en: [toy siren, siren for children]}\n"
CASE = {
    "id": "my-1",
    "kinds": ["plain"],
    "case": {
        "id": "my-1",
        "opened_at": "2026-03-14T09:30:00Z",
        "region": "GB",
        "language": "en",
        "seller_id": "S-1",
        "subject": {"kind": "listing", "id": "L-1", "title": "Toy siren for the bath"},
    },
    "expected": {
        "outcome": "violation",
        "clauses": ["listing.sirens"],
        "parts": {"listing.sirens": {"siren": "met"}},
    },
    "argument": "It is called a toy siren, and that is all that the clause asks for.",
}


@pytest.fixture
def folder(root, tmp_path):
    """A folder with the same small corpus in `old` and in `new`, and a golden case of its own in `golden`."""
    for name in ("old", "new"):
        (tmp_path / name / "clauses/listing").mkdir(parents=True)
        for path in (root / "policies").glob("*.yaml"):
            shutil.copy(path, tmp_path / name)
        for file, text in (("sirens.md", CLAUSE), ("sirens-at-night.md", VARIANT), ("sirens.signs.yaml", SIGNS)):
            (tmp_path / name / "clauses/listing" / file).write_text(text, encoding="utf-8")
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden/cases.jsonl").write_text(json.dumps(CASE), encoding="utf-8")
    seller = {"id": "S-1", "opened_at": "2024-05-02T00:00:00Z", "country": "GB"}
    (tmp_path / "golden/sellers.jsonl").write_text(json.dumps(seller), encoding="utf-8")
    return tmp_path


@pytest.fixture
def diff(casewright, folder):
    """Compare: returns what was printed; `new` is the configured corpus."""

    def run(*arguments, check=0):
        return casewright("policy", "diff", *arguments, cwd=folder, check=check, CASEWRIGHT_POLICIES="new").stdout

    return run


def _edit(folder, file, old, new):
    path = folder / "new/clauses/listing" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_equal_policies_say_so_and_nothing_is_audited(casewright, folder):
    ran = casewright("policy", "diff", "old", "new", cwd=folder, check=0)
    assert "Both say the same." in ran.stdout
    assert "Golden cases that change hands, judged by rulebook: none" in ran.stdout
    assert ran.stderr == ""


def test_a_change_is_told_by_what_it_is_and_once_for_the_clauses_that_inherit_it(diff, folder):
    _edit(folder, "sirens.md", "severity: medium", "severity: high")
    _edit(folder, "sirens.md", "It may hurt an ear.", "It can hurt an ear.")
    _edit(folder, "sirens.signs.yaml", "siren for children", "bath siren")
    printed = diff("old", "--no-cases")
    assert printed.split("\n\n")[1].rstrip() == (
        "~ listing.sirens  Toy sirens\n"
        "    severity: medium → high\n"
        "    signs of siren, for, en: − siren for children  + bath siren\n"
        "    prose:\n"
        "      − It may hurt an ear.\n"
        "      + It can hurt an ear.\n"
        "    and with it, for they extend it: listing.sirens-at-night"
    )
    assert "Golden cases" not in printed


def test_what_came_what_went_and_who_governs_where(diff, folder):
    (folder / "new/clauses/listing/sirens-at-night.md").unlink()
    _edit(folder, "sirens.md", "regions: [GB]", "regions: [GB, IE, MT]")
    printed = diff("old", "--no-cases")
    assert "~ listing.sirens  Toy sirens\n    regions: + IE · MT\n" in printed
    assert "− listing.sirens-at-night  Toy sirens at night\n" in printed
    governs = printed.split("Where other clauses govern\n")[1].splitlines()
    assert governs == [
        "  MT from 2026-01-01: + listing.sirens",
        "  IE from 2026-01-01: listing.sirens-at-night → listing.sirens",
    ]


def test_a_golden_case_that_was_right_and_is_wrong_ends_with_1(diff, folder):
    _edit(folder, "sirens.signs.yaml", "toy siren, ", "")
    printed = diff("old", "--golden", "golden", check=1)
    hands = printed.split("Golden cases that change hands, judged by rulebook: 1\n")[1]
    assert hands.startswith("  my-1  GB  Toy siren for the bath\n      violation → no violation; was right, is wrong\n")
    back = json.loads(diff("new", "old", "--golden", "golden", "--json"))
    (case,) = back["cases"]
    assert (case["id"], case["won"], case["after"]["outcome"]) == ("my-1", True, "violation")


def test_json_holds_the_whole_difference(diff, folder):
    _edit(folder, "sirens.md", "severity: medium", "severity: high")
    found = json.loads(diff("old", "--no-cases", "--json"))
    assert found["cases"] is None
    assert [(c["id"], c["kind"], c["inherits"]) for c in found["clauses"]] == [
        ("listing.sirens", "changed", ""),
        ("listing.sirens-at-night", "changed", "listing.sirens"),
    ]
    (change,) = found["clauses"][0]["changes"]
    assert (change["what"], change["before"], change["after"]) == ("severity", "medium", "high")
    assert (found["tables"], found["governs"]) == ([], [])


def test_old_may_be_a_git_revision_and_its_files_are_gone_afterwards(casewright, folder):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    for command in (["init", "-q"], ["add", "new"], [*who, "commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    _edit(folder, "sirens.md", "severity: medium", "severity: high")
    (folder / "made").mkdir()
    where = {"cwd": folder, "CASEWRIGHT_POLICIES": "new", "TMPDIR": folder / "made"}
    printed = casewright("policy", "diff", "v1", "--no-cases", check=0, **where).stdout
    assert list((folder / "made").iterdir()) == []
    assert printed.startswith("OLD  v1 (")
    assert "NEW  new: 2 clauses" in printed
    assert "severity: medium → high" in printed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "no_snapshot: nowhere is neither a folder of policies nor a git revision"),
        ("golden", "golden: golden/clauses: no_clauses"),
        ("--upload-pack=x", "No such option"),
    ],
)
def test_what_is_no_snapshot_is_not_begun(casewright, folder, name, said):
    ran = casewright("policy", "diff", name, cwd=folder, check=2, CASEWRIGHT_POLICIES="new")
    assert said in ran.stderr
    assert ran.stdout == ""


def test_no_option_of_gits_is_taken_for_a_revision(casewright, folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    ran = casewright("policy", "diff", "--", "--all", cwd=folder, check=2, CASEWRIGHT_POLICIES="new")
    assert "no_snapshot: --all is neither" in ran.stderr
