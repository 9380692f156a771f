"""`casewright policy try` as a policy writer uses it: a small corpus, an edit, and what the edit does."""

import json
import shutil
import subprocess

import pytest

CLAUSE = """---
id: listing.loud-toys
title: Toys that are too loud
type: restricted.children
effect: forbid
regions: [GB, DE]
in_force: {from: 2026-01-01}
severity: medium
elements:
  toy:
    text: The item is a toy that makes a sound.
  too-loud:
    text: Its sound level is over 85 dB.
    measure: {of: sound level, over: 85, unit: dB}
exemptions:
  tested:
    text: The platform holds a certificate that the toy is safe for hearing.
    record: {kind: certificate, value: toy sound level}
    absence: request
enforcement: {window_days: 180, ladder: [{strikes: 0, action: edit_listing}]}
examples:
  violating: ["Toy siren, sound level 110 dB", "Spielzeugsirene, Schallpegel 92 dB"]
  allowed: ["Toy siren, sound level 75 dB", "Spare batteries for a toy siren, sound level 110 dB"]
---
A toy may be loud at a distance and still hurt an ear that is close to it.
"""
SIGNS = """toy:
  compatible: ignore
  for: {en: [toy siren], de: [Spielzeugsirene]}
  against: {en: [smoke alarm], de: [Rauchmelder]}
too-loud:
  for: {en: [sound level], de: [Schallpegel]}
"""
FILE = "clauses/listing/loud-toys"
GOLDEN = {
    "id": "my-1",
    "kinds": ["plain"],
    "case": {
        "id": "my-1",
        "opened_at": "2026-03-14T09:30:00Z",
        "region": "GB",
        "language": "en",
        "seller_id": "S-1",
        "subject": {"kind": "listing", "id": "L-1", "title": "Toy siren for the bath, sound level 80 dB"},
    },
    "expected": {
        "outcome": "no_violation",
        "clauses": ["listing.loud-toys"],
        "parts": {"listing.loud-toys": {"too-loud": "not_met"}},
    },
    "argument": "Eighty decibels are below the eighty-five of the clause.",
}


@pytest.fixture
def policies(root, tmp_path):
    """A corpus of one clause in `policies`, and a golden case that names it in `golden`."""
    folder = tmp_path / "policies"
    (folder / "clauses/listing").mkdir(parents=True)
    for path in (root / "policies").glob("*.yaml"):
        shutil.copy(path, folder)
    (folder / f"{FILE}.md").write_text(CLAUSE, encoding="utf-8")
    (folder / f"{FILE}.signs.yaml").write_text(SIGNS, encoding="utf-8")
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden/cases.jsonl").write_text(json.dumps(GOLDEN), encoding="utf-8")
    seller = {"id": "S-1", "opened_at": "2024-05-02T00:00:00Z", "country": "GB"}
    (tmp_path / "golden/sellers.jsonl").write_text(json.dumps(seller), encoding="utf-8")
    return folder


def _edit(folder, old, new, file=f"{FILE}.md"):
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def tried(casewright, policies):
    """Try the clause: returns the finished process."""

    def run(*arguments, check):
        words = ("policy", "try", "listing.loud-toys", *arguments)
        return casewright(*words, cwd=policies.parent, check=check, CASEWRIGHT_POLICIES="policies").stdout

    return run


def test_every_example_is_judged_part_by_part_and_what_only_a_record_shows_is_held_against_none(tried):
    printed = tried(check=0)
    first = printed.split("Violating examples\n")[1].split("\n  ✓ ")[0].splitlines()
    assert first[:2] == [
        "  ✓ Toy siren, sound level 110 dB",
        "      fulfilled, but for what words cannot show: tested",
    ]
    assert first[2:4] == [
        "        toy: met — The title says «Toy siren».",
        "        too-loud: met — Sound level is 110 dB; the clause asks for over 85 dB.",
    ]
    assert first[4].startswith("        tested: unclear — ")
    assert "No golden case names it." in printed
    assert "4 of 4 examples on their side.\n" in printed
    assert "Nothing to compare with: policies is in no commit" in printed


def test_a_market_that_does_not_speak_an_examples_language_is_told_and_does_not_count(tried):
    german = tried(check=0).split("  ✓ Spielzeugsirene, Schallpegel 92 dB\n")[1].split("\n\n")[0]
    assert german.startswith("      fulfilled, but for what words cannot show: tested  (in DE)\n")
    assert "      GB: not fulfilled (toy: not met" in german


def test_an_allowed_example_that_comes_out_fulfilled_ends_with_1(tried, policies):
    _edit(policies, "    absence: request", "    absence: not_met")
    _edit(policies, "sound level 75 dB", "sound level 95 dB")
    printed = tried(check=1)
    assert "  ✗ Toy siren, sound level 95 dB\n      fulfilled\n" in printed
    assert "3 of 4 examples on their side, 1 on the wrong side." in printed


def test_a_violating_example_that_no_market_finds_ends_with_1(tried, policies):
    _edit(policies, "toy siren", "toy whistle", f"{FILE}.signs.yaml")
    assert "  ✗ Toy siren, sound level 110 dB\n      not fulfilled\n" in tried(check=1)


def test_a_golden_case_that_a_change_breaks_ends_with_1_and_is_told_with_what_changed(tried, policies):
    shutil.copytree(policies, policies.parent / "copy")
    _edit(policies, "over: 85", "over: 70")
    _edit(policies, "sound level 75 dB", "sound level 65 dB")
    printed = tried("--before", "copy", "--golden", "golden", check=1)
    assert "  ✗ my-1  GB  argued: no violation, got a person (listing.loud-toys tested; " in printed
    assert "        argued not met; too-loud: met — Sound level is 80 dB" in printed
    changed = printed.split("What changed since copy\n")[1]
    assert changed.startswith("  in the clause: measure of too-loud; allowed examples +1 −1\n")
    assert "  my-1  Toy siren for the bath, sound level 80 dB\n      no violation → a person (" in changed
    assert "was right, is wrong" in changed
    assert "0 of 1 golden cases as argued; 1 golden case lost." in changed


def test_a_golden_case_that_was_wrong_already_is_told_and_ends_with_0(tried, policies):
    _edit(policies, "over: 85", "over: 70")
    _edit(policies, "sound level 75 dB", "sound level 65 dB")
    shutil.copytree(policies, policies.parent / "copy")
    _edit(policies, "A toy may be loud", "A toy can be loud")
    printed = tried("--before", "copy", "--golden", "golden", check=0)
    assert "  ✗ my-1" in printed
    assert "  in the clause: prose\n  no example and no golden case comes out otherwise\n" in printed


def test_an_argument_that_no_longer_fits_is_told(tried, policies):
    _edit(policies, "  too-loud:", "  noisy:")
    _edit(policies, "too-loud:", "noisy:", f"{FILE}.signs.yaml")
    printed = tried("--golden", "golden", check=0)
    assert (
        "! its argument no longer fits the policies: my-1/expected/parts/listing.loud-toys/too-loud: unknown_part"
        in (printed)
    )


def test_in_a_work_tree_the_last_commit_is_what_was_before(tried, policies):
    for command in (
        ["init", "-q"],
        ["add", "policies"],
        ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=policies.parent, check=True)
    assert "nothing has changed in any clause" in tried(check=0)
    _edit(policies, "toy siren", "toy whistle", f"{FILE}.signs.yaml")
    changed = tried(check=1).split("What changed since HEAD (")[1]
    assert "  in the clause: signs of toy, for, en +1 −1\n" in changed
    assert "→ not fulfilled (toy met → not met); now on the wrong side" in changed


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["listing.loud"], 1, "There is no clause listing.loud. Near: listing.loud-toys."),
        (["listing.loud-toys", "--before", "nowhere"], 2, "no_snapshot: nowhere is neither"),
        (["listing.loud-toys", "--before", "golden"], 2, "golden: golden/clauses: no_clauses"),
        (["listing.loud-toys", "--auditor", "llm"], 2, "bad_setting: CASEWRIGHT_MODEL"),
    ],
)
def test_what_is_not_there_is_not_begun(casewright, policies, arguments, status, said):
    ran = casewright("policy", "try", *arguments, cwd=policies.parent, check=status, CASEWRIGHT_POLICIES="policies")
    assert said in ran.stderr
    assert ran.stdout == ""
