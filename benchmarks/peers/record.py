"""Cases to measure with, and what a run of Casewright asked and was answered on each: what every arm then repeats."""

import argparse
import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from agents.script import Call, Match, Reply, Script, ScriptedModel, players_of
from cases.case import Case
from cases.journal import CaseJournal, MemoryJournal
from casewright.settings import Settings, read_settings, shipped_policies
from casewright.wiring import open_office
from graphs.run import open_run

TASKS = {"investigate", "judge", "narrow"}
_TITLES = (
    ("RELX disposable vape pod, {n} puffs", "SG"),
    ("Cotton summer dress no. {n}, flowers", "SG"),
    ("Zombie knife {n} with 12 inch serrated blade", "GB"),
    ("USB humidifier model {n} with night light", "SG"),
    ("1:1 replica handbag, super copy, style {n}", "US"),
    ("Wooden toy train, {n} pieces, painted", "DE"),
)
_SENTENCES = (
    "Ships within three days from our own shop, in a plain box.",
    "The material feels solid and is easy to clean with a damp cloth.",
    "Please look at the pictures for the exact colour before you order.",
    "We answer every message within a day, on weekends too.",
    "A small scratch on the back does not change how it works.",
    "Comes with everything that is shown, nothing else is needed.",
    "Many buyers order two and give one to a friend.",
    "Returns are accepted within two weeks if the seal is not broken.",
)
_AT = "2026-03-14T09:30:00Z"
_TIMES = 64
"""How often a recorded case can be measured: so many sellers there are for each."""


@dataclass(frozen=True)
class Conversation:
    """One conversation as it went.

    Attributes:
        ordinal: of the blind or narrow judge; 0 for the investigator.
        opening: system prompt and first message.
        tools: as they were sent.
        answers: what the model said, as the endpoint reads it.
        said: what was then appended before the next answer.
    """

    task: str
    ordinal: int
    opening: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    said: list[list[dict[str, Any]]]


@dataclass(frozen=True)
class Recorded:
    """One case, and the conversations about it.

    Attributes:
        base: id under which it was recorded; `id` is its own, for a case is measured many times.
    """

    id: str
    base: str
    plain: dict[str, Any]
    conversations: tuple[Conversation, ...]

    @property
    def calls(self) -> int:
        """Model calls."""
        return sum(len(conversation.answers) for conversation in self.conversations)

    @property
    def case(self) -> Case:
        """The case under its own id, of a seller of its own: no case's decision may change what another one is."""
        seller = self.plain["seller_id"] + self.id.removeprefix(self.base)
        return Case.model_validate({**self.plain, "id": self.id, "seller_id": seller})

    def opening(self, conversation: Conversation) -> list[dict[str, Any]]:
        """How a conversation begins under this id."""
        system, first = conversation.opening
        return [system, {**first, "content": first["content"].replace(f'"{self.base}"', f'"{self.id}"', 1)}]


def read_record(path: Path, count: int) -> list[Recorded]:
    """Read `count` cases, each recorded one as often as it takes."""
    rows = orjson.loads(path.read_bytes())
    if count > _TIMES * len(rows):
        raise SystemExit(f"no more than {_TIMES * len(rows)} cases can be measured")
    talks = [tuple(Conversation(**talk) for talk in row["conversations"]) for row in rows]
    found = []
    for n in range(count):
        i = n % len(rows)
        base = rows[i]["case"]["id"]
        found.append(Recorded(f"{base}~{n // len(rows)}", base, rows[i]["case"], talks[i]))
    return found


def settings_of(folder: Path, url: str) -> Settings:
    """Casewright's settings for every run here."""
    files = {"HOME": "home", "POLICIES": "policies", "SELLERS": "sellers.jsonl"}
    given = {name: str(folder / file) for name, file in files.items()}
    given |= {"MODEL_URL": url, "MODEL": "scripted", "MODEL_CONCURRENCY": "1000"}
    return read_settings({f"CASEWRIGHT_{name}": value for name, value in given.items()})


class Listening(CaseJournal):
    """A journal that keeps what the model was asked and answered, with the slot."""

    def __init__(self, journal: CaseJournal, heard: list[tuple[str, bytes, dict[str, Any]]]) -> None:
        """Listen at a case's journal."""
        super().__init__(MemoryJournal(), "", {})
        self._to = journal
        self._heard = heard

    async def once(self, slot: str, request: bytes, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        """Pass on, and keep what concerns the model."""
        answer = await self._to.once(slot, request, call)
        if slot.split("/")[1] in TASKS:
            self._heard.append((slot, request, answer))
        return answer


async def record(folder: Path, count: int) -> None:
    """Audit `count` cases with a scripted model that looks one thing up and judges by the rulebook; write what it said.

    A case whose answers had to be mended, or that asked for anything else, is left out: no peer does that.
    """
    # A copy, so that nobody who edits a clause meanwhile changes what is measured.
    shutil.copytree(shipped_policies(), folder / "policies", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    (folder / "sellers.jsonl").write_bytes(b"\n".join(orjson.dumps(seller) for seller in _sellers(count)))
    look_up = Call(name="policy_search", arguments={"query": "dangerous, counterfeit or restricted goods"})
    replies = (
        Reply(do="call_tool", match=Match(kind="investigate", turn=0), calls=(look_up,)),
        Reply(do="play", player="rulebook"),
    )
    player = {"kind": "rulebook", "policies": "policies"}
    script = Script.model_validate({"replies": replies, "players": {"rulebook": player}})
    rows = []
    async with (
        ScriptedModel(script, players_of(script, folder)) as server,
        open_office(settings_of(folder, server.base_url), "llm") as office,
    ):
        for plain in _cases(count):
            heard: list[tuple[str, bytes, dict[str, Any]]] = []

            async def desk(case: Case, journal: CaseJournal, at: Path | None, heard: Any = heard) -> Any:  # noqa: ANN401
                return await office.desk(case, Listening(journal, heard), at)

            async with open_run(desk, None, lambda _line: None) as run:
                await run.audit(Case.model_validate(plain))
            if talks := conversations(heard):
                rows.append({"case": plain, "conversations": [talk.__dict__ for talk in talks]})
    (folder / "record.json").write_bytes(orjson.dumps(rows))


def conversations(heard: Sequence[tuple[str, bytes, dict[str, Any]]]) -> list[Conversation]:
    """Sort what was heard into conversations; none at all where one is not of the plain kind."""
    talks: list[Conversation] = []
    for slot, request, answer in heard:
        round_, task, ordinal, *repair = slot.split("/")
        asked = orjson.loads(request)
        if round_ != "1" or repair or len(answer["tool_calls"]) != 1:
            return []
        if task == "investigate" and int(ordinal) > 1:
            said = asked["messages"][len(talks[0].opening) + sum(len(s) + 1 for s in talks[0].said) + 1 :]
            if any(message["role"] != "tool" for message in said):
                return []
            talks[0].answers.append(answer)
            talks[0].said.append(said)
        else:
            judge = 0 if task == "investigate" else int(ordinal)
            talks.append(Conversation(task, judge, asked["messages"], asked["tools"], [answer], []))
    return talks


def _cases(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)  # noqa: S311 - to be repeatable
    for n in range(count):
        title, region = _TITLES[n % len(_TITLES)]
        yield {
            "id": f"case-{n:04}",
            "opened_at": _AT,
            "region": region,
            "language": "en",
            "seller_id": f"S-{n}",
            "subject": {
                "kind": "listing",
                "id": f"L-{n}",
                "title": title.format(n=n),
                "description": " ".join(chance.sample(_SENTENCES, 6)),
                # In the order in which the service stores them, so that the evidence is numbered alike.
                "attributes": {"Colour": chance.choice(["red", "blue", "black"]), "Condition": "new"},
                "price": {"amount": str(chance.randint(5, 90)), "currency": "USD"},
            },
        }


def _sellers(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        for suffix in ("", *(f"~{time}" for time in range(_TIMES))):
            shop = {"id": f"S-{n}{suffix}", "name": f"Shop {n % 7}"}
            yield {**shop, "opened_at": "2024-01-15T00:00:00Z", "country": "SG"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=48)
    given = parser.parse_args()
    asyncio.run(record(given.folder, given.count))
