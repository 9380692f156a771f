"""What two snapshots differ in, told clause by clause; and which clause governs where because of it."""

from datetime import date

import pytest

from policies.clause import Clause
from policies.difference import Change, compare, values_of

SIGNS = {"thing": {"for": {"en": ["a thing", "some thing"], "de": ["ein Ding"]}}}


@pytest.fixture
def versions(policy_in, tmp_path):
    """Two folders with the same clause, to be written over."""
    made = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        made.append(policy_in(tmp_path / name).clause("a.x", signs=SIGNS))
    return made


def _difference(versions):
    old, new = versions
    return compare(old.load(), new.load())


def _changes(versions):
    (clause,) = _difference(versions).clauses
    assert clause.kind == "changed"
    return clause.changes


def test_equal_folders_do_not_differ(versions):
    found = _difference(versions)
    assert not found.counts
    assert found.before == found.after


def test_what_is_written_otherwise_and_says_the_same_does_not_count(versions):
    path = versions[1].path("a.x")
    path.write_text(path.read_text().replace("severity: high", "severity:   high"))
    found = _difference(versions)
    assert found.before != found.after
    assert not found.counts


def test_clauses_that_came_and_went_are_named(versions):
    old, new = versions
    old.clause("a.gone")
    new.clause("a.new", title="A new rule")
    assert [(c.id, c.kind, c.title) for c in _difference(versions).clauses] == [
        ("a.gone", "removed", "A rule"),
        ("a.new", "added", "A new rule"),
    ]


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"severity": "low"}, Change(what="severity", before="high", after="low")),
        ({"regions": ["TH", "SG"]}, Change(what="regions", added=("TH",))),
        (
            {"in_force": {"from": date(2025, 1, 1), "to": date(2026, 1, 1)}},
            Change(what="in force to", after="2026-01-01"),
        ),
        (
            {"elements": {"thing": {"text": "The item is no thing."}}},
            Change(what="text of thing", before="The item is a thing.", after="The item is no thing."),
        ),
        (
            {"elements": {"thing": {"text": "The item is a thing.", "absence": "unclear"}}},
            Change(what="absence of thing", after="unclear"),
        ),
        (
            {"elements": {"thing": {"text": "The item is a thing.", "fact": "price.ratio_to_median <= 0.4"}}},
            Change(what="fact of thing", after="price.ratio_to_median <= 0.4"),
        ),
        (
            {"elements": {"thing": {"text": "The item is a thing.", "appraisal": True}}},
            Change(what="appraisal of thing", before="no", after="yes"),
        ),
        (
            {"exemptions": {"paper": {"text": "It has a paper.", "record": {"kind": "licence"}}}},
            Change(what="exemption paper", after="It has a paper."),
        ),
        (
            {"enforcement": {"window_days": 365, "ladder": [{"strikes": 0, "action": "remove_listing", "days": 3}]}},
            Change(
                what="enforcement ladder",
                removed=("strikes 0, action remove_listing",),
                added=("strikes 0, action remove_listing, days 3",),
            ),
        ),
        ({"examples": {"violating": ["A thing"]}}, Change(what="violating examples", added=("A thing",))),
        ({"prose": "Why not."}, Change(what="prose", before="Why.", after="Why not.")),
    ],
    ids=lambda value: value.what if isinstance(value, Change) else "",
)
def test_each_change_is_named_by_what_it_is(versions, fields, change):
    versions[1].clause("a.x", signs=SIGNS, **fields)
    assert _changes(versions) == (change,)


def test_signs_are_told_by_part_side_and_language(versions):
    versions[1].signs("a.x", {"thing": {"for": {"en": ["a thing", "thingy"]}, "against": {"en": ["toy"]}}})
    assert _changes(versions) == (
        Change(what="signs of thing, for, en", removed=("some thing",), added=("thingy",)),
        Change(what="signs of thing, against, en", added=("toy",)),
        Change(what="signs of thing, for, de", removed=("ein Ding",)),
    )


def test_a_part_that_goes_takes_its_signs_along_without_a_line_of_their_own(versions):
    two = {"thing": {"text": "The item is a thing."}, "red": {"text": "It is red."}}
    versions[0].clause("a.x", signs={**SIGNS, "red": {"for": {"en": ["red"]}}}, elements=two)
    assert _changes(versions) == (Change(what="element red", before="It is red."),)


def test_the_order_of_parts_is_told_where_only_that_differs(versions):
    two = {"thing": {"text": "The item is a thing."}, "red": {"text": "It is red."}}
    versions[0].clause("a.x", signs=SIGNS, elements=two)
    versions[1].clause("a.x", signs=SIGNS, elements=dict(reversed(two.items())))
    assert Change(what="order of parts", before="thing, red", after="red, thing") in _changes(versions)


def test_no_field_of_a_clause_is_left_out(shipped):
    """What a clause says is in its values, or follows from what is; a new field has to be thought of."""
    spoken = {name for clause in shipped.clauses.values() for name in values_of(clause)}
    apart = {"id", "file", "line", "text", "sha256", "rule", "signs", "examples"}
    fields = {(field.alias or name).replace("_", " ") for name, field in Clause.model_fields.items()}
    assert {name for name in fields - apart if not any(said.startswith(name) for said in spoken)} <= {"aliases"}
    assert any(said.startswith("signs of ") for said in spoken)
    assert {"violating examples", "allowed examples", "over", "parts"} <= spoken


# Variants


def test_what_a_variant_inherits_is_told_once(versions):
    for one in versions:
        one.clause("a.y", bare=True, extends="a.x", regions=["TH"], prose="More.")
    versions[1].clause("a.x", signs=SIGNS, severity="low", prose="Why not.")
    above, below = _difference(versions).clauses
    assert [change.what for change in above.changes] == ["severity", "prose"]
    assert (below.changes, below.inherits) == ((), "a.x")


def test_what_a_variant_changes_itself_is_told_there(versions):
    for one in versions:
        one.clause("a.y", bare=True, extends="a.x", regions=["TH"], prose="More.")
    versions[1].clause("a.y", bare=True, extends="a.x", regions=["TH"], title="Another", prose="More.")
    (below,) = _difference(versions).clauses
    assert below.changes == (Change(what="title", before="A rule", after="Another"),)
    assert below.inherits == ""


# Which clause governs where


def _governs(versions):
    return [(s.regions, str(s.from_), s.to and str(s.to), s.lost, s.gained) for s in _difference(versions).governs]


def test_a_region_more_is_a_clause_that_governs_there(versions):
    versions[1].clause("a.x", signs=SIGNS, regions=["SG", "EU"])
    assert _governs(versions) == [(("DE", "FR"), "2025-01-01", None, (), ("a.x",))]


def test_a_new_variant_takes_its_parents_place_from_its_day_on(versions):
    versions[1].clause("a.y", bare=True, extends="a.x", in_force={"from": date(2026, 7, 1)}, prose="More.")
    assert _governs(versions) == [(("SG",), "2026-07-01", None, ("a.x",), ("a.y",))]


def test_days_between_an_old_and_a_new_end_are_a_span(versions):
    versions[0].clause("a.x", signs=SIGNS, in_force={"from": date(2025, 1, 1), "to": date(2026, 1, 1)})
    versions[1].clause("a.x", signs=SIGNS, in_force={"from": date(2025, 1, 1), "to": date(2026, 3, 1)})
    assert _governs(versions) == [(("SG",), "2026-01-01", "2026-03-01", (), ("a.x",))]


def test_where_a_variant_stands_in_a_change_of_its_parents_regions_moves_nothing(versions):
    for one in versions:
        one.clause("a.y", bare=True, extends="a.x", regions=["TH"], prose="More.")
    versions[1].clause("a.x", signs=SIGNS, regions=["SG", "TH"])
    assert _governs(versions) == []


def test_a_group_that_grows_takes_its_clauses_along(versions):
    old, new = versions
    for one in versions:
        one.clause("a.x", signs=SIGNS, regions=["EU"])
    text = (old.folder / "regions.yaml").read_text()
    (new.folder / "regions.yaml").write_text(text.replace("- FR", "- FR\n  - US"))
    (table,) = _difference(versions).tables
    assert (table.table, table.changed) == ("groups", ("EU",))
    assert _governs(versions) == [(("US",), "2025-01-01", None, (), ("a.x",))]


@pytest.mark.parametrize(
    ("told", "kind"), [({"b.two": {"title": "Two"}}, "added"), ({"a.one": {"title": "Uno"}}, "changed")]
)
def test_entries_of_a_table_are_named(versions, told, kind):
    types = {"a.one": {"title": "One"}, "restricted.tobacco": {"title": "Tobacco"}, **told}
    versions[1].vocabulary("taxonomy", {"types": types})
    (table,) = _difference(versions).tables
    assert (table.table, getattr(table, kind)) == ("types", tuple(told))
