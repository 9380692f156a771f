"""Signs: which words, patterns and attributes of a corpus fire in a case's evidence, and where."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.cutting import cut_case
from cases.evidence import Draft, number
from policies.folding import fold


@pytest.fixture
def hits(policy, evidence):
    """Fire one part's signs: gives the stretches that were hit, a `-` before those that are denied."""

    def fire(text, words=(), *, language="en", spoken=None, source="listing.title", side="for", **signs):
        written = {side: {language: list(words)}, **signs} if words else signs
        index = policy.clause("a.x", signs={"thing": written}).load().signs
        (item,) = evidence((source, text))
        found = index.fire((item,), spoken or [language])
        assert {(hit.clause_id, hit.part, hit.side) for hit in found} <= {("a.x", "thing", side)}
        return [("-" if hit.negated else "") + item.text[hit.start : hit.end] for hit in found]

    return fire


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("vape", "Mini VAPE kit", ["VAPE"]),
        ("vape", "vapes, vaper, evape", []),
        ("vape", "vape,vape", ["vape", "vape"]),
        ("pod kit", "Mini pod kit", ["pod kit"]),
        ("pod kit", "Mini pod-kit, pod  kit, pod/kit", ["pod-kit", "pod  kit", "pod/kit"]),
        ("pod kit", "pod, kit", []),
        ("pod kit", "pod mini kit", []),
        ("e-cigarette", "E cigarette", ["E cigarette"]),
        ("e-cigarette", "ecigarette", []),
        ("vape", "ＶＡＰＥ 𝗏𝖺𝗉𝖾", ["ＶＡＰＥ", "𝗏𝖺𝗉𝖾"]),
        ("vape", "va\u200bpe va\u00adpe", ["va\u200bpe", "va\u00adpe"]),
        ("18+", "18+ only", ["18+"]),
        ("18+", "18 only, 118+", []),
        ("0.0%", "beer 0.0%", ["0.0%"]),
        ("0.0%", "beer 0.05%", []),
        ("@gmail.com", "me@gmail.com", ["@gmail.com"]),
        ("wa:", "wa:0812", ["wa:"]),
        ("wa:", "iowa:0812", []),
        ("% off", "50% off", ["% off"]),
    ],
)
def test_a_phrase_is_found_as_whole_words(hits, phrase, text, found):
    assert hits(text, [phrase]) == found


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("súng", "bán súng", ["súng"]),
        ("súng", "ban sung", ["sung"]),  # typed without marks
        ("súng", "bị sưng", []),  # another word
        ("súng", "SÚNG", ["SÚNG"]),
        ("sung", "súng", []),  # who spells marks means them
        ("súng ngắn", "súng-ngắn", ["súng-ngắn"]),
        ("súng ngắn", "sung ngan", ["sung ngan"]),
        ("su\u0301ng", "súng", ["súng"]),
        ("điện tử", "dien tu", ["dien tu"]),
    ],
)
def test_diacritics_agree_where_they_are_typed(hits, phrase, text, found):
    assert hits(text, [phrase], language="vi") == found


@pytest.mark.parametrize(
    ("language", "phrase", "text", "found"),
    [
        ("th", "บุหรี่ไฟฟ้า", "ขายบุหรี่ไฟฟ้าราคาถูก", ["บุหรี่ไฟฟ้า"]),
        ("th", "น้ำยา", "ขวดน้ำยา 30 มล", ["น้ำยา"]),
        ("th", "ปืน", "ป่น", []),
        ("zh", "电子烟", "一次性电子烟批发", ["电子烟"]),
        ("zh", "电子烟", "电子产品", []),
        ("zh", "烟", "香烟", ["烟"]),
        ("ja", "電子タバコ", "新型電子タバコ本体", ["電子タバコ"]),
        ("zh", "pod烟弹", "POD烟弹", ["POD烟弹"]),
        ("zh", "relx", "正品RELX烟弹", ["RELX"]),
        ("en", "vape", "ขายvapeราคาถูก", ["vape"]),
        ("zh", "relx", "relxx烟弹", []),  # Latin words keep their edges there too
    ],
)
def test_scripts_without_spaces_are_matched_inside_longer_runs(hits, language, phrase, text, found):
    assert hits(text, [phrase], language=language) == found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"/\bpods?\b/", "Pod, pods, podium", ["Pod", "pods"]),
        (r"/\d+ ?mg/", "50 mg, 3MG", ["50 mg", "3MG"]),
        ("/são/", "SÃO Paulo, sao", ["SÃO", "sao"]),
        ("/价格（含税）/", "价格（含税）", ["价格（含税）"]),
        ("/x*/", "abc", []),  # finds nothing everywhere
        (r"/te\.me/", "te.me tesme", ["te.me"]),
    ],
)
def test_a_pattern_between_slashes_is_a_regular_expression(hits, pattern, text, found):
    assert hits(text, [pattern], language="*") == found


def test_words_are_heard_in_the_languages_spoken_and_patterns_for_any_always(hits):
    assert hits("vape", ["vape"], language="id", spoken=["en"]) == []
    assert hits("vape", ["vape"], language="id", spoken=["id-ID"]) == ["vape"]
    assert hits("vape", ["vape"], language="*", spoken=["ja"]) == ["vape"]


def test_a_denied_hit_says_so(hits):
    assert hits("no vape. vape", ["vape"]) == ["-vape", "vape"]
    assert hits("tanpa nikotin", ["nikotin"], language="id") == ["-nikotin"]
    assert hits("不含尼古丁", ["尼古丁"], language="zh") == ["-尼古丁"]


def test_what_an_item_only_fits_can_be_left_out(hits):
    assert hits("case for RELX", ["relx"]) == ["RELX"]
    assert hits("case for RELX", ["relx"], compatible="ignore") == []
    assert hits("RELX case", ["relx"], compatible="ignore") == ["RELX"]
    # what speaks against a part is not left out: that it only fits is the point
    assert hits("case for RELX", ["relx"], side="against", compatible="ignore") == ["RELX"]


def test_text_that_ocr_has_squeezed_is_read(hits):
    assert hits("HIDDENCAMERA HD", ["hidden camera"], source="image:1/ocr") == ["HIDDENCAMERA"]
    assert hits("HID DEN CAM ERA", ["hidden camera"], source="image:1/ocr") == ["HID DEN CAM ERA"]
    assert hits("HIDDENCAMERA HD", ["hidden camera"]) == []
    assert hits("PODIN", ["pod in"], source="image:1/ocr") == []  # too short to be sure of


@pytest.mark.parametrize(
    ("sources", "source", "heard"),
    [
        ([], "listing.description", True),
        (["listing.title"], "listing.title", True),
        (["listing.title"], "listing.description", False),
        (["image:"], "image:3/ocr", True),
        (["image:", "text:"], "text:1", True),
    ],
)
def test_signs_are_looked_for_in_the_sources_named(hits, sources, source, heard):
    assert hits("vape", ["vape"], source=source, sources=sources) == (["vape"] if heard else [])


@pytest.mark.parametrize(
    ("source", "voucher", "heard"),
    [
        ("listing.title", "seller", True),
        ("report:1", "reporter", True),
        ("report:1", "authority", True),
        ("image:1/sighting", "model", True),
        ("case.facts", "platform", False),
        ("text:1", "platform", False),
        ("image:1/qr", "tool", False),
        ("tool:seller_history/strike:1/title", "seller", False),  # about another item
        ("related:1", "seller", False),
    ],
)
def test_signs_are_heard_in_what_people_say_of_this_item(policy, source, voucher, heard):
    index = policy.clause("a.x", signs={"thing": {"for": {"en": ["vape"]}}}).load().signs
    items = number([Draft(source=source, voucher=voucher, text="vape")], 1)
    assert bool(index.fire(items, ["en"])) == heard
    hidden = number([Draft(source=source, voucher=voucher, text="vape", unavailable=True)], 1)
    assert index.fire(hidden, ["en"]) == ()


@pytest.mark.parametrize(
    ("test", "attributes", "fires"),
    [
        ({"any_of": ["steel"]}, {"Material": "Stainless steel"}, True),
        ({"any_of": ["steel"]}, {"Material": "steelseries"}, False),
        ({"any_of": ["aço"]}, {"material": "ACO inox"}, True),
        ({"any_of": ["steel"]}, {"colour": "steel"}, False),
        ({"over": 20, "unit": "mg/ml"}, {"material strength": {"value": 50, "unit": "mg/ml"}}, True),
        ({"over": 20, "unit": "mg/ml"}, {"material": {"value": 20, "unit": "mg/ml"}}, False),
        ({"over": 20, "unit": "mg/ml"}, {"material": {"value": 0.05, "unit": "g/ml"}}, True),
        ({"over": 20, "unit": "mg/ml"}, {"material": "50"}, False),
        ({"over": 20, "unit": "mg/ml"}, {"material": "3 mg/ml, 50 mg/ml"}, True),
        ({"under": 1, "unit": "cm"}, {"material": "5 mm"}, True),
        ({"under": 1, "unit": "cm"}, {"material": "5 kg"}, False),
        ({"over": 2}, {"material": 3}, True),
    ],
)
def test_attributes_are_tested_by_words_and_bounds(policy, case_of, test, attributes, fires):
    signs = {"thing": {"for": {"attributes": [{"attribute": "material", **test}]}}}
    index = policy.clause("a.x", signs=signs).load().signs
    items = number(cut_case(case_of(attributes), DAY, "en"), 1)
    found = index.fire(items, ["en"])
    assert bool(found) == fires
    for hit in found:
        item = next(item for item in items if item.id == hit.evidence_id)
        assert item.source == "listing.attributes"
        assert "aterial" in item.text[hit.start : hit.end]
        assert "\n" not in item.text[hit.start : hit.end]


def test_only_the_line_of_the_attribute_is_hit(policy, case_of):
    signs = {"thing": {"for": {"attributes": [{"attribute": "material", "any_of": ["steel"]}]}}}
    index = policy.clause("a.x", signs=signs).load().signs
    items = number(cut_case(case_of({"size": "L", "material": "steel", "origin": "steel town"}), DAY, "en"), 1)
    (hit,) = index.fire(items, [])
    item = next(item for item in items if item.id == hit.evidence_id)
    assert item.text[hit.start : hit.end] == "material: steel"


def test_the_languages_in_which_a_part_speaks(policy):
    policy.clause("a.x", signs={"thing": {"for": {"en": ["a"], "*": ["b"]}, "against": {"th": ["c"]}}})
    policy.clause("b.y", signs={"thing": {"for": {"id": ["d"]}}})
    index = policy.load().signs
    assert index.languages == {"en", "id"}
    assert index.speaks("a.x", "thing", "en-SG")
    assert not index.speaks("a.x", "thing", "th")
    assert not index.speaks("a.x", "other", "en")
    assert index.speaks("b.y", "thing", "id")


def test_a_corpus_without_signs_is_silent(policy, evidence):
    index = policy.clause("a.x").load().signs
    assert index.fire(evidence("vape"), ["en"]) == ()
    assert index.languages == frozenset()


DAY = date(2026, 3, 14)
WORDS = (
    *("vape", "pod kit", "súng", "电子烟", "บุหรี่ไฟฟ้า", "18+", "no", "for", "ＶＡＰＥ", "va\u200bpe", ".", "\n"),
    *("nicotine free", "กำ", "电子烟vape"),
)
SPOKEN = ("en", "vi", "zh", "th")
CORPUS = {
    "a.x": {"thing": {"for": {"en": ["vape", "pod kit", "18+"], "*": ["/v.p/"]}, "against": {"en": ["free"]}}},
    "a.y": {"thing": {"for": {"vi": ["súng"], "zh": ["电子烟", "烟"], "th": ["บุหรี่ไฟฟ้า"]}, "compatible": "ignore"}},
}
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@pytest.fixture(scope="session")
def index(tmp_path_factory, policy_in):
    """Give the signs of a small corpus, loaded once for many examples."""
    policy = policy_in(tmp_path_factory.mktemp("corpus"))
    for clause_id, signs in CORPUS.items():
        policy.clause(clause_id, signs=signs)
    return policy.load().signs


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_firing_does_not_depend_on_the_order_of_evidence(index, evidence, texts, data):
    items = evidence(*texts)
    shuffled = data.draw(st.permutations(items))
    assert index.fire(shuffled, SPOKEN) == index.fire(items, data.draw(st.permutations(SPOKEN)))


@given(TEXTS)
def test_hits_lie_inside_the_text_and_hold_their_words(index, evidence, text):
    for item in evidence(text):
        for hit in index.fire((item,), SPOKEN):
            assert 0 <= hit.start < hit.end <= len(item.text)
            assert hit.evidence_id == item.id
            said = fold(item.text[hit.start : hit.end]).text
            assert said.strip() == said
            assert said


@given(TEXTS, TEXTS)
def test_what_fires_in_a_text_fires_with_another_paragraph_below(index, evidence, text, below):
    def fired(said):
        return {(h.part, h.clause_id, h.side, h.start, h.end) for h in index.fire(evidence(said), SPOKEN)}

    assert fired(f"{text}\n\n.") <= fired(f"{text}\n\n.\n{below}")


KINDS = {
    "kinds": {"picture": {"en": ["poster"], "id": ["poster"], "zh": ["海报"]}, "book": {"en": ["book"], "id": ["buku"]}}
}


@pytest.fixture
def spoken_of(policy, evidence):
    """Fire the signs of a sword that no picture and no book is: gives the sides and words that are heard in a title."""
    words = {
        "for": {"en": ["samurai sword"], "id": ["pedang"], "zh": ["武士刀"]},
        "against": {"kinds": ["picture", "book"]},
    }

    def fire(text, language="en", source="listing.title"):
        index = policy.vocabulary("kinds", KINDS).clause("a.x", signs={"thing": words}).load().signs
        (item,) = evidence((source, text))
        return [(hit.side, item.text[hit.start : hit.end]) for hit in index.fire((item,), [language])]

    return fire


@pytest.mark.parametrize(
    ("text", "language", "heard"),
    [
        ("Samurai sword, 40 inch", "en", [("for", "Samurai sword")]),
        ("Samurai sword poster A2", "en", [("against", "poster")]),
        ("Samurai sword wall poster", "en", [("against", "poster")]),
        ("Poster of a samurai sword", "en", [("against", "Poster")]),
        ("Samurai sword with poster", "en", [("against", "poster"), ("for", "Samurai sword")]),
        ("Samurai sword, poster", "en", [("against", "poster"), ("for", "Samurai sword")]),
        ("Poster, samurai sword", "en", [("against", "Poster"), ("for", "samurai sword")]),
        ("Buku tentang pedang", "id", [("against", "Buku")]),
        ("Pedang gratis buku", "id", [("against", "buku"), ("for", "Pedang")]),
        ("武士刀海报", "zh", [("against", "海报")]),
        ("武士刀送海报", "zh", [("against", "海报"), ("for", "武士刀")]),
    ],
)
def test_what_only_describes_a_thing_of_another_kind_is_not_heard(spoken_of, text, language, heard):
    assert spoken_of(text, language) == heard


def test_a_kind_counts_where_it_is_said_what_the_item_is(spoken_of):
    assert spoken_of("Comes rolled like a poster.", source="listing.description") == []
    assert spoken_of("Art > Poster", source="listing.category") == [("against", "Poster")]
    assert spoken_of("As in the samurai sword poster.", source="listing.description") == []


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("sibutramine", "with s1butr4m1ne", ["s1butr4m1ne"]),
        ("cannabis", "c@nnab1s seeds", ["c@nnab1s"]),
        ("vape", "V A P E kit", ["V A P E"]),
        ("vape", "v.a.p.e kit", ["v.a.p.e"]),
        ("viagra", "via.gra 100", ["via.gra"]),
        ("salt nic", "s@ltnic", ["s@ltnic"]),
        ("vape", "v4pe", []),  # four letters happen by chance
        ("smlxl", "sizes S M L XL", []),
        ("soomg", "500mg", ["500mg"]),  # a word that nobody has, so that it does no harm
        ("vape", "a b c d e", []),
    ],
)
def test_a_word_in_disguise_is_read(hits, phrase, text, found):
    assert hits(text, [phrase]) == found


@pytest.mark.parametrize(("written_in", "found"), [("en", ["-vape"]), ("pt", ["vape"]), ("es", ["-vape"])])
def test_no_denies_in_english_and_is_in_the_in_portuguese(policy, written_in, found):
    index = policy.clause("a.x", signs={"thing": {"for": {"en": ["vape"]}}}).load().signs
    (item,) = number([Draft(source="listing.title", voucher="seller", text="no vape", language=written_in)], 1)
    heard = index.fire((item,), ["pt", "en", "es"])
    assert [("-" if hit.negated else "") + item.text[hit.start : hit.end] for hit in heard] == found
