"""The clause search: text in, ranked clauses out, by words, character 4-grams and vectors together."""

import asyncio
import itertools
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from pydantic import Field

from cases.problem import CasewrightError, Record
from policies.disguise import undisguised
from policies.document import Document, document_of
from policies.embeddings import Embedder, EmbedderUnavailable, HashingEmbedder, Vectors, embedded
from policies.index_folder import Indexes, in_memory, key_of, open_indexes
from policies.terms import plain
from policies.vector_cache import VectorCache, paid_once

LEG = 100
"""Each leg gives this many candidates; the last of them is the leg's zero."""

LEXICAL: Mapping[str, float] = {"words": 0.6, "grams": 0.4}
DENSE: Mapping[str, float] = {"words": 0.35, "grams": 0.25, "dense": 0.40}
HASHED: Mapping[str, float] = {"words": 0.54, "grams": 0.36, "dense": 0.10}
"""Weights without vectors, with those of a model, and with hashed ones (benchmarks/retrieval.py: how chosen)."""


class Hit(Record):
    """A document found.

    Attributes:
        score: 0 to 1, the legs' weighted sum; comparable within one answer only.
        legs: what each leg gave, 0 (its hundredth candidate) to 1 (its best), before weighing.
    """

    id: str
    score: float = Field(ge=0, le=1)
    legs: dict[str, float]


class Status(Record):
    """What serves, for status pages and the audit record.

    Attributes:
        serves: indexes on disk (tantivy, Chroma), or the same in memory.
        embedder: name of the embedder whose vectors serve.
        documents: how many can be found.
        snapshot: policy snapshot that they are of.
        built: why the indexes were built on opening; empty where they were found whole.
        quarantined: where damaged files went; empty where there were none.
        degraded: what is not as it was asked for, in sentences; empty where all is.
    """

    serves: Literal["disk", "memory"]
    embedder: str
    documents: int
    snapshot: str
    built: str = ""
    quarantined: str = ""
    degraded: tuple[str, ...] = ()


class ClauseSearch(Protocol):
    """The port. Users: `HybridSearch` (the product's), `ScanSearch` (in memory, deterministic)."""

    async def search(self, query: str, allowed: Collection[str], limit: int, language: str = "") -> list[Hit]:
        """Find the best of `allowed` for a text.

        Args:
            query: any text: a listing's words, or an auditor's own. Data; it has no syntax.
            allowed: ids to choose among, resolved by the caller (region, date); unknown ones are passed over.
            limit: how many at most.
            language: of the query, BCP 47; empty where unknown.

        Returns:
            Best first, ties by id; fewer than `limit` where no more have anything in common with the query.
        """
        ...

    def status(self) -> Status:
        """Say what serves."""
        ...


class RepeatedDocument(CasewrightError):
    """Two documents have the id {pointer}"""

    code: ClassVar[str] = "repeated_document"
    hint: ClassVar[str] = "an id names one document in a collection"


class SearchClosed(CasewrightError):
    """This search was closed; open another"""

    code: ClassVar[str] = "search_closed"


class HybridSearch:
    """The product's search over one policy snapshot; it answers from that snapshot until it is closed.

    A new snapshot is another `HybridSearch`, opened while this one goes on. Close it when the last case that uses it
    has ended.
    """

    def __init__(self, indexes: Indexes, embedder: Embedder, status: Status, ids: Collection[str]) -> None:
        """Take what `open` has opened."""
        self._indexes = indexes
        self._embedder = embedder
        self._status = status
        self._ids = frozenset(ids)
        self._degraded: dict[str, None] = {}
        self._closed = False

    @classmethod
    async def open(
        cls, folder: Path, snapshot: str, documents: Sequence[Document], embedder: Embedder
    ) -> "HybridSearch":
        """Open the search over documents, building or mending what is missing; what stands in the way is in `status`.

        Args:
            folder: data folder; made where missing. It holds the vectors that were paid for, and disposable indexes.
            snapshot: the corpus's.
            documents: all clauses of the corpus, in force or not; ids unique.
            embedder: asked for vectors of texts it has not seen; where it does not answer, the built-in one serves.

        Raises:
            RepeatedDocument: two have one id.
        """
        listed = _listed(documents)
        degraded: list[str] = []
        cache = VectorCache(folder / "vectors.sqlite")
        try:
            rows = await _vectors(listed, embedder, cache, degraded)
        except EmbedderUnavailable as error:
            degraded.append(str(error))
            embedder = HashingEmbedder()
            rows = await _vectors(listed, embedder, cache, degraded)
        key = key_of(listed, embedder.name)
        indexes = await asyncio.to_thread(open_indexes, folder, key, listed, rows)
        status = Status(
            serves="memory" if indexes.trouble else "disk",
            embedder=embedder.name,
            documents=len(listed),
            snapshot=snapshot,
            built=indexes.built,
            quarantined=indexes.quarantined or cache.set_aside,
            degraded=(*degraded, *filter(None, [indexes.trouble])),
        )
        return cls(indexes, embedder, status, [document.id for document in listed])

    async def search(self, query: str, allowed: Collection[str], limit: int, language: str = "") -> list[Hit]:
        """Find the best of `allowed` (see `ClauseSearch.search`); without vectors where these fail.

        Raises:
            SearchClosed: after `close`.
        """
        if self._closed:
            raise SearchClosed
        among = self._ids.intersection(allowed)
        if not among or limit < 1:
            return []
        # A word in disguise is asked for as it is meant, too.
        query = "\n".join([query, *undisguised(plain(query))])
        vector = await self._vector(query)
        return await asyncio.to_thread(self._ranked, query, vector, among, limit, language)

    def status(self) -> Status:
        """Say what serves, and what has failed since."""
        return self._status.model_copy(update={"degraded": (*self._status.degraded, *self._degraded)})

    def close(self) -> None:
        """Let go of files and lock; another process may then serve them."""
        self._closed = True
        self._indexes.close()

    async def _vector(self, query: str) -> Vectors | None:
        try:
            rows = await embedded(self._embedder, [query])
        except EmbedderUnavailable as error:
            self._degraded[str(error)] = None
            return None
        vector: Vectors = rows[0]
        return vector

    def _ranked(
        self, query: str, vector: Vectors | None, among: frozenset[str], limit: int, language: str
    ) -> list[Hit]:
        legs = self._indexes.lexical.top(query, among, LEG, language)
        if vector is None:
            return fuse(legs, LEXICAL)[:limit]
        try:
            dense = self._indexes.dense.top(vector, among, LEG)
        except Exception as error:  # noqa: BLE001 - whatever Chroma does, words still find the clause
            self._degraded[f"the vectors do not answer: {type(error).__name__}: {str(error)[:200]}"] = None
            return fuse(legs, LEXICAL)[:limit]
        weights = DENSE
        if self._embedder.name == HashingEmbedder.name:
            # Hashed 4-grams that no 4-gram leg has seen are collisions: they may rank what words found, no more.
            weights = HASHED
            dense = {name: cosine for name, cosine in dense.items() if name in legs["words"] or name in legs["grams"]}
        legs["dense"] = dense
        return fuse(legs, weights)[:limit]


class ScanSearch:
    """The same search in memory: no files, no network, the same answers every time. For the demo and for tests."""

    def __init__(self, documents: Sequence[Document], snapshot: str = "") -> None:
        """Index documents here and now, with the built-in embedder.

        Raises:
            RepeatedDocument: two have one id.
        """
        listed = _listed(documents)
        embedder = HashingEmbedder()
        indexes = in_memory(listed, embedder.vectors([document.text for document in listed]))
        status = Status(serves="memory", embedder=embedder.name, documents=len(listed), snapshot=snapshot)
        self._search = HybridSearch(indexes, embedder, status, [document.id for document in listed])

    async def search(self, query: str, allowed: Collection[str], limit: int, language: str = "") -> list[Hit]:
        """Find the best of `allowed` (see `ClauseSearch.search`)."""
        return await self._search.search(query, allowed, limit, language)

    def status(self) -> Status:
        """Say what serves."""
        return self._search.status()


def fuse(legs: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> list[Hit]:
    """Join the legs: each scaled from its hundredth candidate (0) to its best (1), then summed by weight.

    A leg with fewer candidates than a hundred is scaled from 0, the score of what has nothing in common. Where all
    hundred tie, the scale says nothing, and each counts in full. Convex combination of min-max scaled scores: Bruch et
    al. 2023, arXiv:2210.11934.

    Args:
        legs: by leg, id to score above 0, at most a hundred.
        weights: by leg, summing to 1.

    Returns:
        Best first, ties by id; only what scores above 0.
    """
    scaled = {leg: _scaled(scores) for leg, scores in legs.items()}
    hits = []
    for name in {name for scores in scaled.values() for name in scores}:
        parts = {leg: scores.get(name, 0.0) for leg, scores in sorted(scaled.items())}
        score = round(sum(weights[leg] * part for leg, part in parts.items()), 6)
        hits.append(Hit(id=name, score=min(1.0, score), legs=parts))
    return sorted((hit for hit in hits if hit.score > 0), key=lambda hit: (-hit.score, hit.id))


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    if not scores:
        return {}
    best = max(scores.values())
    zero = min(scores.values()) if len(scores) >= LEG else 0.0
    if best <= zero:
        return dict.fromkeys(scores, 1.0)
    return {name: round((score - zero) / (best - zero), 6) for name, score in scores.items()}


def _listed(documents: Sequence[Document]) -> list[Document]:
    listed = sorted(documents, key=lambda document: document.id)
    for one, next_one in itertools.pairwise(listed):
        if one.id == next_one.id:
            raise RepeatedDocument(one.id)
    return listed


async def _vectors(
    documents: Sequence[Document], embedder: Embedder, cache: VectorCache, degraded: list[str]
) -> Vectors:
    """Vectors from the cache and the embedder; where the cache cannot be used, from the embedder alone."""
    try:
        await asyncio.to_thread(cache.folder.mkdir, parents=True, exist_ok=True)
        return await paid_once(documents, embedder, cache)
    except (OSError, sqlite3.Error) as error:
        degraded.append(f"vectors cannot be kept, and are paid again next time: {error}")
        return await paid_once(documents, embedder, None)


__all__ = [
    "ClauseSearch", "Document", "EmbedderUnavailable", "Hit", "HybridSearch", "RepeatedDocument", "ScanSearch",
    "SearchClosed", "Status", "document_of", "fuse",
]  # fmt: skip
