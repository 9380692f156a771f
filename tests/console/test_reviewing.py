"""Reviewers at work in Chromium, by keyboard: every answer, every way out of a case, and two of them at once."""

import json
import re
import threading

import pytest
from playwright.sync_api import expect

from service.guards import Guard, lift_guard, set_guard
from service.labels import next_blind
from tests.console.browsing import PASSWORD, house

OPEN = "01-pod-or-humidifier"


@pytest.fixture(scope="module")
def desk(server, tmp_path_factory):
    with house(server, tmp_path_factory.mktemp("home"), "reviewing", CASEWRIGHT_GRACE="2") as opened:
        opened.account("nadia")
        opened.account("omar")
        yield opened


def copies(examples, case_id, *names):
    """The same example under other ids, of sellers and listings of their own; what its picture says, in words."""
    made = examples[case_id]
    said = made["subject"]["description"] + (" USB humidifier." if case_id == OPEN else "")
    subject = made["subject"] | {"images": [], "description": said}
    return [made | {"id": name, "seller_id": f"S-{name}", "subject": subject | {"id": f"L-{name}"}} for name in names]


def open_case(page, case_id):
    page.goto(f"/cases/{case_id}")
    page.wait_for_selector("section.ask.in-hand")


def follows(page, words):
    expect(page.locator("#follows")).to_contain_text(words)


def decided(desk, case_id):
    return desk.waits_for("SELECT outcome FROM cases WHERE id = $1 AND status = 'decided'", case_id)


def test_a_case_is_claimed_and_decided_by_keyboard_alone(desk, examples):
    desk.submit(*copies(examples, OPEN, "kb-1"))
    with desk.visit() as page:
        page.goto("/")
        page.keyboard.type("nadia")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".case-row")
        page.keyboard.press("/")
        page.keyboard.type("kb-1")
        page.keyboard.press("Enter")
        expect(page.locator(".case-row a:focus")).to_have_attribute("href", "/cases/kb-1")
        page.keyboard.press("Enter")
        page.wait_for_selector("section.ask.in-hand")
        assert page.get_attribute("#decide", "aria-disabled") == "true"
        assert not page.is_visible(".opened")  # ballots stay sealed until the person has judged
        page.keyboard.press("m")
        follows(page, "Remove the listing")
        assert page.is_visible(".parts .ballot")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
        page.wait_for_url(lambda url: "kb-1" not in url)
    assert decided(desk, "kb-1") == "violation"
    assert desk.value("SELECT decided_by FROM cases WHERE id = 'kb-1'") == "person"


@pytest.mark.parametrize(("key", "outcome"), [("n", "no_violation"), ("m", "violation")])
def test_a_judgement_decides_as_it_says_beforehand(desk, examples, key, outcome):
    name = f"judged-{key}"
    desk.submit(*copies(examples, OPEN, name))
    with desk.visit("nadia") as page:
        open_case(page, name)
        told = page.inner_text(f"section.in-hand .v.{'met' if key == 'm' else 'not_met'} span")
        page.keyboard.press(key)
        follows(page, told)
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    assert decided(desk, name) == outcome


def test_who_cannot_tell_hands_the_question_to_a_senior(desk, examples):
    desk.submit(*copies(examples, OPEN, "unclear"))
    with desk.visit("nadia") as page:
        open_case(page, "unclear")
        page.keyboard.press("u")
        follows(page, "senior")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    query = "SELECT number FROM escalations WHERE case_id = 'unclear' AND waiting_for = 'senior' AND answer IS NULL"
    assert desk.waits_for(query) == 2


def test_a_recommendation_is_confirmed_with_one_key(desk, examples):
    desk.submit(*copies(examples, "03-pepper-spray-sg", "confirmed"))
    with desk.visit("nadia") as page:
        open_case(page, "confirmed")
        assert "Do you confirm" in page.inner_text("section.in-hand .q")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    assert decided(desk, "confirmed") == "violation"


def test_the_seller_is_asked_in_words_that_can_be_changed(desk, examples):
    desk.submit(*copies(examples, OPEN, "asked"))
    with desk.visit("nadia") as page:
        open_case(page, "asked")
        page.keyboard.press("r")
        assert "What would settle it" in page.input_value("#request")
        page.fill("#request", "Please send a photo of the whole label.")
        page.click("#ask-seller button")
        page.wait_for_selector("#toast:not([hidden])")
    query = "SELECT body FROM escalations WHERE case_id = 'asked' AND waiting_for = 'seller' AND closed_at IS NULL"
    desk.waits_for(query)
    answered = desk.value("SELECT convert_from(answer, 'UTF8') FROM escalations WHERE case_id = 'asked' AND number = 1")
    assert "Please send a photo of the whole label." in answered


def test_an_answer_is_taken_back_while_its_grace_lasts(desk, examples):
    desk.submit(*copies(examples, OPEN, "undone"))
    with desk.visit("nadia") as page:
        open_case(page, "undone")
        page.keyboard.press("m")
        follows(page, "Remove")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast button:not([hidden])")
        page.keyboard.press("z")
        page.wait_for_url("**/cases/undone")
        page.wait_for_selector("section.ask.in-hand")
        assert desk.value("SELECT status FROM cases WHERE id = 'undone'") == "waiting"
        assert desk.value("SELECT answer IS NULL FROM escalations WHERE case_id = 'undone'")


def test_a_skipped_case_is_not_offered_again_and_the_reason_is_kept(desk, examples):
    desk.submit(*copies(examples, OPEN, "skipped"))
    with desk.visit("nadia") as page:
        open_case(page, "skipped")
        page.keyboard.press("s")
        page.wait_for_selector("#skip[open]")
        page.keyboard.press("1")
        page.wait_for_selector("#toast:not([hidden])")
    assert desk.value("SELECT reason FROM skips WHERE case_id = 'skipped'") == "later"
    assert desk.value("SELECT claimed_by FROM escalations WHERE case_id = 'skipped'") is None


def test_of_two_reviewers_who_decide_at_once_one_counts_a_hundred_times(desk, examples):
    names = [f"race-{i}" for i in range(100)]
    desk.submit(*copies(examples, OPEN, *names))
    pages = {}
    told = {}
    with desk.visit("nadia") as nadia, desk.visit("omar") as omar:
        for who, page in (("nadia", nadia), ("omar", omar)):
            pages[who] = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
            told[who] = page.get_attribute("meta[name=csrf]", "content")
    answers = race(desk, names, pages, told)
    for name in names:
        assert sorted(answers[name]) == [200, 409], name
    query = "SELECT count(*) FROM events WHERE type = 'case.decided' AND case_id LIKE 'race-%'"
    desk.waits_for(f"SELECT ({query}) = 100", seconds=120)
    assert desk.value(query.replace("count(*)", "count(DISTINCT case_id)")) == 100


def race(desk, names, cookies, tokens):
    """Both answer each case at the same moment, as their browsers would; gives the statuses by case."""
    import httpx  # noqa: PLC0415 - only here

    query = "SELECT case_id, digest FROM escalations WHERE case_id LIKE 'race-%'"
    digests = {row["case_id"]: row["digest"] for row in desk.do(lambda pool: pool.fetch(query))}
    found = {name: [] for name in names}
    barrier = threading.Barrier(2)

    def answering(who, verdict):
        headers = {"x-asks": "part", "x-csrf": tokens[who]}
        with httpx.Client(base_url=desk.url, cookies=cookies[who], headers=headers) as http:
            for name in names:
                barrier.wait()
                form = {"number": "1", "digest": digests[name], "verdict:tobacco.e-cigarettes|device": verdict}
                found[name].append(http.post(f"/cases/{name}/answer", data=form).status_code)

    threads = [threading.Thread(target=answering, args=a) for a in (("nadia", "met"), ("omar", "not_met"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_session_that_ends_amid_a_decision_takes_nothing_along(desk, examples):
    desk.submit(*copies(examples, OPEN, "ended"))
    with desk.visit("nadia") as page:
        open_case(page, "ended")
        page.fill("#comment", "The label names a humidifier.")
        desk.sign_out("nadia")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.wait_for_selector("#sign-in-again[open]")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        follows(page, "No violation")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
        page.complaints[:] = [said for said in page.complaints if "401" not in said]
    assert decided(desk, "ended") == "no_violation"
    answered = desk.value("SELECT convert_from(answer, 'UTF8') FROM escalations WHERE case_id = 'ended'")
    assert "The label names a humidifier." in answered


def test_what_was_written_is_there_again_after_the_page_is_loaded_anew(desk, examples):
    desk.submit(*copies(examples, OPEN, "kept"))
    with desk.visit("nadia") as page:
        open_case(page, "kept")
        page.keyboard.press("n")
        follows(page, "No violation")
        page.fill("#comment", "Half a thought")
        page.reload()
        page.wait_for_selector("section.ask.in-hand")
        assert page.input_value("#comment") == "Half a thought"
        assert page.is_checked("section.in-hand input[value=not_met]")


def test_a_case_in_somebodys_hands_is_not_given_to_another(desk, examples):
    desk.submit(*copies(examples, OPEN, "held"))
    with desk.visit("nadia") as nadia, desk.visit("omar") as omar:
        open_case(nadia, "held")
        omar.goto("/cases/held")
        assert "nadia" in omar.inner_text(".banner")
        assert omar.is_disabled("#decide")


def test_facets_narrow_the_list_and_the_back_button_widens_it(desk):
    with desk.visit("nadia") as page:
        page.goto("/queue")
        total = page.locator(".case-row").count()
        page.check("input[name=regions][value=BR]")
        expect(page.locator(".case-row")).not_to_have_count(total)
        assert "regions=BR" in page.url
        assert {place.strip() for place in page.locator(".case-row .place b").all_inner_texts()} == {"BR"}
        page.go_back()
        expect(page.locator(".case-row")).to_have_count(total)
        assert not page.is_checked("input[name=regions][value=BR]")


def test_an_action_that_takes_two_is_taken_when_a_second_person_says_the_same(desk, examples):
    desk.do(lambda pool: set_guard(pool, Guard(kind="second", action="remove_listing"), "tests"))
    desk.submit(*copies(examples, OPEN, "second"))
    with desk.visit("nadia") as page:
        open_case(page, "second")
        page.keyboard.press("m")
        follows(page, "Remove")
        page.keyboard.press("Enter")
        expect(page.locator("#toast")).to_contain_text("second person")
        assert desk.value("SELECT status FROM cases WHERE id = 'second'") == "waiting"
        assert page.request.get("/cases/second").status == 403  # it wants another person
    with desk.visit("omar") as page:
        open_case(page, "second")
        page.keyboard.press("m")
        follows(page, "Remove")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    desk.do(lambda pool: lift_guard(pool, Guard(kind="second", action="remove_listing")))
    assert decided(desk, "second") == "violation"
    result = desk.value("SELECT convert_from(result, 'UTF8') FROM cases WHERE id = 'second'")
    decision = json.loads(result)["decision"]
    assert {decision["reviewer"], decision["second_reviewer"]} == {"nadia", "omar"}


def test_a_case_that_can_be_decided_by_another_clause_is_judged_by_it(desk, examples):
    desk.submit(*copies(examples, OPEN, "clause"))
    with desk.visit("nadia") as page:
        open_case(page, "clause")
        page.click("[popovertarget=more]")
        page.click("#more [data-dialog=wrong-clause]")
        page.fill("#clause-find", "cosmetics")
        page.click("#clause-list button >> nth=0")
        page.wait_for_selector("#toast:not([hidden])")
    query = "SELECT (convert_from(result, 'UTF8')::json #>> '{escalation,round}')::int FROM cases WHERE id = 'clause'"
    desk.waits_for(f"SELECT ({query}) = 2")


@pytest.mark.parametrize(
    ("dialog", "field", "tier"), [("silent", "#silent-why", "policy_team"), ("senior", "#senior-why", "senior")]
)
def test_a_question_is_handed_on_with_what_was_seen(desk, examples, dialog, field, tier):
    desk.submit(*copies(examples, OPEN, f"to-{tier}"))
    with desk.visit("nadia") as page:
        open_case(page, f"to-{tier}")
        page.click("[popovertarget=more]")
        page.click(f"#more [data-dialog={dialog}]")
        page.fill(field, "The text does not say whether a refill alone counts.")
        page.click(f"#{dialog} .btn.main")
        page.wait_for_selector("#toast:not([hidden])")
    assert desk.value("SELECT waiting_for FROM escalations WHERE case_id = $1", f"to-{tier}") == tier
    assert "refill alone" in desk.value("SELECT text FROM notes WHERE case_id = $1", f"to-{tier}")


def test_a_veiled_picture_is_seen_while_the_button_is_held_and_the_time_is_counted(desk):
    desk.do(lambda pool: pool.execute("UPDATE accounts SET veiled = '{restricted.tobacco}' WHERE id = 'nadia'"))
    with desk.visit("nadia") as page:
        open_case(page, OPEN)
        figure, photo = page.locator("figure.veiled").first, page.locator("figure.veiled .photo").first
        assert "blur" in photo.evaluate("at => getComputedStyle(at).filter")
        button = page.locator("[data-unveil]").first
        button.scroll_into_view_if_needed()
        button.hover()
        page.mouse.down()
        expect(figure).to_have_class(re.compile("seen"))
        assert photo.evaluate("at => getComputedStyle(at).filter") == "none"
        page.mouse.up()
        expect(figure).not_to_have_class(re.compile("seen"))
        button.focus()
        page.keyboard.down(" ")
        expect(figure).to_have_class(re.compile("seen"))
        page.keyboard.up(" ")
        expect(figure).not_to_have_class(re.compile("seen"))
        page.keyboard.press("Escape")
    assert desk.waits_for("SELECT count(*) FROM exposures WHERE reviewer = 'nadia'") == 2
    desk.do(lambda pool: pool.execute("UPDATE accounts SET veiled = '{}' WHERE id = 'nadia'"))


def test_a_second_label_is_given_blind_and_changes_nothing(desk, examples):
    desk.submit(*copies(examples, OPEN, "blind"))
    with desk.visit("nadia") as page:
        open_case(page, "blind")
        page.keyboard.press("m")
        follows(page, "Remove")
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
    assert decided(desk, "blind") == "violation"
    # Of all that was decided here this one alone is left to be drawn.
    others = "INSERT INTO labels (case_id, number, reviewer, claimed_until, given_at)"
    others += " SELECT id, number, 'nobody', now(), now() FROM cases WHERE decided_by = 'person' AND id <> 'blind'"
    desk.do(lambda pool: pool.execute(f"{others} ON CONFLICT DO NOTHING"))
    held = desk.do(lambda pool: next_blind(pool, "omar", 1.0))
    assert held.case_id == "blind"
    with desk.visit("omar") as page:
        page.goto("/blind")
        page.wait_for_selector("section.ask.in-hand")
        assert page.locator(".opened").first.is_hidden()
        assert "nadia" not in page.content()
        assert "agent recommends" not in page.content()
        assert page.request.get("/decisions/blind").status == 403
        assert "/decisions/blind" not in page.request.get("/decisions?q=blind").text()
        page.keyboard.press("n")
        page.wait_for_selector("#decide[aria-disabled=false]")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/blind" not in url)
    assert desk.value("SELECT differing FROM labels WHERE case_id = 'blind'") == ["tobacco.e-cigarettes|device"]
    assert desk.value("SELECT outcome FROM cases WHERE id = 'blind'") == "violation"


def test_what_the_seller_has_answered_is_taken_up_in_a_new_round(desk, examples):
    desk.submit(*copies(examples, OPEN, "added"))
    with desk.visit("nadia") as page:
        open_case(page, "added")
        page.click("[popovertarget=more]")
        page.click("#more [data-dialog=add-evidence]")
        page.fill("#evidence-text", "It is a room humidifier, no vape at all.")
        page.click("#add-evidence .btn.main")
        page.wait_for_selector("#toast:not([hidden])")
    query = "SELECT (convert_from(result, 'UTF8')::json #>> '{escalation,round}')::int FROM cases WHERE id = 'added'"
    desk.waits_for(f"SELECT ({query}) = 2")
    said = desk.value("SELECT convert_from(result, 'UTF8')::json ->> 'evidence' FROM cases WHERE id = 'added'")
    assert "no vape at all" in said


def test_a_picture_that_another_listing_shows_stands_beside_it(desk, examples):
    shown = "14-small-signs-add-up"
    body = "SELECT convert_from(body, 'UTF8')::json #>> '{subject,images,0,sha256}' FROM cases WHERE id = $1"
    sha256 = desk.value(body, shown)
    subject = examples[shown]["subject"] | {"id": "L-2001", "images": [{"sha256": sha256}]}
    desk.submit(examples[shown] | {"id": "the-other", "seller_id": "S-201", "subject": subject})
    with desk.visit("nadia") as page:
        open_case(page, shown)
        beside = page.locator("figure.beside img")
        expect(beside).to_have_count(1)
        assert beside.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
