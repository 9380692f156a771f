"""Policy snapshots by name: a folder, or a git revision of the folder that is worked on."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from cases.problem import CasewrightError, Invalid
from policies.corpus import Corpus, load_corpus

_SHORT = 9


class NoSnapshot(CasewrightError):
    """{name} is neither a folder of policies nor a git revision in which {folder} is kept"""

    code: ClassVar[str] = "no_snapshot"
    hint: ClassVar[str] = "name a copy of the folder, or a branch, tag or commit that has it"


@dataclass(frozen=True)
class Snapshot:
    """A corpus under the name by which it was asked for.

    Attributes:
        name: as people read it: the folder, or the revision with its commit.
        folder: where its files lie while it is open.
    """

    name: str
    folder: Path
    corpus: Corpus


@contextmanager
def open_snapshot(name: str, folder: Path) -> Iterator[Snapshot]:
    """Open the corpus that a name stands for.

    Args:
        name: a folder of policies; else a git revision, read from the work tree that holds `folder`.
        folder: the policies that are worked on.

    Yields:
        The snapshot; what was taken out of git is gone after it.

    Raises:
        NoSnapshot: it is neither.
        Invalid: the corpus is not valid; each problem is named under the snapshot's name.
    """
    if Path(name).is_dir():
        yield _loaded(name, Path(name))
        return
    commit = _commit(name, folder)
    archive = _git(folder, "archive", "--format=tar", commit) if commit else None
    if archive is None:
        raise NoSnapshot(name=name, folder=folder)
    with TemporaryDirectory(prefix="casewright-") as made:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(made, filter="data")
        yield _loaded(f"{name} ({commit[:_SHORT]})", Path(made))


def is_committed(folder: Path) -> bool:
    """Tell whether a folder is in a git work tree, and files of it in the last commit."""
    return bool(folder.is_dir() and _commit("HEAD", folder) and _git(folder, "ls-tree", "HEAD", "."))


def _loaded(name: str, folder: Path) -> Snapshot:
    try:
        return Snapshot(name, folder, load_corpus(folder))
    except Invalid as error:
        named = tuple(p.model_copy(update={"pointer": f"{name}: {p.pointer}"}) for p in error.problems)
        raise Invalid(f"the policy corpus {name}", named) from error


def _commit(name: str, folder: Path) -> str:
    """The commit that a name stands for; empty where it stands for none. Nothing that is an option is asked for."""
    if not name or name.startswith("-") or not folder.is_dir():
        return ""
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return found.decode().strip() if found else ""


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints, asked in a folder; none where there is no git, or it ends with an error."""
    git = shutil.which("git")
    if git is None:
        return None
    ran = subprocess.run([git, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - the user's own git, on their folder; a name is never an option
    return ran.stdout if ran.returncode == 0 else None
