"""Escalations: kept, answered once, refused before anything moves, and taken up again after a crash."""

import asyncio
import sqlite3
import threading
from datetime import date

import pytest

from cases.decision import read_answer
from cases.problem import Invalid
from graphs.escalations import AnsweredTwice, Escalations, NoEscalation, StaleAnswer, check_answer

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
SAYS = {
    BLADE: ("met", "shown", ["listing.title|Switchblade"]),
    SHARP: ("unclear", "silent", []),
    ANTIQUE: ("not_met", "contrary", ["listing.title|brand new"]),
}


class Crash(Exception):
    """The process is gone, as far as the files can tell."""


@pytest.fixture
def office(make):
    says = {key: make.Says(verdict, basis, tuple(quotes)) for key, (verdict, basis, quotes) in SAYS.items()}
    return make.office(says)


@pytest.fixture
def line(make, office, elsewhere):
    """A case that waits in the run's file."""
    return make.journey(office, make.case(), path=elsewhere.db)[-1]


def run(office, path, do, emit=None):
    async def go():
        async with office.open(path, emit) as opened:
            return await do(opened)

    return asyncio.run(go())


def told(line, **more):
    """What a process elsewhere is to answer: a review that settles the open part."""
    escalation = line["escalation"]
    judged = {"clause_id": "blades.spring", "part": "sharp", "verdict": "met", "basis": "person"}
    return {
        "number": escalation["number"],
        "digest": escalation["digest"],
        "at": "2026-03-15T10:00:00Z",
        "reviewer": "R. Viewer",
        "judgements": [judged],
        **more,
    }


# The store


def test_an_escalation_is_kept_once_and_read_back(elsewhere, line):
    store = Escalations(elsewhere.db)
    (waiting,) = store.open()
    assert waiting.escalation.model_dump(mode="json") == line["escalation"]
    assert (waiting.case_id, waiting.number, waiting.digest) == ("case-0001", 1, line["escalation"]["digest"])
    store.record(waiting.escalation, "another-interrupt", "elsewhere")
    assert store.open() == [waiting]
    assert store.latest("case-0001") == waiting
    assert store.latest("case-0002") is None
    store.close()


def test_an_answered_escalation_is_open_no_more_and_unfinished_until_it_is_closed(elsewhere, line, make):
    store = Escalations(elsewhere.db)
    stored = store.answer("case-0001", make.review(f"{SHARP} met")(line))
    assert stored.answer["reviewer"] == "R. Viewer"
    assert store.open() == []
    assert [waiting.number for waiting in store.unfinished()] == [1]
    assert [answer["reviewer"] for answer in store.answers("case-0001")] == ["R. Viewer"]
    store.closed("case-0001", 1)
    assert store.unfinished() == []
    store.close()


def test_the_store_lives_in_memory_where_there_is_no_file(make, line):
    store = Escalations(None)
    with pytest.raises(NoEscalation, match="case-0001"):
        store.answer("case-0001", make.review()(line))
    store.close()


# What is refused, before the graph is touched


def untouched(office):
    """An office whose desk nobody may sit down at."""

    async def desk(*_):
        raise AssertionError("the graph was touched")

    office.desk = desk
    return office


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"number": 2}, StaleAnswer),
        ({"digest": "0" * 64}, StaleAnswer),
        ({"number": 0, "digest": ""}, StaleAnswer),
    ],
)
def test_a_stale_answer_is_refused(make, office, line, elsewhere, change, refused):
    answer = make.review(f"{SHARP} met", **change)(line)
    with pytest.raises(refused, match="case-0001") as raised:
        run(untouched(office), elsewhere.db, lambda opened: opened.answer("case-0001", answer))
    assert raised.value.hint
    assert raised.value.problem.code == "stale_answer"


def test_an_answer_to_a_case_that_asks_nothing_is_refused(make, office, line, elsewhere):
    with pytest.raises(NoEscalation):
        run(untouched(office), elsewhere.db, lambda opened: opened.answer("case-0002", make.review()(line)))


def test_the_last_but_one_escalation_is_stale(make, office, line, elsewhere):
    first = make.review(f"{SHARP} met")(line)
    run(office, elsewhere.db, lambda opened: opened.answer("case-0001", make.request()(line)))
    with pytest.raises(StaleAnswer, match="the one that is open is 2"):
        run(untouched(office), elsewhere.db, lambda opened: opened.answer("case-0001", first))


def test_a_second_answer_is_refused_while_the_first_is_taken_up_and_after(make, office, line, elsewhere):
    answer, other = make.review(f"{SHARP} met")(line), make.review(f"{SHARP} not_met")(line)
    store = Escalations(elsewhere.db)
    store.answer("case-0001", answer)
    with pytest.raises(AnsweredTwice):
        store.answer("case-0001", other)
    (done,) = run(office, elsewhere.db, lambda opened: opened.finish())
    assert done["decision"]["outcome"] == "violation"
    for again in (answer, other):
        with pytest.raises(AnsweredTwice, match="escalation 1"):
            run(untouched(office), elsewhere.db, lambda opened, again=again: opened.answer("case-0001", again))
    store.close()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"judgements": [{"clause_id": "blades.axe", "part": "blade"}]}, "/judgements/0/clause_id"),
        ({"judgements": [{"clause_id": "danger.explosive", "part": "explosive"}]}, "/judgements/0/clause_id"),
        ({"judgements": [{"clause_id": "blades.spring", "part": "edge"}]}, "/judgements/0/part"),
        ({"judgements": [{"clause_id": "blades.spring", "part": "sharp", "basis": "shown"}]}, "/judgements/0/basis"),
        ({"governs": "swords.edged"}, "/governs"),
        ({"add_clauses": ["danger.explosive", "no.such"]}, "/add_clauses/1"),
        ({"action": "burn_listing"}, "/action"),
    ],
)
def test_an_answer_that_names_what_is_not_there_is_refused_with_its_place(office, line, elsewhere, given, pointer):
    judged = [{"verdict": "met", "basis": "person", **j} for j in given.pop("judgements", [])]
    answer = read_answer(told(line, judgements=judged, **given))
    with pytest.raises(Invalid) as raised:
        run(office, elsewhere.db, lambda opened: opened.answer("case-0001", answer))
    (problem,) = raised.value.problems
    assert problem.pointer == pointer
    store = Escalations(elsewhere.db)
    assert len(store.open()) == 1  # nothing was stored
    store.close()


def test_other_answers_name_nothing(make, corpus, line, elsewhere):
    store = Escalations(elsewhere.db)
    (waiting,) = store.open()
    for answer in (make.expiry(), make.supplement("Hello."), make.request(until=date(2026, 4, 1))):
        check_answer(waiting.escalation, answer(line), corpus)
    store.close()


# Twenty at once: one wins


def test_of_twenty_answers_at_once_one_wins(make, office, line, elsewhere):
    answers = [
        make.review(f"{SHARP} {verdict}", reviewer=f"R{i}")(line) for i, verdict in enumerate(["met", "not_met"] * 10)
    ]

    async def race(opened):
        return await asyncio.gather(*(opened.answer("case-0001", a) for a in answers), return_exceptions=True)

    office.lines.clear()
    came = run(office, elsewhere.db, race)
    (won,) = [line for line in came if isinstance(line, dict)]
    assert {type(other) for other in came if not isinstance(other, dict)} == {AnsweredTwice}
    assert office.lines == [won]
    by = won["decision"]["reviewer"]
    assert won["decision"]["outcome"] == ("violation" if int(by[1:]) % 2 == 0 else "no_violation")


def test_of_twenty_connections_at_once_one_wins(make, line, elsewhere):
    answers = [make.review(f"{SHARP} met", reviewer=f"R{i}")(line) for i in range(20)]
    start, won, refused = threading.Barrier(20), [], []

    def answer(given):
        store = Escalations(elsewhere.db)
        start.wait()
        try:
            won.append(store.answer("case-0001", given).answer["reviewer"])
        except AnsweredTwice:
            refused.append(given.reviewer)
        finally:
            store.close()

    threads = [threading.Thread(target=answer, args=(given,)) for given in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == 19
    with sqlite3.connect(elsewhere.db) as connection:
        (stored,) = connection.execute("SELECT answer FROM escalations").fetchone()
    connection.close()
    assert f'"{won[0]}"'.encode() in stored


def test_of_two_processes_at_once_one_wins(line, elsewhere):
    says = {key: list(said) for key, said in SAYS.items()}
    started = [
        elsewhere.start(*(["answer", "case-0001", told(line, reviewer=f"R{n}.{i}")] for i in range(6)), says=says)
        for n in range(2)
    ]
    said = [step for process in started for step in elsewhere.read(process)["said"]]
    assert len([step for step in said if "lines" in step]) == 1
    assert [step["error"] for step in said if "error" in step] == ["answered_twice"] * 11


# Crashes


def test_an_answer_that_was_stored_and_not_taken_up_is_finished_by_another_process(make, line, elsewhere):
    store = Escalations(elsewhere.db)
    store.answer("case-0001", make.review(f"{SHARP} met")(line))
    store.close()
    says = {key: list(said) for key, said in SAYS.items()}
    out = elsewhere.db.with_name("out.jsonl")
    came = elsewhere(["finish"], ["finish"], says=says, out=out)
    first, second = (step["lines"] for step in came["said"])
    assert [done["decision"]["outcome"] for done in first] == ["violation"]
    assert second == []
    assert len(out.read_text("utf-8").splitlines()) == 1
    assert came["calls"] == []


@pytest.mark.parametrize("kind", ["review", "supplement", "request"])
def test_a_crash_before_the_result_is_written_loses_and_repeats_nothing(make, office, line, elsewhere, kind):
    """The run has gone on and is checkpointed; its line and the mark that it has gone on are missing."""
    answer = {"review": make.review(f"{SHARP} met"), "supplement": make.supplement("Hi."), "request": make.request()}[
        kind
    ]

    def boom(_):
        raise Crash

    with pytest.raises(Crash):
        run(office, elsewhere.db, lambda opened: opened.answer("case-0001", answer(line)), boom)
    before = list(office.auditor.calls)
    (done,) = run(office, elsewhere.db, lambda opened: opened.finish())
    assert office.auditor.calls == before
    if kind == "review":
        assert done["decision"]["outcome"] == "violation"
    else:
        assert done["escalation"]["number"] == 2
        *_, last = make.journey(office, make.case(), make.review(f"{SHARP} met"), path=elsewhere.db)
        assert last["decision"]["outcome"] == "violation"
    assert run(office, elsewhere.db, lambda opened: opened.finish()) == []


def test_a_crash_before_a_paused_case_is_written_down_asks_it_again(make, office, elsewhere):
    def boom(_):
        raise Crash

    with pytest.raises(Crash):
        run(office, elsewhere.db, lambda opened: opened.audit(make.case()), boom)
    before = list(office.auditor.calls)
    line = run(office, elsewhere.db, lambda opened: opened.audit(make.case()))
    assert office.auditor.calls == before
    assert line["escalation"]["number"] == 1
    assert run(office, elsewhere.db, lambda opened: opened.audit(make.case())) == line
