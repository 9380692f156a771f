import asyncio
import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from policies.embeddings import EmbedderUnavailable, HashingEmbedder, unit
from policies.search import Document, HybridSearch, RepeatedDocument, ScanSearch, SearchClosed

DOCUMENTS = (
    Document(id="tobacco.vapes", text="Electronic cigarettes and liquids.", aliases={"id": ("rokok elektrik",)}),
    Document(id="knives.automatic", text="Knives that open by a button, such as a switchblade."),
    Document(id="wildlife.ivory", text="Ivory of elephants, worked or raw, and what is made of it."),
    Document(id="food.expired", text="Food past its date of durability."),
    Document(id="medicines.antibiotics", text="Antibiotics sold without a prescription."),
    Document(id="hazardous.batteries", text="Lithium batteries without their case, sold by mail."),
)
IDS = tuple(document.id for document in DOCUMENTS)
QUERIES = (
    "electronic cigarette, 5 flavours",
    "switchblade with a spring",
    "lithium battery",
    "jual rokok elektrik murah",
)


class Counting:
    """An embedder of 8 numbers from a hash, which remembers what it was asked."""

    name = "counting-8"
    dims = 8

    def __init__(self):
        self.asked = []

    async def embed(self, texts):
        self.asked += texts
        return eight_numbers(texts)


class Absent:
    """An embedder that answers so many times and then no more."""

    name = "absent"
    dims = 8

    def __init__(self, answers=0):
        self._answers = answers

    async def embed(self, texts):
        self._answers -= 1
        if self._answers < 0:
            raise EmbedderUnavailable(name=self.name, why="the line is down")
        return eight_numbers(texts)


def eight_numbers(texts):
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
    rows = [np.random.default_rng(seed).normal(size=8) for seed in seeds]
    return unit(np.array(rows, dtype=np.float32).reshape(-1, 8))


@contextmanager
def opened(folder, documents=DOCUMENTS, snapshot="s1", embedder=None) -> Iterator[HybridSearch]:
    search = asyncio.run(HybridSearch.open(folder, snapshot, documents, embedder or HashingEmbedder()))
    try:
        yield search
    finally:
        search.close()


def found(search, query, allowed=IDS, limit=5, language=""):
    return asyncio.run(search.search(query, allowed, limit, language))


def answers(search):
    return [found(search, query) for query in QUERIES]


@pytest.fixture(scope="module")
def scan():
    return ScanSearch(DOCUMENTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give a data folder with a whole index; tests work on copies."""
    folder = tmp_path_factory.mktemp("whole")
    with opened(folder):
        pass
    return folder


@pytest.fixture
def data(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "data"))


def index_of(folder):
    (index,) = [path for path in folder.glob("index-*") if path.is_dir()]
    return index


def test_no_documents_are_no_trouble(tmp_path):
    for _ in range(2):
        with opened(tmp_path, documents=()) as search:
            assert found(search, "cigarettes") == []
            assert search.status().serves == "disk"


def test_documents_of_one_id_are_refused(tmp_path):
    with pytest.raises(RepeatedDocument), opened(tmp_path, (*DOCUMENTS, DOCUMENTS[0])):
        pass


def test_disk_and_memory_give_the_same_answers(whole, scan):
    with opened(whole) as search:
        assert search.status().serves == "disk"
        assert answers(search) == answers(scan)


def test_among_many_the_graph_finds_nearly_what_scoring_all_finds(tmp_path):
    many = [Document(id=f"many.c{n:04}", text=f"word{n}") for n in range(2_200)]
    allowed = [document.id for document in many[:2_100]]
    with opened(tmp_path, many, embedder=Counting()) as disk, opened(tmp_path, many, embedder=Counting()) as memory:
        assert (disk.status().serves, memory.status().serves) == ("disk", "memory")
        shares = []
        for query in ("one", "two", "three", "four", "five"):
            exact, near = ({hit.id for hit in found(s, query, allowed, 10)} for s in (memory, disk))
            assert near <= set(allowed)
            shares.append(len(exact & near) / 10)
        assert sum(shares) / len(shares) >= 0.9


def test_a_whole_index_is_used_again(data):
    with opened(data) as search:
        status = search.status()
    assert (status.serves, status.built, status.quarantined, status.degraded) == ("disk", "", "", ())
    assert (status.embedder, status.documents, status.snapshot) == (HashingEmbedder.name, 6, "s1")


def test_only_new_texts_are_embedded(tmp_path):
    embedder = Counting()
    with opened(tmp_path, embedder=embedder):
        pass
    assert sorted(embedder.asked) == sorted(document.text for document in DOCUMENTS)
    embedder.asked.clear()
    changed = (*DOCUMENTS[:-1], DOCUMENTS[-1].model_copy(update={"text": "Power banks by mail."}))
    with opened(tmp_path, changed, "s2", embedder) as search:
        assert search.status().built
        assert embedder.asked == ["Power banks by mail."]
        embedder.asked.clear()
    with opened(tmp_path, DOCUMENTS, "s3", embedder):  # back to texts that were paid for
        pass
    assert embedder.asked == []


def test_vectors_outlive_both_indexes(data):
    shutil.rmtree(index_of(data))
    with opened(data, embedder=HashingEmbedder()) as search:
        assert search.status().built == "there was none for these documents"
    embedder = Counting()
    with opened(data, embedder=embedder):  # another embedder's are others
        assert len(embedder.asked) == len(DOCUMENTS)


def test_a_text_that_changed_is_found_by_its_new_words_only(tmp_path):
    changed = (DOCUMENTS[2].model_copy(update={"text": "Rhinoceros horn."}), *DOCUMENTS[3:])
    with opened(tmp_path), opened(tmp_path, changed, "s2") as search:
        assert found(search, "rhinoceros")[0].id == "wildlife.ivory"
        assert "wildlife.ivory" not in {hit.id for hit in found(search, "elephants")}


def with_one_more(number):
    return (*DOCUMENTS, Document(id="knives.zombie", text=f"Zombie knives with {number} serrated edges."))


def test_a_running_case_keeps_its_snapshot(tmp_path):
    with opened(tmp_path) as old:
        before = answers(old)
        for number in range(2, 6):  # more than are kept
            with opened(tmp_path, with_one_more(number), f"s{number}") as search:
                assert search.status().snapshot == f"s{number}"
                assert found(search, "zombie knife", ["knives.zombie"]) != []
                assert answers(old) == before
    assert old.status().snapshot == "s1"
    with opened(tmp_path) as again:
        assert again.status().built == ""  # it was held, so it was not pruned


def test_old_indexes_are_pruned(tmp_path):
    (tmp_path / "building-0123").mkdir()
    for number in range(5):
        with opened(tmp_path, with_one_more(number)):
            pass
    assert len([path for path in tmp_path.glob("index-*") if path.is_dir()]) == 2
    assert not list(tmp_path.glob("building-*"))
    with opened(tmp_path, with_one_more(4)) as search:
        assert search.status().built == ""


def test_a_snapshot_of_the_same_texts_needs_no_new_index(data):
    with opened(data, snapshot="s2") as search:
        assert (search.status().snapshot, search.status().built) == ("s2", "")


def test_a_build_that_was_cut_off_is_begun_again(whole, tmp_path):
    folder = Path(shutil.copytree(whole, tmp_path / "data"))
    index = index_of(folder)
    index.rename(folder / index.name.replace("index-", "building-"))
    with opened(folder) as search:
        assert (search.status().serves, search.status().built) == ("disk", "there was none for these documents")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path):
    path.write_bytes(bytes(byte ^ 0xA5 for byte in path.read_bytes()))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, garble, Path.unlink], ids=["truncated", "garbled", "missing"])
@pytest.mark.parametrize(
    "file", ["dense/chroma.sqlite3", "dense/*/data_level0.bin", "lexical/*.term", "lexical/meta.json"]
)
def test_a_damaged_index_is_set_aside_and_made_again(data, scan, file, damage):
    (path,) = index_of(data).glob(file)
    damage(path)
    with opened(data) as search:
        status = search.status()
        assert answers(search) == answers(scan)
    assert status.serves == "disk"
    assert status.built.startswith("damaged: ")
    assert Path(status.quarantined).is_dir()
    with opened(data) as search:
        assert search.status().built == ""


@pytest.mark.parametrize("file", ["dense/*/data_level0.bin", "dense/*/header.bin", "lexical/*.idx", "manifest.json"])
def test_one_changed_bit_is_damage(data, scan, file):
    (path,) = index_of(data).glob(file)
    flip(path)
    with opened(data) as search:
        assert search.status().built.startswith("damaged: ")
        assert answers(search) == answers(scan)


def test_a_damaged_vector_cache_is_paid_again(tmp_path):
    embedder = Counting()
    with opened(tmp_path, embedder=embedder) as search:
        before = answers(search)
    garble(tmp_path / "vectors.sqlite")
    embedder.asked.clear()
    with opened(tmp_path, embedder=embedder) as search:
        assert len(embedder.asked) == len(DOCUMENTS)
        assert "vectors.sqlite" in search.status().quarantined
        assert answers(search) == before


def test_one_vector_that_changed_in_the_cache_is_paid_again(tmp_path):
    embedder = Counting()
    with opened(tmp_path, embedder=embedder):
        pass
    cache = tmp_path / "vectors.sqlite"
    (vector,) = eight_numbers([DOCUMENTS[3].text])
    assert cache.read_bytes().count(vector.tobytes()) == 1
    cache.write_bytes(cache.read_bytes().replace(vector.tobytes(), (-vector).tobytes()))
    embedder.asked.clear()
    with opened(tmp_path, embedder=embedder):
        assert embedder.asked == [DOCUMENTS[3].text]


def test_a_second_search_serves_from_memory_and_says_so(data, scan):
    with opened(data) as one, opened(data) as two:
        assert (one.status().serves, two.status().serves) == ("disk", "memory")
        assert two.status().degraded == ("another search holds this index",)
        assert answers(one) == answers(two) == answers(scan)
    with opened(data) as search:
        assert search.status().serves == "disk"


def test_what_a_killed_process_held_is_free_again(data, root):
    program = (
        "import sys, time; sys.path.insert(0, 'tests/policies'); from pathlib import Path\n"
        "import test_index_folder as t\n"
        "with t.opened(Path(sys.argv[1])) as search:\n"
        "    print(search.status().serves, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(data)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline().strip() == "disk"
        with opened(data) as search:
            assert search.status().serves == "memory"
        other.send_signal(signal.SIGKILL)
    with opened(data) as search:
        assert (search.status().serves, search.status().built) == ("disk", "")


def test_without_a_usable_folder_it_serves_from_memory_and_says_so(tmp_path, scan):
    (tmp_path / "file").write_text("in the way")
    with opened(tmp_path / "file" / "data") as search:
        assert search.status().serves == "memory"
        assert any("cannot be used" in said for said in search.status().degraded)
        assert answers(search) == answers(scan)


def test_an_embedder_that_does_not_answer_leaves_the_built_in_one(tmp_path, scan):
    with opened(tmp_path, embedder=Absent()) as search:
        assert search.status().embedder == HashingEmbedder.name
        assert "the line is down" in search.status().degraded[0]
        assert answers(search) == answers(scan)


def test_an_embedder_that_falls_silent_leaves_the_words(tmp_path):
    with opened(tmp_path, embedder=Absent(answers=1)) as search:
        assert search.status().degraded == ()
        (hit, *_) = found(search, "electronic cigarettes")
        assert (hit.id, set(hit.legs)) == ("tobacco.vapes", {"words", "grams"})
        assert "the line is down" in search.status().degraded[0]


def test_a_closed_search_is_closed(data):
    with opened(data) as search:
        assert found(search, "cigarettes") != []
    search.close()
    with pytest.raises(SearchClosed):
        found(search, "cigarettes")


def files_open_in(folder):
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [link for link in links if link.is_relative_to(folder)]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted through /proc")
def test_closing_leaves_no_file_open(data):
    with opened(data):
        assert files_open_in(data) != []
    deadline = time.monotonic() + 5
    while files_open_in(data) and time.monotonic() < deadline:  # Chroma's threads take a moment to end
        time.sleep(0.01)
    assert files_open_in(data) == []


def test_searches_run_side_by_side(data, scan):
    async def all_at_once(search):
        return await asyncio.gather(*(search.search(query, IDS, 5) for query in QUERIES * 10))

    with opened(data) as search:
        assert asyncio.run(all_at_once(search)) == answers(scan) * 10
