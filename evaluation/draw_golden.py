"""Draw the pictures of golden cases: `python evaluation/draw_golden.py FOLDER...`.

Each folder's `drawings.yaml` says what is printed on which picture (and which QR code stands on it). The same pixels
come out every time; nothing is photographed, so the pictures belong to nobody.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import yaml
import zxingcpp
from PIL import Image, ImageDraw, ImageFont
from pydantic import TypeAdapter

from cases.problem import Record

_SIZE = (640, 480)
_INK = (28, 28, 32)
_LABEL = (250, 250, 247)


class Drawing(Record):
    """What stands on a picture.

    Attributes:
        lines: printed on the label, from the top (Latin letters: the font that Pillow carries has no others).
        qr: content of a QR code in the corner.
    """

    lines: tuple[str, ...] = ()
    qr: str = ""


def main(folders: list[str]) -> None:
    """Draw every picture of each folder into its `images/`."""
    for folder in map(Path, folders):
        asked = yaml.safe_load((folder / "drawings.yaml").read_text(encoding="utf-8")) or {}
        (folder / "images").mkdir(exist_ok=True)
        for name, drawing in TypeAdapter(dict[str, Drawing]).validate_python(asked).items():
            draw(name, drawing).save(folder / "images" / f"{name}.png", optimize=True)


def draw(name: str, drawing: Drawing) -> Image.Image:
    """Draw an object with a label on a table; its colours come from its name."""
    tint = hashlib.sha256(name.encode()).digest()
    picture = Image.new("RGB", _SIZE, (190 + tint[0] % 50, 190 + tint[1] % 50, 190 + tint[2] % 50))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 400, 640, 480), fill=(120 + tint[3] % 40, 105 + tint[4] % 40, 90 + tint[5] % 40))
    body = (60 + tint[6] % 140, 60 + tint[7] % 140, 60 + tint[8] % 140)
    pen.rounded_rectangle((50, 40, 590, 440), 12 + tint[9] % 40, fill=body)
    pen.rectangle((80, 80, 560, 400), fill=_LABEL)
    top = 96
    for line in drawing.lines:
        size = min(40, max(16, int(760 / max(len(line), 1))))
        pen.text((100, top), line, font=ImageFont.load_default(size), fill=_INK)
        top += size + 14
    if drawing.qr:
        code = np.asarray(zxingcpp.create_barcode(drawing.qr, zxingcpp.BarcodeFormat.QRCode).to_image(scale=4))
        square = Image.fromarray(code).convert("RGB").resize((150, 150), Image.Resampling.NEAREST)
        picture.paste(square, (470, 300))
    return picture


if __name__ == "__main__":
    main(sys.argv[1:])
