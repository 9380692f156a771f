"""The dense leg of the search: nearest neighbours by cosine, in memory or in Chroma."""

import importlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from policies.embeddings import Vectors

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration

# Up to this many allowed ids every one is scored; above, Chroma's graph is searched.
EXACT = 2_000
PAGE = 5_000
_KEPT_MATRICES = 4
_COLLECTION = "clauses"
_ALL: frozenset[str] = frozenset()
"""Key of the matrix of all vectors."""

Scores = dict[str, float]


class DenseIndex(Protocol):
    """Nearest neighbours by cosine. Users: a matrix in memory, Chroma on disk."""

    def top(self, vector: Vectors, allowed: Collection[str], limit: int) -> Scores:
        """Score the `limit` best of `allowed` whose cosine with `vector` (shape (dims,), length 1) is above 0."""
        ...

    def close(self) -> None:
        """Let go of files and memory; later calls are refused."""
        ...


class MatrixIndex:
    """All vectors in memory, each scored: exact."""

    def __init__(self, ids: Sequence[str], rows: Vectors) -> None:
        """Take vectors of length 1, shape (ids, dims)."""
        self._rows = rows
        self._row_of = {name: row for row, name in enumerate(ids)}

    def top(self, vector: Vectors, allowed: Collection[str], limit: int) -> Scores:
        """Score every allowed id."""
        ids = sorted(name for name in allowed if name in self._row_of)
        return best_of(ids, self._rows[[self._row_of[name] for name in ids]] @ vector, limit) if ids else {}

    def close(self) -> None:
        """Nothing to let go of."""


def best_of(ids: Sequence[str], cosines: Vectors, limit: int) -> Scores:
    """The `limit` best above 0; what ties goes by id. Rounded, so that the order of rows in a product cannot show."""
    ranked = sorted(zip((-np.round(cosines.astype(float), 6)).tolist(), ids, strict=True))[:limit]
    return {name: -cosine for cosine, name in ranked if cosine < 0}


class ChromaIndex:
    """Vectors in a Chroma collection on disk.

    One process, one client on a directory: the caller holds its lock (Chroma answers wrongly, or dies, otherwise).
    Above 2,000 allowed ids its graph is approximate, and no two builds of it are quite alike: in one of a hundred
    searches among 4,000 random vectors the first ten differ.
    """

    def __init__(self, folder: Path) -> None:
        """Open what `build` left."""
        self._client = _client(folder)
        try:
            self._collection = self._client.get_collection(_COLLECTION, embedding_function=None)
        except BaseException:
            self._client.close()
            raise
        self._count = self._collection.count()
        self._matrices: OrderedDict[frozenset[str], MatrixIndex] = OrderedDict()
        self._closed = False
        # Closing under a running query would pull the files from below it.
        self._lock = threading.Lock()

    @classmethod
    def build(cls, folder: Path, ids: Sequence[str], rows: Vectors) -> None:
        """Fill a new collection in `folder` (existing, empty) and close it.

        Inner product over vectors of length 1 is the cosine, and Chroma then keeps them as they are.
        """
        client = _client(folder)
        try:
            # Written through at once (2 is the least): otherwise up to a threshold's worth stays in Chroma's log, to be
            # indexed anew on every opening (5,000 vectors took 20 s).
            hnsw: CreateHNSWConfiguration = {
                "space": "ip", "ef_construction": 200, "ef_search": 200, "num_threads": 1, "batch_size": 2,
                "sync_threshold": 2,
            }  # fmt: skip
            collection = client.create_collection(_COLLECTION, embedding_function=None, configuration={"hnsw": hnsw})
            for start in range(0, len(ids), PAGE):
                collection.upsert(ids=list(ids[start : start + PAGE]), embeddings=rows[start : start + PAGE])
        finally:
            client.close()

    def top(self, vector: Vectors, allowed: Collection[str], limit: int) -> Scores:
        """Score up to 2,000 allowed ids exactly; among more, search Chroma's graph (approximate)."""
        with self._lock:
            if self._closed:
                raise ValueError(_CLOSED)
            if len(allowed) > EXACT:
                return self._nearest(vector, allowed, limit)
            matrix = self._matrix(frozenset(allowed))
        return matrix.top(vector, allowed, limit)

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """Read stored vectors back, page by page; ids that are not there are left out."""
        found: dict[str, Vectors] = {}
        for start in range(0, len(ids), PAGE):
            page = self._collection.get(ids=list(ids[start : start + PAGE]), include=["embeddings"])
            rows = np.asarray(page["embeddings"], dtype=np.float32)
            found.update(zip(page["ids"], rows, strict=True))
        return found

    def nearest(self, vector: Vectors, limit: int) -> Scores:
        """Search the graph among all, whatever their number."""
        return self._nearest(vector, (), limit)

    @property
    def count(self) -> int:
        """How many vectors are stored."""
        return self._count

    def close(self) -> None:
        """Close the client; Chroma's files are then free."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._matrices.clear()
                self._client.close()

    def _matrix(self, allowed: frozenset[str]) -> MatrixIndex:
        """Vectors in memory: where all are scored exactly, all of them, read once; of more, those last asked for."""
        key = allowed if self._count > EXACT else _ALL
        if key not in self._matrices:
            read = self.vectors(sorted(key)) if key else self._every_vector()
            self._matrices[key] = MatrixIndex(list(read), np.array(list(read.values()), dtype=np.float32))
            while len(self._matrices) > _KEPT_MATRICES:
                self._matrices.popitem(last=False)
        self._matrices.move_to_end(key)
        return self._matrices[key]

    def _every_vector(self) -> dict[str, Vectors]:
        found = self._collection.get(include=["embeddings"])
        rows = np.asarray(found["embeddings"], dtype=np.float32)
        return dict(sorted(zip(found["ids"], rows, strict=True)))

    def _nearest(self, vector: Vectors, allowed: Collection[str], limit: int) -> Scores:
        if not self._count:
            return {}
        among = sorted(allowed) if 0 < len(allowed) < self._count else None
        found = self._collection.query(
            query_embeddings=vector[None, :], n_results=min(limit, self._count), ids=among, include=["distances"]
        )
        cosines = 1 - np.asarray((found["distances"] or [[]])[0], dtype=np.float32)
        return best_of(found["ids"][0], cosines, limit)


_CLOSED = "this index is closed"


def load_chroma() -> ModuleType:
    """Import Chroma, deferred: half a second that the search in memory need not pay."""
    return importlib.import_module("chromadb")


def _client(folder: Path) -> "Client":
    chroma = load_chroma()
    # Nothing is sent anywhere.
    settings = chroma.config.Settings(anonymized_telemetry=False)
    client: Client = chroma.PersistentClient(str(folder), settings=settings)
    return client
