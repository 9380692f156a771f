"""Every page in Chromium: accessible in both themes, quiet in the console, and whole whatever a listing says."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.console.browsing import house

ROOT = Path(__file__).resolve().parents[2]
CASE = "01-pod-or-humidifier"
PAGES = {
    "queue": "/queue",
    "narrowed": "/queue?regions=SG&q=pod",
    "case": f"/cases/{CASE}",
    "confirm": "/cases/18-recalled-lot",
    "clash": "/cases/12-registered-remedy",
    "decisions": "/decisions",
    "decision": "/decisions/05-hemp-the-day-after",
    "policies": "/policies",
    "clause": "/policies/clauses/tobacco.e-cigarettes?region=SG",
    "numbers": "/numbers?period=all",
    "trace": f"/cases/{CASE}/trace",
    "consult": "/cases/11-newcomer-is-asked/consult",
    "decided": "/decisions/looked-at",
    "start": "/",
}
OPEN = {"sign-in": "/sign-in", "nowhere": "/nowhere"}
HOSTILE = {
    "script": "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    "svg": '<svg onload="document.title=\'owned\'"><foreignObject><iframe src="javascript:alert(1)"></iframe></svg>',
    "bidi": "\u202egnihtemos esle\u202c \u2066hidden\u2069 \u200b\u200d\ufeff zalgo: Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "long": "x" * 20_000,
    "template": "{{ 7*7 }} {% for x in v %} ${7*7} #{7*7} «{n}» {title} %s",
}


@pytest.fixture(scope="module")
def desk(server, tmp_path_factory):
    with house(server, tmp_path_factory.mktemp("home"), "looks", CASEWRIGHT_FEEDBACK_SHARE="1") as opened:
        opened.account("nadia")
        decide_one(opened)
        yield opened


def decide_one(desk):
    """Decide a case by the page, so that there is one to look at."""
    lines = (ROOT / "examples" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    made = next(case for case in map(json.loads, lines) if case["id"] == "05-hemp-the-day-after")
    desk.submit(made | {"id": "looked-at"})
    with desk.visit("nadia") as page:
        page.goto("/cases/looked-at")
        page.wait_for_selector("section.ask.in-hand")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    desk.waits_for("SELECT status = 'decided' FROM cases WHERE id = 'looked-at'")


def found_by_axe(page):
    # The script is put in by the test's own door: the page's policy would not let it load.
    results = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    return [
        f"{broken['id']}: {node['target']} {node['failureSummary'][:200]}"
        for broken in results.response["violations"]
        for node in broken["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(desk, name):
    with desk.visit("nadia") as page:
        page.goto(PAGES[name])
        page.wait_for_load_state("networkidle")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert found_by_axe(page) == [], theme


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", OPEN)
def test_a_page_for_everybody_is_accessible(desk, name, theme):
    with desk.visit(color_scheme=theme) as page:
        page.goto(OPEN[name])
        assert found_by_axe(page) == []
        page.complaints = [said for said in page.complaints if "404" not in said]


def test_a_case_stays_accessible_while_it_is_judged(desk):
    with desk.visit("nadia") as page:
        page.goto(f"/cases/{CASE}")
        page.keyboard.press("m")
        expect(page.locator("#follows")).to_contain_text("Remove")
        assert found_by_axe(page) == []
        page.keyboard.press("s")
        page.wait_for_selector("#skip[open]")
        assert found_by_axe(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.wait_for_selector("#all-keys[open]")
        assert found_by_axe(page) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(desk, name):
    with desk.visit("nadia") as page:
        page.goto(PAGES[name])
        page.wait_for_load_state("networkidle")
        for width in (390, 1280, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_listing_says_is_text_and_breaks_nothing(desk, examples, name):
    words = HOSTILE[name]
    made = examples[CASE]
    texts = [{"source": "message", "by": "buyer", "text": words}]
    subject = made["subject"] | {
        "id": f"L-{name}",
        "title": words[:500],
        "description": words[:20_000],
        "category": [words[:200]],
        "brand": words[:200],
        "condition": words[:200],
        "attributes": {"material": words[:500]},
        "variants": [{"name": words[:200]}],
        "images": [],
    }
    reports = [{"by": "buyer", "text": words}]
    desk.submit(
        made
        | {"id": f"hostile-{name}", "subject": subject, "texts": texts, "reports": reports, "seller_id": f"S-{name}"}
    )
    with desk.visit("nadia") as page:
        for path in ("/queue", f"/cases/hostile-{name}", "/decisions"):
            answer = page.goto(path)
            page.wait_for_load_state("networkidle")
            assert answer.status == 200
            assert "owned" not in page.title()
            assert page.evaluate("document.documentElement.scrollWidth") <= 1440
            assert page.locator("iframe, foreignObject, .said script, .said img, .said svg").count() == 0
        page.goto(f"/cases/hostile-{name}")
        page.wait_for_load_state("networkidle")
        shown = page.locator("#e1 .said").inner_text()
        if name == "bidi":
            assert "‹U+202E" in shown  # by name, so that everybody sees that it is there
        else:
            assert re.sub(r"\s", "", words[:100]) in re.sub(r"\s", "", shown)
        assert "49" not in shown
        assert page.locator("#decide").is_visible()


def test_nothing_is_loaded_from_elsewhere_and_nothing_inline_runs(desk):
    with desk.visit("nadia") as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        answer = page.goto(f"/cases/{CASE}")
        page.wait_for_load_state("networkidle")
        assert {url.split("/")[2] for url in asked} == {desk.url.split("/")[2]}
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.locator("[style], [onclick], [onload], script:not([src])").count() == 0


def test_the_reader_chooses_german(desk):
    with desk.visit("nadia", locale="de-DE") as page:
        page.goto("/queue")
        assert page.get_attribute("html", "lang") == "de"


def test_what_a_search_finds_is_exported_and_a_result_is_rebuilt_from_its_record(desk):
    with desk.visit("nadia") as page:
        table = page.request.get("/decisions.csv?q=looked-at").text()
        assert table.count("looked-at") == 1
        (line,) = page.request.get("/decisions.jsonl?q=looked-at").text().splitlines()
        assert json.loads(line)["case_id"] == "looked-at"
        page.goto("/cases/looked-at/trace")
        page.click("form.rebuild button")
        expect(page.locator("form.rebuild [role=status]")).not_to_be_empty()
        assert page.locator("form.rebuild .flag").count() == 0
