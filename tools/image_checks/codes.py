"""QR codes and barcodes: read, described, never opened."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import zxingcpp
from PIL import Image as Pictures
from zxingcpp import BarcodeFormat as Form

_MATRIX = (Form.QRCode, Form.MicroQRCode, Form.RMQRCode, Form.DataMatrix, Form.Aztec, Form.PDF417)
# Retail codes and GS1-128 only: formats without a check digit find codes in the texture of any photograph.
_LINEAR = (Form.EAN13, Form.EAN8, Form.UPCA, Form.UPCE, Form.Code128)
_PAYLOAD_MAX = 4_300
_BARE_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}(?:[/?#:].*)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
_CONTACT = re.compile(r"tel|sms|smsto|mailto|matmsg|whatsapp|weixin|wxp|line|tg|viber|skype|zalo|facetime|begin|mecard")


@dataclass(frozen=True)
class Code:
    """A code in a picture.

    Attributes:
        matrix: a QR code or its like; else a barcode.
        payload: what it holds: its author's word, at most 4,300 characters (more than a QR code can hold).
        box: left, top, right, bottom in the pixels that were read.
    """

    matrix: bool
    form: str
    payload: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Target:
    """Where a payload would lead: a host (IDNA, lower case), or the scheme of an address that is none of the web's."""

    host: str = ""
    scheme: str = ""

    def leaves(self, own_hosts: Iterable[str]) -> bool:
        """Tell whether it leads to a contact, or to a host that is neither among nor below `own_hosts`."""
        if self.host:
            return not any(self.host == own or self.host.endswith(f".{own}") for own in own_hosts)
        return bool(_CONTACT.fullmatch(self.scheme))


def codes_in(pixels: Pictures.Image) -> tuple[Code, ...]:
    """Read every code in an RGB picture, from top to bottom."""
    formats = zxingcpp.BarcodeFormats([*_MATRIX, *_LINEAR])
    found = zxingcpp.read_barcodes(np.asarray(pixels.convert("L")), formats=formats)
    codes = [
        Code(
            matrix=code.symbology not in {form.symbology for form in _LINEAR},
            form=str(code.format),
            payload=code.text[:_PAYLOAD_MAX],
            box=_box(code.position),
        )
        for code in found
    ]
    return tuple(sorted(codes, key=lambda code: (code.box[1], code.box[0], code.payload)))


def _box(position: zxingcpp.Position) -> tuple[int, int, int, int]:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    return (min(across), min(down), max(across), max(down))


def target_of(payload: str) -> Target:
    """Read where a payload would lead, by its text alone."""
    # Browsers read a backslash as a slash, so a host behind one is not the host that they open.
    text = payload.strip().replace("\\", "/")
    if _BARE_HOST.fullmatch(text):
        text = f"http://{text}"
    scheme = _SCHEME.match(text)
    if not scheme:
        return Target()
    if scheme[1].lower() not in {"http", "https"}:
        return Target(scheme=scheme[1].lower())
    try:
        host = (urlsplit(text).hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
    except ValueError:
        return Target(host="unreadable")
    return Target(host=host if _HOST.fullmatch(host) else "unreadable")
