"""Reading clause files and signs: values with the line on which they stand."""

import pytest

from cases.problem import Invalid
from policies.clause_file import ClauseFile, clause_file, read_clause, read_yaml, signs_of

TEXT = """---
id: a.x
title: A rule
elements:
  thing:
    text: The item
      is a thing.
  many:
    text: Several of these.
    at_least: 2
    of:
      a/b: {text: One.}
list:
  - first
  - second: 2
---

The prose.

---

More prose.
"""


@pytest.fixture
def written(tmp_path):
    """Write a file; give its path."""

    def write(text, name="a.md"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_front_matter_and_prose_are_told_apart(written):
    source = read_clause(written(TEXT), "clauses/a.md")
    assert source.data["title"] == "A rule"
    assert source.data["elements"]["thing"] == {"text": "The item is a thing."}
    assert source.prose == "The prose.\n\n---\n\nMore prose."
    assert source.file == "clauses/a.md"


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        *(("/id", 2), ("/title", 3), ("/elements", 4), ("/elements/thing", 5), ("/elements/thing/text", 6)),
        *(
            ("/elements/many/at_least", 10),
            ("/elements/many/of/a~1b/text", 12),
            ("/list/0", 14),
            ("/list/1/second", 15),
        ),
        # what is not there is looked for where it would stand
        *(("/elements/thing/proof", 5), ("/elements/none/at/all", 4), ("/nothing", 2), ("", 2)),
    ],
)
def test_a_problem_names_the_line_of_the_value_or_of_what_encloses_it(written, pointer, line):
    problem = read_clause(written(TEXT), "clauses/a.md").problem("code", pointer, "It is wrong.", "mend it")
    assert problem.pointer == f"clauses/a.md:{line}"
    assert problem.detail == f"{pointer or '/'}: It is wrong."
    assert (problem.code, problem.hint) == ("code", "mend it")


def test_a_yaml_file_counts_from_its_first_line(written):
    source = read_yaml(written("a: 1\nb:\n  c: 2\n", "a.yaml"), "a.yaml")
    assert source.problem("x", "/b/c", "y").pointer == "a.yaml:3"
    assert source.prose == ""


def test_texts_are_normalised_as_they_are_read(written):
    source = read_clause(written("---\nid: a.x\ntitle: Cafe\u0301\n---\nCafe\u0301\n"), "a.md")
    assert source.data["title"] == "Café"
    assert source.prose == "Café"


def test_nothing_in_yaml_is_executed(written):
    with pytest.raises(Invalid) as refused:
        read_yaml(written("a: !!python/object/apply:os.getcwd []\n", "a.yaml"), "a.yaml")
    (problem,) = refused.value.problems
    assert (problem.code, problem.pointer) == ("not_yaml", "a.yaml:1")


def front(**fields):
    return {
        "id": "a.x",
        "title": "A rule",
        "type": "a.one",
        "regions": ["SG"],
        "in_force": {"from": "2025-01-01"},
        "severity": "low",
        "elements": {"thing": {"text": "T."}},
        **fields,
    }


@pytest.fixture
def source(written):
    """Give the source that errors of a merged clause are told from."""
    return read_clause(written(TEXT), "clauses/a.md")


def test_parts_are_made_from_what_is_written(source):
    elements = {
        "cheap": {"text": "It is cheap.", "fact": "price.ratio_to_median <= 0.4"},
        "strong": {"text": "It is strong.", "measure": {"of": "nicotine", "over": 20, "unit": "mg/ml"}},
        "many": {"text": "M.", "at_least": 2, "of": {"a": {"text": "A.", "weight": -1, "appraisal": True}}},
    }
    exemptions = {"licensed": {"text": "L.", "record": {"kind": "licence", "value": "retail"}, "absence": "unclear"}}
    read = clause_file(source, front(elements=elements, exemptions=exemptions))
    cheap = read.elements["cheap"].part("cheap", "element")
    assert (cheap.fact.name, cheap.fact.op, cheap.fact.value) == ("price.ratio_to_median", "<=", 0.4)
    assert read.elements["strong"].part("strong", "element").measure.over == 20
    (member,) = read.elements["many"].part("many", "element").of
    assert (member.name, member.role, member.weight, member.appraisal) == ("many.a", "element", -1, True)
    licensed = read.exemptions["licensed"].part("licensed", "exemption")
    assert (licensed.role, licensed.record.value, licensed.if_absent) == ("exemption", "retail", "unclear")


@pytest.mark.parametrize("name", ["Thing", "a_b", "a.b", "1a", "", "ธ"])
def test_a_part_has_a_plain_name(source, name):
    with pytest.raises(Invalid):
        clause_file(source, front(elements={name: {"text": "T."}}))


@pytest.mark.parametrize("voucher", ["buyer", "user", "Seller"])
def test_proof_names_vouchers(source, voucher):
    with pytest.raises(Invalid) as refused:
        clause_file(source, front(elements={"thing": {"text": "T.", "proof": [voucher]}}))
    assert refused.value.problems[0].pointer == "clauses/a.md:5"


def test_dates_of_references_stay_text(source, written):
    dated = read_yaml(written("references: [{law: L, region: SG, as_of: 2026-01-05}]", "b.yaml"), "b.yaml").data
    read = clause_file(source, front(**dated))
    assert isinstance(read, ClauseFile)
    assert read.references[0].as_of == "2026-01-05"
    assert clause_file(source, front(references=[{"law": "L", "region": "SG", "as_of": "2026-01"}])).references[0].as_of


SIGNS = """
thing:
  for:
    en: [pod kit, /pods?/]
    "*": [relx]
    th:
    attributes: [{attribute: nicotine, over: 0, unit: mg}]
  against: {en: [humidifier]}
  compatible: ignore
  anywhere: true
  sources: [listing.title]
many.a: {}
"""


def test_signs_are_read_by_part_side_and_language(written):
    signs = signs_of(read_yaml(written(SIGNS, "a.signs.yaml"), "a.signs.yaml"))
    thing = signs["thing"]
    assert thing.for_.words == {"en": ("pod kit", "/pods?/"), "*": ("relx",), "th": ()}
    assert [(test.attribute, test.over, test.unit) for test in thing.for_.attributes] == [("nicotine", 0, "mg")]
    assert thing.against.words == {"en": ("humidifier",)}
    assert (thing.compatible, thing.anywhere, thing.sources) == ("ignore", True, ("listing.title",))
    assert signs["many.a"].for_.words == {}


def test_every_fault_of_the_signs_is_told(written):
    text = "a:\n  for: {en: vape}\nb:\n  against:\n    en: [x, /(/]\nc: 3\n"
    with pytest.raises(Invalid) as refused:
        signs_of(read_yaml(written(text, "a.signs.yaml"), "a.signs.yaml"))
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("a.signs.yaml:2", "invalid_value"),
        ("a.signs.yaml:5", "bad_phrase"),
        ("a.signs.yaml:6", "invalid_value"),
    ]
