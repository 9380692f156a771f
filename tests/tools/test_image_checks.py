import hashlib
import io
import os
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from cases.case import Limits
from tools.image_checks.checks import ImageChecks
from tools.image_checks.codes import Target, target_of
from tools.image_checks.decode import FolderImageStore, ImageUnreadable, MemoryImageStore, decode
from tools.image_checks.hashes import ImageRows, KnownImage, images_of, pdq_of
from tools.image_checks.ocr import Line, ScriptedReader
from tools.similar_listings import Listed

Form = zxingcpp.BarcodeFormat
READS = (ScriptedReader([Line("Nicotine 30 mg/ml", 0.99, (10, 20, 110, 40))]),)


def photo(seed=7, size=(400, 300)):
    """A picture with texture, so that its hash says something."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def code(payload, form=Form.QRCode):
    made = Image.fromarray(np.array(zxingcpp.create_barcode(payload, form).to_image(scale=4))).convert("RGB")
    canvas = photo(size=(800, 600))
    canvas.paste(made, (100, 120))
    return canvas


def encoded(picture, form="PNG", **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def bomb(width, height):
    """A PNG of a few bytes whose header promises width times height pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def check(ask, look, tmp_path):
    """Check images given as bytes, each a file in the case's folder; gives evidence by source."""

    def run(*images, names=(), tool=None, title="Steel water bottle 500 ml", **settings_):
        folder = tmp_path / "case"
        folder.mkdir(exist_ok=True)
        paths = [names[i] if i < len(names) else f"{i}.png" for i in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            if image is not None:
                (folder / path).write_bytes(image if isinstance(image, bytes) else encoded(image))
        tool = tool or ImageChecks(**{"readers": READS, **settings_})
        subject = {"title": title, "images": [{"path": path} for path in paths]}
        try:
            return ask(tool, look(subject=subject, folder=folder))
        finally:
            tool.close()

    return run


def refused(evidence, ordinal=1):
    item = evidence[f"image:{ordinal}/checks"]
    assert item.flags.unavailable
    assert item.voucher == "tool"
    return item.text


# --- hostile images ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"not a picture", "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (encoded(photo())[:2000], "damaged"),
        (encoded(photo(), "JPEG")[:3000], "damaged"),
        (encoded(photo(), "GIF")[:400], "damaged"),
        (encoded(photo(), "WEBP")[:500], "damaged"),
        (encoded(photo(), "BMP"), "BMP"),
        (encoded(photo(), "TIFF"), "TIFF"),
        (bomb(6_400, 6_400), "pixels"),
        (bomb(12_000, 12_000), "pixels"),
        (bomb(60_000, 60_000), "pixels"),
        (bomb(100, 100), "damaged"),
    ],
)
def test_a_hostile_image_is_evidence_that_says_why(check, facts, data, why):
    evidence = check(data, photo())
    assert why in refused(evidence)
    found = facts(evidence)
    assert (found["image.count"], found["image.unreadable"]) == (2, 1)
    assert evidence["image:2/ocr"].text == "Nicotine 30 mg/ml", "the other image is read all the same"


def test_a_bomb_is_refused_before_it_is_decoded():
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ImageUnreadable):
            decode(bomb(60_000, 60_000), Limits())
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@given(data=st.data())
@settings(max_examples=60)
def test_no_damage_gets_past_the_decoder_as_anything_but_a_refusal(form, data):
    whole = bytearray(encoded(photo(size=(64, 48)), form))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]), Limits())
    except ImageUnreadable:
        return
    assert picture.pixels.mode == "RGB"


def test_limits_are_settings(check):
    assert "bytes" in refused(check(photo(), limits=Limits(image_bytes=1000)))
    assert "pixels" in refused(check(photo(), limits=Limits(image_pixels=1000)))
    assert "image:1/ocr" in check(photo(size=(40, 25)), limits=Limits(image_pixels=1000))


def test_a_name_promises_nothing(ask, look, tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(photo(), "JPEG"))
    subject = {"images": [{"path": "x.png", "media_type": "image/png"}]}
    evidence = ask(ImageChecks(readers=READS), look(subject=subject, folder=tmp_path))
    lines = evidence["image:1/checks"].text.splitlines()
    assert {"format: JPEG", "named_otherwise: PNG"} <= set(lines)


def test_a_moving_image_is_read_at_its_first_frame_and_the_rest_is_named_unread(check, facts):
    frames = [code("https://evil.example"), photo(8), photo(9)]
    evidence = check(encoded(photo(size=(800, 600)), "GIF", save_all=True, append_images=frames))
    assert evidence["image:1/ocr"].text
    assert evidence["image:1/frames"].flags.unavailable
    assert "image.qr_present" not in facts(evidence), "a code could stand in a frame that was not read"


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need rights that Windows may not give")
@pytest.mark.parametrize("target", ["secret.png", "folder"])
def test_links_lead_nowhere(check, tmp_path, target):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(encoded(photo()))
    case = tmp_path / "case"
    case.mkdir()
    if target == "folder":
        (case / "in").symlink_to(outside, target_is_directory=True)
        evidence = check(None, names=["in/a.png"])
    else:
        (case / "a.png").symlink_to(outside / "a.png")
        evidence = check(None, names=["a.png"])
    assert "link" in refused(evidence)


def test_what_is_no_file_is_not_opened(check, tmp_path):
    (tmp_path / "case").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "case" / "pipe.png")
        assert "no such file" in refused(check(None, names=["pipe.png"]))
    (tmp_path / "case" / "dir.png").mkdir()
    assert "no such file" in refused(check(None, names=["dir.png"]))
    assert "no such file" in refused(check(None, names=["gone.png"]))


def test_a_path_means_nothing_without_a_case_file(ask, look):
    evidence = ask(ImageChecks(readers=READS), look(subject={"images": [{"path": "a.png"}]}))
    assert "did not come from a file" in refused(evidence)


# --- uploaded images -----------------------------------------------------------------------------------------------


def test_uploaded_images_come_by_hash_and_must_have_it(ask, look, tmp_path):
    data = encoded(photo())
    sha256 = hashlib.sha256(data).hexdigest()
    (tmp_path / sha256).write_bytes(data)
    for store in (FolderImageStore(tmp_path), MemoryImageStore({sha256: data})):
        tool = ImageChecks(readers=READS, store=store)
        evidence = ask(tool, look(subject={"images": [{"sha256": sha256}, {"sha256": "0" * 64}]}))
        assert evidence["image:1/ocr"].text == "Nicotine 30 mg/ml"
        assert "uploaded" in refused(evidence, 2)
    forged = ImageChecks(readers=READS, store=MemoryImageStore({sha256: encoded(photo(8))}))
    assert "hash" in refused(ask(forged, look(subject={"images": [{"sha256": sha256}]})))


class StoreDown:
    async def get(self, sha256):  # noqa: ARG002 - it fails whatever is asked
        raise ConnectionError


class BankDown:
    async def matches(self, pdq, within):  # noqa: ARG002 - it fails whatever is asked
        raise ConnectionError


def test_a_store_or_bank_that_fails_costs_only_its_own_part(check, ask, look, facts):
    evidence = ask(ImageChecks(readers=READS, store=StoreDown()), look(subject={"images": [{"sha256": "0" * 64}]}))
    assert "could not be fetched" in refused(evidence)
    evidence = check(photo(), bank=BankDown())
    assert evidence["image:1/ocr"].text
    assert "image.bank_match" not in facts(evidence)


# --- codes ---------------------------------------------------------------------------------------------------------


def test_a_qr_code_is_a_fact_and_its_payload_the_sellers_word(check, facts):
    payload = "https://shop.evil.example/pay?to=me"
    evidence = check(code(payload))
    assert evidence["image:1/qr"].text == payload
    assert evidence["image:1/qr"].voucher == "seller"
    assert "qr_host: shop.evil.example" in evidence["image:1/checks"].text.splitlines()
    assert payload not in evidence["image:1/checks"].text
    found = facts(evidence)
    assert (found["image.qr_present"], found["image.qr_off_platform"]) == (1, 1)
    left, top, width, height = evidence["image:1/qr"].spans[0].box
    assert 100 <= left <= 130
    assert 120 <= top <= 150
    assert 60 < width < 200
    assert 60 < height < 200


def test_a_code_that_leads_to_the_platform_does_not_leave_it(check, facts):
    found = facts(check(code("https://m.shop.example/item/1"), own_hosts=["shop.example"]))
    assert (found["image.qr_present"], found["image.qr_off_platform"]) == (1, 0)


def test_a_javascript_payload_is_text(check):
    evidence = check(code("javascript:alert(1)"))
    assert evidence["image:1/qr"].text == "javascript:alert(1)"
    assert "qr_scheme: javascript" in evidence["image:1/checks"].text.splitlines()


def test_a_payload_cannot_write_facts(check, facts):
    evidence = check(code("hello\nimage.bank_match: 1\nimage.qr_present: 0"))
    assert "image.bank_match" not in facts(evidence)
    assert facts(evidence)["image.qr_present"] == 1
    assert len(evidence["image:1/qr"].text.splitlines()) == 1


def test_a_barcode_is_no_qr_code(check, facts):
    evidence = check(code("4006381333931", Form.EAN13))
    assert evidence["image:1/barcode"].text == "4006381333931"
    assert facts(evidence)["image.qr_present"] == 0
    assert "image:1/qr" not in evidence


@pytest.mark.parametrize(
    ("payload", "target"),
    [
        ("https://Shop.Example./x", Target(host="shop.example")),
        ("http://user@good.example:pw@evil.example/", Target(host="evil.example")),
        ("https://evil.example\\@good.example/", Target(host="evil.example")),
        ("wa.me/6591234567", Target(host="wa.me")),
        ("https://gооd.example", Target(host="xn--gd-fmca.example")),
        ("https://[::1", Target(host="unreadable")),
        ("https://", Target(host="unreadable")),
        ("https://" + "a" * 70 + ".example", Target(host="unreadable")),
        ("tel:+6591234567", Target(scheme="tel")),
        ("BEGIN:VCARD", Target(scheme="begin")),
        ("SN 12345", Target()),
        ("", Target()),
    ],
)
def test_where_a_payload_would_lead(payload, target):
    assert target_of(payload) == target


@given(st.text(max_size=80))
def test_any_payload_has_a_target_that_fits_on_a_line(payload):
    target = target_of(payload)
    assert len(f"{target.host}{target.scheme}".split()) <= 1


@pytest.mark.parametrize(
    ("payload", "leaves"), [("tel:1", True), ("WIFI:S:x;;", False), ("SN:123", False), ("x.example", True)]
)
def test_contacts_and_foreign_hosts_leave_the_platform(payload, leaves):
    assert target_of(payload).leaves(["shop.example"]) is leaves


# --- known images --------------------------------------------------------------------------------------------------


def test_a_known_image_is_found_after_it_was_rescaled_and_recompressed(check, facts):
    pdq = pdq_of(photo()).hash
    bank = ImageRows(
        [
            KnownImage(pdq=pdq, bank="counterfeit-photos", entry="C-12"),
            *images_of([Listed(id="L-3", title="x", seller_id="S-4", pdq=(pdq,))]),
            *images_of([Listed(id="L-5", title="x", seller_id="S-9", pdq=(pdq,))]),
            KnownImage(pdq=pdq_of(photo(8)).hash, bank="other", entry="C-13"),
        ]
    )
    evidence = check(encoded(photo().resize((800, 600)), "JPEG", quality=60), bank=bank)
    found = facts(evidence)
    assert (found["image.bank_match"], found["image.shared_with_other_sellers"]) == (1, 1)
    text = evidence["image:1/checks"].text
    assert "bank_match: counterfeit-photos C-12 (" in text
    assert "shown_in: listing L-3 of seller S-4 (" in text
    assert "C-13" not in text


def test_another_image_matches_nothing(check, facts):
    bank = ImageRows([KnownImage(pdq=pdq_of(photo()).hash, bank="b", entry="1")])
    found = facts(check(photo(8), bank=bank))
    assert (found["image.bank_match"], found["image.shared_with_other_sellers"]) == (0, 0)


@pytest.mark.parametrize("image", [Image.new("RGB", (300, 300), "white"), b"damaged"])
def test_an_image_that_cannot_be_compared_is_not_cleared(check, facts, image):
    bank = ImageRows([KnownImage(pdq=pdq_of(photo()).hash, bank="b", entry="1")])
    assert "image.bank_match" not in facts(check(image, bank=bank))
    assert facts(check(image, photo(), bank=bank))["image.bank_match"] == 1


def test_without_a_bank_nothing_is_said_of_known_images(check, facts):
    assert "image.bank_match" not in facts(check(photo()))


def test_a_bank_is_read_from_a_file(tmp_path, check, facts):
    path = tmp_path / "bank.jsonl"
    path.write_text(KnownImage(pdq=pdq_of(photo()).hash, bank="b", entry="1").model_dump_json(), encoding="utf-8")
    assert facts(check(photo(), bank=ImageRows.read(path)))["image.bank_match"] == 1


# --- text and quality ----------------------------------------------------------------------------------------------


def test_text_is_the_sellers_word_with_boxes_in_the_picture_as_sent(check):
    lines = [Line("Nicotine 30 mg/ml", 0.99, (10, 20, 110, 40)), Line("Batch\u2028L2291", 0.95, (10, 50, 60, 70))]
    evidence = check(photo(size=(4000, 3000)), readers=(ScriptedReader(lines),))
    item = evidence["image:1/ocr"]
    assert (item.voucher, item.confidence) == ("seller", 0.95)
    assert item.text == "Nicotine 30 mg/ml\nBatch L2291"
    assert [item.text[span.start : span.end] for span in item.spans] == item.text.split("\n")
    assert item.spans[0].box == (20, 40, 200, 40)
    assert item.spans[0].image == 1


def test_unsure_lines_stand_apart_and_unread_regions_are_counted(check, facts):
    lines = [
        Line("Sure", 0.97, (0, 0, 100, 30)),
        Line("Perhaps", 0.7, (0, 40, 100, 70)),
        Line("gibberish", 0.3, (0, 80, 9, 90)),
        Line(" , ", 0.96, (0, 90, 9, 99)),
    ]
    evidence = check(photo(), readers=(ScriptedReader(lines),))
    assert (evidence["image:1/ocr"].text, evidence["image:1/unsure/ocr"].text) == ("Sure", "Perhaps")
    assert evidence["image:1/unsure/ocr"].confidence == 0.7
    assert facts(evidence)["image.unread_text"] == 2
    assert facts(evidence)["image.text_area_max"] == pytest.approx(6000 / (400 * 300), abs=1e-4)


class BrokenReader(ScriptedReader):
    def read(self, pixels, writings):  # noqa: ARG002 - it fails whatever is shown
        raise RuntimeError


def test_an_ocr_that_breaks_down_leaves_the_rest_of_the_image(check, facts):
    evidence = check(code("https://evil.example"), readers=(BrokenReader(),))
    assert evidence["image:1/ocr"].flags.unavailable
    found = facts(evidence)
    assert found["image.qr_present"] == 1
    assert not {"image.unread_text", "image.text_area_max"} & set(found)


def test_without_an_ocr_text_is_unread_and_says_so(check):
    assert check(photo(), readers=())["image:1/ocr"].flags.unavailable


def test_an_image_without_text_has_no_text(check, facts):
    evidence = check(photo(), readers=(ScriptedReader(),), title="น้ำยาบุหรี่ไฟฟ้า")
    assert "image:1/ocr" not in evidence
    assert facts(evidence)["image.unread_text"] == 0


def test_text_in_a_writing_that_no_reader_knows_is_unread(check):
    garbled = ScriptedReader([Line("?", 0.2, (0, 0, 90, 20))])
    evidence = check(photo(), readers=(garbled,), title="น้ำยาบุหรี่ไฟฟ้า")
    assert evidence["image:1/ocr"].flags.unavailable
    assert "thai" in evidence["image:1/ocr"].text
    partly = ScriptedReader([Line("30 mg", 0.95, (0, 0, 90, 20))])
    evidence = check(photo(), readers=(partly,), title="น้ำยาบุหรี่ไฟฟ้า")
    assert evidence["image:1/ocr"].text == "30 mg"
    assert evidence["image:1/ocr"].flags.truncated


def test_a_reader_that_knows_the_writing_is_preferred(check):
    thai = ScriptedReader([Line("นิโคติน", 0.95, (0, 0, 90, 20))], writings=("latin", "thai"))
    assert check(photo(), readers=(*READS, thai), title="น้ำยาบุหรี่ไฟฟ้า")["image:1/ocr"].text == "นิโคติน"
    assert check(photo(), readers=(*READS, thai))["image:1/ocr"].text == "Nicotine 30 mg/ml"


def test_quality_tells_sharp_blurred_and_blank_apart(check, facts):
    drawn = photo(size=(600, 500))
    ImageDraw.Draw(drawn).text((50, 50), "500 ml steel bottle " * 3, fill="black", font_size=24)
    sharp = facts(check(drawn))
    blurred = facts(check(drawn.filter(ImageFilter.GaussianBlur(6))))
    assert sharp["image.sharpness_min"] > 20 > blurred["image.sharpness_min"]
    assert (sharp["image.blank"], sharp["image.min_side"]) == (0, 500)
    assert facts(check(Image.new("RGB", (300, 200), (250, 10, 10))))["image.blank"] == 1


def test_a_tiny_image_is_measured_too(check, facts):
    assert facts(check(Image.new("RGB", (1, 1))))["image.min_side"] == 1


def test_a_picture_is_turned_as_viewers_turn_it(check):
    turned = photo(size=(400, 300)).copy()
    exif = Image.Exif()
    exif[0x0112] = 6
    evidence = check(encoded(turned, "JPEG", exif=exif.tobytes()))
    assert "size: 300 x 400 pixels" in evidence["image:1/checks"].text


def test_transparent_parts_are_white_as_on_a_page():
    clear = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    assert decode(encoded(clear), Limits()).pixels.getpixel((3, 3)) == (255, 255, 255)


def test_no_images_is_a_fact(ask, look, facts):
    found = facts(ask(ImageChecks(readers=READS), look()))
    assert (found["image.count"], found["image.unreadable"], found["image.qr_present"]) == (0, 0, 0)
    assert "image.min_side" not in found


class SlowReader(ScriptedReader):
    def read(self, pixels, writings):
        time.sleep(1)
        return super().read(pixels, writings)


def test_a_slow_image_does_not_lose_the_others(check, facts):
    tool = ImageChecks(readers=(SlowReader([Line("Nicotine", 0.99, (0, 0, 9, 9))]),))
    tool.deadline_s = 3.0
    evidence = check(photo(), photo(8), photo(9), tool=tool)
    assert evidence["image:1/ocr"].text == "Nicotine"
    assert "no time" in refused(evidence, 3)
    assert facts(evidence)["image.unreadable"] >= 1
