import asyncio
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.clause import Clause
from policies.search import LEXICAL, Document, RepeatedDocument, ScanSearch, document_of, fuse

DOCUMENTS = (
    Document(
        id="tobacco.vapes",
        text="Electronic cigarettes, their parts and liquids. A device to inhale nicotine, or a part of one.",
        aliases={
            "en": ("vape pod", "e-liquid"), "id": ("rokok elektrik", "liquid vape"), "th": ("บุหรี่ไฟฟ้า",),
            "vi": ("thuốc lá điện tử",), "es": ("cigarrillos electrónicos",), "zh": ("电子烟", "煙彈"),
            "ja": ("電子タバコ",), "*": ("relx",),
        },
    ),
    Document(
        id="knives.automatic",
        text="Knives that open by a button or by gravity. The blade springs out of the handle.",
        aliases={
            "en": ("switchblade", "flick knife"), "id": ("pisau lipat otomatis",), "th": ("มีดสปริง",),
            "de": ("Springmesser",), "ja": ("飛び出しナイフ",), "pt": ("canivete automático",),
        },
    ),
    Document(id="wildlife.ivory", text="Ivory of elephants, and what is made of it.", aliases={"zh": ("象牙",)}),
    Document(id="food.expired", text="Food past its date of durability. Batteries of tins, cans and jars."),
    Document(id="medicines.antibiotics", text="Antibiotics sold without a prescription: tablets, capsules, ointments."),
    Document(id="hazardous.batteries", text="Lithium batteries without their case, damaged or swollen, sold by mail."),
)  # fmt: skip
IDS = tuple(document.id for document in DOCUMENTS)
QUERIES = ("vape pods, 5 flavours", "switchblade with a spring", "lithium battery", "jual rokok elektrik murah")


def found(search, query, allowed=IDS, limit=5, language=""):
    return asyncio.run(search.search(query, allowed, limit, language))


def answers(search):
    return [found(search, query) for query in QUERIES]


def first(search, query, language=""):
    return next((hit.id for hit in found(search, query, language=language)), None)


@pytest.fixture(scope="module")
def scan():
    return ScanSearch(DOCUMENTS)


@pytest.mark.parametrize(
    ("query", "language", "expected"),
    [
        ("Mini vape pod kit, mint", "en", "tobacco.vapes"),
        ("electronic cigarette", "en", "tobacco.vapes"),
        ("Rokok elektriknya murah bos", "id", "tobacco.vapes"),
        ("ขายบุหรี่ไฟฟ้าพร้อมส่ง", "th", "tobacco.vapes"),
        ("thuoc la dien tu gia re", "vi", "tobacco.vapes"),
        ("CIGARRILLO ELECTRONICO recargable", "es", "tobacco.vapes"),
        ("全新电子烟现货", "zh", "tobacco.vapes"),
        ("電子タバコ本体", "ja", "tobacco.vapes"),
        ("飛び出しナイフ 新品", "", "knives.automatic"),
        ("มีดสปริงพกพา", "", "knives.automatic"),
        ("canivetes automaticos", "pt", "knives.automatic"),
        ("Spring-Messer, Springmessern ähnlich", "de", "knives.automatic"),
        ("swithcblade", "en", "knives.automatic"),
        ("ele\u200bctro\u00adnic ci\u200bgarettes", "en", "tobacco.vapes"),
        ("ＲＥＬＸ", "ja", "tobacco.vapes"),
        ("Bateries lithuim swolen", "en", "hazardous.batteries"),
        ("象牙手镯", "zh", "wildlife.ivory"),
    ],
)
def test_a_clause_is_found_in_sellers_words(scan, query, language, expected):
    assert first(scan, query, language) == expected


def test_only_what_is_allowed_is_found(scan):
    few = ["knives.automatic", "food.expired", "nowhere.such"]
    assert {hit.id for hit in found(scan, "the item sold: vape pod, food, knife", allowed=few)} == set(few[:2])
    assert found(scan, "vape pod", allowed=[]) == []
    assert found(scan, "vape pod", limit=0) == []
    assert len(found(scan, "the item sold without its batteries", limit=2)) == 2


def test_a_hundred_better_ones_that_are_not_allowed_do_not_crowd_out_the_one_that_is():
    crowd = [Document(id=f"crowd.c{n}", text="switchblade switchblade knife") for n in range(300)]
    one = Document(id="one.only", text="A long text about handles in which the word switchblade comes once.")
    assert [hit.id for hit in found(ScanSearch([*crowd, one]), "switchblade", allowed=["one.only"])] == ["one.only"]


def test_what_has_nothing_in_common_is_not_found(scan):
    assert found(scan, "zzzz qqqq") == []
    assert found(scan, "") == []


@pytest.mark.parametrize(
    "hostile",
    [
        'vape" OR "', "vape AND (", "+vape -knife", "text:vape", "id:knives.automatic vape", "vape*", "vape~2^9",
        "[a TO z] vape", "/vape.*/", "\\", "vape\x00pod", "vape \ud800", "🍭💨 vape 🔥", "\u202evape\u202c",
        "vape " * 4_000,
        "x" * 20_000 + " vape", "".join(chr(0x4E00 + n) for n in range(20_000)), "ก" * 20_000, "\n\t\r", "' OR 1=1 --",
    ],
)  # fmt: skip
def test_hostile_text_is_only_text(scan, hostile):
    hits = found(scan, hostile)
    assert all(0 < hit.score <= 1 for hit in hits)
    if "vape" in hostile and len(hostile) < 20_000:
        assert "tobacco.vapes" in {hit.id for hit in hits[:2]}


def test_a_field_name_in_a_query_selects_nothing(scan):
    assert found(scan, "zzzz wildlife.ivory") != []  # its text has the word
    assert found(scan, "id:hazardous.qqqq") == found(scan, "id hazardous qqqq")


def test_documents_of_one_id_are_refused():
    twice = (DOCUMENTS[0], DOCUMENTS[0].model_copy(update={"text": "another"}))
    with pytest.raises(RepeatedDocument, match=r"tobacco\.vapes"):
        ScanSearch(twice)


def test_a_clause_is_indexed_with_the_words_for_its_parts():
    device = {
        "for": {"words": {"en": ["pod kit", "/p[o0]d/"], "th": ["พอต"]}},
        "against": {"words": {"en": ["humidifier"]}},
    }
    sold = {"for": {"words": {"en": ["pod kit", "for sale"], "*": ["/x/"]}}}
    clause = Clause.model_validate(
        {
            "id": "a.b", "title": "T", "type": "t", "regions": ["*"], "in_force": {"from": "2026-01-01"},
            "rule": {"id": "a.b", "type": "t", "parts": [{"name": "device", "role": "element", "text": "It is one."}]},
            "severity": "low", "prose": "P", "text": "T\nP", "sha256": "", "file": "a/b.md",
            "signs": {"device": device, "sold": sold},
        }
    )  # fmt: skip
    document = document_of(clause)
    assert (document.id, document.text) == ("a.b", "T\nP")
    assert document.aliases == {"en": ("pod kit", "for sale"), "th": ("พอต",)}


scores = st.dictionaries(st.sampled_from("abcdefghij"), st.floats(0.01, 50), max_size=10)


@given(scores, scores, st.floats(0.1, 10))
def test_fusion_keeps_its_laws(words, grams, factor):
    hits = fuse({"words": words, "grams": grams}, LEXICAL)
    by_id = {hit.id: hit for hit in hits}
    assert all(0 < hit.score <= 1 for hit in hits)
    assert [(-hit.score, hit.id) for hit in hits] == sorted((-hit.score, hit.id) for hit in hits)
    # In which order, and on what scale, a leg gives its scores is nothing to the fusion.
    turned = dict(reversed(words.items()))
    assert [h.id for h in fuse({"grams": grams, "words": turned}, LEXICAL)] == [h.id for h in hits]
    for hit in fuse({"words": {name: score * factor for name, score in words.items()}, "grams": grams}, LEXICAL):
        assert hit.score == pytest.approx(by_id[hit.id].score, abs=1e-5)
    # Who is no worse by any leg is no worse.
    for one in by_id.values():
        for other in by_id.values():
            if all(words_or.get(one.id, 0) >= words_or.get(other.id, 0) for words_or in (words, grams)):
                assert one.score >= other.score


def test_the_hundredth_of_a_leg_is_its_zero_and_its_best_is_one():
    leg = {f"c{n:03}": 100.0 + n for n in range(100)}
    hits = fuse({"words": leg}, {"words": 1.0})
    assert (hits[0].id, hits[0].score) == ("c099", 1.0)
    assert "c000" not in {hit.id for hit in hits}
    assert {hit.id: hit.score for hit in hits}["c033"] == pytest.approx(1 / 3)
    assert {hit.score for hit in fuse({"words": dict.fromkeys(leg, 7.0)}, {"words": 1.0})} == {1.0}


@settings(max_examples=10)
@given(st.permutations(DOCUMENTS), st.permutations(IDS))
def test_the_order_of_documents_and_of_ids_is_nothing(documents, allowed):
    search = ScanSearch(documents)
    assert [found(search, query, allowed=allowed) for query in QUERIES] == answers(ScanSearch(DOCUMENTS))


def test_another_process_gives_the_same_answers(scan, root):
    program = (
        "import asyncio, sys; sys.path.insert(0, 'tests/policies'); import test_search as t; "
        "print([[(h.id, h.score) for h in hits] for hits in t.answers(t.ScanSearch(t.DOCUMENTS[::-1]))])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str([[(hit.id, hit.score) for hit in hits] for hits in answers(scan)])
