"""`casewright policy import`: the rules of a handbook, a table or headed Markdown, become clauses that load."""

import json
import re

import pytest
import yaml

from cases.problem import Invalid
from casewright.commands.policy_import import import_handbook
from casewright.rule_mapping import FIELDS
from policies.corpus import load_corpus, named_clauses

MAPPING = """
type: {column: Kind, labels: {Arms: prohibited.weapons}}
regions: {column: Markets, labels: {Singapore: SG, Everywhere: "*"}}
severity: high
action: {column: We do, labels: {Take down: remove_listing}}
window_days: 365
effect: forbid
from: 2026-01-01
"""
HANDBOOK = """# Weapons

Kind: Arms
Markets: Singapore, MY
We do: Take down

## Hidden blades

A blade that looks like something else may not be offered.
"""
ALL = "Prohibited, where all of these hold:\n\n- The item has a blade.\n- The blade is hidden.\n"
ANY = ALL.replace("where all of these hold", "any of")


@pytest.fixture
def imported(tmp_path):
    """Import a handbook into `out`; returns the clauses by id."""

    def run(text, mapping=MAPPING, name="handbook.md", out="out"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        given = [str(file), "--out", str(tmp_path / out)]
        if mapping:
            (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
            given += ["--mapping", str(tmp_path / "m.yaml")]
        import_handbook.main(given, standalone_mode=False)
        return load_corpus(tmp_path / out).clauses

    return run


@pytest.fixture
def refused(imported, tmp_path):
    """Import what is refused; returns its problems, without the folder. Nothing is written."""

    def run(*given, **named):
        with pytest.raises(Invalid) as caught:
            imported(*given, **named)
        assert not (tmp_path / "out").exists()
        return "\n".join(str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems)

    return run


def parts(clause):
    return {part.name: part.text for part in clause.rule.elements}


# What a rule says


def test_a_heading_becomes_a_clause_in_the_words_of_the_handbook(imported, tmp_path):
    clause = imported(HANDBOOK + "\nIt cannot be seen in time.\n\n" + ALL)["weapons.hidden-blades"]
    assert (clause.title, clause.type, clause.effect) == ("Hidden blades", "prohibited.weapons", "forbid")
    assert (clause.regions, clause.severity, str(clause.in_force.from_)) == (("SG", "MY"), "high", "2026-01-01")
    assert parts(clause) == {
        "the-item-has-a-blade": "The item has a blade.",
        "the-blade-is-hidden": "The blade is hidden.",
    }
    assert clause.prose == "A blade that looks like something else may not be offered.\n\nIt cannot be seen in time."
    assert [(step.strikes, step.action) for step in clause.enforcement.ladder] == [(0, "remove_listing")]
    assert clause.file == "clauses/weapons/hidden-blades.md"
    assert not list(tmp_path.rglob("*.signs.yaml"))


def test_any_of_makes_a_group_of_the_conditions(imported):
    (group,) = imported(HANDBOOK + ANY)["weapons.hidden-blades"].rule.elements
    assert (group.at_least, [member.text for member in group.of]) == (
        1,
        ["The item has a blade.", "The blade is hidden."],
    )


@pytest.mark.parametrize(
    "wording",
    ["**Prohibited** (one of the following):", "#### Prohibited, if any of these holds", "- Prohibited: any of"],
)
def test_lists_are_named_in_many_ways(imported, wording):
    below = "\n  - The item has a blade.\n  - The blade is hidden.\n"
    (group,) = imported(f"{HANDBOOK}\n{wording}\n{below}")["weapons.hidden-blades"].rule.elements
    assert len(group.of) == 2


@pytest.mark.parametrize("wording", ["Prohibited:", "Prohibited: all of the following:"])
def test_how_conditions_go_together_is_not_guessed(refused, imported, wording):
    text = HANDBOOK + ALL.replace("Prohibited, where all of these hold:", wording)
    assert "handbook.md:7: /prohibited: missing: 2 conditions, and nothing says whether one is enough" in refused(text)
    decided = MAPPING + "prohibited: {column: Prohibited, together: all}\n"
    assert len(imported(text, decided)["weapons.hidden-blades"].rule.elements) == 2


def test_without_conditions_the_text_is_the_condition(imported, capsys):
    clause = imported(HANDBOOK)["weapons.hidden-blades"]
    assert parts(clause) == {"hidden-blades": "A blade that looks like something else may not be offered."}
    assert "1 clause without conditions" in capsys.readouterr().err


def test_what_is_allowed_and_excepted_lifts_the_rule(imported, capsys):
    lists = "Allowed:\n\n- The item is a letter opener.\n\nExceptions: The blade is a toy.\n"
    clause = imported(HANDBOOK + "\n" + lists)["weapons.hidden-blades"]
    assert [part.text for part in clause.rule.exemptions] == ["The item is a letter opener.", "The blade is a toy."]
    assert "`record` or `proof`" in capsys.readouterr().err


@pytest.mark.parametrize("nothing", ["none", "None.", "n/a", "–", "-"])
def test_no_exception_is_no_exemption(imported, nothing):
    assert imported(f"{HANDBOOK}\nExceptions: {nothing}\n")["weapons.hidden-blades"].rule.exemptions == ()


@pytest.mark.parametrize(("effect", "side"), [("forbid", "violating"), ("permit", "allowed")])
def test_plain_examples_show_what_the_rule_describes(imported, effect, side):
    lists = "Examples:\n\n- Belt buckle knife\n\nAllowed examples:\n\n- Steak knife\n"
    clause = imported(HANDBOOK + "\n" + lists, MAPPING.replace("forbid", effect))["weapons.hidden-blades"]
    assert "Belt buckle knife" in getattr(clause.examples, side)
    assert "Steak knife" in clause.examples.allowed
    assert "Steak knife" not in clause.examples.violating
    assert (clause.enforcement is None) == (effect == "permit")


def test_a_rule_says_otherwise_than_its_area(imported):
    two = HANDBOOK + "\n## Blow pipes\n\n**Markets:** Everywhere\n\nThey may not be offered.\n"
    clauses = imported(two)
    assert clauses["weapons.blow-pipes"].regions == ("*",)
    assert clauses["weapons.hidden-blades"].regions == ("SG", "MY")


def test_bullets_below_bullets_stay_with_them(imported):
    nested = "Prohibited:\n\n- The item is one of\n  - a pen,\n  - a *comb*.\n"
    assert list(parts(imported(HANDBOOK + nested)["weapons.hidden-blades"]).values()) == [
        "The item is one of a pen,; a comb."
    ]


# Ids


def test_the_title_of_the_document_and_numbers_are_no_part_of_an_id(imported):
    text = HANDBOOK.replace("# Weapons", "# Handbook\n\n## 4 Weapons").replace("## Hidden", "### 4.1 Hidden")
    clauses = imported(text)
    assert list(clauses) == ["weapons.hidden-blades"]
    assert clauses["weapons.hidden-blades"].title == "4.1 Hidden blades"


def test_ids_do_not_depend_on_the_order_of_rules(imported):
    rules = [f"\n## {title}\n\nIt may not be offered.\n" for title in ("Knives", "刀具", "3D prints", "Größe & Süßes")]
    head = HANDBOOK.split("\n## ", maxsplit=1)[0]
    first, second = imported(head + "".join(rules)), imported(head + "".join(rules[::-1]), out="other")
    assert set(first) == set(second)
    assert {clause_id: clause.title for clause_id, clause in first.items()} == {c.id: c.title for c in second.values()}
    assert {"weapons.knives", "weapons.rule-3d-prints"} <= set(first)


def test_two_rules_of_one_title_are_told_with_both_lines(refused):
    told = refused(HANDBOOK + "\n## Hidden *blades*\n\nAgain.\n")
    assert told.startswith("handbook.md:11: twice: weapons.hidden-blades is the id of the rule of line 7 too")


def test_a_name_of_its_own_tells_rules_of_one_title_apart(imported):
    again = HANDBOOK + "\n## Hidden blades\n\nName: W-12\n\nAgain.\n"
    assert set(imported(again)) == {"weapons.hidden-blades", "weapons.w-12"}


# Text that is not meant well


@pytest.mark.parametrize(
    "title",
    [
        "../../../etc/passwd",
        "..",
        "/etc/cron.d/x",
        "C:\\Windows\\x",
        "a: {b: [c, *d]} # e",
        "!!python/object/apply:os.system [id]",
        "'\"%@`",
        "No",
        "2026-01-01",
        "{title} {findngs}",
        "\u202eevil\u200b",
        "Very long " * 400,
    ],
)
def test_titles_stay_text_and_files_stay_below_the_folder(imported, tmp_path, title):
    table = json.dumps(
        {"area": title, "title": title, "text": title, "Kind": "Arms", "Markets": "SG", "We do": "Take down"}
    )
    (clause,) = imported(table + "\n", name="rules.jsonl").values()
    assert clause.title == " ".join(title.split())
    (file,) = (tmp_path / "out/clauses").rglob("*.md")
    assert file.parent.parent == tmp_path / "out/clauses"
    assert len(file.name) < 100
    assert {path.name for path in tmp_path.iterdir()} == {"out", "rules.jsonl", "m.yaml"}


def test_front_matter_in_prose_is_prose(imported):
    text = "First.\n---\nid: other.clause\nseverity: low\n---\nLast."
    row = {"area": "Weapons", "title": "Blades", "text": text, "Kind": "Arms", "Markets": "SG", "We do": "Take down"}
    (clause,) = imported(json.dumps(row), name="rules.jsonl").values()
    assert (clause.id, clause.severity, clause.prose) == ("weapons.blades", "high", text)


def test_a_line_between_paragraphs_and_front_matter_above_the_page_are_no_text(imported):
    clauses = imported("---\ntitle: Site\n---\n" + HANDBOOK + "\n---\n\nIt cannot be seen.\n")
    assert clauses["weapons.hidden-blades"].prose.endswith("may not be offered.\n\nIt cannot be seen.")


# Tables

TABLE = """Area,Title,Text,Kind,Markets,We do,Prohibited
Weapons,Hidden blades,"May not be offered,
at all.",Arms,SG,Take down,"- The item has a blade.
- The blade is hidden."
Weapons,Blow pipes,May not be offered.,Arms,Everywhere,Take down,
"""
TOGETHER = MAPPING + "prohibited: {column: Prohibited, together: all}\n"


def test_a_row_becomes_a_clause(imported):
    clauses = imported(TABLE, TOGETHER, name="rules.csv")
    assert list(parts(clauses["weapons.hidden-blades"]).values()) == ["The item has a blade.", "The blade is hidden."]
    assert clauses["weapons.hidden-blades"].prose == "May not be offered,\nat all."
    assert clauses["weapons.blow-pipes"].regions == ("*",)


def test_columns_of_our_names_and_words_need_no_mapping(imported):
    row = {
        "area": "Food", "title": "Raw milk", "text": "May not be offered.", "type": "restricted.food",
        "regions": ["SG", "EU"], "severity": "HIGH", "action": "edit_listing", "window_days": 90, "effect": "forbid",
        "from": "2026-02-01", "to": "2027-02-01", "meanwhile": "hide",
        "violating_examples": ["Raw milk, 1 l"],
    }  # fmt: skip
    clause = imported(json.dumps(row), mapping="", name="rules.jsonl")["food.raw-milk"]
    assert (clause.regions, clause.severity, clause.meanwhile) == (("SG", "EU"), "high", "hide")
    assert (str(clause.in_force.to), clause.enforcement.window_days) == ("2027-02-01", 90)
    assert clause.examples.violating == ("Raw milk, 1 l",)


def test_a_cell_without_its_quotation_marks_loses_no_words(refused):
    told = refused(TABLE + "Weapons,Darts,Throwing, or blowing,Arms,SG,Take down,\n", TOGETHER, name="rules.csv")
    assert told.startswith("rules.csv:6: too_many:")


# What is wrong with it


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("Kind: Arms\n", "", "handbook.md:6: /type: missing: nothing gives the rule's `type`"),
        ("Kind: Arms", "Kind: Toys", "handbook.md:7: /type: unknown_label: nothing says what 'Toys' means"),
        (", MY", ", Atlantis", "handbook.md:7: /regions: unknown_label: nothing says what 'Atlantis' means"),
        ("We do: Take down", "We do: ", "handbook.md:7: /action: missing"),
        ("A blade that looks like something else may not be offered.", "Kind: Arms", "handbook.md:7: /text: missing"),
        ("We do: ", "Kind: Arms\nWe do: ", "handbook.md:3: twice: “Kind” stands twice under “Weapons”"),
    ],
)
def test_what_a_rule_lacks_is_told_with_its_line(refused, was, becomes, told):
    other = "# Toys\n\n## Guns\n\nKind: Arms\nWe do: Take down\nMarkets: SG\n\nNo.\n"
    text = HANDBOOK.replace(was, becomes) + other
    assert told in refused(text)


def test_a_rule_below_no_heading_has_no_area(refused, imported):
    text = HANDBOOK.replace("# Weapons\n\n", "# Blades\n\n").replace("## Hidden blades\n\n", "")
    assert "handbook.md:1: /area: missing" in refused(text)
    assert list(imported(text, MAPPING + "area: Weapons\n")) == ["weapons.blades"]


def test_everything_wrong_is_told_at_once(refused):
    text = HANDBOOK.replace("MY", "Atlantis") + "\n## Darts\n\nMarkets: SG\nKind: Toys\n\nNo.\n"
    places = [line.split(":")[1:3] for line in refused(text).splitlines()]
    assert places == [["7", " /regions"], ["11", " /type"]]


def test_what_every_rule_lacks_is_told_once(refused):
    text = HANDBOOK + "\n## Darts\n\nNo.\n"
    (told,) = refused(text, MAPPING.replace("severity: high\n", "")).splitlines()
    assert told.startswith("handbook.md:7: /severity: missing: ")
    assert "as in all 2 rules" in told


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("severity: high", "severity: severe", "m.yaml/severity: invalid_value: there is no severity 'severe'"),
        ("severity:", "gravity:", "m.yaml/gravity: unknown_field"),
        ("labels: {Arms", "lables: {Arms", "m.yaml/type/lables: unknown_field"),
        ("prohibited.weapons", "weapons", "m.yaml/type/labels: invalid_value: there is no type 'weapons'"),
        ("column: Kind", "column: Sort", "m.yaml: unknown_column"),
        ("{column: We do, ", "{", "m.yaml/action: not_a_mapping"),
        ("Singapore: SG", "Norway: NO", "m.yaml/regions/labels: not_text"),
        ("2026-01-01", "2026-02-30", "m.yaml: not_yaml"),
        ("2026-01-01", "1 January", "m.yaml/from: invalid_value"),
        ("365", "a year", "m.yaml/window_days: invalid_value"),
        ("severity: high", "severity: {column: Kind, together: any}", "m.yaml/severity/together: unknown_field"),
        ("severity: high", "prohibited: {column: Kind, together: some}", "m.yaml/prohibited/together: invalid_value"),
        ("severity: high", "allowed: {column: Kind, labels: {a: b}}", "m.yaml/allowed/labels: unknown_field"),
        ("effect: forbid\n", "effect: forbid\nskip: [Preface]\n", "handbook.md: invalid_value: `skip` in the mapping"),
        ("effect: forbid\n", "effect: forbid\n\x07", "m.yaml: not_yaml"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told_once(refused, was, becomes, told):
    assert was in MAPPING
    said = refused(HANDBOOK + "\n## Darts\n\nNo.\n", MAPPING.replace(was, becomes))
    assert told in said
    assert len(said.splitlines()) == 1 or "not_yaml" in told


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("handbook.md", b"", "handbook.md: no_rules"),
        ("handbook.md", b"Text and no heading.\n", "handbook.md: no_rules"),
        ("handbook.md", b"# Weapons\n\n## Knives\n", "handbook.md: no_rules"),
        ("rules.csv", b"", "rules.csv: no_rules"),
        ("rules.csv", b"Title,Text\n", "rules.csv: no_rules"),
        ("handbook.md", "# Größe\n\nText.\n".encode("latin-1"), "handbook.md:1: not_utf8"),
        ("rules.csv", "Title,Text\nA,B\nGröße,B\n".encode("utf-16"), "rules.csv:1: not_utf8"),
        ("rules.csv", "Title,Text\nA,B\nGröße,B\n".encode("cp1252"), "rules.csv:3: not_utf8"),
        ("rules.jsonl", b'{"title": "A"\n', "rules.jsonl:1: not_json"),
        ("rules.jsonl", b"[1, 2]\n", "rules.jsonl:1: not_an_object"),
        ("rules.csv", b"Title,Text\nA," + b"x" * 200_000, "rules.csv:1: invalid_value: after this line"),
    ],
)
def test_files_that_hold_no_rules_are_refused(refused, name, content, told):
    assert told in refused(content, mapping="", name=name)


def test_a_mapping_may_name_lists_that_a_handbook_does_not_have(imported):
    lists = "prohibited: {column: Banned, together: any}\nexceptions: {column: Unless}\n"
    clauses = imported(HANDBOOK + "\nBanned:\n\n- The item has a blade.\n", MAPPING + lists)
    assert list(parts(clauses["weapons.hidden-blades"]).values()) == ["The item has a blade."]
    assert clauses["weapons.hidden-blades"].rule.exemptions == ()


def test_what_is_not_imported_is_told(imported, capsys):
    text = "Before.\n\n" + HANDBOOK.replace("## Hidden", "For all of us.\n\n## Hidden")
    text += "\nThese are meant:\n\n- pens\n- combs\n\n## Empty\n\n## Contact\n\nWrite to us.\n"
    clauses = imported(text, MAPPING + "skip: [Contact]\n")
    assert list(clauses) == ["weapons.hidden-blades"]
    assert clauses["weapons.hidden-blades"].prose.endswith("These are meant:\n\n- pens\n- combs")
    told = [line.split("handbook.md:")[1] for line in capsys.readouterr().err.splitlines() if "not imported" in line]
    assert [(line.split(":")[0], line.split(": ")[2][:30]) for line in told] == [
        ("1", "text above the first heading i"),
        ("3", "the text of “Weapons” belongs "),
        ("17", "as conditions, for nothing say"),
        ("20", "nothing stands below this head"),
    ]


# The folder


def test_nothing_is_written_over(imported, tmp_path):
    imported(HANDBOOK)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(Invalid, match="already_there"):
        imported(HANDBOOK + "\n## Darts\n\nNo.\n")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_a_second_import_adds_and_keeps_the_folders_own_words(imported, tmp_path):
    imported(HANDBOOK)
    taxonomy = tmp_path / "out/taxonomy.yaml"
    types = yaml.safe_load(taxonomy.read_text())
    taxonomy.write_text(yaml.safe_dump({"types": {**types["types"], "our.own": {"title": "Ours"}}}))
    mapping = MAPPING.replace("Arms: prohibited.weapons", "Arms: our.own")
    clauses = imported(HANDBOOK.replace("Hidden", "Plain"), mapping)
    assert {clause.id: clause.type for clause in clauses.values()} == {
        "weapons.hidden-blades": "prohibited.weapons",
        "weapons.plain-blades": "our.own",
    }


def test_a_fault_of_the_folder_is_told_before_anything_is_written(imported, tmp_path):
    imported(HANDBOOK)
    file = tmp_path / "out/clauses/weapons/hidden-blades.md"
    file.write_text(file.read_text().replace("severity: high", "severity: severe"))
    with pytest.raises(Invalid, match=r"hidden-blades\.md:8: invalid_value"):
        imported(HANDBOOK.replace("Hidden", "Plain"))
    assert list(named_clauses(tmp_path / "out")) == ["weapons.hidden-blades"]


def test_the_guide_tells_every_field(root):
    page = (root / "docs/guides/bring-your-corpus.md").read_text(encoding="utf-8")
    rows = page.split("| field | is |")[1].split("\n\n")[0].splitlines()[2:]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])) == sorted(FIELDS)


def test_what_is_imported_has_no_flaw_but_missing_signs_and_words(casewright, root, tmp_path):
    for file, mapping in (("handbook.md", "mapping.yaml"), ("rules.csv", "rules-mapping.yaml")):
        given = (root / "examples/handbook" / file, "--mapping", root / "examples/handbook" / mapping)
        ran = casewright("policy", "import", *given, "--out", "p", cwd=tmp_path, check=0)
    assert "3 clauses imported; p loads, with 7 clauses." in ran.stderr
    flaws = json.loads(casewright("policy", "lint", "p", "--json", cwd=tmp_path, check=1).stdout)
    assert {flaw["code"] for flaw in flaws} == {"missing_signs", "not_retrieved"}
