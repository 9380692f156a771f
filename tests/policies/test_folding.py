"""Folding texts for matching, the way back to the stored text, and what negation and "for" look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.folding import compatible, fold, marked, negated, same_letters

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("éßﬁＡ㎎İıđÀกำ\u200b\u0301ﾞ"), max_size=30)


@given(TEXTS)
def test_every_folded_character_comes_from_a_stored_one_in_order(text):
    folded = fold(text)
    assert len(folded.text) == len(folded.origin)
    assert list(folded.origin) == sorted(folded.origin)
    assert all(0 <= place < len(text) for place in folded.origin)


@given(TEXTS, st.data())
def test_a_stretch_of_the_folded_text_is_one_of_the_stored_text(text, data):
    folded = fold(text)
    if folded.text:
        start = data.draw(st.integers(0, len(folded.text) - 1))
        end = data.draw(st.integers(start + 1, len(folded.text)))
        first, last = folded.span(start, end)
        assert 0 <= first < last <= len(text)
        assert folded.text[start:end] in fold(text[first:last]).text


@given(TEXTS, TEXTS)
def test_folding_goes_character_by_character(one, other):
    assert fold(one + other).text == fold(one).text + fold(other).text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("VAPE Pod", "vape pod"),
        ("São Paulo, cigarrillo electrónico", "sao paulo, cigarrillo electronico"),
        ("thuốc lá điện tử", "thuoc la dien tu"),
        ("Größe", "grosse"),
        ("Ｖａｐｅ ５０㎎", "vape 50mg"),
        ("𝗏𝖺𝗉𝖾", "vape"),
        ("Łódź, smørrebrød", "lodz, smorrebrod"),
        ("v\u200ba\u00adp\u2060e\ufeff", "vape"),
        ("บุหรี่ไฟฟ้า", "บุหรี่ไฟฟ้า"),  # marks make another letter there
        ("ガス が", "ガス が"),
        ("电子烟", "电子烟"),
    ],
)
def test_case_width_and_latin_diacritics_are_folded_and_what_does_not_show_left_out(text, folded):
    assert fold(text).text == folded


@pytest.mark.parametrize("segment", ["súng", "Điện", "não", "Ä", "łódź"])
def test_letters_with_diacritics_are_marked(segment):
    assert marked(segment)


@pytest.mark.parametrize(
    "segment", ["sung", "SUNG", "Ｖａｐｅ", "𝗏𝖺𝗉𝖾", "ﬁ", "บุหรี่", "电子烟", "ガ", "va\u200bpe", "ß", ""]
)
def test_letters_without_are_not(segment):
    assert not marked(segment)


@pytest.mark.parametrize(
    ("segment", "phrase", "same"),
    [
        ("Súng  Ngắn", "súng ngắn", True),
        ("súng-ngắn", "súng ngắn", True),
        ("sú\u200bng", "súng", True),
        ("sung", "súng", False),
        ("sưng", "súng", False),
        ("Ｓúng", "súng", True),
    ],
)
def test_the_same_letters_are_the_same_words_with_their_diacritics(segment, phrase, same):
    assert same_letters(segment, phrase) == same


def around(text, hit, reads, languages=("en",)):
    """Tell what `reads` says of the words around a hit."""
    folded = fold(text).text
    word = fold(hit).text
    start = folded.index(word)
    spoken = (frozenset(languages),) if reads is negated else ()
    return reads(folded, start, start + len(word), *spoken)


DENIED = (
    ("no nicotine inside", "nicotine", "en"),
    ("this is not a vape", "vape", "en"),
    ("without any nicotine", "nicotine", "en"),
    ("doesn't contain nicotine", "nicotine", "en"),
    ("doesn’t contain nicotine", "nicotine", "en"),
    ("isn't nicotine", "nicotine", "en"),
    ("nicotine-free", "nicotine", "en"),
    ("nicotine free liquid", "nicotine", "en"),
    ("Nicotine free!", "nicotine", "en"),
    ("bukan vape", "vape", "id"),
    ("tanpa nikotin", "nikotin", "id"),
    ("tiada nikotin", "nikotin", "ms"),
    ("không chứa nicotine", "nicotine", "vi"),
    ("não contém nicotina", "nicotina", "pt"),
    ("sem nicotina", "nicotina", "pt"),
    ("sin nicotina", "nicotina", "es"),
    ("no contiene nicotina", "nicotina", "es"),
    ("ohne Nikotin", "nikotin", "de"),
    ("kein Nikotin", "nikotin", "de"),
    ("ไม่มีนิโคติน", "นิโคติน", "th"),
    ("ไม่ใช่บุหรี่ไฟฟ้า", "บุหรี่ไฟฟ้า", "th"),
    ("不含尼古丁", "尼古丁", "zh"),
    ("不是电子烟", "电子烟", "zh"),
    ("无尼古丁", "尼古丁", "zh"),
    ("非电子烟", "电子烟", "zh"),
    ("ニコチンを含まない", "ニコチン", "ja"),
    ("ニコチンなし", "ニコチン", "ja"),
    ("電子タバコではありません", "電子タバコ", "ja"),
)
SAID = (
    ("Vape pods free shipping", "vape pods", "en"),
    ("vape pods free delivery today", "vape pods", "en"),
    ("vape kit free 2 coils", "vape kit", "en"),
    ("vape kit free gift", "vape kit", "en"),
    ("No 1 quality vape", "vape", "en"),
    ("no minimum order, vape", "vape", "en"),
    ("not only vape but coils", "vape", "en"),
    ("no. Really. vape", "vape", "en"),
    ("never seen before in this shop: vape", "vape", "en"),
    ("not a toy, this vape", "vape", "en"),
    ("chứa nicotine", "nicotine", "vi"),
    ("không chỉ vape", "vape", "vi"),
    ("bebas ongkir vape", "vape", "id"),
    ("bukan hanya vape", "vape", "id"),
    ("nicht nur Vape", "vape", "de"),
    ("não só vape", "vape", "pt"),
    ("vape no Brasil", "vape", "pt"),
    ("compre no app vape", "vape", "pt"),  # Portuguese "no" is "in the"
    ("无线电子烟", "电子烟", "zh"),
    ("無線偷拍", "偷拍", "zh"),
    ("非常好用的电子烟", "电子烟", "zh"),
    ("不能错过的电子烟", "电子烟", "zh"),
    ("ราคาไม่แพงบุหรี่ไฟฟ้า", "บุหรี่ไฟฟ้า", "th"),
    ("ニコチン入り", "ニコチン", "ja"),
)


@pytest.mark.parametrize(("text", "hit", "language"), DENIED)
def test_a_denial_is_heard(text, hit, language):
    assert around(text, hit, negated, [language])


@pytest.mark.parametrize(("text", "hit", "language"), SAID)
def test_what_is_no_denial_is_not(text, hit, language):
    assert not around(text, hit, negated, [language])


def test_a_denial_is_heard_in_the_languages_spoken_only():
    assert around("sin vape", "vape", negated, ["es"])
    assert not around("sin vape", "vape", negated, ["en"])


def test_a_denial_reaches_three_words_within_its_clause():
    assert around("no a b vape", "vape", negated)
    assert not around("no a b c vape", "vape", negated)
    assert not around("no toys, vape", "vape", negated)
    assert not around("no toys\nvape", "vape", negated)


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        *(("case for iPhone", "iphone"), ("compatible with the RELX", "relx"), ("fits Nike", "nike")),
        *(("casing untuk iPhone", "iphone"), ("capa para iPhone", "iphone"), ("ốp cho iPhone", "iphone")),
        *(("Hülle für iPhone", "iphone"), ("เคสสำหรับไอโฟน", "ไอโฟน"), ("适用于苹果", "苹果"), ("ルンバ用", "ルンバ")),
    ],
)
def test_what_an_item_fits_is_not_what_it_is(text, hit):
    assert around(text, hit, compatible)


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("iPhone for sale", "iphone"),
        ("iPhone with case", "iphone"),
        ("case for sale. iPhone", "iphone"),
        ("苹果手机", "苹果"),
    ],
)
def test_what_an_item_is_is_not_what_it_fits(text, hit):
    assert not around(text, hit, compatible)
