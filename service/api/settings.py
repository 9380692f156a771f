"""What the API is set to."""

from pydantic import Field

from cases.case import Limits
from cases.problem import Record
from service.coop import CoopMapping


class ApiSettings(Record):
    """How much the API takes, and from whom.

    Attributes:
        keys: whether a key is asked for; without, whoever reaches the port may do everything.
        backlog: cases that may wait for a worker; beyond it, submissions are put off.
        case_bytes, batch_bytes: of one case, of a batch.
        batch_cases: cases in a batch.
        body_bytes: of every other JSON body.
        exports: exports that run at a time; each holds a connection of the pool.
        longest_wait: seconds that a request may wait for an outcome or an event.
        limits: of a case's texts and pictures.
        coop: how the words of ROOST Coop are ours; none: its reports are not taken.
        webhook_private: whether webhooks may go to private addresses and without TLS.
    """

    keys: bool = True
    backlog: int = Field(200_000, ge=0)
    case_bytes: int = Field(1_000_000, gt=0)
    batch_bytes: int = Field(100_000_000, gt=0)
    batch_cases: int = Field(1000, gt=0)
    body_bytes: int = Field(1_000_000, gt=0)
    exports: int = Field(2, gt=0)
    longest_wait: int = Field(60, ge=0)
    limits: Limits = Limits()
    coop: CoopMapping | None = None
    webhook_private: bool = False
