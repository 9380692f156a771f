"""What a person does with a case: judge, decide, ask, skip, hand on, take back. Each act is the service's own call."""

from datetime import UTC, date, datetime, timedelta
from typing import cast, get_args

from pydantic import ValidationError
from starlette.responses import Response

from cases.decision import Expiry, InformationRequest, Review, Supplement
from cases.finding import Judgement, Verdict
from cases.problem import CasewrightError, Invalid, problems_of
from console.door import Door
from console.pages.case import REVIEWING, case_id_of, read_case_page
from console.reading.case_file import Asked, CaseFile, read_file
from console.reading.following import foreseen_of, in_words, judgement_of, unclear_in_words
from console.visit import Visit
from graphs.escalations import NoEscalation
from service.answers import answer, withdraw
from service.exposure import note_exposure
from service.leases import keep_lease, release
from service.notes import add_note
from service.routing import SkipReason, skip, to_policy_team, to_senior

_VERDICTS = get_args(Verdict)
_FEEDBACK = {"right", "wrong", "irrelevant"}
_MOST_SECONDS = 600.0
_CLAUSES_FOUND = 8


async def _open(visit: Visit) -> tuple[CaseFile, Asked]:
    """The case, with what is open in it.

    Raises:
        NoSuchCase, NoEscalation: nothing is.
    """
    file = await read_file(visit.pool, case_id_of(visit))
    if file.asked is None:
        raise NoEscalation(case=file.case.id)
    return file, file.asked


def judgements_of(visit: Visit) -> list[Judgement]:
    """What the form says of parts, as far as it says something."""
    found = []
    for name, values in visit.sent.items():
        kind, _, key = name.partition(":")
        if kind == "verdict" and "|" in key and values[-1] in _VERDICTS:
            found.append(judgement_of(key, cast("Verdict", values[-1]), visit.one("comment")))
    return found


def _bound(visit: Visit) -> dict[str, object]:
    """What an answer is for: the escalation that the page showed."""
    number = visit.one("number")
    return {
        "number": int(number) if number.isascii() and number.isdigit() else -1,
        "digest": visit.one("digest"),
        "at": datetime.now(UTC),
    }


async def foresee(visit: Visit) -> Response:
    """What would follow from what is judged so far, and from each further judgement."""
    file, asked = await _open(visit)
    corpus, words = visit.console.corpus, visit.words
    meanwhile = asked.escalation.meanwhile
    said, governs = judgements_of(visit), visit.one("governs")
    unclear = any(judgement.verdict == "unclear" for judgement in said)
    seen = foreseen_of(file, corpus, said, governs)
    then: dict[str, dict[str, str]] = {}
    for ask in read_case_page(visit, file, asked).values["asks"]:
        others = [j for j in said if f"{j.clause_id}|{j.part}" != ask.key]
        if ask.key:
            then[ask.key] = {
                verdict: in_words(
                    foreseen_of(file, corpus, [*others, judgement_of(ask.key, verdict)], governs),
                    visit,
                    meanwhile,
                )
                for verdict in ("met", "not_met")
            }
    told = unclear_in_words(words, meanwhile) if unclear else in_words(seen, visit, meanwhile)
    ready = bool(seen.outcome or unclear)
    return visit.data({"words": told, "ready": ready, "then": then, "notice": seen.notice})


def _review(visit: Visit) -> Review:
    """The review that the form says; raises Invalid where it says none."""
    said = judgements_of(visit)
    claims = [
        {"claim": name.partition(":")[2], "said": values[-1]}
        for name, values in visit.sent.items()
        if name.startswith("claim:") and values[-1] in _FEEDBACK
    ]
    try:
        return Review.model_validate(
            {
                **_bound(visit),
                "reviewer": visit.account.id,
                "judgements": said,
                "governs": visit.one("governs") or None,
                "confirmed": not said and not visit.one("governs") and visit.one("confirmed") == "1",
                "action": visit.one("action") or None,
                "action_reason": visit.one("action_reason"),
                "notice": visit.one("notice") or None,
                "comment": visit.one("comment"),
                "claim_feedback": claims,
            }
        )
    except ValidationError as error:
        raise Invalid(visit.words("case.your_answer"), problems_of(error)) from error


async def decide(visit: Visit) -> Response:
    """Answer the open question; the case runs on when the grace is over, until when the answer can be taken back."""
    given = _review(visit)
    grace = visit.console.settings.grace_s
    taken = await answer(visit.pool, case_id_of(visit), given, visit.console.corpus, grace=timedelta(seconds=grace))
    verdicts = {f"{j.clause_id}|{j.part}": j.verdict for j in given.judgements}
    await visit.note("answered", case_id_of(visit), number=given.number, verdicts=verdicts, result=taken)
    return _on(visit, visit.words(f"case.came.{taken}"), undo=grace)


def _on(visit: Visit, told: str, undo: float = 0) -> Response:
    """On to the next case."""
    if visit.asks_for_part:
        return visit.data({"go": "/next", "told": told, "undo": undo})
    return visit.go("/next")


async def take_back(visit: Visit) -> Response:
    """Take an answer back while its grace lasts."""
    number = _bound(visit)["number"]
    await withdraw(visit.pool, case_id_of(visit), cast("int", number), visit.account.id)
    await visit.note("answer_withdrawn", case_id_of(visit), number=number)
    return visit.data({"told": visit.words("case.taken_back")})


async def request(visit: Visit) -> Response:
    """Send the seller the question; the case waits for the answer, until the day named."""
    try:
        until = date.fromisoformat(visit.one("until"))
        asked = InformationRequest.model_validate(
            {**_bound(visit), "question": visit.one("question").strip(), "until": until}
        )
    except ValidationError as error:
        raise Invalid(visit.words("case.your_request"), problems_of(error)) from error
    except ValueError:
        raise Refused(why=visit.words("case.bad_day")) from None
    grace = timedelta(seconds=visit.console.settings.grace_s)
    await _in_hand(visit, asked.number)
    who = visit.account.id
    await answer(visit.pool, case_id_of(visit), asked, visit.console.corpus, grace=grace, by=who)
    await visit.note("seller_asked", case_id_of(visit), number=asked.number, until=until.isoformat())
    return _on(visit, visit.words("case.request_sent"), undo=grace.total_seconds())


_SENDERS = ("seller", "platform", "person")


async def evidence(visit: Visit) -> Response:
    """Add what has come in since, in whose words; a new round takes it up."""
    by, text = visit.one("by"), visit.one("text").strip()
    if by not in _SENDERS or not text:
        raise Refused(why=visit.words("case.evidence_what"))
    author = "employee" if by == "person" else by
    texts = [{"source": "message", "by": author, "text": text}]
    try:
        given = Supplement.model_validate({**_bound(visit), "by": by, "texts": texts})
    except ValidationError as error:
        raise Invalid(visit.words("case.your_answer"), problems_of(error)) from error
    grace = timedelta(seconds=visit.console.settings.grace_s)
    await answer(visit.pool, case_id_of(visit), given, visit.console.corpus, grace=grace, by=visit.account.id)
    await visit.note("evidence_added", case_id_of(visit), number=given.number, by=by)
    return _on(visit, visit.words("case.evidence_added"), undo=grace.total_seconds())


class Refused(CasewrightError):
    """{why}"""


async def _in_hand(visit: Visit, number: int) -> None:
    """See to it that the case is on lease to whoever acts; raises what `keep_lease` does."""
    await keep_lease(visit.pool, visit.account.id, case_id_of(visit), number)


async def look_again(visit: Visit) -> Response:
    """Have the agent look once more: a new round, which asks the world anew."""
    bound = _bound(visit)
    await _in_hand(visit, cast("int", bound["number"]))
    again = Expiry.model_validate({**bound, "expired": True})
    await answer(visit.pool, case_id_of(visit), again, visit.console.corpus, by=visit.account.id)
    await visit.note("sent_back", case_id_of(visit), number=bound["number"])
    return _on(visit, visit.words("case.looks_again"))


async def add_clause(visit: Visit) -> Response:
    """Say that another clause governs: a new round judges it, too."""
    given = Review.model_validate(
        {**_bound(visit), "reviewer": visit.account.id, "add_clauses": (visit.one("clause"),)}
    )
    await answer(visit.pool, case_id_of(visit), given, visit.console.corpus)
    await visit.note("clause_added", case_id_of(visit), number=given.number, clause=visit.one("clause"))
    return _on(visit, visit.words("case.clause_added"))


async def find_clause(visit: Visit) -> Response:
    """Clauses in force for the case whose title or id holds the words sought."""
    file, asked = await _open(visit)
    corpus = visit.console.corpus
    words = visit.one("sought").casefold().split()
    judged = {finding.clause_id for finding in asked.escalation.findings}
    day = corpus.local_day(file.case.opened_at, file.case.region)
    found = [
        clause
        for clause in corpus.in_force(file.case.region, day)
        if clause.id not in judged
        and words
        and all(w in f"{clause.id} {clause.title} {clause.type}".casefold() for w in words)
    ]
    return visit.page("clauses_found.html.j2", found=found[:_CLAUSES_FOUND])


def _holds(text: str, words: list[str]) -> bool:
    return all(word in text.casefold() for word in words)


async def skip_case(visit: Visit) -> Response:
    """Skip, with a reason; the case goes back to the queue."""
    number, reason = cast("int", _bound(visit)["number"]), visit.one("reason")
    if reason not in get_args(SkipReason):
        raise Refused(why=visit.words("case.skip_why"))
    await skip(visit.pool, visit.account.id, case_id_of(visit), number, cast("SkipReason", reason), visit.one("note"))
    await visit.note("skipped", case_id_of(visit), number=number, reason=reason)
    return _on(visit, visit.words("case.skipped"))


async def policy_silent(visit: Visit) -> Response:
    """Say that the policy does not say: the question goes to the policy team."""
    number = cast("int", _bound(visit)["number"])
    await to_policy_team(visit.pool, visit.account.id, case_id_of(visit), number, visit.one("why"))
    await visit.note("policy_silent", case_id_of(visit), number=number)
    return _on(visit, visit.words("case.went_to_policy"))


async def senior(visit: Visit) -> Response:
    """Hand the question to a senior."""
    number = cast("int", _bound(visit)["number"])
    await to_senior(visit.pool, visit.account.id, case_id_of(visit), number, visit.one("why"))
    await visit.note("handed_to_senior", case_id_of(visit), number=number)
    return _on(visit, visit.words("case.went_to_senior"))


async def note(visit: Visit) -> Response:
    """Write a note beside the case, for a colleague where one is named."""
    asks = visit.one("asks") or None
    await add_note(visit.pool, case_id_of(visit), visit.account.id, visit.one("text"), asks)
    await visit.note("noted", case_id_of(visit), asks=asks)
    path = f"/cases/{visit.request.path_params['case_id']}"
    return visit.data({"go": path, "told": visit.words("case.noted")}) if visit.asks_for_part else visit.go(path)


async def beat(visit: Visit) -> Response:
    """Keep the lease while the page is open."""
    await _in_hand(visit, cast("int", _bound(visit)["number"]))
    return Response(status_code=204)


async def let_go(visit: Visit) -> Response:
    """Give the case back to the queue without a word."""
    await release(visit.pool, visit.account.id, case_id_of(visit))
    await visit.note("released", case_id_of(visit))
    return _on(visit, "")


async def seen(visit: Visit) -> Response:
    """Count how long a veiled picture was looked at."""
    try:
        seconds = min(_MOST_SECONDS, max(0.0, float(visit.one("seconds"))))
    except ValueError:
        seconds = 0.0
    await note_exposure(visit.pool, visit.account.id, case_id_of(visit), visit.one("image"), seconds)
    return Response(status_code=204)


DOORS = (
    Door("POST", "/cases/{case_id}/foresee", foresee, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/answer", decide, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/withdraw", take_back, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/request", request, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/evidence", evidence, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/again", look_again, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/clauses", add_clause, roles=REVIEWING),
    Door("GET", "/cases/{case_id}/clauses", find_clause, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/skip", skip_case, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/silent", policy_silent, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/senior", senior, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/note", note, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/lease", beat, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/release", let_go, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/seen", seen, roles=REVIEWING),
)
