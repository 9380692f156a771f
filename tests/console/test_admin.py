"""Administration, one's own account and the doors in Chromium: secrets are shown once, every act is written down."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.browsing import PASSWORD, house, sign_in
from tests.console.test_looks import found_by_axe

TABS = ("people", "keys", "webhooks", "guards", "audit", "workers")


@pytest.fixture(scope="module")
def desk(server, tmp_path_factory):
    with house(server, tmp_path_factory.mktemp("home"), "admins") as opened:
        opened.account("root")
        opened.account("rita", roles=("reviewer",))
        yield opened


def acts(desk, who="root"):
    rows = desk.do(lambda pool: pool.fetch("SELECT act, about, detail FROM acts WHERE who = $1 ORDER BY seq", who))
    return [(row["act"], row["about"]) for row in rows]


def test_somebody_is_invited_chooses_a_password_and_reviews(desk):
    with desk.visit("root") as page:
        page.goto("/admin/people")
        page.fill("#new-id", "sam")
        page.fill("#new-name", "Sam Lee")
        page.click("button[value=make]")
        link = page.inner_text(".secret")
    with desk.visit() as page:
        page.goto(link)
        page.fill("#password", "short")
        page.keyboard.press("Enter")
        assert "/welcome/" in page.url  # the browser says that it is too short
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".case-row")
        assert page.get_by_role("link", name="Admin").count() == 0
        assert page.request.get("/admin/people").status == 403
    with desk.visit() as page:
        page.goto(link)
        expect(page.locator("main")).to_contain_text("used up")  # it was good once
        page.complaints.clear()
    assert ("account_made", "sam") in acts(desk)
    assert "password_chosen" in [act for act, _ in acts(desk, "sam")]


def test_roles_and_skills_say_what_somebody_is_offered(desk):
    with desk.visit("root") as page:
        page.goto("/admin/people")
        row = page.locator("tr", has_text="rita")
        row.locator("summary").nth(1).click()
        row.locator("input[name=regions]").fill("BR")
        row.locator("button[value=skills]").click()
        page.wait_for_load_state()
    with desk.visit("rita") as page:
        page.goto("/queue")
        assert {place.strip() for place in page.locator(".case-row .place b").all_inner_texts()} == {"BR"}
        assert page.request.get("/cases/01-pod-or-humidifier").status == 403


def test_who_is_shut_out_is_out_at_once(desk):
    desk.account("leaver", roles=("reviewer",))
    with desk.visit("leaver") as theirs, desk.visit("root") as page:
        page.goto("/admin/people")
        page.locator("tr", has_text="leaver").locator("button[value=disable]").click()
        page.wait_for_load_state()
        theirs.goto("/queue")
        assert "/sign-in" in theirs.url
        theirs.fill("#name", "leaver")
        theirs.fill("#password", PASSWORD)
        theirs.keyboard.press("Enter")
        expect(theirs.locator("main .wrong")).to_contain_text("wrong")
        theirs.complaints.clear()


def test_the_last_administrator_stays(desk):
    with desk.visit("root") as page:
        page.goto("/admin/people")
        page.locator("tr", has_text="root").locator("button[value=disable]").click()
        expect(page.locator("main .wrong")).to_contain_text("left who administers")
        page.complaints.clear()


def test_a_key_is_shown_once_and_revoked(desk):
    with desk.visit("root") as page:
        page.goto("/admin/keys")
        page.fill("#key-name", "the queue")
        page.check("input[value=read]")
        page.click("button[value=make]")
        secret = page.inner_text(".secret")
        read = {"headers": {"Authorization": f"Bearer {secret}"}}
        assert page.request.get("/api/v1/cases", **read).status == 200
        page.goto("/admin/keys")
        assert secret not in page.content()
        page.locator("tr", has_text="the queue").locator("button[value=revoke]").click()
        page.wait_for_load_state()
        desk.waits_for("SELECT revoked_at IS NOT NULL FROM keys WHERE name = 'the queue'")
    written = desk.do(lambda pool: pool.fetch("SELECT detail::text AS said FROM acts"))
    assert [row for row in written if secret in row["said"]] == []


def test_a_webhook_is_added_stopped_and_deleted(desk):
    with desk.visit("root") as page:
        page.goto("/admin/webhooks")
        page.fill("#url", "https://127.0.0.1/inside")
        page.click("button[value=make]")
        assert page.locator("main .wrong").inner_text()  # no delivery to private addresses
        page.complaints.clear()
        page.fill("#url", "https://example.org/casewright")
        page.click("button[value=make]")
        assert page.inner_text(".secret").startswith("whsec_")
        page.click("table a >> nth=0")
        expect(page.locator("h2", has_text="Deliveries")).to_be_visible()
        page.click("button[value=stop]")
        expect(page.locator("table").first).to_contain_text("stopped")
        page.click("button[value=delete]")
        expect(page.locator(".none")).to_be_visible()
    assert {"webhook_made", "webhook_stopped", "webhook_deleted"} <= {act for act, _ in acts(desk)}


def test_the_kill_switch_asks_before_it_acts_and_is_lifted(desk):
    with desk.visit("root") as page:
        page.goto("/admin/guards")
        page.click("[data-dialog=kill]")
        expect(page.locator("#kill")).to_contain_text("Nothing is decided without a person")
        page.keyboard.press("Enter")  # the safe button has the focus
        assert desk.value("SELECT count(*) FROM guards") == 0
        page.click("[data-dialog=kill]")
        page.click("#kill button[value=set]")
        expect(page.locator(".kill.on")).to_be_visible()
        assert desk.value("SELECT kind FROM guards WHERE action = '' AND type = ''") == "kill"
        page.click(".kill button")
        expect(page.locator(".kill.on")).to_have_count(0)
    assert desk.value("SELECT count(*) FROM guards") == 0
    assert [act for act, _ in acts(desk) if act.startswith("guard")] == ["guard_set", "guard_lifted"]


def test_a_guard_that_makes_no_sense_is_refused_with_a_word(desk):
    with desk.visit("root") as page:
        page.goto("/admin/guards")
        page.select_option("#kind", "cap_per_hour")
        page.click("button[value=set] >> nth=-1")
        expect(page.locator("main .wrong")).to_contain_text("cap")
        page.complaints.clear()


def test_the_audit_log_is_read_and_never_changed(desk):
    with desk.visit("root") as page:
        page.goto("/admin/audit?who=root")
        expect(page.locator("tbody")).to_contain_text("signed in")

    async def body(pool):
        for statement in ("UPDATE acts SET who = 'x'", "DELETE FROM acts", "TRUNCATE acts"):
            with pytest.raises(Exception, match="only ever added to"):
                await pool.execute(statement)

    desk.do(body)


def test_preferences_change_how_the_pages_look(desk):
    with desk.visit("rita") as page:
        page.goto("/me")
        page.select_option("#theme", "dark")
        page.select_option("#tongue", "de")
        page.click(".fields .btn.main")
        page.wait_for_load_state()
        assert page.get_attribute("html", "data-theme") == "dark"
        assert page.get_attribute("html", "lang") == "de"
        page.select_option("#theme", "")
        page.select_option("#tongue", "")
        page.click(".fields .btn.main")
        page.wait_for_load_state()


def test_a_changed_password_ends_every_other_session(desk):
    desk.account("changer", roles=("reviewer",))
    with desk.visit("changer") as one, desk.visit("changer") as other:
        one.goto("/me")
        one.fill("#old", "not the one I have")
        one.fill("#new", PASSWORD + "!")
        one.keyboard.press("Enter")
        expect(one.locator("main .wrong")).to_contain_text("wrong")
        one.complaints.clear()
        one.fill("#old", PASSWORD)
        one.fill("#new", PASSWORD + "!")
        one.keyboard.press("Enter")
        one.wait_for_url("**/me")
        other.goto("/queue")
        assert "/sign-in" in other.url


def test_five_wrong_passwords_have_the_next_one_wait(desk):
    desk.account("guessed", roles=("reviewer",))
    with desk.visit() as page:
        for _ in range(6):
            page.goto("/sign-in")
            page.fill("#name", "guessed")
            page.fill("#password", "not this one either")
            page.keyboard.press("Enter")
            page.wait_for_selector("main .wrong")
        expect(page.locator("main .wrong")).to_contain_text("Too many")
        page.complaints.clear()
    desk.do(lambda pool: pool.execute("UPDATE accounts SET locked_until = NULL WHERE id = 'guessed'"))
    with desk.visit() as page:
        sign_in(page, "guessed")


def test_a_form_of_another_site_is_refused(desk):
    with desk.visit("root") as page:
        token = page.get_attribute("meta[name=csrf]", "content")
        form = {"kind": "kill", "act": "set"}
        send = page.request.post
        assert send("/admin/guards", form=form).status == 403
        assert send("/admin/guards", form={**form, "csrf": "0" * 64}).status == 403
        crossing = {"sec-fetch-site": "cross-site"}
        assert send("/admin/guards", form={**form, "csrf": token}, headers=crossing).status == 403
    assert desk.value("SELECT count(*) FROM guards") == 0


def test_signing_in_leads_to_pages_of_ours_only(desk):
    with desk.visit() as page:
        page.goto("/sign-in?back=//elsewhere.example/")
        page.fill("#name", "root")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/queue"))
        assert page.url.startswith(desk.url)


@pytest.mark.parametrize("path", ["/me", *(f"/admin/{tab}" for tab in TABS)])
def test_an_administrators_page_is_accessible_and_fits_a_phone(desk, path):
    with desk.visit("root") as page:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert found_by_axe(page) == [], theme
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
