"""Coop's callback, from the event of a decision to the receiver."""

import json

import pytest
from standardwebhooks import Webhook as PublicWebhook

from casewright.settings import shipped_policies
from policies.corpus import load_corpus
from service.callbacks import coop_form
from service.coop import callback_of, case_of_report
from service.delivery import Deliverer
from service.events import number_events
from service.webhooks import WebhookStore
from tests.service.receiver import receiving
from tests.service.test_coop import MAPPING, REPORT, _decision


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(shipped_policies())


async def decided(pool, case_id, decision, *, overturned=False):
    line = {"case_id": case_id, "status": "decided", "decision": decision.model_dump(mode="json")}
    await pool.execute(
        "INSERT INTO cases (id, body, sha256, status, region, seller_id, subject_id, result, overturned_at)"
        " VALUES ($1, $2, '', 'decided', 'SG', 'S-9', 'L-77', $3, CASE WHEN $4 THEN now() END)",
        case_id,
        case_of_report(REPORT, MAPPING).model_dump_json().encode(),
        json.dumps(line).encode(),
        overturned,
    )
    for kind in ("case.received", "case.decided"):
        await pool.execute("INSERT INTO events (type, case_id) VALUES ($1, $2)", kind, case_id)


def test_coop_gets_the_action_of_each_decision_that_stands_and_nothing_else(with_pool, corpus):
    async def body(pool):
        async with (
            receiving() as receiver,
            Deliverer(pool, {"coop": coop_form(pool, MAPPING, corpus)}, allow_private=True) as deliverer,
        ):
            webhook, secret = await WebhookStore(pool, allow_private=True).make(receiver.url, form="coop")
            await decided(pool, "c-1", _decision())
            await decided(pool, "cleared", _decision(outcome="no_violation", action=None, findings=[]))
            await decided(pool, "overturned", _decision(), overturned=True)
            await number_events(pool)
            await deliverer.deliver_due()
            sent = [PublicWebhook(secret).verify(content, headers) for headers, content in receiver.came]
            deliveries = await WebhookStore(pool).deliveries(webhook.id, "delivered")
            return sent, len(deliveries)

    sent, delivered = with_pool(body)
    assert sent == [callback_of(_decision(), case_of_report(REPORT, MAPPING), MAPPING, corpus)]
    assert delivered == 6
