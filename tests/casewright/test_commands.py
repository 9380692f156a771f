import json
import re
import subprocess
import sys

import pytest

from tests.casewright.conftest import case, results

HOSTILE = "<script>alert(1)</script> **bold** [x](http://a.example) \u202egnp\u202c \x1b[31mred\x1b[0m"
HOSTILE += " Zombie knife, 12 inch serrated"


@pytest.fixture(scope="module")
def run(casewright, tmp_path_factory):
    """A finished run over three cases."""
    folder = tmp_path_factory.mktemp("run")
    cases = [
        case("dress"),
        case("vape", "RELX disposable vape pod kit, mint, 5000 puffs", region="PH"),
        case("hostile", HOSTILE, region="GB", subject={"description": HOSTILE}),
    ]
    (folder / "cases.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))
    (folder / "sellers.jsonl").write_text(
        json.dumps({"id": "S-1", "opened_at": "2020-01-01T00:00:00Z", "country": "SG"}) + "\n"
    )
    casewright("audit", "cases.jsonl", "--sellers", "sellers.jsonl", "--out", "out.jsonl", cwd=folder, check=0)
    return folder


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import resource, sys\n"
        "from casewright.cli import main\n"
        "sys.argv = ['casewright', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "slow = {'langgraph', 'openai', 'chromadb', 'tantivy', 'PIL', 'numpy', 'rich', 'jinja2', 'pint'}\n"
        "heavy = slow & set(sys.modules)\n"
        "print(sorted(heavy), used.ru_utime + used.ru_stime, file=sys.stderr)\n"
        "sys.exit(1 if heavy else 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "audit" in ran.stdout


def test_explain_on_a_terminal_lets_nothing_through(casewright, run):
    shown = casewright("explain", "out.jsonl", "hostile", cwd=run, check=0).stdout
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "RIGHT-TO-LEFT OVERRIDE" in shown.replace("\n", " ")


def test_explain_as_html_is_one_page_that_loads_and_runs_nothing(casewright, run):
    casewright("explain", "out.jsonl", "hostile", "--as", "html", "--to", "page.html", cwd=run, check=0)
    page = (run / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=", page)
    assert "default-src 'none'" in page


def test_explain_as_markdown_escapes_markup(casewright, run):
    shown = casewright("explain", "out.jsonl", "hostile", "--as", "markdown", cwd=run, check=0).stdout
    assert "<script>" not in shown.replace("\\<", "")
    assert "[x](http" not in shown
    assert "\\*\\*bold\\*\\*" in shown


def test_explain_names_what_is_not_there(casewright, run):
    ran = casewright("explain", "out.jsonl", "nobody", cwd=run, check=1)
    assert "no result for nobody" in ran.stderr


def test_review_lists_shows_takes_and_concludes(casewright, run):
    listed = casewright("review", "out.jsonl", cwd=run, check=0).stdout
    assert "vape" in listed
    shown = casewright("review", "out.jsonl", "vape", cwd=run, check=0).stdout
    assert "licensed-seller" in shown
    taken = casewright(
        "review", "out.jsonl", "vape", "--not-met", "licensed-seller", "--reviewer", "Ana", "--sellers",
        "sellers.jsonl", cwd=run, check=0,
    ).stdout  # fmt: skip
    assert "decided by a person (Ana)" in taken.replace("\n", " ")
    line = results(run / "out.jsonl")["vape"]
    assert line["status"] == "decided"
    assert line["decision"]["outcome"] == "violation"
    assert line["decision"]["decided_by"] == "person"
    again = casewright("review", "out.jsonl", "vape", "--not-met", "licensed-seller", cwd=run, check=1)
    assert "no open question" in again.stderr


def test_review_says_which_parts_there_are(casewright, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(case("vape", "RELX vape pod kit", region="PH")))
    casewright("audit", "c.json", "--out", "o.jsonl", cwd=tmp_path, check=0)
    ran = casewright("review", "o.jsonl", "vape", "--met", "nothing-like-it", cwd=tmp_path, check=2)
    assert "tobacco.e-cigarettes-licensed|cessation-medicine" in ran.stderr


def test_replay_rebuilds_the_same_and_notices_a_change(casewright, run):
    casewright("replay", "out.jsonl", "--auditor", "rulebook", cwd=run, check=0)
    # Cases end in any order: change the line of the case that is replayed, not the first that fits.
    lines = [line for line in (run / "out.jsonl").read_text(encoding="utf-8").splitlines() if '"dress"' in line]
    changed = [line.replace('"outcome":"no_violation"', '"outcome":"violation"', 1) for line in lines]
    assert changed != lines
    (run / "changed.jsonl").write_text("\n".join(changed) + "\n", encoding="utf-8")
    (run / "changed.jsonl.run.db").write_bytes((run / "out.jsonl.run.db").read_bytes())
    ran = casewright("replay", "changed.jsonl", "dress", cwd=run, check=1)
    assert "/decision/outcome" in ran.stdout


def test_schema_prints_what_validates_a_case(casewright, tmp_path):
    schema = json.loads(casewright("schema", "case", cwd=tmp_path, check=0).stdout)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"id", "opened_at", "region", "subject", "seller_id"}
    whole = json.loads(casewright("schema", cwd=tmp_path, check=0).stdout)
    assert {"Case", "Decision", "Escalation", "Review", "Supplement"} <= set(whole["$defs"])


def test_doctor_says_what_is_there_and_what_is_wrong(casewright, tmp_path):
    ran = casewright("doctor", cwd=tmp_path, check=0)
    assert "clauses over" in ran.stdout
    assert "the rulebook auditor serves" in ran.stdout
    wrong = casewright(
        "doctor", cwd=tmp_path, check=1, CASEWRIGHT_SELLERS="/nowhere.jsonl", CASEWRIGHT_MODEL="m",
        CASEWRIGHT_MODEL_URL="http://127.0.0.1:9/v1", CASEWRIGHT_MODEL_KEY="sk-secret",
    )  # fmt: skip
    assert "CASEWRIGHT_SELLERS names /nowhere.jsonl" in wrong.stdout
    assert "cannot be reached" in wrong.stdout
    assert "sk-secret" not in wrong.stdout + wrong.stderr


def test_policy_show_and_search(casewright, tmp_path):
    shown = casewright("policy", "show", "tobacco.e-cigarettes", cwd=tmp_path, check=0).stdout
    assert "record: registration" in shown
    listed = casewright("policy", "show", "--region", "SG", "--on", "2026-03-14", cwd=tmp_path, check=0).stdout
    assert "tobacco.e-cigarettes" in listed
    assert "knives.zombie-style" not in listed
    found = casewright("policy", "search", "liquid vape murah 3mg", "--region", "SG", cwd=tmp_path, check=0).stdout
    assert "tobacco.e-cigarettes" in found.splitlines()[0]
    assert casewright("policy", "show", "tobacco.pipes", cwd=tmp_path).returncode == 1


def test_from_table_names_rows_and_columns(casewright, tmp_path):
    (tmp_path / "t.csv").write_text("id,title,price\n1,Dress,9.899999999999999\n2,,5\n")
    (tmp_path / "m.yaml").write_text(
        "id: {text: 'row-{id}'}\nopened_at: '2026-03-14T09:30:00Z'\nregion: SG\nseller_id: S-1\n"
        "subject:\n  kind: listing\n  id: {column: id}\n  title: {column: title}\n"
        "  price: {amount: {column: price, as: decimal}, currency: SGD}\n"
    )
    ran = casewright("cases", "from-table", "t.csv", "--mapping", "m.yaml", cwd=tmp_path, check=1)
    (made,) = map(json.loads, ran.stdout.splitlines())
    assert made["id"] == "row-1"
    assert made["subject"]["price"]["amount"] == "9.9"
    assert "t.csv:3: /subject/title: missing" in ran.stderr
    (tmp_path / "m.yaml").write_text("id: {column: nummer}\n")
    ran = casewright("cases", "from-table", "t.csv", "--mapping", "m.yaml", cwd=tmp_path, check=2)
    assert "unknown_column" in ran.stderr
    assert "id, title, price" in ran.stderr


@pytest.mark.parametrize("text", ["notes\n", "notes", '{"case_id": "x"}\n', "[1, 2]\n"])
def test_a_file_that_holds_no_results_is_left_as_it_is(casewright, folder, text):
    (folder / "notes.txt").write_text(text)
    for command in (["explain", "notes.txt"], ["replay", "notes.txt"], ["audit", "cases.jsonl", "--out", "notes.txt"]):
        ran = casewright(*command, cwd=folder, check=2)
        assert "notes.txt:1: no_result" in ran.stderr
    assert (folder / "notes.txt").read_text() == text


def test_an_answer_that_is_not_json_is_named(casewright, run):
    (run / "answer.json").write_text("{not json")
    ran = casewright("review", "out.jsonl", "hostile", "--answer", "answer.json", cwd=run)
    assert ran.returncode in {1, 2}
    assert "Traceback" not in ran.stderr
