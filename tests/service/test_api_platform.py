"""What a platform tells, uploads, guards and listens to, over HTTP."""

import asyncio
import hashlib
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from cases.case import Image as Named
from cases.case import Limits
from service.coop import CoopMapping
from service.events import number_events
from service.images import PostgresImageStore
from tools.image_checks.decode import decode, fetch

CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Mini pod kit"},
}
SELLER = {
    "opened_at": "2024-01-01T00:00:00Z",
    "country": "SG",
    "name": "A\u0000B",
    "authorisations": [{"kind": "brand", "value": "Nike", "region": "SG", "status": "verified", "from": "2025-01-01"}],
}


def file_of(form, *frames, **saved):
    file = BytesIO()
    first, *others = frames or (Image.effect_noise((60, 40), 50).convert("RGB"),)
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(file, form, **more, **saved)
    return file.getvalue()


async def upload(http, data, media_type="application/octet-stream"):
    return await http.put("/api/v1/images", content=data, headers={"content-type": media_type})


@pytest.mark.parametrize(
    ("form", "kept"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/jpeg"), ("GIF", "image/jpeg")]
)
def test_a_picture_is_drawn_anew_and_found_by_what_it_has_become(with_api, form, kept):
    secret = b"where it was taken"
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", secret.decode())
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    saved = {"PNG": {"pnginfo": note}, "GIF": {"comment": secret}}.get(form, {"exif": exif})
    data = file_of(form, **saved)
    assert secret in data

    async def body(http):
        answer = await upload(http, data)
        named = Named(sha256=answer.json()["sha256"])
        return answer, await fetch(named, None, PostgresImageStore(http.pool), Limits())

    answer, content = with_api(body)
    assert answer.status_code == 201
    assert answer.json() == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "media_type": kept,
        "width": 60,
        "height": 40,
        "moving": False,
    }
    assert secret not in content
    assert f"image/{decode(content, Limits()).form.lower()}" == kept


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_a_picture_that_moves_still_says_so_when_it_is_looked_at(with_api, form):
    frames = [Image.new("RGB", (50, 30), colour) for colour in ("red", "green", "blue")]

    async def body(http):
        answer = await upload(http, file_of(form, *frames, duration=100))
        return answer.json(), await PostgresImageStore(http.pool).get(answer.json()["sha256"])

    told, content = with_api(body)
    seen = decode(content, Limits())
    assert told["moving"] is True
    assert seen.animated
    assert seen.pixels.getpixel((25, 15))[0] > 200


def test_what_is_no_picture_or_too_large_is_not_kept(with_api):
    async def body(http):
        sent = [b"<svg onload='x'/>", b"", file_of("PNG")[:60], file_of("PNG", Image.new("RGB", (200, 200)))]
        answers = [await upload(http, data) for data in sent]
        answers.append(await upload(http, b"x" * 60_000))
        answers.append(await upload(http, file_of("PNG"), "text/html"))
        return [answer.status_code for answer in answers], await http.pool.fetchval("SELECT count(*) FROM images")

    limits = Limits(image_bytes=50_000, image_pixels=30_000)
    assert with_api(body, limits=limits) == ([422, 422, 422, 422, 413, 415], 0)


def test_a_sellers_record_is_kept_as_it_was_told_last(with_api):
    async def body(http):
        path = "/api/v1/sellers/S%2F9"
        none = await http.get(path)
        first = await http.put(path, json=SELLER)
        second = await http.put(path, json=SELLER | {"id": "S/9", "country": "MY", "name": "B"})
        wrong = await http.put(path, json=SELLER | {"strikes": [{"type": "x"}]})
        return none, first, second, wrong, await http.get(path)

    none, first, second, wrong, read = with_api(body)
    assert (none.status_code, first.status_code, second.status_code) == (404, 200, 200)
    assert read.json() == second.json()
    assert (read.json()["id"], read.json()["country"]) == ("S/9", "MY")
    assert read.json()["authorisations"][0]["from"] == "2025-01-01"
    pointers = {problem["pointer"] for problem in wrong.json()["problems"]}
    assert pointers == {"/strikes/0/type", "/strikes/0/at"}


def test_a_subjects_revision_is_the_last_one_told(with_api):
    async def body(http):
        for revision in ("7", "8"):
            answer = await http.put("/api/v1/subjects/L-77", json={"revision": revision})
        return answer, await http.pool.fetchval("SELECT revision FROM subjects WHERE id = 'L-77'")

    answer, kept = with_api(body)
    assert (answer.status_code, answer.json()["revision"], kept) == (200, "8", "8")


def test_guards_are_set_by_the_key_that_asks_and_lifted_once(with_api):
    cap = {"kind": "cap_per_hour", "action": "remove_listing", "cap": 5}

    async def body(http):
        put = await http.put("/api/v1/guards", json=cap)
        gone = [
            await http.delete("/api/v1/guards", params={"kind": "cap_per_hour", "action": "remove_listing"})
            for _ in range(2)
        ]
        return put, gone, await http.get("/api/v1/guards")

    put, gone, left = with_api(body)
    assert [(guard["cap"], guard["set_by"]) for guard in put.json()["items"]] == [(5, "tests")]
    assert [answer.status_code for answer in gone] == [204, 404]
    assert left.json() == {"items": []}


@pytest.mark.parametrize(
    ("guard", "pointer"),
    [
        ({"kind": "kill", "action": "boil_alive"}, "/action"),
        ({"kind": "kill", "type": "no.such"}, "/type"),
        ({"kind": "cap_per_hour"}, ""),
        ({"kind": "person", "cap": 3}, ""),
        ({"kind": "person", "cap": "3"}, "/cap"),
    ],
)
def test_a_guard_that_would_guard_nothing_is_refused(with_api, guard, pointer):
    answer = with_api(lambda http: http.put("/api/v1/guards", json=guard))
    assert (answer.status_code, answer.json()["problems"][0]["pointer"]) == (422, pointer)


def test_events_are_pulled_with_a_cursor_and_waited_for(with_api):
    async def body(http):
        await http.post("/api/v1/cases", json=CASE)
        await number_events(http.pool)
        first = (await http.get("/api/v1/events")).json()
        waiting = asyncio.create_task(http.get("/api/v1/events", params={"after": first["next"], "wait": 20}))
        await asyncio.sleep(1)
        await http.post("/api/v1/cases", json=CASE | {"id": "case-2"})
        await number_events(http.pool)
        begun = asyncio.get_running_loop().time()
        later = (await waiting).json()
        return first, later, asyncio.get_running_loop().time() - begun

    first, later, seconds = with_api(body)
    assert [event["subject"] for event in first["items"]] == ["case-1"]
    assert [(event["subject"], event["type"]) for event in later["items"]] == [("case-2", "case.received")]
    assert seconds < 1.5


@pytest.mark.parametrize(
    ("params", "code"),
    [({"after": "x"}, "bad_cursor"), ({"types": "case.eaten"}, "unknown_event"), ({"wait": 61}, "invalid")],
)
def test_events_that_cannot_be_are_not_waited_for(with_api, params, code):
    answer = with_api(lambda http: http.get("/api/v1/events", params=params))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_webhook_is_made_changed_rotated_and_deleted(with_api):
    async def body(http):
        path = "/api/v1/webhooks"
        made = (await http.post(path, json={"url": "https://example.org/x", "types": ["case.decided"]})).json()
        one = f"{path}/{made['id']}"
        changed = (await http.patch(one, json={"enabled": False})).json()
        refused = await http.post(f"{one}/replay", json={"from": 0})
        await http.patch(one, json={"enabled": True})
        rotated = (await http.post(f"{one}/rotate")).json()
        replayed = await http.post(f"{one}/replay", json={"from": 0})
        deliveries = (await http.get(f"{one}/deliveries")).json()
        read, listed = await http.get(one), (await http.get(path)).json()
        gone = [(await http.delete(one)).status_code for _ in range(2)]
        return made, changed, refused, rotated, replayed, deliveries, read, listed, gone

    made, changed, refused, rotated, replayed, deliveries, read, listed, gone = with_api(body)
    assert made["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert (changed["enabled"], changed["disabled_why"]) == (False, "switched off")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert (replayed.status_code, replayed.json(), deliveries) == (202, {"due": 0}, {"items": [], "next": None})
    assert listed["items"] == [read.json()]
    assert "secret" not in read.json()
    assert gone == [204, 404]


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "https://[::1]/", "ftp://example.org"])
def test_a_webhook_leads_to_the_public_internet(with_api, url):
    answer = with_api(lambda http: http.post("/api/v1/webhooks", json={"url": url}))
    assert (answer.status_code, answer.json()["problems"][0]["pointer"]) == (422, "/url")


def test_a_report_of_coop_becomes_one_case_however_often_it_comes(with_api):
    report = {
        "reporter": {"kind": "user", "typeId": "user", "id": "U-1"},
        "reportedAt": "2026-03-14T09:30:00Z",
        "reportedItem": {"id": "L-1", "typeId": "listing", "data": {"title": "Pod", "seller_id": "S-1"}},
    }

    async def body(http):
        return [await http.post("/api/v1/report", json=report) for _ in range(2)]

    first, second = with_api(body, coop=CoopMapping(item_type="listing", region="SG"))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["case_id"].startswith("coop-")
    assert first.headers["location"].endswith(first.json()["case_id"])
    answer = with_api(lambda http: http.post("/api/v1/report", json=report))
    assert (answer.status_code, answer.json()["code"]) == (404, "coop_not_set_up")
