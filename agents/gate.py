"""The gate before a model: how many calls pass, and whether any do while the model fails."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from cases.problem import CasewrightError


class ModelPaused(CasewrightError):
    """{model} takes no calls now: {why}; ask again in {after_s:.1f} s"""

    code: ClassVar[str] = "model_paused"
    hint: ClassVar[str] = "the case keeps what it has paid for; put it off, it needs no person"

    # No `ModelFault`: a fault sends the case to a person, a pause only puts it off.
    def __init__(self, model: str, why: str, after_s: float) -> None:
        """Say which model, why, and in how many seconds to ask again."""
        self.after_s = after_s
        super().__init__(model=model, why=why, after_s=after_s)


@dataclass(frozen=True)
class Ticket:
    """One call that was let through.

    Attributes:
        model: to which the call goes.
        tokens: that it was estimated to take, in and out.
        probe: it alone tries whether a model that failed answers again; what comes of it opens or closes the gate.
    """

    model: str
    tokens: int
    probe: bool = False


class Gate(Protocol):
    """Who lets calls through to a model. Two users: the service's, shared by all machines, and the open one.

    Every call is admitted first and reported after; one that is broken off (cancelled) is not reported.
    """

    async def admit(self, model: str, tokens: int) -> Ticket:
        """Wait for the call's turn.

        Args:
            model: as the endpoint names it.
            tokens: estimate of what the call takes.

        Raises:
            ModelPaused: no call to this model has a turn in good time.
        """
        ...

    async def answered(self, ticket: Ticket, tokens_used: int | None) -> None:
        """Hear that the model answered, if only to reject the request; none where it did not say the tokens used."""
        ...

    async def failed(self, ticket: Ticket, why: str) -> None:
        """Hear of a fault that may pass: a 429 or 5xx, a timeout, no connection, or something that is no answer.

        `why` is in our words: a server's own may quote what it was sent.
        """
        ...


class OpenGate:
    """A gate that lets everything through and counts nothing: for one process that has a model to itself."""

    async def admit(self, model: str, tokens: int) -> Ticket:
        """Let it through."""
        return Ticket(model, tokens)

    async def answered(self, ticket: Ticket, tokens_used: int | None) -> None:
        """Note nothing."""

    async def failed(self, ticket: Ticket, why: str) -> None:
        """Note nothing."""
