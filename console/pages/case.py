"""The case page: the open question first, and all that bears on it; and the way to the next one."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from cases.decision import Escalation
from cases.finding import Finding, derive
from console.accounts import Role, accounts
from console.door import Door
from console.reading.asking import Ask, asks_of, number_questions
from console.reading.case_file import Asked, CaseFile, read_file
from console.reading.evidence import Pane, pane_of
from console.reading.findings import Judged, at_stake, judged, titles_of
from console.reading.following import foreseen_of, in_words, judgement_of, recommended_in_words, unclear_in_words
from console.reading.law import Law, law_of
from console.reading.quotes import Numbers
from console.reading.requests import compose
from console.visit import Visit
from graphs.foresight import Foreseen
from policies.corpus import Corpus
from service.images import pictures_of, stored_of
from service.leases import claim_next, claim_one
from service.ledger import LedgerRecords
from service.notes import notes
from service.opinions import opinions
from service.routing import SKIP_REASONS
from service.waiting_list import alike

_BESIDE = 3
"""Matched pictures that are shown beside one."""
REVIEWING: tuple[Role, ...] = ("reviewer", "senior", "policy")


def case_path(case_id: str) -> str:
    """Where a case's page is."""
    return f"/cases/{quote(case_id, safe='')}"


def case_id_of(visit: Visit) -> str:
    """The case that the address names; an id may hold a slash."""
    return str(visit.request.path_params["case_id"]).replace("\x1f", "/")


async def case_page(visit: Visit) -> Response:
    """Show a case. One that is open, and nobody's, is leased to whoever may take it and opens it."""
    file = await read_file(visit.pool, case_id_of(visit))
    asked = file.asked
    if asked is None or not asked.open or not visit.account.may(*REVIEWING):
        return visit.go(f"/decisions/{quote(file.case.id, safe='')}")
    if asked.claimed_by != visit.account.id and not _held(asked):
        await claim_one(visit.pool, visit.account.id, file.case.id, asked.escalation.number)
        await visit.note("case_claimed", file.case.id, number=asked.escalation.number)
        asked = replace(asked, claimed_by=visit.account.id)
        file = replace(file, asked=asked)
    return await show_case(visit, file, asked)


def _held(asked: Asked) -> bool:
    return bool(asked.claimed_by and asked.claimed_until and asked.claimed_until > datetime.now(UTC))


async def take(visit: Visit) -> Response:
    """Take a case that somebody else held until a moment ago."""
    file = await read_file(visit.pool, case_id_of(visit))
    if file.asked:
        await claim_one(visit.pool, visit.account.id, file.case.id, file.asked.escalation.number)
        await visit.note("case_claimed", file.case.id, number=file.asked.escalation.number)
    return visit.go(case_path(file.case.id))


async def next_case(visit: Visit) -> Response:
    """Lease the most pressing question that this person may take; the script gets its page at once."""
    share = visit.console.settings.blind_share
    if not visit.asks_for_part and not visit.one("blind") and secrets.randbelow(10_000) < 10_000 * share:
        return visit.go("/blind")
    found = await claim_next(visit.pool, visit.account.id, besides=tuple(visit.many("besides")))
    if found is None:
        return Response(status_code=204) if visit.asks_for_part else visit.go("/blind?last=1")
    path = case_path(found[0])
    if not visit.asks_for_part:
        await visit.note("case_claimed", found[0], number=found[1])
        return visit.go(path)
    file = await read_file(visit.pool, found[0])
    if file.asked is None:
        return Response(status_code=204)
    page = await show_case(visit, file, replace(file.asked, claimed_by=visit.account.id))
    page.headers["x-path"] = path
    return page


async def show_case(
    visit: Visit, file: CaseFile, asked: Asked, *, blind: bool = False, consulting: str = "", unsealed: bool = False
) -> Response:
    """The page of a case.

    Args:
        visit: whose.
        file: the case.
        asked: what is open in it.
        blind: for a second label: the same questions, and nothing of what was said to them.
        consulting: for a colleague who looks, and answers with a note: what they are told on top.
        unsealed: with the ballots, though nobody has judged.
    """
    shown = read_case_page(visit, file, asked, blind=blind, unsealed=unsealed)
    mine = asked.claimed_by == visit.account.id and not consulting
    seller = await LedgerRecords(visit.pool).get(file.case.seller_id)
    pane = pane_of(file.case, file.evidence.values(), shown.numbers, seller, types_of(file))
    escalation = asked.escalation
    everybody = await accounts(visit.pool)
    return visit.page(
        "case.html.j2",
        file=replace(file, asked=asked),
        path=case_path(file.case.id),
        case_id=file.case.id,
        blind=blind,
        consulting=consulting,
        mine=mine,
        can_answer=mine,
        may_take=False,
        banner=consulting or ("" if mine else visit.words("case.held_by", who=asked.claimed_by)),
        pane=pane,
        banked=await matched(visit, file.case.id, pane),
        veiled=veiled(visit, types_of(file)),
        alike=() if blind else await alike(visit.pool, file.case.id, visit.console.corpus, 5),
        notes=() if blind else await notes(visit.pool, file.case.id),
        opinions=() if blind else await _opinions(visit, file),
        colleagues=[one for one in everybody if one.id != visit.account.id and one.may(*REVIEWING)],
        skip_reasons=SKIP_REASONS,
        actions=tuple(visit.console.corpus.actions),
        request=compose(escalation, file.case, visit.console.corpus, datetime.now(visit.words.clock).date()),
        feedback=not consulting and _drawn("feedback", file.case.id, visit.console.settings.feedback_share),
        **_clock(asked),
        **shown.values,
    )


_ENTRY = re.compile(r"\b[0-9a-f]{64}\b")


async def matched(visit: Visit, case_id: str, pane: Pane) -> dict[int, tuple[str, ...]]:
    """Stored pictures to show beside each of the listing's own: of listings that show it, too, and of image banks.

    A bank's entry is shown where its id is the SHA-256 of a picture that was uploaded.
    """
    listings = [listing for picture in pane.pictures for listing, _ in picture.shown_in]
    entries = [name for picture in pane.pictures for entry in picture.banks for name in _ENTRY.findall(entry)]
    if not listings and not entries:
        return {}
    theirs = await pictures_of(visit.pool, case_id, listings)
    banked = await stored_of(visit.pool, entries)
    found: dict[int, tuple[str, ...]] = {}
    for picture in pane.pictures:
        beside = [theirs[listing] for listing, _ in picture.shown_in if listing in theirs]
        beside += [name for entry in picture.banks for name in _ENTRY.findall(entry) if name in banked]
        found[picture.ordinal] = tuple(dict.fromkeys(beside))[:_BESIDE]
    return found


@dataclass(frozen=True)
class CasePage:
    """What the page shows beside the evidence, read from the stored case."""

    numbers: Numbers
    values: Mapping[str, Any]


def read_case_page(
    visit: Visit, file: CaseFile, asked: Asked, *, blind: bool = False, unsealed: bool = False
) -> CasePage:
    """Read questions, findings, clauses and what would follow, with every quote numbered in the page's order."""
    corpus, escalation = visit.console.corpus, asked.escalation
    numbers, evidence = Numbers(), file.evidence
    number_questions(escalation, numbers)
    titles = titles_of(file.texts)
    on_stake, rest = at_stake(escalation.findings, {q.clause_id for q in escalation.questions})

    def read(finding: Finding, given: Numbers) -> Judged:
        clause = corpus.clauses.get(finding.clause_id)
        return judged(finding, clause, titles.get(finding.clause_id, finding.clause_id), given, evidence)

    stake = [read(finding, numbers) for finding in on_stake]
    asks = asks_of(escalation, stake, _clashes(visit, escalation), numbers, evidence)
    asks = _blinded(asks, stake) if blind else asks
    sealing = {ask.key for ask in asks} if blind else set() if unsealed else _sealed(visit, asks)
    now = foreseen_of(file, corpus, ())
    then, steps = _then(visit, file, asks)
    recommended = escalation.recommended
    values = {
        "asks": asks,
        "stake": stake,
        "others": [read(finding, Numbers()) for finding in rest],  # not shown part by part, so without numbers
        "sealing": sealing,
        "open_count": sum(ask.open for ask in asks),
        "stake_parts": sum(len(one.rows) for one in stake),
        "then": then,
        "governed": {c: _governed(visit, file, c) for ask in asks for c, _ in ask.governing},
        "laws": _laws(visit, file, asks, numbers, steps),
        "day": corpus.local_day(file.case.opened_at, file.case.region),
        "now": {"words": in_words(now, visit, escalation.meanwhile)},
        "recommended": recommended_in_words(recommended, visit) if recommended else "",
        "confirms": not sealing and recommended is not None,
        "notice": recommended.notice if recommended else now.notice or _notice(file, corpus, asks),
        "auditor": _auditor(file, escalation),
    }
    return CasePage(numbers, values)


def _blinded(asks: tuple[Ask, ...], stake: list[Judged]) -> tuple[Ask, ...]:
    """What is asked, without the words by which a confirmation tells what the agent has judged."""
    texts = {row.key: row.text for one in stake for row in one.rows}
    plain = [replace(ask, kind="part", text=texts.get(ask.key, ask.text), would_settle="") for ask in asks]
    return tuple(
        told if ask.kind == "confirm" else ask for ask, told in zip(asks, plain, strict=True) if ask.kind != "other"
    )


def _sealed(visit: Visit, asks: tuple[Ask, ...]) -> set[str]:
    """Keys of open questions, whose ballots open once they are judged."""
    first = visit.console.settings.judge_first
    return {ask.key or ask.kind for ask in asks if ask.open and ask.kind != "policy"} if first else set()


def _clashes(visit: Visit, escalation: Escalation) -> tuple[tuple[str, str], ...]:
    known = visit.console.corpus.clauses
    rules = [known[finding.clause_id].rule for finding in escalation.findings if finding.clause_id in known]
    return derive(rules, {f.clause_id: {p.part: p.verdict for p in f.parts} for f in escalation.findings}).conflicts


def _then(visit: Visit, file: CaseFile, asks: tuple[Ask, ...]) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
    """What each judgement of each part would cause, in words; and the ladder's step that each clause would come to."""
    corpus, words = visit.console.corpus, visit.words
    meanwhile = file.asked.escalation.meanwhile if file.asked else "keep"
    told: dict[str, dict[str, str]] = {}
    steps: dict[str, int] = {}
    for ask in asks:
        if not ask.key:
            continue
        told[ask.key] = {"unclear": unclear_in_words(words, meanwhile)}
        for verdict in ("met", "not_met"):
            seen = foreseen_of(file, corpus, [judgement_of(ask.key, verdict)])
            told[ask.key][verdict] = in_words(seen, visit, meanwhile)
            _note_step(seen, steps)
    return told, steps


def _notice(file: CaseFile, corpus: Corpus, asks: tuple[Ask, ...]) -> str:
    """The notice that would go out if what is asked first were met."""
    first = next((ask.key for ask in asks if ask.key and ask.open), "")
    return foreseen_of(file, corpus, [judgement_of(first, "met")]).notice if first else ""


def _note_step(seen: Foreseen, steps: dict[str, int]) -> None:
    if seen.action:
        steps.setdefault(seen.action.clause_id, seen.action.step)


def _governed(visit: Visit, file: CaseFile, clause_id: str) -> str:
    seen = foreseen_of(file, visit.console.corpus, (), clause_id)
    meanwhile = file.asked.escalation.meanwhile if file.asked else "keep"
    return in_words(seen, visit, meanwhile)


def _laws(visit: Visit, file: CaseFile, asks: tuple[Ask, ...], numbers: Numbers, steps: dict[str, int]) -> list[Law]:
    corpus = visit.console.corpus
    ids = dict.fromkeys(ask.clause_id for ask in asks if ask.clause_id in corpus.clauses)
    day = corpus.local_day(file.case.opened_at, file.case.region)
    return [law_of(corpus.clauses[i], corpus, file.case.region, day, numbers, steps.get(i)) for i in ids]


def _auditor(file: CaseFile, escalation: Escalation) -> str:
    """Who has judged: of the recommendation, else of the first ballot."""
    if escalation.recommended:
        name = escalation.recommended.auditor
        return f"{name.name} {name.model}".strip()
    cast = [ballot.judge for finding in file.findings for part in finding.parts for ballot in part.ballots]
    return f"{cast[0].prompt} {cast[0].model}".strip() if cast else ""


async def _opinions(visit: Visit, file: CaseFile) -> list[dict[str, Any]]:
    """What two people have said of it who differ; only a senior is asked then, and sees both."""
    if file.asked is None or file.asked.waiting_for != "senior":
        return []
    given = await opinions(visit.pool, file.case.id, file.asked.escalation.number)
    meanwhile = file.asked.escalation.meanwhile
    return [
        {
            "reviewer": one.reviewer,
            "at": one.at,
            "said": in_words(
                foreseen_of(file, visit.console.corpus, one.review.judgements, one.review.governs or ""),
                visit,
                meanwhile,
            ),
        }
        for one in given
    ]


def types_of(file: CaseFile) -> set[str]:
    """Violation types that a case is about: raised, or found."""
    return {*file.case.raised_types, *(f.type for f in file.findings if f.status != "not_fulfilled")}


def veiled(visit: Visit, types: set[str]) -> bool:
    """Whether pictures are veiled: of graphic types, unless this person wants to see them; and of those they named."""
    account, known = visit.account, visit.console.corpus.types
    graphic = {t for t in types if t in known and known[t].graphic} - set(account.unveiled)
    return bool(graphic or types & set(account.veiled))


def _drawn(what: str, case_id: str, share: float) -> bool:
    """Whether a case is one of the share that is drawn; always the same for the same case."""
    drawn = int.from_bytes(hashlib.sha256(f"{what}:{case_id}".encode()).digest()[:4])
    return drawn / 2**32 < share


def _clock(asked: Asked) -> dict[str, Any]:
    """How much of its time is gone, in per cent, and whether it is over."""
    if asked.due is None:
        return {"gone": 0, "late": False}
    now = datetime.now(UTC)
    span = (asked.due - asked.raised_at).total_seconds()
    gone = 100 if span <= 0 else max(0, min(100, round(100 * (now - asked.raised_at).total_seconds() / span)))
    return {"gone": gone, "late": now > asked.due}


async def picture(visit: Visit) -> Response:
    """A stored picture: of our own drawing, never the sender's file."""
    sha256 = visit.request.path_params["sha256"]
    row = await visit.pool.fetchrow("SELECT media_type, content FROM images WHERE sha256 = $1", sha256)
    if row is None:
        return Response(status_code=404)
    # It may be kept while the browser runs: its address is its content's.
    headers = {"cache-control": "private, max-age=3600, immutable", "content-disposition": "inline"}
    return Response(bytes(row["content"]), headers=headers, media_type=row["media_type"])


DOORS = (
    Door("GET", "/cases/{case_id}", case_page),
    Door("POST", "/cases/{case_id}/take", take, roles=REVIEWING),
    Door("GET", "/next", next_case, roles=REVIEWING),
    Door("GET", "/images/{sha256}", picture),
)
