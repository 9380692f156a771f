"""The corpus lint: each flaw on a clause that is right but for it, by file, line and code."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.problem import Invalid
from policies.corpus import load_corpus, survey_corpus
from policies.lint.flaw import CODES
from policies.lint.linter import lint_corpus
from policies.lint.wording import screen_lines, second_fact

ON = date(2026, 11, 25)
TOOLS = ("listing_facts", "seller_history", "similar_listings", "image_checks")
ACTIONS = {
    name: {"title": name, "reversible": True, "impact": impact}
    for name, impact in (("edit_listing", 1), ("remove_listing", 2), ("restrict_seller", 3), ("suspend_seller", 4))
}
FACTS = {
    "price.ratio_to_median": {"unit": "ratio", "tool": "similar_listings"},
    "price.by_guess": {"unit": "ratio", "tool": "crystal_ball"},
    "price.unmeasured": {"unit": "ratio"},
    "seller.trusted": {"unit": "truth", "tool": "seller_history"},
    "seller.refund_rate_90d": {"unit": "0 to 1", "tool": "seller_history"},
    "image.qr_present": {"unit": "truth", "tool": "image_checks", "at_least": True},
    "seller.linked_suspended": {"unit": "accounts", "tool": "seller_history", "at_least": True},
}
RIGHT = """---
id: a.pods
title: Pods
type: a.one
effect: forbid
regions: [SG]
in_force: {from: 2025-01-01}
severity: high
meanwhile: hide
elements:
  pod:
    text: The item is a pod for vapour.
exemptions:
  licensed:
    text: The platform has the seller's licence.
    record: {kind: licence}
enforcement:
  window_days: 365
  ladder:
    - {strikes: 0, action: remove_listing}
    - {strikes: 2, action: restrict_seller, days: 14}
notice:
  en: 'We removed "{title}" ({listing_id}) in {scope} on {date}. {findings} {next_steps}'
examples:
  violating: ["Mint vape pod", "薄荷烟弹"]
  allowed: ["Coffee capsules"]
references: [{law: "Tobacco Act 1993, s. 16", region: SG, as_of: 2026-01}]
guidance: [{part: pod, text: Refills count., by: us, until: 2026-11-25}]
---
Pods are not sold here, under the Tobacco Act 1993.
"""
SIGNS = """pod:
  for:
    en: [vape pod]
    ms: [pod vape]
    zh: [烟弹]
"""


@pytest.fixture
def pods(policy):
    """A corpus with one clause that is right."""
    policy.vocabulary("actions", {"actions": ACTIONS}).vocabulary("facts", {"facts": FACTS})
    return policy.text("a.pods", RIGHT).signs("a.pods", SIGNS)


def flaws(policy, *only, tools=TOOLS, on=ON):
    """What the lint says, without the folder of the clauses."""
    found = lint_corpus(policy.folder, on, only, tools).flaws
    return [f"{flaw.file.removeprefix('clauses/a/')}:{flaw.line}: {flaw.code}" for flaw in found]


def test_a_clause_that_is_right_has_no_flaws(pods):
    assert flaws(pods) == []
    assert lint_corpus(pods.folder, ON).clauses == 1


POD = "    text: The item is a pod for vapour."
LADDER = "    - {strikes: 2, action: restrict_seller, days: 14}"
RECORD = "    record: {kind: licence}"
GROUP = """    at_least: %s
    of:
      one: {text: One is on file., record: {kind: licence}}
      two: {text: Another is on file., record: {kind: brand}, weight: -1}"""
BROKEN = {
    "sees itself": ("meanwhile: hide", "see_also: [a.pods]", "9: circular_see_also"),
    "forbids and lifts": ("meanwhile: hide", "over: [a.pods]", "9: idle_over"),
    "ends before it starts": ("2025-01-01}", "2025-01-01, to: 2024-12-31}", "7: ends_before_it_starts"),
    "ends on the day on which it starts": ("2025-01-01}", "2025-01-01, to: 2025-01-01}", "7: ends_before_it_starts"),
    "no market is left": ("regions: [SG]", "regions: [SG]\nexcept: [SG]", "6: in_force_nowhere"),
    "only reporters prove": (POD, f"{POD}\n    proof: [reporter]", "13: no_possible_proof"),
    "only a model sees": (POD, f"{POD}\n    proof: [model, reporter]", "13: no_possible_proof"),
    "only a tool without a fact": (POD, f"{POD}\n    proof: [tool]", "13: no_possible_proof"),
    "nobody proves": (POD, f"{POD}\n    proof: []", "13: idle_proof"),
    "a record beside proof": ("{kind: licence}", "{kind: licence}\n    proof: [seller]", "17: idle_proof"),
    "a fact beside proof": (POD, f"{POD}\n    fact: price.ratio_to_median <= 0.4\n    proof: [tool]", "14: idle_proof"),
    "a group out of reach": (RECORD, GROUP % 2, "16: no_possible_proof"),
    "a group that is always met": (RECORD, GROUP % -1, "16: always_met"),
    "a fact without its tool": (POD, f"{POD}\n    fact: price.by_guess <= 0.4", "13: tool_absent"),
    "a fact without any tool": (POD, f"{POD}\n    fact: price.unmeasured <= 0.4", "13: tool_absent"),
    "a truth of two": (POD, f"{POD}\n    fact: seller.trusted >= 2", "13: fact_bound"),
    "a truth of nought or more": (POD, f"{POD}\n    fact: seller.trusted >= 0", "13: fact_bound"),
    "a share in per cent": (POD, f"{POD}\n    fact: seller.refund_rate_90d >= 25", "13: fact_bound"),
    "a price below nought": (POD, f"{POD}\n    fact: price.ratio_to_median < 0", "13: fact_bound"),
    "a lower bound as an upper one": (POD, f"{POD}\n    fact: seller.linked_suspended <= 3", "13: fact_bound"),
    "a lower bound that is nought": (POD, f"{POD}\n    fact: image.qr_present == 0", "13: fact_bound"),
    "no unit": (POD, f"{POD}\n    measure: {{of: puff, over: 5, unit: dBel}}", "13: unknown_unit"),
    "strikes that stand still": (LADDER, "    - {strikes: 0, action: restrict_seller}", "21: ladder_not_rising"),
    "an action that is lighter": (LADDER, "    - {strikes: 2, action: edit_listing}", "21: ladder_not_rising"),
    "the same action again": (LADDER, "    - {strikes: 2, action: remove_listing}", "21: ladder_not_rising"),
    "fewer days": (LADDER, f"{LADDER}\n{LADDER.replace('2', '3', 1).replace('14', '7')}", "22: ladder_not_rising"),
    "a first step that comes late": ("strikes: 0", "strikes: 1", "20: ladder_starts_late"),
    "a placeholder that is none": ("{findings}", "{findngs}", "23: unknown_placeholder"),
    "expired guidance": ("2026-11-25}", "2026-11-24}", "28: expired_guidance"),
    "a reference elsewhere": ("region: SG, as_of", "region: Singapore, as_of", "27: unknown_region"),
    "a reference without a month": ("as_of: 2026-01", "as_of: '2026'", "27: undated_reference"),
    "a thirteenth month": ("as_of: 2026-01", "as_of: 2026-13", "27: undated_reference"),
    "vague": ("a pod for vapour.", "a pod for vapour, etc.", "12: vague_words"),
    "a standard that is not said to be one": ("a pod for", "an unsuitable pod for", "12: vague_words"),
    "two facts": ("is a pod for vapour.", "is a pod and holds nicotine.", "12: two_facts"),
    "a law in the prose": (
        'references: [{law: "Tobacco Act 1993, s. 16", region: SG, as_of: 2026-01}]\n',
        "",
        "2: no_reference",
    ),
    "too long": ("Pods are not", "Pods.\n\n" * 30 + "Pods are not", "2: too_long"),
    "nothing violating": ('["Mint vape pod", "薄荷烟弹"]', "[]", "25: no_example"),
    "nothing allowed": ('  allowed: ["Coffee capsules"]\n', "", "24: no_example"),
    "an anchor": (
        'violating: ["Mint vape pod", "薄荷烟弹"]\n  allowed: ["Coffee capsules"]',
        'violating: &same ["Mint vape pod", "薄荷烟弹"]\n  allowed: *same',
        "26: shared_anchor",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_loads_and_is_wrong_is_told_by_file_line_and_code(pods, name):
    old, new, told = BROKEN[name]
    assert RIGHT.count(old) == 1
    pods.text("a.pods", RIGHT.replace(old, new))
    assert flaws(pods) == [f"pods.md:{told}"]


def test_appraisals_may_be_standards_and_hold_two_facts_but_no_open_lists(pods):
    standard = "The buyer is misled and would not have bought an unsuitable pod."
    pods.text("a.pods", RIGHT.replace("The item is a pod for vapour.", f"{standard}\n    appraisal: true"))
    assert flaws(pods) == []
    pods.text("a.pods", RIGHT.replace("The item is a pod for vapour.", "Pods, etc.\n    appraisal: true"))
    assert flaws(pods) == ["pods.md:12: vague_words"]


@pytest.mark.parametrize(
    "text",
    [
        "The item is a vape and holds over 20 mg of nicotine.",
        "It folds, and does not lock.",
        "The seller is new, and there is no picture.",
        "The listing shows a cut and names an earlier price.",
        "It folds; its blade is short.",
        "The barrel is closed and the whole surface is white.",
        "The listing says that the shop was closed, and that this one takes its place.",
        "It is sold to adults, but the seller has no licence.",
    ],
)
def test_a_second_predicate_is_a_second_fact(text):
    assert second_fact(text)


@pytest.mark.parametrize(
    "text",
    [
        "The item is a blood pressure meter, oximeter and a test for disease or pregnancy.",
        "It has the size and both sides of the real note.",
        "The vape cannot be both recharged and refilled.",
        "The buyer will pay and not get the item.",
        "It is labelled and priced as pet food.",
        "A medicine and its box are offered.",
        "The item is a pod (a tank and its coil have one shell).",
        'The listing says "buy one and it is yours".',
        "Its name, form and pictures would appeal to people under the legal age.",
        "The price is between 5 and 10.",
    ],
)
def test_kinds_of_one_thing_are_one_condition(text):
    assert second_fact(text) == ""


@given(st.lists(st.sampled_from(["knife", "axe", "razor", "sharp blade", "label"]), min_size=1), st.booleans())
def test_a_list_of_things_is_never_two_facts(things, negative):
    text = f"The item is {'not ' if negative else ''}a {', '.join(things)} and a {things[0]}."
    assert second_fact(text) == ""


def test_a_screen_is_counted_in_lines_of_a_hundred():
    assert screen_lines("") == 1
    assert screen_lines("a\n\nb") == 3
    assert screen_lines(" ".join(["word"] * 40)) == 2


# Signs and examples


def test_a_language_of_the_market_without_signs_is_told_at_the_part(pods):
    pods.signs("a.pods", "pod:\n  compatible: ignore\n  for:\n    en: [vape pod]\n    zh: [烟弹]\n")
    assert flaws(pods) == ["pods.signs.yaml:3: missing_signs"]


def test_a_part_without_any_signs_is_told_in_the_clause(pods):
    pods.path("a.pods").with_suffix(".signs.yaml").unlink()
    found = lint_corpus(pods.folder, ON).flaws
    assert [(flaw.line, flaw.code) for flaw in found] == [(11, "missing_signs"), (25, "not_retrieved")]
    assert "en, ms, zh" in found[0].detail


def test_records_facts_and_appraisals_need_no_signs(pods):
    pods.path("a.pods").with_suffix(".signs.yaml").unlink()
    for settled in ("record: {kind: licence}", "fact: seller.trusted == 1", "appraisal: true"):
        pods.text("a.pods", RIGHT.replace(POD, f"{POD}\n    {settled}"))
        assert "missing_signs" not in " ".join(flaws(pods))


def test_only_languages_of_markets_where_the_clause_itself_holds_are_asked_for(pods):
    pods.text("a.pods", RIGHT.replace("regions: [SG]", "regions: ['*']"))
    (flaw,) = lint_corpus(pods.folder, ON).flaws
    assert "no signs for it in th, vi, pt, es, de:" in flaw.detail
    thai = {"extends": "a.pods", "regions": ["TH", "VN", "BR", "US", "DE"], "prose": "There too.", "bare": True}
    pods.clause("a.pods-th", **thai)
    found = lint_corpus(pods.folder, ON).flaws
    # The variant lacks what its markets speak, in the file that would have to say it; its parent lacks nothing now.
    assert [(f.file, f.code) for f in found] == [("clauses/a/pods.signs.yaml", "missing_signs")]
    assert "th, vi, pt, es, de:" in found[0].detail
    assert lint_corpus(pods.folder, ON, ["a.pods"]).flaws == ()


def test_an_empty_list_of_signs_is_told(pods):
    pods.signs("a.pods", SIGNS + "  against:\n    en:\n")
    assert flaws(pods) == ["pods.signs.yaml:7: null_takes_nothing"]


def others(policy, count):
    """Clauses that a query about a thing finds before one that does not name it."""
    for n in range(count):
        policy.clause(
            f"a.other-{n}", prose=f"Gadgets of kind {n}: gadget.", elements={"gadget": {"text": "It is a gadget."}}
        )


def test_an_example_that_neither_signs_nor_search_bring_to_its_clause_is_told(pods):
    pods.text("a.pods", RIGHT.replace("Mint vape pod", "Gadget of mint"))
    others(pods, 7)
    assert flaws(pods, "a.pods") == []
    others(pods, 8)
    assert flaws(pods, "a.pods") == ["pods.md:25: not_retrieved"]
    pods.signs("a.pods", SIGNS.replace("vape pod]", "vape pod, gadget of mint]"))
    assert flaws(pods, "a.pods") == []


def test_of_a_permit_what_it_allows_must_find_it(pods):
    permit = RIGHT.replace("effect: forbid", "effect: permit").replace("Coffee capsules", "薄荷烟弹")
    pods.text("a.pods", permit.replace('["Mint vape pod", "薄荷烟弹"]', '["Coffee capsules"]'))
    assert flaws(pods) == []
    pods.text("a.pods", permit.replace("  allowed: [", '  allowed: ["Xyzzy", '))
    assert flaws(pods) == ["pods.md:26: not_retrieved"]


# Clauses beside each other


def twin(policy, clause_id="a.puffs", *changes, signs=SIGNS):
    """A clause that says the same as the right one, but for its id and the changes."""
    text = RIGHT.replace("id: a.pods", f"id: {clause_id}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return policy.text(clause_id, text).signs(clause_id, signs)


def test_the_same_rule_twice_on_the_same_days_is_told_of_the_later(pods):
    twin(pods, "a.puffs")
    assert flaws(pods) == ["puffs.md:7: overlapping_periods"]
    assert flaws(pods, "a.pods") == ["pods.md:7: overlapping_periods"]
    twin(pods, "a.puffs", ("regions: [SG]", "regions: [US]"))
    assert "overlapping_periods" not in " ".join(flaws(pods))


@pytest.mark.parametrize(
    "change",
    [("severity: high", "severity: low"), ("meanwhile: hide", "meanwhile: keep"), ("strikes: 2", "strikes: 3")],
)
def test_the_same_parts_with_other_consequences_are_told(pods, change):
    twin(
        pods,
        "a.puffs",
        ("pod:\n", "puff:\n"),
        ("part: pod", "part: puff"),
        change,
        signs=SIGNS.replace("pod:", "puff:"),
    )
    assert flaws(pods) == ["puffs.md:17: other_enforcement"]


def test_other_parts_may_have_other_consequences(pods):
    twin(pods, "a.puffs", ("a pod for vapour", "a puff of vapour"), ("severity: high", "severity: low"))
    assert flaws(pods) == []


def test_one_that_ends_for_another_must_not_go_on_beside_it_nor_leave_a_gap(pods):
    rest = [("a pod for vapour", "a puff of vapour"), ("meanwhile: hide", "see_also: [a.pods]")]
    for day, told in (
        ("2025-01-01", []),
        ("2025-06-01", ["pods.md:7: overlapping_periods"]),
        ("2024-12-31", ["puffs.md:7: gap_between_periods"]),
    ):
        period = ("{from: 2025-01-01}", f"{{from: 2024-01-01, to: {day}}}")
        twin(pods, "a.puffs", period, *rest)
        assert flaws(pods) == told, day


def test_a_variant_may_hold_beside_its_parent_but_not_beside_another_variant(pods):
    variant = {"extends": "a.pods", "regions": ["SG"], "prose": "There too.", "bare": True}
    pods.clause("a.pods-1", in_force={"from": date(2026, 1, 1), "to": date(2026, 6, 1)}, **variant)
    assert flaws(pods) == []
    pods.clause("a.pods-2", in_force={"from": date(2026, 6, 1)}, **variant)
    assert flaws(pods) == []
    pods.clause("a.pods-2", in_force={"from": date(2026, 5, 1)}, **variant)
    assert flaws(pods) == ["pods-2.md:3: overlapping_periods"]
    # Where the parent takes over in between there is no gap.
    pods.clause("a.pods-2", in_force={"from": date(2026, 7, 1)}, **variant)
    assert flaws(pods) == []


def permit(policy, *changes, over="[a.pods]"):
    return twin(
        policy,
        "a.puffs",
        ("effect: forbid", f"effect: permit\nover: {over}"),
        ('"Mint vape pod", "薄荷烟弹"', '"Coffee"'),
        ("Coffee capsules", "薄荷烟弹"),
        *changes,
    )


def test_a_permit_lifts_clauses_that_forbid_where_it_holds(pods):
    permit(pods)
    assert flaws(pods) == []
    permit(pods, ("regions: [SG]", "regions: [US]"))
    assert "puffs.md:6: idle_over" in flaws(pods)


def test_a_permit_over_a_permit_lifts_nothing_and_one_over_itself_goes_in_a_circle(pods):
    permit(pods, over="[a.puffs]")
    assert flaws(pods) == ["puffs.md:6: circular_over"]
    permit(pods, over="[a.pods, a.free]")
    twin(
        pods,
        "a.free",
        ("effect: forbid", "effect: permit"),
        ("a pod for vapour", "a free pod"),
        ("Coffee capsules", "烟弹"),
    )
    assert flaws(pods) == ["puffs.md:6: idle_over"]


def test_null_for_what_the_parent_does_not_have_is_told(pods):
    variant = {"extends": "a.pods", "regions": ["SG"], "prose": "There too.", "bare": True}
    pods.clause("a.pods-sg", exemptions={"licensed": None}, **variant)
    assert flaws(pods) == []
    pods.clause("a.pods-sg", exemptions={"license": None}, **variant)
    assert flaws(pods) == ["pods-sg.md:4: null_takes_nothing"]
    pods.clause("a.pods-sg", exemptons=None, **variant)
    assert flaws(pods) == ["pods-sg.md:3: null_takes_nothing"]


def test_what_is_inherited_is_told_once_and_where_it_is_written(pods):
    pods.text("a.pods", RIGHT.replace("{findings}", "{findngs}"))
    for market in ("SG", "US"):
        pods.clause(f"a.pods-{market.lower()}", bare=True, extends="a.pods", regions=[market], prose="There too.")
    found = [flaw for flaw in lint_corpus(pods.folder, ON).flaws if flaw.code == "unknown_placeholder"]
    assert [(flaw.file, flaw.line, flaw.clause) for flaw in found] == [("clauses/a/pods.md", 23, "a.pods")]
    assert "pods.md:23: unknown_placeholder" in flaws(pods, "a.pods-sg")


# What does not load


def test_what_does_not_load_is_told_with_all_that_is_wrong_elsewhere(pods):
    pods.text("a.mist", "no front matter").text("a.haze", RIGHT.replace("title: Pods", "title: [Pods"))
    twin(pods, "a.fog", ("type: a.one", "type: a.none"), ("severity: high", "severity: grave"))
    twin(pods, "a.steam", ("type: a.one", "type: a.none"), ("[SG]", "[XX]"), ("remove_listing", "shoot"))
    pods.text("a.pods", RIGHT.replace("{findings}", "{findngs}"))
    pods.vocabulary("phrases", "phrases: [a]")
    assert [
        str(f).split(": /")[0].split(": expected")[0]
        for f in lint_corpus(pods.folder, ON).flaws
        if f.clause != "a.mist"
    ] == [
        "clauses/a/fog.md:8: error invalid_value",
        "clauses/a/haze.md:4: error not_yaml: did not find expected ',' or ']'",
        "clauses/a/pods.md:23: error unknown_placeholder",
        "clauses/a/steam.md:4: error unknown_type",
        "clauses/a/steam.md:6: error unknown_region",
        "clauses/a/steam.md:20: error unknown_action",
        "phrases.yaml:1: error not_a_mapping",
    ]
    assert "mist.md:1: no_front_matter" in flaws(pods)


def test_of_one_clause_only_its_own_files_and_those_it_extends_and_the_tables_are_told(pods):
    pods.text("a.mist", "no front matter").vocabulary("phrases", "phrases: [a]")
    pods.clause("a.fog", bare=True, extends="a.haze", regions=["SG"]).text("a.haze", "no front matter")
    assert flaws(pods, "a.pods") == ["phrases.yaml:1: not_a_mapping"]
    assert flaws(pods, "a.fog") == ["haze.md:1: no_front_matter", "phrases.yaml:1: not_a_mapping"]
    assert lint_corpus(pods.folder, ON, ["a.fog", "a.none"]).clauses == 1


@pytest.mark.parametrize(("table", "key"), [("actions", "restrict_seller"), ("facts", "price.by_guess")])
def test_what_rests_on_a_faulty_table_is_not_told_of_clauses(pods, table, key):
    shown = {"actions": ACTIONS, "facts": FACTS}[table]
    pods.vocabulary(table, {table: {**shown, key: {"unit": 5, "title": 5}}})
    pods.text("a.pods", RIGHT.replace(POD, f"{POD}\n    fact: price.by_guess <= 0.4"))
    assert {flaw.file for flaw in lint_corpus(pods.folder, ON, tools=TOOLS).flaws} == {f"{table}.yaml"}


def test_an_empty_folder_is_no_corpus(tmp_path):
    assert {flaw.code for flaw in lint_corpus(tmp_path, ON).flaws} == {"no_clauses", "missing_file"}


def test_a_survey_keeps_what_loads_and_what_extends_a_faulty_clause_goes_with_it(pods):
    pods.clause("a.fog", colour="red").clause("a.mist", bare=True, extends="a.fog", colour=None, regions=["SG"])
    surveyed = survey_corpus(pods.folder)
    assert list(surveyed.corpus.clauses) == ["a.pods"]
    assert sorted(surveyed.sources) == ["a.fog", "a.mist", "a.pods"]
    with pytest.raises(Invalid) as caught:
        load_corpus(pods.folder)
    assert caught.value.problems == surveyed.problems


def test_flaws_come_in_the_order_of_files_and_lines_and_are_written_as_compilers_write_them(pods):
    pods.text("a.pods", RIGHT.replace("{findings}", "{findngs}").replace("a pod for", "a suitable pod for"))
    one, two = lint_corpus(pods.folder, ON).flaws
    assert str(one).startswith("clauses/a/pods.md:12: warning vague_words: /elements/pod/text: «suitable» can mean")
    assert str(one).endswith(")")
    assert (two.line, two.severity, two.code, two.clause) == (23, "error", "unknown_placeholder", "a.pods")


def test_checks_from_elsewhere_are_run_beside_these(pods):
    def check(clause, written):
        yield written.flaw("too_long", clause, "/title", f"{len(clause.title)} letters, on {written.on}")

    (flaw,) = lint_corpus(pods.folder, ON, more=[check]).flaws
    assert (flaw.line, flaw.detail) == (3, "/title: 4 letters, on 2026-11-25")


def test_the_shipped_corpus_has_no_flaws(root):
    """On a day that is kept, for guidance expires."""
    found = lint_corpus(root / "policies", ON, tools=(*TOOLS, "recalls"))
    assert [str(flaw) for flaw in found.flaws] == []
    assert found.clauses >= 120


def test_every_code_was_broken_here():
    """But for the one that takes an auditor."""
    told = {told.split(": ")[1] for _, _, told in BROKEN.values()}
    told |= {"circular_over", "overlapping_periods", "gap_between_periods", "other_enforcement", "null_takes_nothing"}
    assert told | {"missing_signs", "not_retrieved", "wrongly_fulfilled"} == set(CODES)
