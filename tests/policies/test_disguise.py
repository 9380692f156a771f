"""Words in disguise: what they may read, and what is none."""

import asyncio

import pytest

from policies.disguise import disguised, undisguised
from policies.document import Document
from policies.folding import fold
from policies.search import ScanSearch


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("s1butr4m1ne", "sibutramine"),
        ("c@nnab1s", "cannabis"),
        ("n!c0tine", "nicotine"),
        ("fa1se", "false"),
        ("v a p e", "vape"),
        ("R E P L I C A", "replica"),
        ("n.g.à", "nga"),
        ("via.gra", "viagra"),
        ("犀-利-士", "犀利士"),
    ],
)
def test_a_word_in_disguise_reads_as_it_is_meant(text, read):
    assert read in undisguised(fold(f"new {text} 20 pcs").text)


@pytest.mark.parametrize("text", ["2-3 days, 3.5.2024", "10-12-14 cm", "co-op", "iPhone 15 Pro", "A4 x 2", "a b c"])
def test_sizes_dates_and_models_are_no_words(text):
    assert undisguised(fold(text).text) == []


def test_it_says_where_a_word_stands():
    text = fold("Pure s1butr4m1ne.").text
    assert [text[start:end] for start, end, _ in disguised(text)] == ["s1butr4m1ne"]


def test_the_search_is_asked_for_what_is_meant():
    documents = [Document(id="a.x", text="replica"), Document(id="a.y", text="something new for the home")]
    found = asyncio.run(ScanSearch(documents).search("new r e p l i c a", ["a.x", "a.y"], 2))
    assert "a.x" in [hit.id for hit in found]
