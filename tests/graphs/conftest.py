"""What the tests of the graphs share: a small corpus, cases, doubles of every port, and answers; fixture `make`."""

import importlib.util
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from cases.case import read_case, read_seller
from cases.cutting import cut_case
from cases.evidence import Draft, Quote, number
from cases.finding import Judgement
from graphs.settings import AuditSettings
from policies.corpus import load_corpus
from policies.table import lay
from tools.seller_history import SellerHistory, SellerRows


def _sibling(name):
    """A module beside this file (folders of tests are no packages)."""
    spec = importlib.util.spec_from_file_location(f"graphs_{name}", Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ROOT = Path(__file__).resolve().parents[2]
doubles, written = _sibling("doubles"), _sibling("corpus")
CASE = {
    "id": "case-0001",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "language": "en",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Switchblade, sharp, brand new"},
}
SELLER = {"id": "S-9", "opened_at": "2024-01-01T00:00:00Z", "country": "SG"}


def case(title=CASE["subject"]["title"], description="", subject=None, **fields):
    about = {**CASE["subject"], "title": title, "description": description, **(subject or {})}
    return read_case({**CASE, **fields, "subject": about})


def history(**record):
    """The real seller tool over one record; strikes are given by `strikes=[(type, day), ...]`."""
    strikes = [{"type": kind, "at": f"{day}T00:00:00Z"} for kind, day in record.pop("strikes", ())]
    return SellerHistory(SellerRows([read_seller({**SELLER, "strikes": strikes, **record})]))


def registration(**fields):
    return {"kind": "registration", "value": "medicine", "region": "SG", "status": "verified", **fields}


def judgement(key, verdict, basis, *quotes, why="So it stands there."):
    """A judgement; quotes are pairs of an evidence id (or a clause id) and words."""
    clause_id, part = key.split("|")
    made = tuple(Quote(**{"clause_id" if "." in at else "evidence_id": at, "text": words}) for at, words in quotes)
    return Judgement(clause_id=clause_id, part=part, verdict=verdict, basis=basis, quotes=made, why=why)


@pytest.fixture(scope="session")
def policies(tmp_path_factory):
    """The folder of the small corpus."""
    return written.write_corpus(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="session")
def corpus(policies):
    """The small corpus, loaded."""
    return load_corpus(policies)


@pytest.fixture
def elsewhere(tmp_path, policies):
    """Do steps of a run in another process: `elsewhere(*steps, **spec)`; with `start` the process is left running."""

    def spec(steps, given):
        kept = {"corpus": str(policies), "db": str(tmp_path / "run.db"), "says": {}, "steps": steps, **given}
        path = tmp_path / f"spec-{len(list(tmp_path.glob('spec-*')))}.json"
        path.write_text(json.dumps(kept, default=str), encoding="utf-8")
        return path

    def start(*steps, **given):
        command = [sys.executable, Path(__file__).with_name("elsewhere.py"), spec(steps, given)]
        kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        return subprocess.Popen(command, env=kept, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(process):
        out, err = process.communicate(timeout=60)
        assert out, err.decode()
        return json.loads(out)

    def do(*steps, **given):
        return read(start(*steps, **given))

    do.start, do.read, do.db = start, read, tmp_path / "run.db"
    return do


@pytest.fixture(scope="session")
def make(corpus):
    """The builders, by name."""

    def office(says=None, *tools, candidates=("blades.spring",), auditor=None, of=corpus, **settings):
        kept = {name: settings.pop(name) for name in ("sink", "held", "slow_s") if name in settings}
        scripted = {name: settings.pop(name) for name in tuple(settings) if name not in AuditSettings.model_fields}
        judging = auditor or doubles.ScriptedAuditor(says or {}, **scripted)
        return doubles.Office(of, judging, tools, tuple(candidates), AuditSettings(**settings), **kept)

    def table(of, *drafts, language="en"):
        """A case on the table: what its parts say, and drafts after that."""
        cut = cut_case(of, date(2026, 3, 14), language)
        return lay(corpus, of, number([*cut, *drafts], 1), language)

    def write(folder, **changes):
        """The corpus, changed and written to a folder of its own; names are written with __ for their dots."""
        named = {name.replace("__", "."): text for name, text in changes.items()}
        return load_corpus(written.write_corpus(folder, named))

    public = {name: thing for name, thing in vars(doubles).items() if not name.startswith("_")}
    return SimpleNamespace(
        **{**public, "Draft": Draft},
        CLAUSES=written.CLAUSES,
        SELLER=SELLER,
        case=case,
        corpus=corpus,
        history=history,
        judgement=judgement,
        office=office,
        registration=registration,
        table=table,
        write=write,
        write_corpus=written.write_corpus,
    )
