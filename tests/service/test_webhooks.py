import asyncio
import base64
import json
import socket
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as PublicWebhook
from standardwebhooks import WebhookVerificationError

from service.delivery import Deliverer
from service.events import UnknownEvent, number_events, pull, purge_events
from service.webhooks import BadWebhook, NoSuchWebhook, WebhookDisabled, WebhookStore, make_secret, sign


class Receiver:
    """A real HTTP server that answers as it is told, and keeps what came."""

    def __init__(self):
        self.answers = []  # for the next requests; 204 when there is none left
        self.came = []
        self.arrived = asyncio.Event()
        self.hold = None

    async def take(self, request):
        self.came.append((dict(request.headers), await request.read()))
        self.arrived.set()
        if self.hold:
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else 204
        return answer if isinstance(answer, web.Response) else web.Response(status=answer)

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.came]

    def verified(self, secret, nth=-1):
        headers, body = self.came[nth]
        return PublicWebhook(secret).verify(body, headers)


@asynccontextmanager
async def receiving(port=0):
    """Run a receiver: gives it, with its URL."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        if receiver.hold:
            receiver.hold.set()
        await runner.cleanup()


@pytest.fixture
def delivering(with_pool):
    """Run a body with a store, a receiver and a deliverer whose pauses are nothing; other settings by name."""

    def run(body, **settings):
        async def inner(pool):
            async with (
                receiving() as receiver,
                Deliverer(pool, **{"allow_private": True, "scale": 0.0, **settings}) as deliverer,
            ):
                return await body(pool, WebhookStore(pool, allow_private=True), receiver, deliverer)

        return with_pool(inner)

    return run


async def tell(pool, *case_ids, kind="case.decided"):
    for case_id in case_ids:
        await pool.execute("INSERT INTO events (type, case_id, data) VALUES ($1, $2, $3)", kind, case_id, {"é": "«x»"})
    await number_events(pool)


async def only(store, webhook):
    (delivery,) = await store.deliveries(webhook.id)
    return delivery


def test_an_event_arrives_signed_as_the_public_library_verifies(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, secret = await store.make(receiver.url)
        await tell(pool, "c-1", "c-2")
        assert await deliverer.deliver_due() == 2
        assert await deliverer.deliver_due() == 0
        events, _ = await pull(pool, 0)
        arrived = sorted((receiver.verified(secret, nth) for nth in (0, 1)), key=lambda event: event["subject"])
        assert arrived == events
        assert sorted(receiver.ids) == sorted(event["id"] for event in events)
        assert receiver.came[0][0]["Content-Type"] == "application/cloudevents+json"
        with pytest.raises(WebhookVerificationError):
            receiver.verified(make_secret())
        delivered = await store.deliveries(webhook.id)
        assert [(d.status, d.answered, d.attempts, d.case_id) for d in delivered] == [
            ("delivered", 204, 1, "c-2"),
            ("delivered", 204, 1, "c-1"),
        ]
        assert [d.case_id for d in await store.deliveries(webhook.id, before=delivered[0].position)] == ["c-1"]
        assert await store.deliveries(webhook.id, "failed") == []

    delivering(body)


def test_a_secret_is_made_of_enough_random_bytes_and_never_shown_again(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        webhook, secret = await store.make("https://a.example/")
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
        assert secret not in webhook.model_dump_json() + (await store.read(webhook.id)).model_dump_json()

    with_pool(body)


def test_after_a_rotation_both_secrets_sign_until_the_next_or_a_day_has_passed(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, first = await store.make(receiver.url)

        async def who_verifies(*secrets):
            await tell(pool, "c")
            await deliverer.deliver_due()
            found = []
            for secret in secrets:
                try:
                    receiver.verified(secret)
                    found.append(True)
                except WebhookVerificationError:
                    found.append(False)
            return found

        second = await store.rotate(webhook.id)
        assert await who_verifies(first, second) == [True, True]
        assert receiver.came[-1][0]["webhook-signature"].count("v1,") == 2
        third = await store.rotate(webhook.id)
        assert await who_verifies(first, second, third) == [False, True, True]
        await pool.execute("UPDATE webhooks SET old_secret_until = old_secret_until - interval '24 hours 1 second'")
        assert await who_verifies(second, third) == [False, True]

    delivering(body)


def test_who_is_broken_off_between_sending_and_recording_sends_the_same_id_again(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, secret = await store.make(receiver.url)
        await tell(pool, "c-1")
        receiver.hold = asyncio.Event()
        async with Deliverer(pool, allow_private=True, lease_s=0.5) as killed:
            sending = asyncio.create_task(killed.deliver_due())
            await receiver.arrived.wait()
            sending.cancel()
        assert await deliverer.deliver_due() == 0  # the lease still holds
        receiver.hold.set()
        await asyncio.sleep(0.6)
        assert await deliverer.deliver_due() == 1
        assert len(receiver.ids) == 2
        assert len(set(receiver.ids)) == 1
        assert receiver.verified(secret, 0) == receiver.verified(secret, 1)
        assert (await only(store, webhook)).status == "delivered"

    delivering(body)


def test_two_deliverers_never_send_one_delivery_at_the_same_time(delivering):
    async def body(pool, store, receiver, deliverer):
        await store.make(receiver.url)
        await tell(pool, *map(str, range(50)))
        async with Deliverer(pool, allow_private=True) as other:
            sent = await asyncio.gather(deliverer.deliver_due(), other.deliver_due())
        assert sum(sent) == 50
        assert len(set(receiver.ids)) == len(receiver.ids) == 50

    delivering(body)


def test_a_failure_is_tried_again_until_it_is_taken(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        receiver.answers = [500, web.Response(status=503, text="down\x1b[31m\nfor now"), 302]
        await tell(pool, "c-1")
        await deliverer.deliver_due()
        delivery = await only(store, webhook)
        assert (delivery.status, delivery.attempts, delivery.answered) == ("delivered", 4, 204)
        assert len(set(receiver.ids)) == 1
        assert (await store.read(webhook.id)).failing_since is None

    delivering(body)


def test_the_pauses_are_those_of_standard_webhooks_and_then_it_has_failed(delivering):
    hours = 3600
    expected = [5, 300, 1800, 2 * hours, 5 * hours, 10 * hours, 14 * hours, 20 * hours, 24 * hours]

    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        receiver.answers = [500] * 20
        await tell(pool, "c-1")
        pauses = []
        for _ in expected:
            await deliverer.deliver_due()
            pauses.append(await pool.fetchval("SELECT extract(epoch FROM next_at - now())::float FROM deliveries"))
            await pool.execute("UPDATE deliveries SET next_at = now()")
        await deliverer.deliver_due()
        delivery = await only(store, webhook)
        assert (delivery.status, delivery.attempts, delivery.answered) == ("failed", 10, 500)
        assert await deliverer.deliver_due() == 0
        return pauses

    for pause, plan in zip(delivering(body, scale=1.0), expected, strict=True):
        assert 0.75 * plan < pause < 1.25 * plan


@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [("120", 110, 121), ("999999999999", 86_000, 86_401), ("Wed, 21 Oct 2015 07:28:00 GMT", 3, 7), ("soon", 3, 7)],
)
def test_retry_after_is_heeded_up_to_a_day(delivering, asked, at_least, at_most):
    async def body(pool, store, receiver, deliverer):
        await store.make(receiver.url)
        receiver.answers = [web.Response(status=429, headers={"Retry-After": asked})]
        await tell(pool, "c-1")
        await deliverer.deliver_due()
        return await pool.fetchval("SELECT extract(epoch FROM next_at - now())::float FROM deliveries")

    assert at_least <= delivering(body, scale=1.0) <= at_most


def test_a_receiver_that_is_gone_is_disabled_and_gets_nothing_more(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        receiver.answers = [410]
        await tell(pool, "c-1")
        await deliverer.deliver_due()
        await tell(pool, "c-2")
        assert await deliverer.deliver_due() == 0
        held = await store.read(webhook.id)
        assert not held.enabled
        assert "410" in held.disabled_why
        assert (await only(store, webhook)).status == "failed"
        with pytest.raises(WebhookDisabled):
            await store.replay(webhook.id, 0)
        enabled = await store.change(webhook.id, enabled=True)
        assert (enabled.enabled, enabled.disabled_why) == (True, "")
        assert await store.replay(webhook.id, 0) == 2
        assert await deliverer.deliver_due() == 2
        assert len(receiver.came) == 3

    delivering(body)


def test_a_receiver_to_which_nothing_gets_through_for_five_days_is_disabled(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        receiver.answers = [500] * 9
        await tell(pool, "c-1")
        await deliverer.deliver_due()
        assert (await store.read(webhook.id)).failing_since is not None

        async def fail_once_more():
            await pool.execute("UPDATE deliveries SET next_at = now()")
            await deliverer.deliver_due()
            return (await store.read(webhook.id)).enabled

        shift = "UPDATE webhooks SET failing_since = now() - interval '{}', failed_at = now() - interval '{}'"
        await pool.execute(shift.format("4 days 23 hours", "1 day"))
        assert await fail_once_more()
        await pool.execute(shift.format("6 days", "3 days"))  # silent in between: that is no five days of failing
        assert await fail_once_more()
        await pool.execute(shift.format("5 days 1 hour", "1 day"))
        assert not await fail_once_more()
        assert "5 days" in (await store.read(webhook.id)).disabled_why
        return (await only(store, webhook)).status

    assert delivering(body, scale=1.0) == "failed"


def test_a_redirect_is_not_followed(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        async with receiving() as elsewhere:
            receiver.answers = [web.Response(status=307, headers={"Location": elsewhere.url})]
            await tell(pool, "c-1")
            await deliverer.deliver_due()
            assert elsewhere.came == []
        delivery = await only(store, webhook)
        assert (delivery.status, delivery.answered) == ("pending", 307)

    delivering(body, scale=1.0)


def test_a_receivers_endless_answer_is_not_read(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url)
        sent = 0

        async def endless(request):
            nonlocal sent
            response = web.StreamResponse(status=500)
            await response.prepare(request)
            while True:
                await response.write(b"x" * 65_536)
                sent += 65_536

        app = web.Application()
        app.router.add_post("/", endless)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await store.change(webhook.id, url=f"http://127.0.0.1:{runner.addresses[0][1]}/")
        await tell(pool, "c-1")
        await asyncio.wait_for(deliverer.deliver_due(), 10)
        await runner.cleanup()
        delivery = await only(store, webhook)
        assert delivery.answered == 500
        assert len(delivery.error) < 300
        assert sent < 50_000_000  # what the sockets' buffers took

    delivering(body, scale=1.0)


def test_a_slow_receiver_holds_up_nobody_elses_deliveries(delivering):
    async def body(pool, store, receiver, deliverer):
        async with receiving() as slow:
            slow.hold = asyncio.Event()
            await store.make(slow.url)
            await store.make(receiver.url)
            running = asyncio.create_task(deliverer.run(0.02))
            for number in range(3):
                await tell(pool, str(number))
                receiver.arrived.clear()
                await asyncio.wait_for(receiver.arrived.wait(), 5)
            assert len(slow.came) == 1  # its first is still on its way
            running.cancel()

    delivering(body)


def test_other_forms_are_written_by_who_knows_them_and_one_that_breaks_fails_alone(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, secret = await store.make(receiver.url, form="coop")
        await tell(pool, "c-1", "breaks", "silent")
        await deliverer.deliver_due()
        assert receiver.verified(secret) == {"item": "c-1"}
        assert receiver.came[0][0]["Content-Type"] == "application/json"
        assert len(receiver.came) == 1
        assert (await store.read(webhook.id)).failing_since is None  # that was no fault of the receiver's
        rows = await pool.fetch(
            "SELECT case_id, status, answered, error FROM deliveries JOIN events USING (position) ORDER BY 1"
        )
        return [tuple(row) for row in rows]

    async def coop(event):
        written = {"c-1": b'{"item": "c-1"}', "silent": None}
        return written[event["subject"]]

    assert delivering(body, forms={"coop": coop}, scale=1.0) == [
        ("breaks", "pending", None, "cannot be written as coop: KeyError"),
        ("c-1", "delivered", 204, ""),
        ("silent", "delivered", None, ""),
    ]


def test_replay_sends_again_what_the_webhook_wants_under_the_same_ids(delivering):
    async def body(pool, store, receiver, deliverer):
        webhook, _ = await store.make(receiver.url, types=["case.decided"])
        await tell(pool, "a", "b")
        await tell(pool, "x", kind="case.received")
        await deliverer.deliver_due()
        second = (await store.deliveries(webhook.id))[0].position
        assert await store.replay(webhook.id, second) == 1
        await deliverer.deliver_due()
        subjects = [json.loads(content)["subject"] for _, content in receiver.came]
        assert sorted(subjects[:2]) == ["a", "b"]
        assert subjects[2:] == ["b"]
        assert len(set(receiver.ids)) == 2

    delivering(body)


def test_a_replay_and_a_purge_at_the_same_time_agree(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        webhook, _ = await store.make("https://a.example/")
        await tell(pool, *map(str, range(20)))
        await pool.execute("UPDATE deliveries SET status = 'delivered'")
        await pool.execute("UPDATE events SET at = now() - interval '40 days'")
        gone, due = await asyncio.gather(purge_events(pool, timedelta(days=30)), store.replay(webhook.id, 0))
        kept = await pool.fetchval("SELECT count(*) FROM events")
        assert kept == 20 - gone
        assert due == await pool.fetchval("SELECT count(*) FROM deliveries WHERE status = 'pending'")

    with_pool(body)


def test_webhooks_are_listed_changed_and_deleted(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        first, _ = await store.make("https://a.example/", types=["case.decided", "case.decided"])
        second, _ = await store.make("https://b.example/", form="coop")
        assert await store.listed() == [first, second]
        assert first.types == ("case.decided",)
        changed = await store.change(first.id, url="https://c.example/", types=[])
        assert (changed.url, changed.types, changed.form) == ("https://c.example/", (), "cloudevent")
        await tell(pool, "c-1")
        await store.delete(first.id)
        assert await store.listed() == [second]
        with pytest.raises(UnknownEvent) as wrong:
            await store.make("https://a.example/", types=["case.decided", "case.eaten"])
        assert wrong.value.pointer == "/types/1"
        for call in (store.read, store.delete, store.rotate, store.deliveries, store.change):
            with pytest.raises(NoSuchWebhook):
                await call(first.id)

    with_pool(body)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://",
        "https:///path",
        "not a url",
        "https://user:password@example.org/",
        "https://example.org/#part",
        "https://example.org/\nx",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://10.0.0.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::1]/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_a_url_that_may_not_be_sent_to_is_refused_when_it_is_given(with_pool, url):
    async def body(pool):
        with pytest.raises(BadWebhook) as wrong:
            await WebhookStore(pool).make(url)
        assert wrong.value.pointer == "/url"

    with_pool(body)


class Names(AbstractResolver):
    """A resolver that knows one address for every name."""

    def __init__(self, address):
        self.address = address

    async def resolve(self, host, port=0, family=socket.AF_INET):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        return [{"hostname": host, "host": self.address, "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fe80::1", "::1", "10.1.2.3"])
def test_a_name_that_leads_into_a_private_network_is_not_followed(with_pool, address):
    async def body(pool):
        async with receiving() as receiver, Deliverer(pool, resolver=Names(address)) as deliverer:
            store = WebhookStore(pool)
            webhook, _ = await store.make(f"https://innocent.example:{receiver.port}/")
            await tell(pool, "c-1")
            await deliverer.deliver_due()
            assert receiver.came == []
            return await only(store, webhook)

    delivery = with_pool(body)
    assert (delivery.status, delivery.answered) == ("pending", None)
    assert "not an address of the public internet" in delivery.error


def test_localhost_as_the_system_resolves_it_is_not_followed(with_pool):
    async def body(pool):
        async with receiving() as receiver, Deliverer(pool) as deliverer:
            store = WebhookStore(pool)
            webhook, _ = await store.make(f"https://localhost:{receiver.port}/")
            await tell(pool, "c-1")
            await deliverer.deliver_due()
            assert receiver.came == []
            return (await only(store, webhook)).error

    assert "not an address of the public internet" in with_pool(body)


def test_webhooks_of_a_time_when_private_receivers_were_allowed_are_checked_again(with_pool):
    async def body(pool):
        async with receiving() as receiver, Deliverer(pool) as deliverer:
            webhook, _ = await WebhookStore(pool, allow_private=True).make(receiver.url)
            await tell(pool, "c-1")
            await deliverer.deliver_due()
            assert receiver.came == []
            return (await only(WebhookStore(pool), webhook)).error

    assert "not https" in with_pool(body)


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
    st.uuids().map(str),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_whatever_is_signed_verifies_with_each_of_its_secrets_and_no_longer_when_it_is_changed(
    data, message_id, count, nth
):
    keys = [make_secret() for _ in range(count)]
    content, now = json.dumps(data).encode(), int(time.time())
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now)}
    headers["webhook-signature"] = sign(keys, message_id, now, content)
    receiver = PublicWebhook(keys[nth % count])
    assert receiver.verify(content, headers) == data
    for changed in ({**headers, "webhook-id": "x" + message_id}, {**headers, "webhook-timestamp": str(now - 1)}):
        with pytest.raises(WebhookVerificationError):
            receiver.verify(content, changed)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(content + b" ", headers)
