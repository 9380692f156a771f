"""How well the clause search finds what answers a question, beside plain BM25 on the same texts.

    python benchmarks/retrieval.py --passages P1.jsonl P2.jsonl --questions Q.jsonl [--embedder hashing|DIR]

Passages are lines of `id, text`; questions of `question_id, question, gold` (passage ids): for one, the ObliQA set
(RegNLP/ObliQADataset on GitHub). Weights were chosen on the questions whose id hashes to the tuning half; the other
half, the scored one, chose nothing. Both are printed, and all together.
"""

import argparse
import asyncio
import hashlib
import json
import math
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.embeddings import Embedder, HashingEmbedder, OnnxMiniLM
from policies.search import LEXICAL, Document, Hit, HybridSearch

K = 10
RESAMPLES = 10_000
POOL = 300
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """A question and the passages that answer it."""

    text: str
    gold: frozenset[str]
    tuning: bool


class PlainBM25:
    """The baseline: BM25 as Lucene scores it, k1 1.2, b 0.75, over runs of `[a-z0-9]`; no stems, no stop words."""

    def __init__(self, passages: Mapping[str, str]) -> None:
        """Index the passages in memory."""
        self._ids = list(passages)
        cut = [self._tokens(text) for text in passages.values()]
        lengths = np.array([len(tokens) for tokens in cut], dtype=np.float64)
        norms = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, tokens in enumerate(cut):
            for token, count in Counter(tokens).items():
                postings[token].append((row, count))
        self._weights: dict[str, tuple[NDArray[np.int64], Floats]] = {}
        for token, found in postings.items():
            rows, counts = np.array(found, dtype=np.int64).T
            idf = math.log(1 + (len(cut) - len(rows) + 0.5) / (len(rows) + 0.5))
            self._weights[token] = (rows, idf * counts / (counts + norms[rows]))

    def top(self, text: str) -> list[str]:
        """The ten best ids."""
        scores = np.zeros(len(self._ids))
        for token in self._tokens(text):
            if token in self._weights:
                rows, weights = self._weights[token]
                scores[rows] += weights
        return [self._ids[row] for row in np.argsort(-scores, kind="stable")[:K]]

    @staticmethod
    def _tokens(text: str) -> list[str]:
        return re.findall(r"[a-z0-9]+", text.lower())


def lines_of(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Read JSON lines."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def questions_of(path: Path) -> list[Question]:
    """Read the questions, and split them by a hash of their ids."""
    rows = list(lines_of([path]))
    halves = [hashlib.sha256(row["question_id"].encode()).digest()[0] % 2 for row in rows]
    return [
        Question(row["question"], frozenset(row["gold"]), tuning=half == 0)
        for row, half in zip(rows, halves, strict=True)
    ]


def recall(top: Sequence[str], gold: frozenset[str]) -> float:
    """Share of the gold passages among the ten best."""
    return len(gold.intersection(top[:K])) / len(gold)


def average_precision(top: Sequence[str], gold: frozenset[str]) -> float:
    """Mean, over the gold passages that could be among ten, of the precision at each one found."""
    found, total = 0, 0.0
    for rank, name in enumerate(top[:K], 1):
        if name in gold:
            found += 1
            total += found / rank
    return total / min(len(gold), K)


def measured(tops: Sequence[Sequence[str]], questions: Sequence[Question]) -> Floats:
    """Recall and average precision by question, shape (questions, 2)."""
    pairs = zip(tops, questions, strict=True)
    return np.array([(recall(top, q.gold), average_precision(top, q.gold)) for top, q in pairs])


def interval(differences: Floats, seed: int = 1) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean of paired differences, by questions."""
    drawn = np.random.default_rng(seed).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def reweighed(hits: Sequence[Hit], weights: Mapping[str, float]) -> list[str]:
    """Rank a pool of hits by other weights, from what each leg gave."""
    score = {hit.id: sum(weights[leg] * part for leg, part in hit.legs.items()) for hit in hits}
    return sorted(score, key=lambda name: (-score[name], name))[:K]


def report(name: str, ours: Floats, plain: Floats, chosen: NDArray[np.bool_]) -> None:
    """Print both systems' figures and their difference on the chosen questions."""
    print(f"{name} ({int(chosen.sum())} questions)")
    for column, measure in enumerate(("recall@10", "MAP@10")):
        a, b = ours[chosen, column], plain[chosen, column]
        low, high = interval(a - b)
        difference = f"{(a - b).mean():+.4f} [{low:+.4f}, {high:+.4f}]"
        print(f"  {measure:9}  plain BM25 {b.mean():.4f}  ours {a.mean():.4f}  difference {difference}")


def tune(pools: Sequence[Sequence[Hit]], questions: Sequence[Question]) -> None:
    """Print what each weight of the dense leg gives on the tuning half, the lexical ones in their proportion."""
    chosen = np.array([q.tuning for q in questions])
    print(f"weight of the dense leg, on the tuning half ({int(chosen.sum())} questions): recall@10, MAP@10")
    for dense in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        weights = {leg: share * (1 - dense) for leg, share in LEXICAL.items()} | {"dense": dense}
        rows = measured([reweighed(pool, weights) for pool in pools], questions)[chosen]
        print(f"  {dense:.2f}: {rows[:, 0].mean():.4f}, {rows[:, 1].mean():.4f}")


async def ours_on(
    documents: Sequence[Document], questions: Sequence[Question], embedder: Embedder, folder: Path
) -> tuple[list[list[Hit]], Floats]:
    """Ask the product's search; returns a pool of hits a question, and seconds."""
    started = time.perf_counter()
    ids = frozenset(document.id for document in documents)
    with closing(await HybridSearch.open(folder, "benchmark", documents, embedder)) as search:
        print(f"{search.status()}\nopened in {time.perf_counter() - started:.1f} s")
        pools, seconds = [], []
        for question in questions:
            started = time.perf_counter()
            pools.append(await search.search(question.text, ids, POOL, "en"))
            seconds.append(time.perf_counter() - started)
        if search.status().degraded:
            raise SystemExit(f"not what was to be measured: {search.status().degraded}")
    return pools, np.array(seconds)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=Path, nargs="+")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--embedder", default="hashing", help="`hashing`, or a directory with a MiniLM model")
    parser.add_argument("--data", type=Path, help="keep vectors and indexes here, to measure again sooner")
    chosen = parser.parse_args()
    if not (chosen.passages and chosen.questions):
        print("Nothing is measured without --passages and --questions: the set is not ours to ship.")
        return
    embedder = HashingEmbedder() if chosen.embedder == "hashing" else OnnxMiniLM(Path(chosen.embedder))
    passages = {row["id"]: row["text"] for row in lines_of(chosen.passages)}
    questions = questions_of(chosen.questions)
    documents = [Document(id=name, text=text) for name, text in passages.items()]
    with tempfile.TemporaryDirectory() as scratch:
        pools, seconds = asyncio.run(ours_on(documents, questions, embedder, chosen.data or Path(scratch)))
    bm25 = PlainBM25(passages)
    plain = measured([bm25.top(question.text) for question in questions], questions)
    ours = measured([[hit.id for hit in pool] for pool in pools], questions)
    tuning = np.array([question.tuning for question in questions])
    report("scored half", ours, plain, ~tuning)
    report("all", ours, plain, np.ones_like(tuning))
    tune(pools, questions)
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    print(f"{len(passages)} passages; a search takes {p50:.1f} ms (p50), {p99:.1f} ms (p99), {len(seconds)} searches")


if __name__ == "__main__":
    main()
