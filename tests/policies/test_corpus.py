"""Loading a corpus: each error with file and line; merging; what is in force where and when; the snapshot."""

from datetime import UTC, date, datetime

import pytest

from policies.corpus import load_corpus
from policies.document import document_of

DAY = date(2026, 3, 14)
PLAIN = """---
id: a.x
title: A rule
type: a.one
regions: [SG]
in_force: {from: 2025-01-01}
severity: high
elements:
  thing: {text: The item is a thing.}
enforcement:
  window_days: 365
  ladder: [{strikes: 0, action: remove_listing}]
---
Why.
"""


def in_force(corpus, region="SG", day=DAY):
    return [clause.id for clause in corpus.in_force(region, day)]


def test_the_plain_clause_loads(policy):
    corpus = policy.text("a.x", PLAIN).load()
    clause = corpus.clauses["a.x"]
    assert (clause.title, clause.regions, clause.severity, clause.file) == ("A rule", ("SG",), "high", "clauses/a/x.md")
    assert clause.rule.id == "a.x"
    assert list(clause.rule.judged) == ["thing"]


BROKEN = {
    "unknown type": ("type: a.one", "type: a.two", "4: unknown_type"),
    "unknown region": ("regions: [SG]", "regions: [SG, ZZ]", "5: unknown_region"),
    "unknown excepted region": ("severity: high", "severity: high\nexcept: [ZZ]", "8: unknown_region"),
    "unknown action": ("action: remove_listing", "action: shoot", "12: unknown_action"),
    "unknown fact": ("{text: The item is a thing.}", "{text: T., fact: price.x <= 1}", "9: unknown_fact"),
    "no fact": ("{text: The item is a thing.}", "{text: T., fact: cheap}", "9: invalid_value"),
    "two bounds": (
        "{text: The item is a thing.}",
        "{text: T., measure: {of: a, over: 1, under: 2}}",
        "9: invalid_value",
    ),
    "half a group": ("{text: The item is a thing.}", "{text: T., of: {m: {text: M.}}}", "9: invalid_value"),
    "nested groups": (
        "{text: The item is a thing.}",
        "{text: T., at_least: 1, of: {m: {text: M., at_least: 1, of: {n: {text: N.}}}}}",
        "9: invalid_value",
    ),
    "a part of two roles": ("enforcement:", "exemptions:\n  thing: {text: No.}\nenforcement:", "10: invalid_value"),
    "guidance on an unknown part": (
        "severity: high",
        "severity: high\nguidance: [{part: z, text: T., by: b}]",
        "8: unknown_part",
    ),
    "lifting an unknown clause": ("severity: high", "severity: high\nover: [a.z]", "8: unknown_clause"),
    "seeing an unknown clause": ("severity: high", "severity: high\nsee_also: [a.z]", "8: unknown_clause"),
    "dangling extends": ("severity: high", "severity: high\nextends: a.z", "8: unknown_clause"),
    "extends that is no name": ("severity: high", "severity: high\nextends: [a.z]", "8: unknown_clause"),
    "extending itself": ("severity: high", "severity: high\nextends: a.x", "8: circular_extends"),
    "id is not the path": ("id: a.x", "id: a.y", "2: id_is_not_path"),
    "no id": ("id: a.x\n", "", "2: id_is_not_path"),
    "given twice": ("severity: high", "severity: high\nseverity: low", "8: twice"),
    "a part given twice": ("elements:\n", "elements:\n  thing: {text: T.}\n", "10: twice"),
    "unknown field": ("severity: high", "severity: high\ncolour: red", "8: unknown_field"),
    "unknown severity": ("severity: high", "severity: grave", "7: invalid_value"),
    "no title": ("title: A rule\n", "", "2: missing"),
    "no YAML": ("title: A rule", "title: [A rule", "4: not_yaml"),
    "a day that is none": ("2025-01-01", "2025-02-30", "6: not_yaml"),
    "a control character": ("title: A rule", "title: A\x08rule", "3: not_yaml"),
    "a country that YAML takes for no": ("regions: [SG]", "regions: [NO]", "5: not_text"),
    "a key that YAML takes for yes": ("severity: high", "severity: high\non: 1", "8: not_text"),
    "no ladder": (PLAIN[PLAIN.index("enforcement") : PLAIN.index("---\nWhy")], "", "2: unknown_ladder"),
    "an empty ladder": ("[{strikes: 0, action: remove_listing}]", "[]", "12: invalid_value"),
    "no elements": ("  thing: {text: The item is a thing.}\n", "", "8: invalid_value"),
    "no regions": ("[SG]", "[]", "5: invalid_value"),
    "no prose": ("Why.\n", "", "1: no_front_matter"),
    "no front matter": (PLAIN, "Just prose.", "1: no_front_matter"),
    "no end of the front matter": ("\n---\n", "\n", "1: no_front_matter"),
    "no mapping": (PLAIN, "---\n- a\n---\nWhy.\n", "1: not_a_mapping"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_clause_is_refused_by_file_line_and_code(policy, name):
    old, new, told = BROKEN[name]
    assert old in PLAIN
    problems = policy.text("a.x", PLAIN.replace(old, new)).problems()
    assert f"clauses/a/x.md:{told}" in problems


def test_text_that_is_not_utf8_is_refused_and_a_byte_order_mark_is_not(policy):
    assert policy.text("a.x", PLAIN.replace("A rule", "Régle").encode("latin-1")).problems() == [
        "clauses/a/x.md:1: not_utf8"
    ]
    assert policy.text("a.x", b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode()).problems() == []


SIGNS = {
    "for an unknown part": ("thing: {for: {en: [a]}}\nother: {for: {en: [a]}}", "2: unknown_part"),
    "for a part of no side": ("thing: {with: {en: [a]}}", "1: unknown_field"),
    "a phrase outside a list": ("thing:\n  for:\n    en: vape", "3: invalid_value"),
    "a number": ("thing:\n  for:\n    en: [vape, 1:1]", "3: not_text"),
    "a language that YAML takes for no": ("thing:\n  for: {no: [kniv]}", "2: not_text"),
    "an empty phrase": ("thing:\n  against: {en: [' ']}", "2: bad_phrase"),
    "no regular expression": ("thing:\n  for: {en: [/(a/]}", "2: bad_phrase"),
    "no YAML": ("thing: {for: {en: [a]}}\nother: ]", "2: not_yaml"),
    "no mapping": ("- a", "1: not_a_mapping"),
    "a part given twice": ("thing: {for: {en: [a]}}\nthing: {for: {en: [b]}}", "2: twice"),
}


@pytest.mark.parametrize("name", SIGNS)
def test_broken_signs_are_refused_by_file_line_and_code(policy, name):
    text, told = SIGNS[name]
    assert policy.text("a.x", PLAIN).signs("a.x", text).problems() == [f"clauses/a/x.signs.yaml:{told}"]


def test_signs_beside_no_clause_are_refused(policy):
    policy.text("a.x", PLAIN).signs("a.y", {"thing": {"for": {"en": ["a"]}}})
    assert policy.problems() == ["clauses/a/y.signs.yaml:1: no_clause"]


VOCABULARY = {
    "no YAML": ("taxonomy", "a: 1\ntypes: ]", "taxonomy.yaml:2: not_yaml"),
    "types as a list": ("taxonomy", "types: [a.one]", "taxonomy.yaml:1: not_a_mapping"),
    "an action without impact": ("actions", "actions:\n  x: {title: X, reversible: true}", "actions.yaml:2: missing"),
    "a region without languages": ("regions", "regions:\n  SG: {time_zone: UTC}", "regions.yaml:2: missing"),
    "an unknown time zone": (
        "regions",
        "regions:\n  SG:\n    languages: [en]\n    time_zone: Asia/Singapor",
        "regions.yaml:4: invalid_value",
    ),
    "a group of one text": (
        "regions",
        "regions:\n  SG: {languages: [en]}\ngroups: {EU: SG}",
        "regions.yaml:3: not_a_list",
    ),
    "a group of an unknown region": (
        "regions",
        "regions:\n  SG: {languages: [en]}\ngroups:\n  EU: [XX]",
        "regions.yaml:4: unknown_region",
    ),
    "phrases as a list": ("phrases", "phrases: [a]", "phrases.yaml:1: not_a_mapping"),
}


@pytest.mark.parametrize("name", VOCABULARY)
def test_a_broken_vocabulary_is_refused_by_file_line_and_code(policy, name):
    vocabulary, text, told = VOCABULARY[name]
    assert policy.text("a.x", PLAIN).vocabulary(vocabulary, text).problems() == [told]


@pytest.mark.parametrize("name", ["taxonomy", "actions", "regions", "facts", "phrases"])
def test_a_missing_vocabulary_is_named(policy, name):
    policy.text("a.x", PLAIN)
    (policy.folder / f"{name}.yaml").unlink()
    assert policy.problems() == [f"{name}.yaml: missing_file"]


def test_a_folder_without_clauses_is_refused(policy):
    assert [problem.rpartition(": ")[2] for problem in policy.problems()] == ["no_clauses"]


def test_all_problems_are_told_at_once(policy):
    policy.clause("a.x", colour="red").clause("a.y", severity="grave").text("a.z", "no front matter")
    policy.signs("a.x", {"thing": {"for": {"en": [""]}}})
    assert policy.problems() == [
        "clauses/a/x.signs.yaml:4: bad_phrase",
        "clauses/a/z.md:1: no_front_matter",
        "clauses/a/x.md:18: unknown_field",
        "clauses/a/y.md:9: invalid_value",
    ]


def test_what_cannot_be_read_is_told_once_and_not_of_those_that_name_it(policy):
    policy.text("a.x", "no front matter").clause("a.y", bare=True, extends="a.x", regions=["SG"])
    policy.clause("a.z", see_also=["a.x"], type="a.one").vocabulary("taxonomy", "types: ]")
    assert policy.problems() == ["clauses/a/x.md:1: no_front_matter", "taxonomy.yaml:1: not_yaml"]


def test_a_circle_of_extends_is_told(policy):
    policy.clause("a.x", extends="a.y").clause("a.y", extends="a.z").clause("a.z", extends="a.x")
    assert {problem.rpartition(": ")[2] for problem in policy.problems()} == {"circular_extends"}


def test_a_permit_needs_no_ladder(policy):
    assert policy.clause("a.x", effect="permit", enforcement=None).problems() == []


PARENT = {
    "elements": {"thing": {"text": "The item is a thing.", "proof": ["seller"]}, "old": {"text": "It is old."}},
    "exemptions": {"licensed": {"text": "It is licensed.", "record": {"kind": "licence"}}},
    "notice": {"en": "Removed.", "th": "ลบแล้ว"},
    "severity": "high",
    "regions": ["*"],
    "signs": {
        "thing": {"for": {"en": ["thing"], "th": ["ของ"]}},
        "old": {"for": {"en": ["old"]}},
        "licensed": {"for": {"en": ["licensed"]}},
    },
}


def test_a_variant_says_only_what_differs(policy):
    policy.clause("a.x", **PARENT)
    changed = {"thing": {"text": "The item is that thing."}, "new": {"text": "It is new."}}
    policy.clause("a.y", bare=True, extends="a.x", regions=["SG"], elements=changed, severity="low", prose="Here.")
    clause = policy.load().clauses["a.y"]
    assert list(clause.rule.judged) == ["thing", "old", "new", "licensed"]
    assert clause.rule.judged["thing"].text == "The item is that thing."
    assert clause.rule.judged["thing"].proof == ("seller",)
    assert (clause.severity, clause.regions, clause.title, clause.extends) == ("low", ("SG",), "A rule", "a.x")
    assert clause.notice == {"en": "Removed.", "th": "ลบแล้ว"}
    assert clause.prose == "Why.\n\nHere."


def test_null_takes_a_part_away_with_its_signs(policy):
    policy.clause("a.x", **PARENT)
    policy.clause("a.y", bare=True, extends="a.x", elements={"old": None}, exemptions=None)
    clause = policy.load().clauses["a.y"]
    assert list(clause.rule.judged) == ["thing"]
    assert list(clause.signs) == ["thing"]
    assert "It is old" not in clause.text
    assert list(policy.load().clauses["a.x"].rule.judged) == ["thing", "old", "licensed"]


def test_a_variants_signs_for_a_part_replace_its_parents(policy):
    policy.clause("a.x", **PARENT)
    policy.clause("a.y", bare=True, extends="a.x", signs={"thing": {"for": {"en": ["gadget"]}}})
    signs = policy.load().clauses["a.y"].signs
    assert signs["thing"].for_.words == {"en": ("gadget",)}
    assert signs["old"].for_.words == {"en": ("old",)}


def test_dates_ladders_and_measures_are_replaced_whole(policy):
    measured = {"text": "T.", "measure": {"of": "nicotine", "over": 20, "unit": "mg/ml"}}
    policy.clause("a.x", in_force={"from": date(2025, 1, 1), "to": date(2027, 1, 1)}, elements={"thing": measured})
    policy.clause(
        "a.y",
        bare=True,
        extends="a.x",
        in_force={"from": date(2026, 1, 1)},
        elements={"thing": {"measure": {"of": "nicotine", "at_least": 5, "unit": "mg"}}},
        enforcement={"window_days": 30, "ladder": [{"strikes": 0, "action": "remove_listing", "person": True}]},
    )
    clause = policy.load().clauses["a.y"]
    assert clause.in_force.to is None
    measure = clause.rule.judged["thing"].measure
    assert (measure.over, measure.at_least, measure.unit) == (None, 5, "mg")
    assert [(s.strikes, s.person) for s in clause.enforcement.ladder] == [(0, True)]
    assert clause.enforcement.window_days == 30


def test_a_variant_of_a_variant_inherits_from_both(policy):
    policy.clause("a.x", **PARENT)
    policy.clause("a.y", bare=True, extends="a.x", elements={"old": None}, prose="Second.")
    policy.clause("a.z", bare=True, extends="a.y", severity="critical", prose="Third.")
    clause = policy.load().clauses["a.z"]
    assert list(clause.rule.judged) == ["thing", "licensed"]
    assert clause.severity == "critical"
    assert clause.prose == "Why.\n\nSecond.\n\nThird."


def test_an_error_in_what_is_merged_is_told_where_the_variant_stands(policy):
    policy.clause("a.x", **PARENT).clause("a.y", bare=True, extends="a.x", elements={"thing": {"text": 3}})
    assert policy.problems() == ["clauses/a/y.md:6: not_text"]


def test_a_variant_replaces_its_parent_in_its_regions_and_dates_only(policy):
    policy.clause("a.x", regions=["*"])
    policy.clause(
        "a.y", bare=True, extends="a.x", regions=["SG"], in_force={"from": date(2026, 1, 1), "to": date(2027, 1, 1)}
    )
    policy.clause("a.z", bare=True, extends="a.y", regions=["SG"], in_force={"from": date(2026, 6, 1)})
    corpus = policy.load()
    assert in_force(corpus, "TH") == ["a.x"]
    assert in_force(corpus, "SG", date(2025, 12, 31)) == ["a.x"]
    assert in_force(corpus, "SG", date(2026, 1, 1)) == ["a.y"]
    assert in_force(corpus, "SG", date(2026, 6, 1)) == ["a.z"]
    assert in_force(corpus, "SG", date(2027, 1, 1)) == ["a.z"]


def test_from_is_included_and_to_is_not(policy):
    policy.clause("a.x", in_force={"from": date(2026, 3, 14), "to": date(2026, 3, 16)})
    corpus = policy.load()
    days = [date(2026, 3, n) for n in range(13, 18)]
    assert [bool(in_force(corpus, day=day)) for day in days] == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("regions", "except_", "there", "not_there"),
    [
        (["SG"], [], ["SG"], ["TH", "DE"]),
        (["EU"], [], ["DE", "FR"], ["GB", "SG"]),
        (["EU"], ["FR"], ["DE"], ["FR"]),
        (["*"], [], ["SG", "DE", "GB-SCT", "XX"], []),
        (["*"], ["EU"], ["SG", "GB"], ["DE", "FR"]),
        (["GB"], [], ["GB", "GB-SCT", "GB-WLS"], ["DE"]),
        (["GB"], ["GB-SCT"], ["GB", "GB-WLS"], ["GB-SCT"]),
        (["GB-SCT"], [], ["GB-SCT"], ["GB", "GB-WLS"]),
        (["EU"], [], ["DE-BY"], []),
    ],
)
def test_regions_groups_exceptions_and_subdivisions(policy, regions, except_, there, not_there):
    corpus = policy.clause("a.x", regions=regions, except_=except_).load()
    assert {region for region in [*there, *not_there] if in_force(corpus, region)} == set(there)
    assert all(corpus.covers(regions, region) for region in there)


def test_a_subdivision_falls_back_to_its_country(policy):
    corpus = policy.clause("a.x").load()
    midnight = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert corpus.local_day(midnight, "GB-WLS") == corpus.local_day(midnight, "GB") == date(2026, 7, 2)
    assert corpus.languages("GB-WLS") == ("en",)
    assert corpus.languages("XX") == ()
    assert corpus.region_name("GB") == "the United Kingdom"
    assert corpus.region_name("TH") == "TH"


@pytest.mark.parametrize(
    ("region", "day"),
    [("SG", 15), ("BR", 14), ("US", 14), ("DE", 14), ("XX", 14)],
)
def test_the_day_is_the_regions_own(policy, region, day):
    corpus = policy.clause("a.x").load()
    assert corpus.local_day(datetime(2026, 3, 14, 23, 30, tzinfo=UTC), region) == date(2026, 3, day)


def test_a_clause_that_begins_tomorrow_is_in_force_where_it_is_tomorrow(policy):
    corpus = policy.clause("a.x", regions=["*"], in_force={"from": date(2026, 3, 15)}).load()
    moment = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    there = {region: bool(in_force(corpus, region, corpus.local_day(moment, region))) for region in ("SG", "BR")}
    assert there == {"SG": True, "BR": False}


def test_a_clauses_text_holds_title_parts_and_prose_and_is_what_is_hashed(policy):
    group = {"text": "Signs of it.", "at_least": 2, "of": {"m": {"text": "A member.", "weight": 2}}}
    policy.clause(
        "a.x",
        elements={"thing": {"text": "The item is a thing."}, "g": group},
        exemptions={"licensed": {"text": "It is licensed."}},
        prose="Cafe\u0301.",
    )
    clause = policy.load().clauses["a.x"]
    for line in (
        "A rule",
        "- thing: The item is a thing.",
        "  - g.m (weight 2): A member.",
        "- licensed: It is licensed.",
    ):
        assert line in clause.text.splitlines()
    assert clause.text.endswith("\nCafé.")
    before = clause.sha256
    policy.clause("a.x", elements={"thing": {"text": "The item is a thing!"}})
    assert policy.load().clauses["a.x"].sha256 != before


def test_the_snapshot_is_of_every_byte_and_name(policy):
    policy.clause("a.x", signs={"thing": {"for": {"en": ["thing"]}}}).clause("b.y")
    first = policy.load().snapshot
    assert policy.load().snapshot == first
    files = [path for path in sorted(policy.folder.rglob("*")) if path.is_file()]
    assert len(files) == 8
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert policy.load().snapshot != first, path
        path.write_bytes(before)
    assert policy.load().snapshot == first
    policy.path("b.y").unlink()
    assert policy.load().snapshot != first


def test_the_same_bytes_under_another_name_are_another_snapshot(policy):
    policy.clause("a.x")
    (policy.folder / "units.yaml").write_text("more: true\n", encoding="utf-8")
    first = policy.load().snapshot
    (policy.folder / "units.yaml").rename(policy.folder / "unit.yaml")
    assert policy.load().snapshot != first


def test_the_shipped_corpus_is_as_wide_as_it_says(shipped):
    clauses = shipped.clauses.values()
    assert len(clauses) >= 45
    assert len({clause.type for clause in clauses}) >= 20
    assert {clause.type for clause in clauses} <= set(shipped.types)
    markets = ("EU", "GB", "US", "SG", "ID", "MY", "TH", "VN", "PH", "MX", "BR", "JP")
    named = [market for market in markets if any(market in clause.regions for clause in clauses)]
    assert len(named) >= 8


def test_every_market_of_the_shipped_corpus_has_clauses_and_signs_to_read_them_by(shipped):
    for region in ("DE", "GB", "US", "SG", "ID", "MY", "TH", "VN", "PH", "MX", "BR", "JP"):
        held = shipped.in_force(region, DAY)
        assert len({clause.type for clause in held}) >= 15, region
        assert shipped.languages(region)[0] in shipped.signs.languages or region == "PH"


def test_every_forbid_clause_that_ships_has_a_notice_and_a_ladder_that_rises(shipped):
    for clause in shipped.clauses.values():
        if clause.effect == "forbid":
            strikes = [step.strikes for step in clause.enforcement.ladder]
            assert strikes == sorted(set(strikes)), clause.id
            assert "en" in clause.notice, clause.id


def test_the_shipped_corpus_is_what_its_folder_gives(shipped, root):
    assert load_corpus(root / "policies").snapshot == shipped.snapshot


def test_aliases_help_the_search_and_are_no_signs(policy):
    signs = {"aliases": {"en": ["cloud maker"]}, "thing": {"for": {"en": ["vape"]}}}
    clause = policy.clause("a.x", signs=signs).load().clauses["a.x"]
    assert list(clause.signs) == ["thing"]
    assert document_of(clause).aliases == {"en": ("cloud maker", "vape")}


def test_a_variant_has_its_parents_aliases_until_it_gives_its_own_in_a_language(policy):
    policy.clause("a.x", signs={"aliases": {"en": ["cloud"], "de": ["Wolke"]}})
    policy.clause("a.y", bare=True, extends="a.x", title="Another", signs={"aliases": {"en": ["mist"]}})
    assert policy.load().clauses["a.y"].aliases == {"en": ("mist",), "de": ("Wolke",)}


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        ("aliases: {en: cloud}\n", "1: invalid_value"),
        ("thing:\n  against: {kinds: [hat]}\n", "2: unknown_kind"),
        ("thing:\n  for: {kinds: [book]}\n", "2: invalid_value"),
    ],
)
def test_faulty_aliases_and_kinds_are_named(policy, signs, told):
    policy.vocabulary("kinds", {"kinds": {"book": {"en": ["book"]}}}).clause("a.x", signs=signs)
    assert policy.problems() == [f"clauses/a/x.signs.yaml:{told}"]


def test_the_table_of_kinds_is_checked(policy):
    policy.vocabulary("kinds", "kinds:\n  book: {en: book}\n").clause("a.x")
    assert policy.problems() == ["kinds.yaml:2: invalid_value"]
