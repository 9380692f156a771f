import os
import stat
import sys

import pytest
from PIL import Image, ImageDraw, ImageFont

from tools.image_checks.ocr import Line, RapidReader, Reading, ScriptedReader, TesseractReader, read_text, writings_of


@pytest.fixture(scope="module")
def rapid():
    return RapidReader()


def written(*lines, size=32):
    picture = Image.new("RGB", (760, 60 + 70 * len(lines)), "white")
    for i, line in enumerate(lines):
        ImageDraw.Draw(picture).text((30, 30 + 70 * i), line, fill="black", font=ImageFont.load_default(size))
    return picture


def test_the_embedded_reader_reads_a_label_with_its_places(rapid):
    reading = read_text((rapid,), written("Nicotine 30 mg/ml", "Lot L2291"), frozenset({"latin"}))
    assert [line.text.replace(" ", "") for line in reading.lines] == ["Nicotine30mg/ml", "LotL2291"]
    first, second = reading.lines
    assert min(first.confidence, second.confidence) > 0.9
    assert abs(first.box[0] - 30) < 12
    assert second.box[1] > first.box[3] - 10
    assert not reading.incomplete


def test_places_hold_in_a_picture_that_is_larger_than_what_is_read(rapid):
    picture = Image.new("RGB", (2000, 400), "white")
    ImageDraw.Draw(picture).text((1500, 300), "Lot L2291", fill="black", font=ImageFont.load_default(40))
    (line,) = read_text((rapid,), picture, frozenset({"latin"})).lines
    assert 1480 < line.box[0] < 1520
    assert 280 < line.box[1] < 330


def test_the_embedded_reader_reads_nothing_where_nothing_is_written(rapid):
    assert read_text((rapid,), Image.new("RGB", (400, 300), "white"), frozenset({"thai"})) == Reading(
        missing=frozenset({"thai"})
    )


def test_the_embedded_reader_knows_what_it_does_not_read(rapid):
    reading = read_text((rapid,), written("Hello world"), frozenset({"vietnamese"}))
    assert reading.missing == {"vietnamese"}
    assert reading.incomplete


PROGRAM = """#!{python}
import sys
if "--list-langs" in sys.argv:
    print("List of available languages in \\"x\\" (2):\\neng\\ntha\\nosd")
    raise SystemExit
assert sys.stdin.buffer.read(8) == b"\\x89PNG\\r\\n\\x1a\\n"
assert sys.argv[1:] == ["stdin", "stdout", "-l", "eng+tha", "tsv"], sys.argv
columns = "level page_num block_num par_num line_num word_num left top width height conf text".split()
rows = [
    columns,
    [4, 1, 1, 1, 1, 0, 41, 51, 492, 43, -1, ""],
    [5, 1, 1, 1, 1, 1, 41, 53, 16, 32, 93.3, "\\u0e19"],
    [5, 1, 1, 1, 1, 2, 56, 47, 17, 51, 90.7, "\\u0e4d"],
    [5, 1, 1, 1, 1, 3, 72, 64, 10, 21, 92.0, "\\u0e32"],
    [5, 1, 1, 1, 1, 4, 424, 58, 41, 27, 96.0, "30"],
    [5, 1, 1, 1, 1, 5, 481, 65, 52, 27, 96.0, "mg"],
    [5, 1, 1, 1, 2, 1, 41, 133, 107, 32, 40.0, "?"],
]
sys.stdout.buffer.write("\\n".join("\\t".join(map(str, row)) for row in rows).encode())
"""


@pytest.mark.skipif(os.name == "nt", reason="the program is a script with a first line that Windows does not know")
def test_tesseract_is_found_and_its_table_read(tmp_path, monkeypatch):
    program = tmp_path / "tesseract"
    program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = TesseractReader.installed()
    assert reader.writings == {"latin", "thai"}
    reading = read_text((ScriptedReader(), reader), Image.new("RGB", (600, 200)), frozenset({"thai"}))
    assert [line.text for line in reading.lines] == ["\u0e19\u0e33 30 mg"]
    assert reading.lines[0].box == (41, 47, 533, 98)
    assert reading.lines[0].confidence == pytest.approx(0.936, abs=1e-3)
    assert (reading.unread, reading.failed, reading.missing) == (1, "", frozenset())


def test_tesseract_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert TesseractReader.installed() is None


def test_a_program_that_fails_is_a_reading_that_says_so():
    broken = TesseractReader(sys.executable, ["eng"])
    assert "broke down" in read_text((broken,), Image.new("RGB", (9, 9)), frozenset({"latin"})).failed


@pytest.mark.parametrize(
    ("language", "text", "writings"),
    [
        ("en", "Steel bottle", {"latin"}),
        ("th", "Steel bottle", {"latin", "thai"}),
        ("", "น้ำยาบุหรี่ไฟฟ้า", {"latin", "thai"}),
        ("en", "น้ำ bottle", {"latin"}),
        ("vi-VN", "", {"vietnamese"}),
        ("en", "Bộ kit mới giá rẻ", {"latin", "vietnamese"}),
        ("pt", "Não é coração", {"latin"}),
        ("ja", "電子タバコ", {"kana"}),
    ],
)
def test_what_a_picture_may_be_written_in(language, text, writings):
    assert writings_of(language, text) == writings


def test_a_line_knows_its_area():
    assert Line("x", 1.0, (10, 10, 30, 20)).area == 200
