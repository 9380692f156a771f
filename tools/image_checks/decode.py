"""Getting a picture's bytes and pixels safely: by content, inside limits, and never by a name's promise."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import ClassVar, Protocol

from PIL import Image as Pictures
from PIL import ImageOps
from PIL.Image import DecompressionBombError, DecompressionBombWarning

from cases.case import Image, Limits
from cases.problem import CasewrightError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_ANIMATED = ("PNG", "WEBP", "GIF")
WORKING_SIDE = 2000
"""Longest side, in pixels, of the copy that is looked at; of a larger one no reader would see more."""


class ImageUnreadable(CasewrightError):
    """the image could not be read: {why}"""

    code: ClassVar[str] = "image_unreadable"
    hint: ClassVar[str] = "send it as a PNG, JPEG, WebP or GIF within the limits"


class ImageStore(Protocol):
    """The port: images that were uploaded before the case came in."""

    async def get(self, sha256: str) -> bytes | None:
        """The bytes with this SHA-256 (hexadecimal), or None where there are none."""
        ...


class MemoryImageStore:
    """Images in memory."""

    def __init__(self, images: Mapping[str, bytes] | None = None) -> None:
        """Take images by SHA-256."""
        self._images = dict(images or {})

    async def get(self, sha256: str) -> bytes | None:
        """The bytes, or None."""
        return self._images.get(sha256)


class FolderImageStore:
    """Images as files named by their SHA-256 in one folder; the embedded default."""

    def __init__(self, folder: Path, limit: int = Limits().image_bytes) -> None:
        """Read from `folder`, at most `limit` bytes an image (and one more, which shows that it is too large)."""
        self._folder = folder
        self._limit = limit

    async def get(self, sha256: str) -> bytes | None:
        """The bytes, or None where there is no such file; raises ImageUnreadable where it is none that may be read."""
        if not (self._folder / sha256).exists():
            return None
        return read_inside(self._folder, sha256, self._limit)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: RGB, as a viewer shows it (turned by its orientation, transparent parts white), at most
            `WORKING_SIDE` pixels long.
        width, height: of the picture as sent, in pixels, turned likewise.
        form: PNG, JPEG, WEBP or GIF, by content.
        animated: whether further frames follow the one in `pixels`.
    """

    pixels: Pictures.Image
    width: int
    height: int
    form: str
    animated: bool

    def box(self, x: float, y: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        """Bring a rectangle in `pixels` back to the picture as sent: x, y, width, height."""
        across, down = self.width / self.pixels.width, self.height / self.pixels.height
        left, top = max(0, round(x * across)), max(0, round(y * down))
        return (left, top, max(0, round(right * across) - left), max(0, round(bottom * down) - top))


async def fetch(image: Image, folder: Path | None, store: ImageStore | None, limits: Limits) -> bytes:
    """Get an image's bytes: by path inside the case file's folder, or by hash from the store.

    Raises:
        ImageUnreadable: not there, outside the folder, a link, no plain file, or not what its hash says.
    """
    if image.path is not None:
        if folder is None:
            raise ImageUnreadable(why="it is named by a path, and the case did not come from a file")
        return read_inside(folder, image.path, limits.image_bytes)
    data = await store.get(image.sha256 or "") if store else None
    if data is None:
        raise ImageUnreadable(why="no image with this hash was uploaded")
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise ImageUnreadable(why="its bytes do not have the hash by which it is named")
    return data


def read_inside(folder: Path, path: str, limit: int) -> bytes:
    """Read a plain file below `folder`, following no link on the way, at most `limit` bytes and one."""
    steps = PurePosixPath(path)
    if steps.is_absolute() or ".." in steps.parts or not steps.parts:
        raise ImageUnreadable(why="its path leads out of the case file's folder")
    place = folder
    for step in steps.parts:
        place /= step
        if place.is_symlink():
            raise ImageUnreadable(why="its path goes over a link")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise ImageUnreadable(why="its path leads out of the case file's folder")
    if not place.is_file():
        raise ImageUnreadable(why="there is no such file")
    try:
        with place.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise ImageUnreadable(why=error.strerror or "the file cannot be read") from error


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode the first frame of a picture.

    Raises:
        ImageUnreadable: empty, too large in bytes or pixels, of another format, cut off or damaged.
    """
    if not data:
        raise ImageUnreadable(why="it is empty")
    if len(data) > limits.image_bytes:
        raise ImageUnreadable(why=f"it is larger than {limits.image_bytes} bytes")
    try:
        return _decode(data, limits)
    except ImageUnreadable:
        raise
    except (DecompressionBombError, DecompressionBombWarning) as error:
        raise ImageUnreadable(why=_too_many(limits)) from error
    except Exception as error:  # decoders raise whatever a hostile file drives them to
        raise ImageUnreadable(why=_what_it_is(data) or f"damaged or cut off ({type(error).__name__})") from error


def _decode(data: bytes, limits: Limits) -> Picture:
    with Pictures.open(BytesIO(data), formats=FORMATS) as file:
        width, height = file.size
        # The header is checked before a pixel is decoded: that is what disarms a decompression bomb.
        if width * height > limits.image_pixels:
            raise ImageUnreadable(why=_too_many(limits))
        form = file.format or ""
        animated = form in _ANIMATED and bool(getattr(file, "is_animated", False))
        file.seek(0)
        file.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        file.load()
        shown = _turned(file)
        if (shown.width > shown.height) != (file.width > file.height):
            width, height = height, width
        return Picture(_flat(shown), width, height, "JPEG" if form == "MPO" else form, animated)


def _too_many(limits: Limits) -> str:
    return f"it has more than {limits.image_pixels} pixels"


def _turned(file: Pictures.Image) -> Pictures.Image:
    """Turn a picture as viewers do. Of EXIF nothing else is believed, and a damaged one is none."""
    try:
        return ImageOps.exif_transpose(file)
    except Exception:  # noqa: BLE001 - EXIF is the sender's, and its parser raises what it likes
        return file


def _flat(picture: Pictures.Image) -> Pictures.Image:
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Pictures.new("RGB", over.size, "white")
        picture.paste(over, mask=over.getchannel("A"))
    picture = picture.convert("RGB")
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return picture


_MAGIC = (
    (b"<svg", "it is an SVG, which is a document that can act"),
    (b"<!doctype", "it is a web page"),
    (b"<html", "it is a web page"),
    (b"%pdf", "it is a PDF"),
    (b"bm", "BMP pictures are not taken"),
    (b"ii*\0", "TIFF pictures are not taken"),
    (b"mm\0*", "TIFF pictures are not taken"),
)


def _what_it_is(data: bytes) -> str:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<?xml") and b"<svg" in head:
        return _MAGIC[0][1]
    return next((what for magic, what in _MAGIC if head.startswith(magic)), "")
