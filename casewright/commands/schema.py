"""`casewright schema`: JSON Schema of the contracts, as the types say it."""

import click
import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cases.case import Case, Seller
from cases.decision import Decision, Escalation, Expiry, InformationRequest, Review, Supplement
from cases.evidence import Evidence

_CONTRACTS: dict[str, type[BaseModel]] = {
    "case": Case,
    "seller": Seller,
    "evidence": Evidence,
    "decision": Decision,
    "escalation": Escalation,
    "review": Review,
    "supplement": Supplement,
    "information-request": InformationRequest,
    "expiry": Expiry,
}


@click.command()
@click.argument("contract", type=click.Choice(sorted(_CONTRACTS)), required=False)
def command(contract: str | None) -> None:
    """Print the JSON Schema of CONTRACT, or of all of them."""
    if contract:
        schema = _CONTRACTS[contract].model_json_schema()
    else:
        _, schema = models_json_schema([(kind, "validation") for kind in _CONTRACTS.values()], title="Casewright")
    click.echo(orjson.dumps(schema, option=orjson.OPT_INDENT_2))
