"""PDQ hashes: has this picture been seen before, in a bank of known images or with other sellers?

PDQ is the perceptual hash that trust-and-safety teams share: "The TMK+PDQF Video-Hashing Algorithm and the PDQ
Image-Hashing Algorithm" (Facebook, 2019; threatexchange/pdq). From there come both thresholds: hashes within 31 of 256
bits are the same picture, and below a quality of 50 a hash says too little to compare.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
import numpy.typing as npt
import pdqhash
from PIL import Image as Pictures
from pydantic import StringConstraints

from cases.case import Id
from cases.problem import Record
from tools.rows import read_rows
from tools.similar_listings import Listed
from tools.tool import off_loop

SAME_WITHIN = 31
QUALITY_MIN = 50


@dataclass(frozen=True)
class Pdq:
    """A PDQ hash as 64 hexadecimal digits, and its quality, 0 to 100."""

    hash: str
    quality: int

    @property
    def comparable(self) -> bool:
        """Whether the picture has enough texture for its hash to mean anything."""
        return self.quality >= QUALITY_MIN


class KnownImage(Record):
    """An image that the platform has seen: in a named bank, or in another listing.

    Attributes:
        pdq: 64 hexadecimal digits.
        bank: name of the bank, such as `counterfeit-logos`; empty for an image of a listing.
        entry: the bank's own id of it.
    """

    pdq: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bank: str = ""
    entry: str = ""
    seller_id: Id | None = None
    listing_id: Id | None = None


@dataclass(frozen=True)
class ImageMatch:
    """A known image near a hash, and how many of 256 bits lie between."""

    known: KnownImage
    distance: int


class ImageBank(Protocol):
    """The port: images that the platform has seen. A company's hash service takes its place."""

    async def matches(self, pdq: str, within: int) -> Sequence[ImageMatch]:
        """Known images within so many bits of a hash (64 hexadecimal digits), nearest first."""
        ...


class ImageRows:
    """Known images in memory; the embedded default reads JSON Lines files, and the hashes of an index of listings."""

    def __init__(self, known: Iterable[KnownImage] = ()) -> None:
        """Take the rows."""
        self._known = tuple(known)
        self._bits = np.array([list(bytes.fromhex(item.pdq)) for item in self._known], dtype=np.uint8).reshape(-1, 32)

    @classmethod
    def read(cls, path: Path, listings: Iterable[Listed] = ()) -> "ImageRows":
        """Read a bank from a JSON Lines file, and take the listings' images with it; raises `Invalid`."""
        return cls([*read_rows(path, KnownImage), *images_of(listings)])

    async def matches(self, pdq: str, within: int) -> Sequence[ImageMatch]:
        """Known images within so many bits, nearest first, then in the order of the rows."""
        asked = np.frombuffer(bytes.fromhex(pdq), dtype=np.uint8)

        def search() -> list[ImageMatch]:
            distances: npt.NDArray[np.int64] = np.bitwise_count(self._bits ^ asked).sum(axis=1, dtype=np.int64)
            near = np.flatnonzero(distances <= within)
            found = [ImageMatch(self._known[at], int(distances[at])) for at in near]
            return sorted(found, key=lambda match: match.distance)

        found: list[ImageMatch] = await off_loop(search)
        return found


def images_of(listings: Iterable[Listed]) -> list[KnownImage]:
    """The images of listings as known images."""
    return [
        KnownImage(pdq=pdq, seller_id=listing.seller_id, listing_id=listing.id)
        for listing in listings
        for pdq in listing.pdq
    ]


def pdq_of(pixels: Pictures.Image) -> Pdq:
    """Hash an RGB picture."""
    bits, quality = pdqhash.compute(np.asarray(pixels))
    return Pdq(np.packbits(np.asarray(bits, dtype=np.uint8)).tobytes().hex(), int(quality))
