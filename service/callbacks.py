"""What goes to a webhook of the form `coop`: the action callback of ROOST Coop for each decision."""

import orjson

from cases.case import Case
from cases.decision import Decision
from policies.corpus import Corpus
from service.coop import CoopMapping, callback_of
from service.database import Pool
from service.delivery import Form
from service.events import CloudEvent

# Coop knows no call that takes an action back; what was overturned meanwhile must not be enforced after all.
_DECIDED = "SELECT body, result FROM cases WHERE id = $1 AND status = 'decided' AND overturned_at IS NULL"


def coop_form(pool: Pool, mapping: CoopMapping, corpus: Corpus) -> Form:
    """Make the form that writes Coop's callback of a decision, unless it is overturned by the time that it is sent.

    Args:
        pool: of the database, where the case and its decision are read.
        mapping: the organisation's words.
        corpus: the policies in force.
    """

    async def write(event: CloudEvent) -> bytes | None:
        row = await pool.fetchrow(_DECIDED, event["subject"]) if event["type"] == "case.decided" else None
        if row is None:
            return None
        decision = Decision.model_validate(orjson.loads(row["result"])["decision"])
        told = callback_of(decision, Case.model_validate_json(row["body"]), mapping, corpus)
        return orjson.dumps(told) if told else None

    return write
