"""Uploaded pictures: drawn anew, so that nothing of the sender's file is kept but what it shows; by content hash."""

import asyncio
import hashlib
from collections.abc import Sequence
from io import BytesIO

from PIL.Image import Image as Pixels

from cases.case import Case, Limits, Sha256
from cases.problem import Record
from service.database import Pool
from tools.image_checks.decode import Picture, decode

_QUALITY = 90
_STORE = """
INSERT INTO images (sha256, media_type, content, width, height) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (sha256) DO NOTHING
"""


class StoredImage(Record):
    """A picture as it is kept.

    Attributes:
        sha256: of the bytes kept, which are others than those sent; a case names the picture by it.
        width, height: of what is kept, in pixels.
        moving: of what was sent only the first frame is kept; whoever looks at it is told that there was more.
    """

    sha256: Sha256
    media_type: str
    width: int
    height: int
    moving: bool = False


async def store_image(pool: Pool, data: bytes, limits: Limits) -> StoredImage:
    """Keep a picture; the same one twice is kept once.

    Raises:
        ImageUnreadable: it is none, or beyond the limits.
    """
    stored, content = await asyncio.to_thread(_redrawn, data, limits)
    await pool.execute(_STORE, stored.sha256, stored.media_type, content, stored.width, stored.height)
    return stored


def _redrawn(data: bytes, limits: Limits) -> tuple[StoredImage, bytes]:
    picture = decode(data, limits)
    form, content = _drawn(picture, limits.image_bytes)
    size = decode(content, limits)
    stored = StoredImage(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=f"image/{form.lower()}",
        width=size.width,
        height=size.height,
        moving=picture.animated,
    )
    return stored, content


def _drawn(picture: Picture, most: int) -> tuple[str, bytes]:
    """Draw a picture's pixels into a new file: its format, and its bytes."""
    pixels = picture.pixels.copy()
    pixels.info = {}  # comments and EXIF, which would be written again
    if picture.animated:
        return "PNG", _moving(pixels, most)
    if picture.form == "PNG" and len(content := _file(pixels, "PNG")) <= most:
        return "PNG", content
    return "JPEG", _file(pixels, "JPEG")


def _file(pixels: Pixels, form: str) -> bytes:
    file = BytesIO()
    pixels.save(file, form, quality=_QUALITY)
    return file.getvalue()


def _moving(pixels: Pixels, most: int) -> bytes:
    """The first frame, and one more that differs in one pixel: so the file still says of itself that it moves."""
    while True:
        further = pixels.copy()
        red, *others = further.getpixel((0, 0))  # type: ignore[misc]  # of an RGB picture it is three numbers
        further.putpixel((0, 0), (red ^ 1, *others))
        file = BytesIO()
        pixels.save(file, "PNG", save_all=True, append_images=[further], duration=1000, loop=1)
        if file.tell() <= most or min(pixels.size) < 2:  # noqa: PLR2004 - a side that cannot be halved
            return file.getvalue()
        pixels = pixels.resize((pixels.width // 2, pixels.height // 2))


_OF_LISTINGS = """
SELECT DISTINCT ON (subject_id) subject_id, body FROM cases WHERE subject_id = ANY($1) AND id <> $2
ORDER BY subject_id, received_at DESC
"""


async def pictures_of(pool: Pool, case_id: str, listings: Sequence[str]) -> dict[str, str]:
    """The first stored picture of each of some listings, as the last other case about it has it; by listing.

    Args:
        pool: the database.
        case_id: of the case that is being read.
        listings: ids.

    Returns:
        SHA-256 by listing; without those of which no picture is stored here.
    """
    found: dict[str, str] = {}
    for row in await pool.fetch(_OF_LISTINGS, list(listings), case_id):
        case = Case.model_validate_json(row["body"])
        first = next((image.sha256 for image in case.subject.images if image.sha256), None)
        if first:
            found[row["subject_id"]] = first
    return found


async def stored_of(pool: Pool, names: Sequence[str]) -> set[str]:
    """Those of some SHA-256 of which the picture is stored."""
    rows = await pool.fetch("SELECT sha256 FROM images WHERE sha256 = ANY($1)", list(names))
    return {row["sha256"] for row in rows}


class PostgresImageStore:
    """The image store's port (tools/image_checks/decode.py): pictures that were uploaded."""

    def __init__(self, pool: Pool) -> None:
        """Read from a database."""
        self._pool = pool

    async def get(self, sha256: str) -> bytes | None:
        """The bytes, or None where there is no such picture."""
        content = await self._pool.fetchval("SELECT content FROM images WHERE sha256 = $1", sha256)
        return bytes(content) if content is not None else None
