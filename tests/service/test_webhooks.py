"""Webhooks: made, changed, rotated, replayed; what is signed verifies."""

import asyncio
import base64
import json
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as PublicWebhook
from standardwebhooks import WebhookVerificationError

from service.events import UnknownEvent, purge_events
from service.webhooks import BadWebhook, NoSuchWebhook, WebhookStore, make_secret, sign
from tests.service.receiver import tell


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


def test_a_replay_waits_for_a_purge_and_leaves_out_what_that_has_taken(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        webhook, _ = await store.make("https://a.example/")
        await tell(pool, "old", "new")
        await pool.execute("UPDATE deliveries SET status = 'delivered'")
        async with pool.acquire() as purging, purging.transaction():
            old = await purging.fetchval("SELECT position FROM events WHERE case_id = 'old' FOR UPDATE")
            replaying = asyncio.create_task(store.replay(webhook.id, 0))
            await asyncio.sleep(0.3)
            assert not replaying.done()
            await purging.execute("DELETE FROM deliveries WHERE position = $1", old)
            await purging.execute("DELETE FROM events WHERE position = $1", old)
        assert await replaying == 1

    with_pool(body)


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
