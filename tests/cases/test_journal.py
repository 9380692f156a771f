"""The journal: nothing is asked twice, nothing recorded is lost, and a replay asks nothing."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.journal import CaseJournal, JournalClosed, MemoryJournal, NotInJournal, SqliteJournal

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=5,
)


class Outside:
    """A call to the world, that counts how often it was made."""

    def __init__(self, answer=None, error=None):
        self.calls = 0
        self.answer = answer
        self.error = error

    async def __call__(self):
        self.calls += 1
        if self.error:
            raise self.error
        return {"call": self.calls} if self.answer is None else self.answer


@pytest.fixture(params=["memory", "sqlite"])
def opened(request, tmp_path):
    """Give a way to open a journal; opening again reads what was kept."""
    kept = MemoryJournal()
    files = []

    def again():
        if request.param == "memory":
            return kept
        files.append(SqliteJournal(tmp_path / "run.journal"))
        return files[-1]

    yield again
    for journal in files:
        journal.close()


def once(journal, slot, request, call, *, case="c", replaying=False):
    async def run():
        opened = await CaseJournal.open(journal, case, replaying=replaying)
        return await opened.once(slot, request, call)

    return asyncio.run(run())


def test_a_call_is_made_once_and_its_answer_given_again(opened):
    outside = Outside()
    journal = opened()

    async def run():
        case = await CaseJournal.open(journal, "c")
        return [await case.once("1/judge/1", b"asked", outside) for _ in range(3)]

    assert asyncio.run(run()) == [{"call": 1}] * 3
    assert outside.calls == 1


@pytest.mark.parametrize(
    ("slot", "request_bytes", "case"),
    [("1/judge/2", b"asked", "c"), ("1/judge/1", b"other", "c"), ("1/judge/1", b"asked", "d")],
)
def test_another_slot_request_or_case_is_another_call(opened, slot, request_bytes, case):
    outside = Outside()
    journal = opened()
    assert once(journal, "1/judge/1", b"asked", outside) == {"call": 1}
    assert once(journal, slot, request_bytes, outside, case=case) == {"call": 2}
    assert once(journal, "1/judge/1", b"asked", outside) == {"call": 1}


def test_what_was_recorded_survives_reopening(opened):
    outside = Outside()
    once(opened(), "1/pin", b"asked", outside)
    assert once(opened(), "1/pin", b"asked", outside) == {"call": 1}
    assert outside.calls == 1


def test_a_call_that_fails_is_not_recorded_and_is_made_again(opened):
    journal = opened()
    failing = Outside(error=TimeoutError("no answer"))
    with pytest.raises(TimeoutError):
        once(journal, "1/judge/1", b"asked", failing)
    assert once(journal, "1/judge/1", b"asked", Outside()) == {"call": 1}


def test_a_replay_gives_what_was_recorded_and_calls_nothing(opened):
    journal = opened()
    once(journal, "1/judge/1", b"asked", Outside())
    outside = Outside()
    assert once(journal, "1/judge/1", b"asked", outside, replaying=True) == {"call": 1}
    with pytest.raises(NotInJournal, match=r"case c: .*1/judge/2") as refused:
        once(journal, "1/judge/2", b"asked", outside, replaying=True)
    assert refused.value.problem.code == "not_in_journal"
    assert "replay with the journal" in refused.value.problem.hint
    with pytest.raises(NotInJournal):
        once(journal, "1/judge/1", b"asked otherwise", outside, replaying=True)
    assert outside.calls == 0


def test_what_a_slot_holds_is_read_whatever_was_asked(opened):
    journal = opened()
    once(journal, "1/pin", b"asked", Outside({"a": 1}))

    async def recorded(slot):
        return (await CaseJournal.open(journal, "c")).recorded(slot)

    assert asyncio.run(recorded("1/pin")) == {"a": 1}
    with pytest.raises(NotInJournal):
        asyncio.run(recorded("2/pin"))


@given(answer=PLAIN.filter(lambda value: value is not None), request_bytes=st.binary(max_size=20))
def test_plain_json_comes_back_as_it_was(answer, request_bytes):
    journal = MemoryJournal()
    first = once(journal, "s", request_bytes, Outside(answer))
    assert once(journal, "s", request_bytes, Outside("another")) == first == answer


def test_an_answer_that_changes_later_is_not_what_was_recorded(opened):
    journal = opened()
    answer = {"verdicts": ["met"]}
    given_back = once(journal, "s", b"", Outside(answer))
    given_back["verdicts"].append("not_met")
    answer["verdicts"].append("unclear")
    assert once(journal, "s", b"", Outside()) == {"verdicts": ["met"]}


def test_many_cases_write_at_once_through_two_journals_on_one_file(tmp_path):
    journals = [SqliteJournal(tmp_path / "j"), SqliteJournal(tmp_path / "j")]

    async def one(n):
        case = await CaseJournal.open(journals[n % 2], f"case-{n}")
        return [await case.once(f"1/judge/{i}", b"", Outside([n, i])) for i in range(3)]

    async def run():
        return await asyncio.gather(*(one(n) for n in range(60)))

    answers = asyncio.run(run())
    for journal in journals:
        journal.close()
    assert answers == [[[n, i] for i in range(3)] for n in range(60)]
    with sqlite3.connect(tmp_path / "j") as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT case_id) FROM journal").fetchone() == (180, 60)
    connection.close()


def test_threads_with_loops_of_their_own_share_a_journal(tmp_path):
    journal = SqliteJournal(tmp_path / "j")
    answers = {}

    def work(n):
        answers[n] = once(journal, "s", b"", Outside(n), case=f"case-{n}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    journal.close()
    assert answers == {n: n for n in range(8)}


def test_a_closed_journal_says_so_and_closes_twice(tmp_path):
    journal = SqliteJournal(tmp_path / "j")
    journal.close()
    journal.close()
    with pytest.raises(JournalClosed, match="closed"):
        once(journal, "s", b"", Outside())


def test_what_waits_when_the_journal_is_closed_is_still_written(tmp_path):
    journal = SqliteJournal(tmp_path / "j")

    async def run():
        writes = [asyncio.ensure_future(journal.record("c", f"s{i}", "r", b"1")) for i in range(20)]
        await asyncio.sleep(0)
        journal.close()
        await asyncio.gather(*writes)

    asyncio.run(run())
    reopened = SqliteJournal(tmp_path / "j")
    assert len(asyncio.run(reopened.entries("c"))) == 20
    reopened.close()


def test_a_write_that_cannot_be_made_fails_and_does_not_stop_the_others(tmp_path):
    journal = SqliteJournal(tmp_path / "j")

    async def run():
        with pytest.raises(UnicodeEncodeError):
            await asyncio.wait_for(journal.record("\ud800", "s", "r", b"1"), timeout=10)
        await asyncio.wait_for(journal.record("c", "s", "r", b"1"), timeout=10)
        return await asyncio.wait_for(journal.entries("c"), timeout=10)

    assert asyncio.run(run()) == {("s", "r"): b"1"}
    journal.close()


def test_a_run_that_gave_up_waiting_does_not_stop_the_next_one(tmp_path):
    journal = SqliteJournal(tmp_path / "j")
    blocking = sqlite3.connect(tmp_path / "j", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")

    async def impatient():
        await asyncio.wait_for(journal.record("c", "s", "r", b"1"), timeout=0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    blocking.execute("ROLLBACK")
    blocking.close()

    async def next_one():
        return await asyncio.wait_for(journal.entries("c"), timeout=20)

    assert asyncio.run(next_one()) == {("s", "r"): b"1"}
    journal.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from cases.journal import CaseJournal, SqliteJournal

async def answer(n):
    return {"n": n, "padding": "x" * 500}

async def main():
    case = await CaseJournal.open(SqliteJournal(Path(sys.argv[1])), "c")
    n = 0
    while True:
        await case.once(f"1/judge/{n}", b"asked", lambda: answer(n))
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 60])
def test_a_killed_process_loses_nothing_that_it_had_recorded(tmp_path, root, after):
    path = tmp_path / "j"
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as child:
        told = [int(child.stdout.readline()) for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        told += [int(line) for line in child.stdout.read().split(b"\n")[:-1] if line]
    assert child.returncode == -signal.SIGKILL
    journal = SqliteJournal(path)
    entries = asyncio.run(journal.entries("c"))
    kept = {orjson.loads(answer)["n"] for answer in entries.values()}
    assert set(told) <= kept
    assert len(kept) - len(told) <= 1  # the one that was recorded and not yet told
    outside = Outside()
    assert once(journal, f"1/judge/{told[-1]}", b"asked", outside)["n"] == told[-1]
    assert outside.calls == 0
    journal.close()
