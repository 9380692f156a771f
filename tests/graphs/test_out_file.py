"""The results file: one line a result, none twice, none by half."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.out_file import OutFile


def line(case_id, status="decided", **more):
    return {"case_id": case_id, "status": status, **more}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "of" / "results.jsonl"


def appended(path, *lines):
    file = OutFile(path)
    for one in lines:
        file.append(one)
    file.close()
    return path.read_bytes().splitlines()


def test_lines_are_appended_and_read_back(path):
    assert len(appended(path, line("a"), line("b", text="ü\u2028\n"))) == 2
    again = OutFile(path)
    assert again.last() == [line("a"), line("b", text="ü\u2028\n")]
    assert again.concluded("a")
    assert not again.concluded("c")
    again.close()


def test_the_same_line_is_not_written_twice_also_by_another_run(path):
    appended(path, line("a", n=1, m=2), line("a", m=2, n=1))
    assert len(appended(path, line("a", n=1, m=2))) == 1
    assert len(appended(path, line("a", n=2))) == 2


def test_the_last_line_of_a_case_counts(path):
    appended(path, line("a", "escalated"), line("b"), line("a", outcome="violation"))
    file = OutFile(path)
    assert file.last() == [line("a", outcome="violation"), line("b")]
    file.close()
    # Going back to what was said before is news.
    assert len(appended(path, line("a", "escalated"))) == 4


def test_what_was_invalid_may_have_been_mended(path):
    appended(path, line("a", "invalid"), line("b", "escalated"))
    file = OutFile(path)
    assert not file.concluded("a")
    assert file.concluded("b")
    file.close()


def test_a_line_is_there_once_append_returns(path):
    file = OutFile(path)
    file.append(line("a"))
    assert path.read_text("utf-8").endswith("}\n")
    file.close()


@given(cut=st.integers(0, 60))
def test_a_half_written_last_line_is_cut_and_written_again(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("out") / "results.jsonl"
    appended(path, line("a"), line("b", text="ä" * 10))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    kept = min(first + cut, len(whole))
    path.write_bytes(whole[:kept])
    file = OutFile(path)
    assert file.concluded("b") == (kept == len(whole))
    assert file.concluded("a")
    file.append(line("b", text="ä" * 10))
    file.close()
    assert [json.loads(one)["case_id"] for one in path.read_text("utf-8").splitlines()] == ["a", "b"]
    assert path.read_bytes() == whole


def test_an_empty_file_and_one_with_nothing_whole_are_as_none(path):
    path.parent.mkdir()
    for text in ("", '{"case_id": "a", "sta'):
        path.write_text(text, encoding="utf-8")
        assert len(appended(path, line("b"))) == 1
