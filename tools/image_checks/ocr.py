"""Reading the words in a picture. What is read is the word of whoever made the picture."""

import csv
import io
import shutil
import subprocess
import threading
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image as Pictures

from cases.evidence import one_line

if TYPE_CHECKING:
    from rapidocr import RapidOCR

READABLE = 0.5
"""Confidence below which a line counts as unread."""


@dataclass(frozen=True)
class Line:
    """One line of text: confidence 0 to 1; box as left, top, right, bottom in the pixels that were read."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]

    @property
    def area(self) -> int:
        """Pixels that the line covers."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


@dataclass(frozen=True)
class Reading:
    """What a reader has read.

    Attributes:
        lines: from top to bottom, each with words in it and a confidence of at least `READABLE`.
        unread: regions that look like text, and gave no such line.
        missing: writings that the case needs and the reader does not know; where any is and there is text, the
            reading is incomplete.
        failed: why nothing was read, where the reader broke down.
    """

    lines: tuple[Line, ...] = ()
    unread: int = 0
    missing: frozenset[str] = frozenset()
    failed: str = ""

    @property
    def incomplete(self) -> bool:
        """Whether text may stand in the picture that is not in `lines`, for want of its writing."""
        return bool(self.missing) and bool(self.lines or self.unread)


class TextReader(Protocol):
    """The port: an OCR. Blocking; it is called in a worker thread.

    Attributes:
        writings: what it reads, as `writings_of` names them.
    """

    writings: frozenset[str]

    def read(self, pixels: Pictures.Image, writings: frozenset[str]) -> tuple[Line, ...]:
        """Read an RGB picture, expecting `writings`; unreadable regions come as lines with a low confidence."""
        ...


class ScriptedReader:
    """A reader that reads what it was told: for tests, and for runs that must not depend on an OCR."""

    def __init__(self, lines: Iterable[Line] = (), writings: Iterable[str] = ("latin",)) -> None:
        """Take the lines that every picture gives."""
        self._lines = tuple(lines)
        self.writings = frozenset(writings)

    def read(self, pixels: Pictures.Image, writings: frozenset[str]) -> tuple[Line, ...]:  # noqa: ARG002 - scripted
        """Give the lines."""
        return self._lines


class RapidReader:
    """PP-OCR through rapidocr, with the models in its wheel; the engine is made once, at the first picture.

    It loses spaces now and then, so whoever matches its text folds them. Its alphabet lacks most marks of
    Vietnamese and all of Thai, Hangul and Cyrillic.
    """

    writings: frozenset[str] = frozenset({"latin", "han", "kana"})

    def __init__(self, threads: int = 1) -> None:
        """Use so many threads a picture: one is the cheapest, for more cost more CPU in all."""
        self._threads = threads
        self._engine: RapidOCR | None = None
        self._lock = threading.Lock()

    def read(self, pixels: Pictures.Image, writings: frozenset[str]) -> tuple[Line, ...]:  # noqa: ARG002 - one model
        """Read a picture; one at a time, for the engine is not made for more."""
        with self._lock:
            found = self._made()(np.asarray(pixels)[:, :, ::-1])
        boxes, texts, scores = (getattr(found, name, None) for name in ("boxes", "txts", "scores"))
        if boxes is None or texts is None or scores is None:
            return ()
        corners = [(box[:, 0].min(), box[:, 1].min(), box[:, 0].max(), box[:, 1].max()) for box in boxes]
        return tuple(
            Line(text, float(score), (int(left), int(top), int(right), int(bottom)))
            for text, score, (left, top, right, bottom) in zip(texts, scores, corners, strict=True)
        )

    def _made(self) -> "RapidOCR":
        if self._engine is None:
            from rapidocr import RapidOCR  # noqa: PLC0415 - a second of CPU, paid by the first picture

            options = {
                "Global.log_level": "critical",
                # Lines of every score are wanted: what looks like text and cannot be read is a finding too.
                "Global.text_score": 0.0,
                # Half the cost of 2,000 pixels, and no line lost down to letters of 12 pixels.
                "Global.max_side_len": 1500,
                "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
            }
            self._engine = RapidOCR(params=options)
        return self._engine


_TESSERACT = {
    "latin": "eng",
    "thai": "tha",
    "vietnamese": "vie",
    "hangul": "kor",
    "cyrillic": "rus",
    "arabic": "ara",
    "han": "chi_sim",
    "kana": "jpn",
}
_WORD_LEVEL = "5"


class TesseractReader:
    """Tesseract, where it is installed: for writings that the embedded reader does not know."""

    def __init__(self, program: str, languages: Iterable[str], deadline_s: float = 20.0) -> None:
        """Run `program` with those of its `languages` that a picture needs."""
        installed = set(languages)
        self._program = program
        self._languages = {writing: name for writing, name in _TESSERACT.items() if name in installed}
        self._deadline_s = deadline_s
        self.writings = frozenset(self._languages)

    @classmethod
    def installed(cls, program: str = "tesseract") -> "TesseractReader | None":
        """Find the program and its languages; None where it is not installed."""
        found = shutil.which(program)
        if found is None:
            return None
        listed = subprocess.run([found, "--list-langs"], capture_output=True, check=False, timeout=10)  # noqa: S603 - found on the operator's own path
        return cls(found, listed.stdout.decode("utf-8", "replace").split())

    def read(self, pixels: Pictures.Image, writings: frozenset[str]) -> tuple[Line, ...]:
        """Read a picture in a process of its own, which a deadline ends."""
        names = [self._languages[writing] for writing in sorted(writings | {"latin"}) if writing in self._languages]
        sent = io.BytesIO()
        pixels.save(sent, "PNG")
        command = [self._program, "stdin", "stdout", "-l", "+".join(names), "tsv"]
        done = subprocess.run(  # noqa: S603 - the operator's program; the picture is its input, never its arguments
            command, input=sent.getvalue(), capture_output=True, check=True, timeout=self._deadline_s
        )
        rows = csv.DictReader(
            io.StringIO(done.stdout.decode("utf-8", "replace")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        lines: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
        for row in rows:
            if row["level"] == _WORD_LEVEL and row["text"].strip():
                lines.setdefault((row["block_num"], row["par_num"], row["line_num"]), []).append(row)
        return tuple(_line(words) for words in lines.values())


def _line(words: list[Mapping[str, str]]) -> Line:
    left, top = min(int(w["left"]) for w in words), min(int(w["top"]) for w in words)
    right = max(int(w["left"]) + int(w["width"]) for w in words)
    bottom = max(int(w["top"]) + int(w["height"]) for w in words)
    confidence = sum(max(0.0, float(w["conf"])) for w in words) / len(words) / 100
    return Line(_joined([w["text"] for w in words]), min(1.0, confidence), (left, top, right, bottom))


def _joined(words: list[str]) -> str:
    text = words[0]
    for word in words[1:]:
        # Tesseract cuts Thai, which writes no spaces, into letters.
        text += word if _writing(text[-1]) == _writing(word[0]) == "thai" else f" {word}"
    return text.replace("\u0e4d\u0e32", "\u0e33")  # sara am, which it writes as two; NFC does not join them


def read_text(readers: tuple[TextReader, ...], pixels: Pictures.Image, needed: frozenset[str]) -> Reading:
    """Read with the first reader that knows all writings needed, else with the first.

    Raises nothing: a reader that breaks down gives a reading that says so.
    """
    if not readers:
        return Reading(failed="no OCR is configured")
    reader = next((reader for reader in readers if needed <= reader.writings), readers[0])
    try:
        lines = reader.read(pixels, needed)
    except Exception as error:  # noqa: BLE001 - engines break in their own ways, and the case goes on
        return Reading(failed=f"the OCR broke down ({type(error).__name__})")
    read = [Line(one_line(line.text), line.confidence, line.box) for line in lines]
    kept = tuple(line for line in read if line.confidence >= READABLE and any(c.isalnum() for c in line.text))
    return Reading(lines=kept, unread=len(read) - len(kept), missing=needed - reader.writings)


_WRITINGS = {
    "th": "thai",
    "vi": "vietnamese",
    "ko": "hangul",
    "ru": "cyrillic",
    "uk": "cyrillic",
    "bg": "cyrillic",
    "ar": "arabic",
    "fa": "arabic",
    "zh": "han",
    "ja": "kana",
}
_BY_NAME = (
    ("THAI", "thai"),
    ("HANGUL", "hangul"),
    ("CYRILLIC", "cyrillic"),
    ("ARABIC", "arabic"),
    ("CJK", "han"),
    ("HIRAGANA", "kana"),
    ("KATAKANA", "kana"),
)
_LETTERS_MIN = 3


def writings_of(language: str, text: str) -> frozenset[str]:
    """What a picture may be written in: the writing of the case's language, and any with three letters in `text`."""
    seen: dict[str, int] = {}
    for char in filter(str.isalpha, text):
        writing = _writing(char)
        seen[writing] = seen.get(writing, 0) + 1
    found = {writing for writing, letters in seen.items() if writing and letters >= _LETTERS_MIN}
    return frozenset(found | {_WRITINGS.get(language.partition("-")[0], "latin")})


def _writing(char: str) -> str:
    if char.isascii():
        return "latin" if char.isalpha() else ""
    if "\u1ea0" <= char <= "\u1ef9" or char in "ơưƠƯ":
        return "vietnamese"
    name = unicodedata.name(char, "")
    return next((writing for prefix, writing in _BY_NAME if name.startswith(prefix)), "")
