"""Worker processes that are to live through a drill."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from drills.processes import end_workers, settings_for, start_worker

if TYPE_CHECKING:
    import subprocess


@dataclass
class Lasting:
    """Workers, one a slot.

    Attributes:
        home: a data folder whose embedded database is theirs; none: the database is that of `dsn`.
    """

    folder: Path
    dsn: str
    model_url: str
    in_flight: int = 300
    home: Path | None = None
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, within: Sequence[str] = ()) -> None:
        """Start one more."""
        settings = {
            **settings_for("" if self.home else self.dsn, self.home or self.folder / "home", self.in_flight),
            "CASEWRIGHT_POLICIES": str(self.folder / "policies"),
            "CASEWRIGHT_MODEL": "scripted",
            "CASEWRIGHT_MODEL_URL": self.model_url,
            "CASEWRIGHT_MODEL_CONCURRENCY": str(self.in_flight),
        }
        slot = len(self.started)
        self.started.append(start_worker(slot, settings, self.log(slot), within))

    def log(self, slot: int) -> Path:
        """Where a worker's own words go."""
        return self.folder / f"worker-{slot}.log"

    def said(self, words: str) -> int:
        """How many lines of their logs hold some words."""
        return sum(words in line for slot in range(len(self.started)) for line in self.log(slot).open(encoding="utf-8"))

    @property
    def dead(self) -> list[int]:
        """Those that have ended."""
        return [process.pid for process in self.started if process.poll() is not None]

    async def stop(self) -> None:
        """Have them finish; who does not within half a minute is killed."""
        await asyncio.to_thread(end_workers, self.started)
