"""The image-checks tool: each image decoded safely, then its text, codes, hash and quality as evidence."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from cases.case import Case, Image, Limits
from cases.evidence import Draft, Span, normal, one_line
from tools.facts import detail, fact, record
from tools.image_checks.codes import Code, codes_in, target_of
from tools.image_checks.decode import ImageStore, ImageUnreadable, Picture, decode, fetch
from tools.image_checks.hashes import SAME_WITHIN, ImageBank, ImageMatch, Pdq, pdq_of
from tools.image_checks.ocr import Line, Reading, TextReader, read_text, writings_of
from tools.image_checks.quality import Quality, quality_of
from tools.tool import NO_ARGUMENTS, Look

SURE = 0.9
"""Confidence from which a line's reading may carry a decision; less sure lines are evidence of their own."""
_DESCRIBED = 2_000
_LISTED = 10
# The last part of the deadline is kept for what has been read: a slow image must not lose the others.
_RESERVE = 0.2


@dataclass(frozen=True)
class Seen:
    """What one image showed.

    Attributes:
        matches: known images within 31 bits; None where they were not, or could not be, looked up.
    """

    ordinal: int
    picture: Picture
    codes: tuple[Code, ...]
    pdq: Pdq
    quality: Quality
    reading: Reading
    matches: tuple[ImageMatch, ...] | None = None

    @property
    def text_area(self) -> float:
        """Share of the image that lines of text cover."""
        area = self.picture.pixels.width * self.picture.pixels.height
        return min(1.0, sum(line.area for line in self.reading.lines) / area)

    @property
    def matrix_codes(self) -> list[Code]:
        """QR codes and their like."""
        return [code for code in self.codes if code.matrix]


class ImageChecks:
    """The tool. Decoding, hashing and reading run in its own worker threads, one image at a time in each.

    Attributes:
        deadline_s: covers waiting behind the images of other cases, too.
        image_s: seconds for one image, once it is its turn.
    """

    name: str = "image_checks"
    description: str = "Reads the listing's images: text, QR and bar codes, known or shared pictures, quality."
    parameters: Mapping[str, Any] = NO_ARGUMENTS
    standing: bool = True
    reads_evidence: bool = False
    deadline_s: float = 300.0
    image_s: float = 30.0

    def __init__(
        self,
        *,
        readers: Sequence[TextReader],
        store: ImageStore | None = None,
        bank: ImageBank | None = None,
        own_hosts: Iterable[str] = (),
        limits: Limits | None = None,
        workers: int = 1,
    ) -> None:
        """Take the ports; threads start with the first image.

        Args:
            readers: OCRs, the usual one first; none leaves every text unread, and says so.
            store: uploaded images; none where images come by path only.
            bank: known images; none where nothing is compared.
            own_hosts: the platform's own hosts, to which a QR code may lead.
            limits: bytes and pixels of an image; the cases' own defaults where none are given.
            workers: images read at once.
        """
        self._readers = tuple(readers)
        self._store = store
        self._bank = bank
        self._own_hosts = frozenset(own_hosts)
        self._limits = limits or Limits()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="images")
        self._turn = asyncio.Semaphore(workers)

    def close(self) -> None:
        """Drop what is waiting and end the threads."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:  # noqa: ARG002 - takes none
        """Check every image of the case's listing; one that cannot be read is evidence that says why."""
        stop = asyncio.get_running_loop().time() + self.deadline_s * (1 - _RESERVE)
        seen: list[Seen] = []
        drafts: list[Draft] = []
        for ordinal, image in enumerate(look.case.subject.images, 1):
            try:
                async with asyncio.timeout_at(stop), self._turn, asyncio.timeout(self.image_s):
                    one = await self._see(ordinal, image, look)
            except ImageUnreadable as error:
                drafts.append(_unread(ordinal, "checks", str(error)))
            except TimeoutError:
                drafts.append(_unread(ordinal, "checks", "there was no time left to read it"))
            except Exception as error:  # noqa: BLE001 - a store that fails must not lose the other images
                drafts.append(_unread(ordinal, "checks", f"it could not be fetched ({type(error).__name__})"))
            else:
                seen.append(one)
                drafts += [*_checks(one, image), *_text(one), *_payloads(one)]
        facts = record(*self._facts(look.case, seen))
        return [Draft(source="tool:image_checks", voucher="tool", text=facts), *drafts]

    async def _see(self, ordinal: int, image: Image, look: Look) -> Seen:
        data = await fetch(image, look.folder, self._store, self._limits)
        subject = look.case.subject
        words = f"{subject.title}\n{subject.description[:_DESCRIBED]}"
        needed = writings_of(look.case.language or "", words)
        work = asyncio.get_running_loop().run_in_executor(self._workers, self._look_at, ordinal, data, needed)
        seen = await work
        if self._bank is None or not seen.pdq.comparable:
            return seen
        try:
            matches = tuple(await self._bank.matches(seen.pdq.hash, SAME_WITHIN))
        except Exception:  # noqa: BLE001 - a bank that fails must not lose what the image says
            return seen
        return replace(seen, matches=matches)

    def _look_at(self, ordinal: int, data: bytes, needed: frozenset[str]) -> Seen:
        """All that is heavy, in a worker thread."""
        picture = decode(data, self._limits)
        return Seen(
            ordinal=ordinal,
            picture=picture,
            codes=codes_in(picture.pixels),
            pdq=pdq_of(picture.pixels),
            quality=quality_of(picture.pixels),
            reading=read_text(self._readers, picture.pixels, needed),
        )

    def _facts(self, case: Case, seen: Sequence[Seen]) -> list[str]:
        """The facts of the case, over all its images; a count of nothing only where everything was looked at."""
        count = len(case.subject.images)
        whole = len(seen) == count and not any(one.picture.animated for one in seen)
        off = [c for one in seen for c in one.matrix_codes if target_of(c.payload).leaves(self._own_hosts)]
        lines = [
            fact("image.count", count),
            fact("image.unreadable", count - len(seen)),
            _at_least("image.qr_present", int(any(one.matrix_codes for one in seen)), whole=whole),
            _at_least("image.qr_off_platform", len(off), whole=whole),
            _at_least("image.blank", sum(one.quality.blank for one in seen), whole=whole),
        ]
        if seen:
            lines.append(fact("image.min_side", min(min(one.picture.width, one.picture.height) for one in seen)))
            lines.append(fact("image.sharpness_min", min(one.quality.sharpness for one in seen)))
        if not any(one.reading.failed for one in seen):
            unread = sum(one.reading.unread for one in seen)
            lines.append(_at_least("image.unread_text", unread, whole=whole))
            if seen and whole and not any(one.reading.incomplete for one in seen):
                lines.append(fact("image.text_area_max", max(one.text_area for one in seen)))
        if self._bank is not None:
            lines += _bank_facts(case, seen, whole=whole)
        return lines


def _at_least(name: str, count: int, *, whole: bool) -> str:
    if whole:
        return fact(name, count)
    return fact(name, count, "at least; not all images could be read") if count else ""


def _bank_facts(case: Case, seen: Sequence[Seen], *, whole: bool) -> list[str]:
    compared = whole and all(one.matches is not None for one in seen)
    matches = [match for one in seen for match in one.matches or ()]
    in_bank = sum(any(match.known.bank for match in one.matches or ()) for one in seen)
    others = {m.known.seller_id for m in matches if m.known.seller_id and m.known.seller_id != case.seller_id}
    return [
        _at_least("image.bank_match", in_bank, whole=compared),
        _at_least("image.shared_with_other_sellers", len(others), whole=compared),
    ]


def _unread(ordinal: int, part: str, why: str) -> Draft:
    text = f"unavailable: image {ordinal}\nreason: {one_line(why)}"
    return Draft(source=f"image:{ordinal}/{part}", voucher="tool", text=text, unavailable=True)


def _checks(seen: Seen, image: Image) -> list[Draft]:
    picture, reading = seen.picture, seen.reading
    promised = (image.media_type or "").removeprefix("image/").upper().replace("JPG", "JPEG")
    matrix = seen.matrix_codes
    targets = [target_of(code.payload) for code in matrix[:_LISTED]]
    lines = [
        detail("format", picture.form),
        detail("named_otherwise", promised if promised != picture.form else ""),
        detail("size", f"{picture.width} x {picture.height} pixels"),
        fact("sharpness", seen.quality.sharpness),
        fact("blank", int(seen.quality.blank)),
        fact("pdq_quality", seen.pdq.quality, "" if seen.pdq.comparable else "too low to compare"),
        detail("pdq", seen.pdq.hash),
        fact("qr_codes", len(matrix)),
        *(detail("qr_host", target.host) for target in targets),
        *(detail("qr_scheme", target.scheme) for target in targets),
        fact("barcodes", len(seen.codes) - len(matrix)),
        *(_match(match) for match in (seen.matches or ())[:_LISTED]),
        fact("unread_text_regions", reading.unread) if not reading.failed else "",
        detail("writing_not_read", ", ".join(sorted(reading.missing)) if reading.incomplete else ""),
    ]
    drafts = [Draft(source=f"image:{seen.ordinal}/checks", voucher="tool", text=record(*lines))]
    if picture.animated:
        drafts.append(_unread(seen.ordinal, "frames", "it moves, and only its first frame was read"))
    return drafts


def _match(match: ImageMatch) -> str:
    known, apart = match.known, f"{match.distance} of 256 bits apart"
    if known.bank:
        return detail("bank_match", f"{known.bank} {known.entry} ({apart})")
    return detail("shown_in", f"listing {known.listing_id} of seller {known.seller_id} ({apart})")


def _text(seen: Seen) -> list[Draft]:
    """The lines that were read: the sure ones apart, for what a decision rests on must not hide in an average."""
    reading = seen.reading
    if reading.failed:
        return [_unread(seen.ordinal, "ocr", reading.failed)]
    sure = [line for line in reading.lines if line.confidence >= SURE]
    unsure = [line for line in reading.lines if line.confidence < SURE]
    drafts = [_lines(seen, part, lines) for part, lines in (("ocr", sure), ("unsure/ocr", unsure)) if lines]
    if reading.incomplete and not drafts:
        names = ", ".join(sorted(reading.missing))
        return [_unread(seen.ordinal, "ocr", f"it holds text, and no OCR here reads {names}")]
    return drafts


def _lines(seen: Seen, part: str, lines: Sequence[Line]) -> Draft:
    spans: list[Span] = []
    at = 0
    for line in lines:
        box = seen.picture.box(*line.box)
        spans.append(Span(start=at, end=at + len(line.text), image=seen.ordinal, box=box))
        at += len(line.text) + 1
    return Draft(
        source=f"image:{seen.ordinal}/{part}",
        voucher="seller",
        text="\n".join(line.text for line in lines),
        confidence=min(line.confidence for line in lines),
        spans=tuple(spans),
        truncated=seen.reading.incomplete,
    )


def _payloads(seen: Seen) -> list[Draft]:
    """What codes hold, a payload a line: the word of whoever made the code."""
    drafts: list[Draft] = []
    for part, matrix in (("qr", True), ("barcode", False)):
        codes = [code for code in seen.codes if code.matrix == matrix and code.payload.strip()]
        texts = [normal(one_line(code.payload)) for code in codes]
        spans: list[Span] = []
        at = 0
        for code, text in zip(codes, texts, strict=True):
            spans.append(Span(start=at, end=at + len(text), image=seen.ordinal, box=seen.picture.box(*code.box)))
            at += len(text) + 1
        source = f"image:{seen.ordinal}/{part}"
        drafts.append(Draft(source=source, voucher="seller", text="\n".join(texts), spans=tuple(spans)))
    return [draft for draft in drafts if draft.text]
