"""A cache of vectors that were paid for, so that no text is embedded twice, whatever becomes of the indexes."""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np

from policies.document import Document
from policies.embeddings import Embedder, EmbedderUnavailable, Vectors, embedded

QUARANTINE = "quarantine-"
_BATCH = 256
Result = TypeVar("Result")


class VectorCache:
    """Vectors by hash of what was embedded and name of the embedder, in SQLite.

    Each has a checksum: a damaged one counts as missing, and is paid again.

    Attributes:
        folder: where the file lies.
        set_aside: where a file went that was no database any more; empty where all is well.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it is made on first use."""
        self.folder = path.parent
        self._path = path
        self.set_aside = ""

    def get(self, hashes: Iterable[str], embedder: str) -> dict[str, Vectors]:
        """Read those that are there and whole.

        Raises:
            sqlite3.OperationalError: the file cannot be reached.
        """
        wanted = list(dict.fromkeys(hashes))
        rows = self._within(lambda database: [database.execute(_READ, (name, embedder)).fetchone() for name in wanted])
        return {
            name: np.frombuffer(row[0], dtype="<f4")
            for name, row in zip(wanted, rows, strict=True)
            if row and len(row[0]) % 4 == 0 and zlib.crc32(row[0]) == row[1]
        }

    def put(self, vectors: Mapping[str, Vectors], embedder: str) -> None:
        """Store them, durably.

        Raises:
            sqlite3.OperationalError: the file cannot be written.
        """
        packed = {name: vector.astype("<f4").tobytes() for name, vector in vectors.items()}
        rows = [(name, embedder, blob, zlib.crc32(blob)) for name, blob in packed.items()]
        self._within(lambda database: database.executemany(_WRITE, rows))

    def _within(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return self._once(work)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # no database, or a malformed one: its vectors are paid again
            aside = self._path.with_name(f"{QUARANTINE}{self._path.name}-{time.time_ns()}")
            self._path.rename(aside)
            self.set_aside = str(aside)
            return self._once(work)

    def _once(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as database, database:
            database.execute(_TABLE)
            return work(database)


_WAIT_S = 30
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (hash TEXT, embedder TEXT, vector BLOB NOT NULL, crc32 INTEGER NOT NULL,"
    " PRIMARY KEY (hash, embedder))"
)
_READ = "SELECT vector, crc32 FROM vectors WHERE hash = ? AND embedder = ?"
_WRITE = "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)"


async def paid_once(documents: Sequence[Document], embedder: Embedder, cache: VectorCache | None) -> Vectors:
    """Vectors of all documents, one row each; only texts that the cache does not hold are embedded.

    Args:
        documents: in the order of the rows.
        embedder: asked for what is missing, in batches that are stored one by one: a crash pays no batch twice.
        cache: none where nothing can be kept.

    Raises:
        EmbedderUnavailable: nothing usable came; what was paid before is kept.
    """
    texts = {document.text_sha256: document.text for document in documents}
    known = await asyncio.to_thread(cache.get, texts, embedder.name) if cache else {}
    missing = [name for name in texts if name not in known]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        rows = await embedded(embedder, [texts[name] for name in batch])
        fresh = dict(zip(batch, rows, strict=True))
        if cache:
            await asyncio.to_thread(cache.put, fresh, embedder.name)
        known.update(fresh)
    if not documents:
        return np.zeros((0, embedder.dims), dtype=np.float32)
    lengths = {len(vector) for vector in known.values()}
    if len(lengths) > 1:
        raise EmbedderUnavailable(name=embedder.name, why="its vectors have another length than those kept before")
    return np.array([known[document.text_sha256] for document in documents], dtype=np.float32)
