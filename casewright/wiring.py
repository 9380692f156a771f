"""The one composition root: which implementation stands behind each port. Tests pass doubles in here, never patch."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from agents.auditor import Auditor
from agents.gate import Gate
from agents.model import Asking
from agents.rulebook import RulebookAuditor
from cases.case import Case, Limits
from cases.journal import CaseJournal
from cases.watch import Watch, unwatched
from casewright.settings import Settings
from graphs.desk import Clock, Desk, SystemClock
from policies.corpus import Corpus, load_corpus
from policies.document import document_of
from policies.embeddings import EndpointEmbedder, choose_embedder
from policies.search import ClauseSearch, HybridSearch
from tools.image_checks.checks import ImageChecks
from tools.image_checks.decode import FolderImageStore, ImageStore, ImageUnreadable, decode, fetch
from tools.image_checks.hashes import ImageRows
from tools.image_checks.ocr import RapidReader, TesseractReader
from tools.listing_facts import ListingFacts
from tools.policy_search import PolicySearch
from tools.precedents import PrecedentRows, Precedents, PrecedentSearch
from tools.recalls import RecallRows, Recalls
from tools.seller_history import SellerHistory, SellerRecords, SellerRows
from tools.similar_listings import ListingRows, SimilarListings
from tools.tool import Tool

AuditorKind = Literal["rulebook", "llm"]


@runtime_checkable
class Closing(Protocol):
    """What holds connections."""

    async def aclose(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True)
class Ports:
    """What a service puts in the place of files.

    Attributes:
        sellers: the seller records; none: those of the file that the settings name.
        images: uploaded images; none: those of the folder that the settings name.
        precedents: closed cases; none: those of the file that the settings name.
        gate: before each model; none: an open one.
        search: the search's folder; none: the one in the data folder, which bears one process.
        asking: stands around each question to a model.
    """

    sellers: SellerRecords | None = None
    images: ImageStore | None = None
    precedents: Precedents | None = None
    gate: Gate | None = None
    search: Path | None = None
    asking: Watch[Asking] = unwatched


@dataclass(frozen=True)
class Office:
    """Everything that cases share in one process.

    Attributes:
        vision: whether the auditor is shown images.
    """

    settings: Settings
    corpus: Corpus
    search: ClauseSearch
    auditor: Auditor
    tools: Mapping[str, Tool]
    store: ImageStore | None = None
    vision: bool = False
    clock: Clock = SystemClock()

    async def desk(self, case: Case, journal: CaseJournal, folder: Path | None) -> Desk:
        """Lay out the desk for one case."""
        return Desk(
            corpus=self.corpus,
            search=self.search,
            auditor=self.auditor,
            tools=self.tools,
            settings=self.settings.audit,
            journal=journal,
            clock=self.clock,
            folder=folder,
            pictures=await pictures(case, folder, self.store) if self.vision else {},
        )


@asynccontextmanager
async def open_office(
    settings: Settings, auditor: AuditorKind = "rulebook", sellers: Path | None = None, ports: Ports = Ports()
) -> AsyncIterator[Office]:
    """Open what the settings name, and close it again.

    Raises:
        Invalid: where the corpus or a file of records is not valid.
        BadSetting: where a setting is missing or wrong.
    """
    corpus = load_corpus(settings.policies)
    async with open_search(settings, corpus, ports.search) as search:
        judging, vision = make_auditor(settings, auditor, ports.gate, ports.asking)
        records = ports.sellers or seller_rows(sellers or settings.sellers)
        store = ports.images or (FolderImageStore(settings.images) if settings.images else None)
        tools = make_tools(settings, corpus, search, replace(ports, sellers=records, images=store))
        try:
            yield Office(settings, corpus, search, judging, tools, store, vision)
        finally:
            for tool in tools.values():
                if isinstance(tool, ImageChecks):
                    tool.close()
            if isinstance(judging, Closing):
                await judging.aclose()


@asynccontextmanager
async def open_search(settings: Settings, corpus: Corpus, folder: Path | None = None) -> AsyncIterator[HybridSearch]:
    """Open the clause search over a corpus, with the best embedder that is set up."""
    embedder = choose_embedder(
        base_url=settings.embeddings_url,
        model=settings.embeddings_model,
        api_key=settings.model.get("api_key", ""),
        folder=settings.home / "minilm",
    )
    documents = [document_of(clause) for clause in corpus.clauses.values()]
    serving = await HybridSearch.open(folder or settings.home / "search", corpus.snapshot, documents, embedder)
    try:
        yield serving
    finally:
        serving.close()
        if isinstance(embedder, EndpointEmbedder):
            await embedder.close()


def make_auditor(
    settings: Settings, kind: AuditorKind, gate: Gate | None = None, asking: Watch[Asking] = unwatched
) -> tuple[Auditor, bool]:
    """Make the auditor, and say whether it sees images.

    Raises:
        BadSetting: where the model's settings are missing or wrong.
    """
    if kind == "rulebook":
        return RulebookAuditor(), False
    from agents.llm import LlmAuditor  # noqa: PLC0415 - the client costs half a second to import

    chosen = settings.model_settings()
    return LlmAuditor.open(chosen, gate, asking), chosen.vision


def seller_rows(path: Path | None) -> SellerRecords | None:
    """The seller records of a file; None where none is named."""
    return SellerRows.read(path) if path else None


def precedent_rows(path: Path | None) -> Precedents | None:
    """The closed cases of a file; None where none is named."""
    return PrecedentRows.read(path) if path else None


def make_tools(settings: Settings, corpus: Corpus, search: ClauseSearch, ports: Ports) -> dict[str, Tool]:
    """Put the tools together; raises `Invalid` with file and line where a file is not valid.

    A tool whose file is not named, and in whose place nothing is put, is not there: "no record" may only be said where
    there are records.
    """
    readers = [RapidReader(), TesseractReader.installed()]
    tools: list[Tool] = [
        ImageChecks(
            readers=[reader for reader in readers if reader],
            store=ports.images,
            bank=ImageRows.read(settings.image_bank) if settings.image_bank else None,
        ),
        ListingFacts(),
        PolicySearch(search, corpus),
    ]
    if ports.sellers:
        tools.append(SellerHistory(ports.sellers))
    if settings.listings:
        tools.append(SimilarListings(ListingRows.read(settings.listings)))
    if settings.recalls:
        tools.append(Recalls(RecallRows.read(settings.recalls)))
    precedents = ports.precedents or precedent_rows(settings.precedents)
    if precedents:
        tools.append(PrecedentSearch(precedents, corpus))
    return {tool.name: tool for tool in tools}


async def pictures(case: Case, folder: Path | None, store: ImageStore | None) -> dict[int, tuple[str, bytes]]:
    """Images for a model that sees: decoded within the limits and written anew, so that nothing else travels along."""
    seen: dict[int, tuple[str, bytes]] = {}
    for number, image in enumerate(case.subject.images, 1):
        try:
            picture = decode(await fetch(image, folder, store, Limits()), Limits())
        except ImageUnreadable:
            continue  # image_checks says in the evidence why
        written = BytesIO()
        picture.pixels.save(written, "JPEG", quality=88)
        seen[number] = ("image/jpeg", written.getvalue())
    return seen
