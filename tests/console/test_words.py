"""The pages' words: complete in every language, and used."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cases.decision import REASON_CODES
from console.words import TONGUES, NoSuchWord, Words, choose_tongue, read_catalogue

ROOT = Path(__file__).resolve().parents[2] / "console"


def gaps(sentence):
    return sorted(re.findall(r"\{(\w+)\}", sentence))


@pytest.mark.parametrize("tongue", TONGUES)
def test_a_language_has_every_sentence_with_the_same_gaps(tongue):
    english, other = read_catalogue("en"), read_catalogue(tongue)
    assert set(english) - set(other) == set()
    assert set(other) - set(english) == set()
    assert {key for key in english if gaps(english[key]) != gaps(other[key])} == set()


def test_no_other_sentence_is_left_in_english():
    english, german = read_catalogue("en"), read_catalogue("de")
    long = [
        key
        for key, said in english.items()
        if said == german[key] and len(said.split()) > 2 and not key.endswith(".key")
    ]
    assert long == []


def test_every_reason_code_has_a_name():
    named = read_catalogue("en")
    assert [code for code in REASON_CODES if f"reason.{code}" not in named] == []


def test_what_the_pages_ask_for_is_there():
    asked = set()
    for path in [*ROOT.glob("templates/*.j2"), *ROOT.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""\b(?:t|words)(?:\.markup)?\(\s*["']([\w.-]+)["']\s*[,)]""", text))
    there = read_catalogue("en")
    assert [key for key in sorted(asked) if key not in there] == []


def test_a_sentence_that_is_not_there_is_an_error():
    with pytest.raises(NoSuchWord):
        Words()("no.such.sentence")


@pytest.mark.parametrize(
    ("wanted", "accepted", "tongue"),
    [("", "de-CH,en;q=0.5", "de"), ("en", "de", "en"), ("", "fr, ja", "en"), ("", "", "en"), ("xx", "de", "de")],
)
def test_the_language_is_the_accounts_else_the_browsers(wanted, accepted, tongue):
    assert choose_tongue(wanted, accepted) == tongue


def test_times_are_written_in_the_readers_zone_and_language():
    moment = datetime(2026, 3, 14, 16, 30, tzinfo=UTC)
    assert Words("en", "Asia/Singapore").moment(moment) == "15 Mar 2026, 00:30"
    assert Words("de", "Europe/Berlin").moment(moment) == "14 März 2026, 17:30"
    assert Words("en", "No/Where").time(moment) == "16:30"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=7), "7 min"),
        (timedelta(hours=2, minutes=5), "2 h 05 min"),
        (timedelta(days=1, hours=4), "1 day 4 h"),
        (timedelta(days=20), "20 days"),
    ],
)
def test_a_length_of_time_is_told_in_two_units_at_most(length, said):
    assert Words("en").span(length) == said


def test_others_words_never_become_markup():
    told = Words("en").markup("welcome.hello", name="<b>")
    assert "&lt;b&gt;" in told
