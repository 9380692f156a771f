"""Indexes on disk: built aside, swapped in whole, checked before they are used, pruned.

    DATA/index-KEY/      lexical/ (tantivy), dense/ (Chroma), manifest.json; KEY is a hash of all that goes in
    DATA/index-KEY.lock  held by whoever builds or serves it: Chroma bears one process on a directory
    DATA/building-KEY/   not finished; the rename to index-KEY is the commit
    DATA/quarantine-…/   what was found damaged

Both indexes can be made again from documents and vectors at any time; so whatever is doubtful is made again.
Run as a script, `python -m policies.index_folder FOLDER` looks into one and prints what is wrong with it: Chroma can
take its process down over a damaged file, so this is done in a child.
"""

import fcntl
import hashlib
import importlib.metadata
import inspect
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from policies import folding, lexical, terms
from policies.document import Document
from policies.embeddings import Vectors
from policies.lexical import LexicalIndex
from policies.vector_cache import QUARANTINE
from policies.vectors import EXACT, ChromaIndex, DenseIndex, MatrixIndex, load_chroma

_KEPT = 2
_ASKED = 32
_PROBE_S = 120
_NEAR = 1e-4
_NOT_KEPT = "the vector store does not give back what it was given"


@dataclass(frozen=True)
class Indexes:
    """Both indexes of the same documents, ready to serve.

    Attributes:
        built: why they were built just now; empty where they were found whole.
        quarantined: where a damaged predecessor went.
        trouble: why they are in memory rather than on disk; empty where they are on disk.
    """

    lexical: LexicalIndex
    dense: DenseIndex
    built: str = ""
    quarantined: str = ""
    trouble: str = ""
    lock: "Lock | None" = None

    def close(self) -> None:
        """Let go of files and lock."""
        self.dense.close()
        if self.lock:
            self.lock.release()


class Lock:
    """An advisory lock on a file, freed by the system when its process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open, locked file."""
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """Take the lock, or none where somebody has it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Pruning removes lock files: a lock on one that is gone excludes nobody.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return cls(descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Free it; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def key_of(documents: Sequence[Document], embedder: str) -> str:
    """Hash all that decides what is in the indexes: documents, embedder, how terms are cut, and the libraries.

    Not the policy snapshot: where only a ladder or a notice has changed, the indexes serve on.
    """
    hashed = hashlib.sha256()
    for said in (embedder, *(inspect.getsource(module) for module in (folding, terms, lexical))):
        hashed.update(f"{said}\0".encode())
    for library in ("chromadb", "snowballstemmer", "tantivy"):
        hashed.update(f"{library} {importlib.metadata.version(library)}\0".encode())
    for document in sorted(documents, key=lambda d: d.id):
        hashed.update(document.sha256.encode())
    return hashed.hexdigest()[:16]


def open_indexes(data: Path, key: str, documents: Sequence[Document], rows: Vectors) -> Indexes:
    """Open the indexes of these documents, building them where they are missing, stale or damaged. Blocking.

    Whatever stands in the way (another process serves them, a disk that is full or read-only), the same documents are
    served from memory, and `trouble` says why.

    Args:
        data: the data folder.
        key: from `key_of`.
        documents: sorted by id.
        rows: their vectors, in the same order.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = Lock.take(data / f"index-{key}.lock")
    except OSError as error:
        return in_memory(documents, rows, f"the data folder cannot be used: {error}")
    if lock is None:
        return in_memory(documents, rows, "another search holds this index")
    try:
        return _open_held(data, key, documents, rows, lock)
    except Exception as error:  # noqa: BLE001 - whatever libraries or disk do, cases go on, and the status says so
        lock.release()
        return in_memory(documents, rows, f"the index cannot be built: {type(error).__name__}: {error}")


def in_memory(documents: Sequence[Document], rows: Vectors, trouble: str = "") -> Indexes:
    """Both indexes in memory; same answers (exact, where Chroma is approximate), no files."""
    dense = MatrixIndex([document.id for document in documents], rows)
    return Indexes(LexicalIndex.build(documents), dense, trouble=trouble)


def _open_held(data: Path, key: str, documents: Sequence[Document], rows: Vectors, lock: Lock) -> Indexes:
    folder = data / f"index-{key}"
    built = quarantined = ""
    fault = probe(folder) if folder.exists() else "there was none for these documents"
    if fault:
        built = fault
        if folder.exists():
            aside = data / f"{QUARANTINE}{key}-{time.time_ns()}"
            folder.rename(aside)
            quarantined = str(aside)
        _build(data / f"building-{key}", folder, documents, rows)
    (folder / "manifest.json").touch()
    _prune(data, folder)
    opened = LexicalIndex.open(folder / "lexical", documents)
    return Indexes(opened, ChromaIndex(folder / "dense"), built=built, quarantined=quarantined, lock=lock)


def _build(building: Path, folder: Path, documents: Sequence[Document], rows: Vectors) -> None:
    """Build aside, make durable, and swap in by one rename: whoever comes in between finds the old or the new."""
    shutil.rmtree(building, ignore_errors=True)
    for part in ("lexical", "dense"):
        (building / part).mkdir(parents=True)
    LexicalIndex.build(documents, building / "lexical")
    ChromaIndex.build(building / "dense", [document.id for document in documents], rows)
    manifest = _manifest(building, documents, rows)
    (building / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for path in (*building.rglob("*"), building):
        _sync(path)
    building.rename(folder)
    _sync(folder.parent)


def _manifest(building: Path, documents: Sequence[Document], rows: Vectors) -> dict[str, Any]:
    """What a probe compares with: fingerprints of all that mere reading leaves as it is, and who finds itself."""
    before = _fingerprints(building)
    dense = ChromaIndex(building / "dense")
    try:
        step = max(1, -(-len(documents) // EXACT))
        sample = {document.id: row for document, row in list(zip(documents, rows, strict=True))[::step]}
        stored = dense.vectors(list(sample))
        if any(name not in stored or not np.array_equal(stored[name], row) for name, row in sample.items()):
            raise OSError(_NOT_KEPT)
        speaking = [name for name, row in sample.items() if row.any()]
        asked = speaking[:: max(1, -(-len(speaking) // _ASKED))]
        # A search in a graph is approximate: only those that find themselves today can be held to it tomorrow.
        known = [name for name in asked if _finds_itself(dense, name, stored[name])]
    finally:
        dense.close()
    after = _fingerprints(building)
    same = {name: value for name, value in before.items() if after.get(name) == value}
    return {"documents": len(documents), "same": same, "known": known}


def probe(folder: Path) -> str:
    """Look for damage, in a child process; returns what is wrong, empty where nothing is."""
    command = [sys.executable, "-P", "-m", "policies.index_folder", str(folder)]
    with subprocess.Popen(  # noqa: S603 - this program, on our own folder
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        load_chroma()  # both need it; so it takes no time of its own here
        try:
            said, _ = child.communicate(timeout=_PROBE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            return f"damaged: looking into it took more than {_PROBE_S} s"
    if child.returncode < 0:
        return f"damaged: reading it ended a process with signal {-child.returncode}"
    try:
        return str(json.loads(said.splitlines()[-1])["fault"])
    except (IndexError, KeyError, TypeError, ValueError):
        return f"damaged: reading it ended a process with code {child.returncode}"


def fault_in(folder: Path) -> str:
    """Look for damage in this process, which it may end; returns what is wrong, empty where nothing is."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        found = _fingerprints(folder)
        for name, value in manifest["same"].items():
            if found.get(name) != value:
                return f"damaged: {name} is {'not as it was built' if name in found else 'missing'}"
        LexicalIndex.open(folder / "lexical", ())
        return _fault_in_vectors(folder / "dense", manifest)
    except Exception as error:  # noqa: BLE001 - any library's error means the same here
        return f"damaged: {type(error).__name__}: {str(error)[:200]}"


def _fault_in_vectors(folder: Path, manifest: dict[str, Any]) -> str:
    dense = ChromaIndex(folder)
    try:
        if dense.count != manifest["documents"]:
            return f"damaged: dense holds {dense.count} vectors, not {manifest['documents']}"
        stored = dense.vectors(manifest["known"])
        lost = [name for name in manifest["known"] if not _finds_itself(dense, name, stored[name])]
        return f"damaged: dense does not find {lost[0]} by its own vector" if lost else ""
    finally:
        dense.close()


def _finds_itself(dense: ChromaIndex, name: str, vector: Vectors) -> bool:
    """Tell whether a known document comes first when asked for by its own vector, alone or with its equals."""
    found = dense.nearest(vector, 5)
    return name in found and found[name] == max(found.values()) and abs(1 - found[name]) < _NEAR


def _prune(data: Path, current: Path) -> None:
    """Keep the two last used indexes, and the two last quarantined; never one that somebody holds."""
    indexes = [path for path in data.glob("index-*") if path.is_dir()]
    old = sorted(indexes, key=_last_used, reverse=True)[_KEPT:]
    for path in (*old, *data.glob("building-*")):
        held = data / f"index-{path.name.partition('-')[2]}.lock"
        if path != current and (lock := Lock.take(held)):
            shutil.rmtree(path, ignore_errors=True)
            held.unlink(missing_ok=True)
            lock.release()
    aside = sorted(data.glob(f"{QUARANTINE}*"), key=lambda path: path.name.rpartition("-")[2], reverse=True)
    for path in aside[_KEPT:]:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _last_used(folder: Path) -> float:
    try:
        return (folder / "manifest.json").stat().st_mtime
    except OSError:
        return 0.0


def _fingerprints(folder: Path) -> dict[str, str]:
    """Checksums by file; of Chroma's database by table, because opening it leaves a mark in one of them."""
    found: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".sqlite3":
            found |= {f"{name} {table}": value for table, value in _tables(path)}
        else:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _tables(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        for name in names:
            hashed = hashlib.sha256()
            for row in database.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - a name that the database itself gave
                hashed.update(repr(row).encode())
            yield name, hashed.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    print(json.dumps({"fault": fault_in(Path(sys.argv[1]))}))  # noqa: T201 - how a child answers
