"""The report as a page: it says what the figures say, fetches nothing, and takes every text as data."""

import re
from html.parser import HTMLParser

from evaluation.page import render
from tests.evaluation.conftest import report, scored

HOSTILE = '<script>alert(1)</script><img src="https://x.example/p.png">'
COMMAND = "casewright eval golden --split dev --auditor rulebook"


def page(*cases, **fields):
    return render(report(*cases, **fields), COMMAND)


class Seen(HTMLParser):
    """Collects tags, and every address that a browser could fetch or follow."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.open = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "action", "data"}]
        if tag not in {"meta", "link", "input", "br", "line", "circle", "rect", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main>")[2]))


def test_it_says_first_what_was_decided_and_what_was_cleared_unsafely():
    cases = [scored("a", "violation", "violation"), scored("b", "violation", "no_violation", title="Raw milk")]
    shown = text_of(page(*cases, scored("c", "person", "person", asked_right=True)))
    assert "Decided 2 of 3 cases alone, 1 of them wrongly; cleared 1 that should not have been." in shown
    assert "Cleared, and should not have been b Raw milk" in shown
    assert text_of(page(scored("a", "violation", "violation"))).count("cleared none") == 1


def test_it_fetches_nothing_and_runs_nothing():
    seen = Seen(page(scored("a", "violation", "no_violation", title=HOSTILE, rationale=HOSTILE, argument=HOSTILE)))
    assert not seen.tags & {"script", "img", "link", "iframe", "object"}
    assert all(address.startswith("#") for address in seen.addresses)
    assert seen.open == []


def test_every_text_is_shown_as_it_stands():
    html = page(scored("a", "violation", "no_violation", title=HOSTILE))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_every_case_is_there_with_what_became_of_it():
    html = page(
        scored("a", "violation", "violation"),
        scored("b", "no_violation", "person", reasons=("conflicting_signs",), asked=("part: a.x thing",)),
        scored("c", "person", "person"),
        scored("d", "no_violation", "violation", kinds=("rival_report",)),
    )
    assert re.findall(r'class="is-(\w+)" id="case-(\w)"', html) == [
        ("wrong", "d"),
        ("needless", "b"),
        ("asked", "c"),
        ("right", "a"),
    ]
    assert "conflicting signs 1, 1 needlessly" in text_of(html)


def test_labelled_cases_are_not_called_argued():
    shown = text_of(page(scored("a", "violation", "violation"), labelled=True))
    assert "argued" not in shown
    assert "your labels" in shown


def test_the_page_names_what_it_was_made_from():
    html = page(scored("a", "violation", "violation"), snapshot="f" * 64)
    assert COMMAND in html
    assert "f" * 12 in html
