"""Deliveries: signed, at least once, tried again, never into a private network."""

import asyncio
import re
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from standardwebhooks import WebhookVerificationError

from service.delivery import Deliverer
from service.events import pull
from service.webhooks import WebhookDisabled, WebhookStore, make_secret
from tests.service.receiver import receiving, tell


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


def test_the_receiver_that_the_guide_shows_takes_each_event_once(delivering, root):
    guide = (root / "docs" / "guides" / "receive-events.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"(?ms)^```python\n(.*?)^```", guide)
    names = {}
    exec(shown, names)  # noqa: S102 - it is our own page

    async def body(pool, store, receiver, deliverer):
        webhook, secret = await store.make(receiver.url)
        await tell(pool, "c-1")
        await deliverer.deliver_due()
        await store.replay(webhook.id, 0)
        await deliverer.deliver_due()
        return [names["receive"](secret, *request) for request in receiver.came]

    event, again = delivering(body)
    assert event["subject"] == "c-1"
    assert again is None
