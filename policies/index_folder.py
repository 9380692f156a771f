"""One snapshot's indexes on disk: built aside, swapped in whole, checked before they are used, pruned.

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
import subprocess
import sys
import time
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Indexes:
    """Both indexes of a snapshot, ready to serve.

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


def key_of(snapshot: str, documents: Sequence[Document], embedder: str) -> str:
    """Hash all that decides what is in the indexes: documents, embedder, how terms are cut, and the libraries."""
    hashed = hashlib.sha256()
    for said in (snapshot, embedder, *(inspect.getsource(module) for module in (folding, terms, lexical))):
        hashed.update(f"{said}\0".encode())
    for library in ("chromadb", "snowballstemmer", "tantivy"):
        hashed.update(f"{library} {importlib.metadata.version(library)}\0".encode())
    for document in sorted(documents, key=lambda d: d.id):
        hashed.update(document.sha256.encode())
    return hashed.hexdigest()[:16]


def open_indexes(data: Path, key: str, documents: Sequence[Document], rows: Vectors) -> Indexes:
    """Open the indexes of a snapshot, building them where they are missing, stale or damaged. Blocking.

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
    fault = probe(folder) if folder.exists() else "there was none for this snapshot"
    if fault:
        built = fault
        if folder.exists():
            aside = data / f"{QUARANTINE}{key}-{time.time_ns()}"
            folder.rename(aside)
            quarantined = str(aside)
        _build(data / f"building-{key}", folder, documents, rows)
    opened = LexicalIndex.open(folder / "lexical", documents)
    indexes = Indexes(opened, ChromaIndex(folder / "dense"), built=built, quarantined=quarantined, lock=lock)
    (folder / "manifest.json").touch()
    _prune(data, folder)
    return indexes


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
    """What a probe compares with: checksums of tantivy's files, and of vectors (Chroma rewrites its own files)."""
    step = max(1, -(-len(documents) // EXACT))
    sample = {document.id: _crc(row) for document, row in list(zip(documents, rows, strict=True))[::step]}
    dense = ChromaIndex(building / "dense")
    try:
        stored = dense.vectors(list(sample))
        speaking = [name for name, vector in stored.items() if vector.any()]
        asked = speaking[:: max(1, -(-len(speaking) // _ASKED))]
        # A search in a graph is approximate: only those that find themselves today can be held to it tomorrow.
        known = [name for name in asked if _finds_itself(dense, name, stored)]
    finally:
        dense.close()
    files = {path.name: _sha256(path) for path in _lexical_files(building)}
    return {"documents": len(documents), "files": files, "vectors": sample, "known": known}


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
        files = {path.name: _sha256(path) for path in _lexical_files(folder)}
        for name, expected in manifest["files"].items():
            if files.get(name) != expected:
                return f"damaged: lexical/{name} is {'not what was built' if name in files else 'missing'}"
        LexicalIndex.open(folder / "lexical", ())
        return _fault_in_vectors(folder / "dense", manifest)
    except Exception as error:  # noqa: BLE001 - any library's error means the same here
        return f"damaged: {type(error).__name__}: {str(error)[:200]}"


def _fault_in_vectors(folder: Path, manifest: dict[str, Any]) -> str:
    dense = ChromaIndex(folder)
    try:
        if dense.count != manifest["documents"]:
            return f"damaged: dense/ holds {dense.count} vectors, not {manifest['documents']}"
        stored = dense.vectors(list(manifest["vectors"]))
        wrong = [name for name, crc in manifest["vectors"].items() if name not in stored or _crc(stored[name]) != crc]
        if wrong:
            return f"damaged: dense/ has lost or changed {len(wrong)} vectors, {wrong[0]} first"
        lost = [name for name in manifest["known"] if not _finds_itself(dense, name, stored)]
        return f"damaged: dense/ does not find {lost[0]} by its own vector" if lost else ""
    finally:
        dense.close()


def _finds_itself(dense: ChromaIndex, name: str, stored: dict[str, Vectors]) -> bool:
    """Tell whether a known document comes first when asked for by its own vector, or one that reads just the same."""
    vector = stored[name]
    found = dense.nearest(vector, 1)
    first, cosine = next(iter(found.items()), ("", 0.0))
    same = stored.get(first)
    return abs(1 - cosine) < _NEAR and (first == name or same is None or bool(np.allclose(same, vector, atol=_NEAR)))


def _prune(data: Path, current: Path) -> None:
    """Keep the two last used indexes, and the two last quarantined; never one that somebody holds."""
    indexes = [path for path in data.glob("index-*") if path.is_dir()]
    for old in sorted(indexes, key=_last_used, reverse=True)[_KEPT:]:
        if old != current and (lock := Lock.take(data / f"{old.name}.lock")):
            shutil.rmtree(old, ignore_errors=True)
            (data / f"{old.name}.lock").unlink(missing_ok=True)
            lock.release()
    for old in sorted(data.glob(f"{QUARANTINE}*"), key=lambda path: path.name.rpartition("-")[2], reverse=True)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def _last_used(folder: Path) -> float:
    try:
        return (folder / "manifest.json").stat().st_mtime
    except OSError:
        return 0.0


def _lexical_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "lexical").iterdir() if not path.name.endswith(".lock"))


def _crc(vector: Vectors) -> str:
    return hashlib.sha256(np.ascontiguousarray(vector, dtype="<f4").tobytes()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    print(json.dumps({"fault": fault_in(Path(sys.argv[1]))}))  # noqa: T201 - how a child answers
