"""Small corpora written to files, and cases laid on their tables."""

import asyncio
import copy
from datetime import date
from pathlib import Path

import pytest
import yaml

from cases.case import read_case, read_seller
from cases.cutting import cut_case
from cases.evidence import Draft, number
from cases.problem import Invalid
from policies.corpus import load_corpus
from policies.table import lay
from tools.seller_history import SellerHistory, SellerRows
from tools.tool import Look, run_tool

VOCABULARIES = {
    "taxonomy": {"types": {"a.one": {"title": "One"}, "restricted.tobacco": {"title": "Tobacco"}}},
    "actions": {"actions": {"remove_listing": {"title": "Remove", "reversible": True, "impact": 2}}},
    "regions": {
        "regions": {
            "SG": {"name": "Singapore", "languages": ["en", "zh", "ms"], "time_zone": "Asia/Singapore"},
            "TH": {"languages": ["th", "en"], "time_zone": "Asia/Bangkok"},
            "VN": {"languages": ["vi", "en"]},
            "BR": {"languages": ["pt", "en"], "time_zone": "America/Sao_Paulo"},
            "US": {"languages": ["en", "es"], "time_zone": "America/New_York"},
            "GB": {"name": "the United Kingdom", "languages": ["en"], "time_zone": "Europe/London"},
            "GB-SCT": {"languages": ["en"], "time_zone": "Europe/London"},
            "DE": {"languages": ["de", "en"]},
            "FR": {"languages": ["fr"]},
        },
        "groups": {"EU": ["DE", "FR"]},
    },
    "facts": {"facts": {"price.ratio_to_median": {"unit": "ratio", "tool": "similar_listings"}}},
    "phrases": {"phrases": {"en": {"findings": "We relied on {quotes}."}}},
}
LADDER = {"window_days": 365, "ladder": [{"strikes": 0, "action": "remove_listing"}]}
FRONT = {
    "title": "A rule",
    "type": "a.one",
    "regions": ["SG"],
    "in_force": {"from": date(2025, 1, 1)},
    "severity": "high",
    "elements": {"thing": {"text": "The item is a thing."}},
    "enforcement": LADDER,
}
CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "language": "en",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Mini pod kit"},
}


class Policy:
    """A corpus in a folder, to be written file by file."""

    def __init__(self, folder):
        self.folder = folder
        for name, data in VOCABULARIES.items():
            self.vocabulary(name, data)

    def vocabulary(self, name, data):
        """Write a vocabulary: data, or text as it stands."""
        text = data if isinstance(data, str) else yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return self

    def clause(self, clause_id="a.x", *, signs=None, prose="Why.", bare=False, **fields):
        """Write a clause: usual front matter (`bare`: only what is given) varied by `fields`; None leaves one out."""
        front = {"id": clause_id, **({} if bare else copy.deepcopy(FRONT)), **fields}
        front = {"except" if k == "except_" else k: v for k, v in front.items() if v is not None or bare}
        head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False)
        self.text(clause_id, f"---\n{head}---\n{prose}\n")
        if signs is not None:
            self.signs(clause_id, signs)
        return self

    def text(self, clause_id, text):
        """Write a clause file as it stands."""
        path = self.path(clause_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def signs(self, clause_id, signs):
        """Write a signs file: data, or text as it stands."""
        text = signs if isinstance(signs, str) else yaml.safe_dump(signs, allow_unicode=True, sort_keys=False)
        path = self.path(clause_id).with_suffix(".signs.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return self

    def path(self, clause_id):
        return self.folder / "clauses" / Path(*clause_id.split(".")).with_suffix(".md")

    def load(self):
        return load_corpus(self.folder)

    def problems(self):
        """What the corpus is refused for, as `file:line: code`; nothing where it loads."""
        try:
            self.load()
        except Invalid as error:
            return [f"{problem.pointer}: {problem.code}" for problem in error.problems]
        return []


@pytest.fixture
def policy(tmp_path):
    """Give an empty corpus with its vocabularies, to write clauses to."""
    return Policy(tmp_path)


@pytest.fixture(scope="session")
def shipped(root):
    """Give the corpus that the product ships with."""
    return load_corpus(root / "policies")


@pytest.fixture(scope="session")
def evidence():
    """Number texts as evidence: `evidence("text", ("listing.title", "text"), ("tool:x", "tool", "text"), ...)`."""

    def make(*texts):
        drafts = []
        for said in texts:
            source, *voucher, text = said if isinstance(said, tuple) else ("listing.description", said)
            drafts.append(Draft(source=source, voucher=voucher[0] if voucher else "seller", text=text))
        return number(drafts, 1)

    return make


@pytest.fixture(scope="session")
def laid():
    """Lay a case on the table: `laid(corpus, *drafts, seller={...}, subject={...}, **fields of the case)`.

    `seller` is a record that the seller-history tool looks up; without it the tool is not asked.
    """

    def make(corpus, *drafts, seller=None, subject=None, **fields):
        case = read_case({**CASE, **fields, "subject": {**CASE["subject"], **(subject or {})}})
        day = corpus.local_day(case.opened_at, case.region)
        cut = [*cut_case(case, day, case.language or "en"), *drafts]
        if seller is not None:
            record = read_seller({"id": "S-9", "opened_at": "2020-01-01T00:00:00Z", "country": "CN", **seller})
            tool = SellerHistory(SellerRows([record]))
            cut += asyncio.run(run_tool(tool, Look(case=case, day=day, folder=None, evidence=()), {}))
        return lay(corpus, case, number(cut, 1), case.language or "en")

    return make


@pytest.fixture(scope="session")
def policy_in():
    """Give an empty corpus in a folder of one's own."""
    return Policy


@pytest.fixture(scope="session")
def case_of():
    """Make a case whose subject has these attributes."""

    def make(attributes):
        return read_case({**CASE, "subject": {**CASE["subject"], "attributes": attributes}})

    return make
