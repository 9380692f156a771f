"""Draw the pictures of the example cases: `python examples/draw_images.py [FOLDER]`.

They are drawn rather than photographed so that they belong to nobody, and drawn from code so that everybody can see
what is in them. The same pixels come out every time: no random numbers, and the font that Pillow carries.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

IMAGES = Path(__file__).resolve().parent / "images"
_SIZE = (720, 640)
_INK = (34, 34, 38)
_WHITE = (252, 252, 250)
Colour = tuple[int, int, int]


def mini_pod_kit() -> Image.Image:
    """A box and a bottle of refill; the picture ends in the middle of the bottle's label."""
    picture, pen = _table((214, 224, 228), (150, 132, 112))
    pen.rounded_rectangle((60, 170, 430, 520), 18, fill=_WHITE, outline=_INK, width=3)
    pen.rectangle((60, 300, 430, 312), fill=(92, 170, 160))
    _write(pen, (92, 205), "MINI POD KIT", 44)
    _write(pen, (92, 335), "USB HUMIDIFIER", 38)
    _write(pen, (92, 400), "3 pods and stand", 28)
    pen.rounded_rectangle((545, 120, 625, 200), 8, fill=_INK)
    pen.rounded_rectangle((500, 190, 760, 530), 30, fill=(168, 206, 150), outline=_INK, width=3)
    pen.rectangle((516, 270, 760, 470), fill=_WHITE)
    # The strength, which would settle the case, stands where the picture ends.
    _write(pen, (532, 290), "REFILL", 42)
    _write(pen, (532, 350), "30 ml", 34)
    return picture


def shoulder_bag() -> Image.Image:
    """A shoulder bag; what its seller leaves out of the text is printed across the picture."""
    picture, pen = _table((236, 228, 214), (196, 176, 150))
    pen.arc((190, 40, 530, 460), 180, 360, fill=(96, 60, 36), width=18)
    pen.rounded_rectangle((130, 240, 590, 540), 36, fill=(134, 86, 52), outline=(84, 50, 28), width=5)
    pen.polygon([(130, 270), (590, 270), (520, 400), (200, 400)], fill=(118, 74, 44))
    pen.ellipse((338, 380, 382, 424), fill=(214, 178, 92))
    pen.rectangle((0, 20, 720, 110), fill=(180, 30, 40))
    _write(pen, (60, 38), "KW SUPER  MIRROR QUALITY", 44, _WHITE)
    return picture


def running_shoe() -> Image.Image:
    """A running shoe, as four shops show the very same one."""
    picture, pen = _table((222, 222, 226), (178, 178, 184))
    upper = [(90, 430), (110, 260), (190, 220), (270, 300), (420, 340), (600, 390), (650, 440), (640, 470), (90, 470)]
    pen.polygon(upper, fill=(120, 124, 132), outline=_INK, width=4)
    pen.rounded_rectangle((76, 462, 664, 520), 24, fill=_WHITE, outline=_INK, width=4)
    for step in range(6):
        pen.line((250 + 40 * step, 310 + 12 * step, 220 + 40 * step, 360 + 12 * step), fill=_WHITE, width=7)
    for step in range(14):
        pen.line((100 + 40 * step, 500, 120 + 40 * step, 518), fill=_INK, width=4)
    pen.polygon([(300, 440), (560, 400), (420, 452)], fill=(214, 96, 60))
    return picture


def phone_grip() -> Image.Image:
    """A phone grip, and beside it a QR code that leads to a shop of the seller's own."""
    picture, pen = _table((226, 232, 240), (176, 188, 204))
    pen.ellipse((70, 180, 330, 440), fill=(52, 92, 168), outline=_INK, width=4)
    pen.ellipse((120, 230, 280, 390), fill=(92, 138, 214), outline=_INK, width=3)
    pen.rectangle((184, 430, 216, 520), fill=(52, 92, 168))
    pen.rectangle((400, 170, 680, 500), fill=_WHITE)
    picture.paste(_qr("https://gripworks.example/order", 5), (424, 190))
    _write(pen, (420, 450), "SCAN TO ORDER", 32)
    return picture


def console_box() -> Image.Image:
    """A box with a games console printed on it."""
    picture, pen = _table((210, 214, 222), (140, 146, 158))
    pen.polygon([(120, 180), (520, 180), (600, 130), (220, 130)], fill=(230, 232, 240), outline=_INK, width=3)
    pen.polygon([(520, 180), (600, 130), (600, 470), (520, 540)], fill=(196, 200, 214), outline=_INK, width=3)
    pen.rectangle((120, 180, 520, 540), fill=_WHITE, outline=_INK, width=3)
    pen.rounded_rectangle((260, 220, 380, 430), 24, fill=(236, 238, 244), outline=(70, 90, 180), width=5)
    pen.rectangle((314, 230, 326, 420), fill=(40, 44, 60))
    for left in (160, 410):
        pen.rounded_rectangle((left, 350, left + 80, 400), 22, fill=(40, 44, 60))
    _write(pen, (150, 470), "NOVAPLAY 5", 42, (70, 90, 180))
    _write(pen, (536, 300), "1 TB", 26)
    return picture


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "mini-pod-kit": mini_pod_kit,
    "shoulder-bag": shoulder_bag,
    "running-shoe": running_shoe,
    "phone-grip": phone_grip,
    "console-box": console_box,
}


def _table(wall: Colour, top: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A wall, and a table top with some grain before it."""
    picture = Image.new("RGB", _SIZE, wall)
    pen = ImageDraw.Draw(picture)
    width, height = _SIZE
    pen.rectangle((0, 420, width, height), fill=top)
    for row in range(428, height, 14):
        shade = 10 + row * 7 % 13
        pen.line((row * 37 % 90, row, width - row * 53 % 120, row), fill=tuple(c - shade for c in top), width=2)
    return picture, pen


def _write(pen: ImageDraw.ImageDraw, place: tuple[int, int], words: str, size: int, colour: Colour = _INK) -> None:
    pen.text(place, words, fill=colour, font=ImageFont.load_default(size))


def _qr(payload: str, scale: int) -> Image.Image:
    """A QR code with a quiet zone, `scale` pixels a module."""
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode)
    return Image.fromarray(np.array(code.to_image(scale=scale))).convert("RGB")


def draw(folder: Path) -> None:
    """Write every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in PICTURES.items():
        made().save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
