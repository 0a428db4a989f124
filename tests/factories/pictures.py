"""Pictures of every kind that people and attackers send: whole, bent, dressed up, too large."""

import random
import struct
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

from app.domain.pictures import MOST_BYTES, PictureFault

Make = Callable[[], bytes]
FORMATS = ("JPEG", "PNG", "WEBP")
GPS, GPS_LATITUDE, ORIENTATION, MAKER = 0x8825, 2, 0x0112, 0x010F
LATITUDE = (30.0, 18.0, 33.0)
HTML = b"<html><script>alert(document.domain)</script></html>"
TAILS = {"HTML": HTML, "PHP": b"<?php system($_GET[0]);", "PDF": b"%PDF-1.7", "ZIP": b"PK\3\4"}
MOST_WEBP_PIXELS = (2560, 2550)


def an_image(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Colours that differ everywhere."""
    bands = [Image.effect_noise(size, 60) for _ in range(4)]
    match mode:
        case "RGB" | "RGBA" | "LA" | "CMYK":
            return Image.merge(mode, bands[: len(Image.new(mode, (1, 1)).getbands())])
        case "P":
            return Image.merge("RGB", bands[:3]).quantize(32)
        case _:
            return bands[0].convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The file of an image."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def a_photo(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """A whole picture."""
    return encoded(an_image(size, mode), kind, **options)


def exif(turn: int = 1, *, gps: bool = False) -> bytes:
    """EXIF with an orientation, the maker of the phone, and where it was taken."""
    data = Image.Exif()
    data[ORIENTATION] = turn
    data[MAKER] = "猎吧手机"
    if gps:
        data.get_ifd(GPS)[GPS_LATITUDE] = LATITUDE
    return data.tobytes()


def marked(turn: int, kind: str) -> bytes:
    """Red at the top left, blue elsewhere, laid so that orientation `turn` puts it upright; 60 wide, 40 high."""
    image = Image.new("RGB", (60, 40), "blue")
    image.paste("red", (0, 0, 20, 20))
    laid = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(turn)
    return encoded(image.transpose(laid) if laid is not None else image, kind, exif=exif(turn))


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*segments: bytes, photo: bytes | None = None) -> bytes:
    """A JPEG with more segments in front."""
    whole = photo or a_photo()
    return whole[:2] + b"".join(segments) + whole[2:]


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(*chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    whole = a_photo("PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]


def a_png_bomb(width: int, height: int, depth: int = 1) -> bytes:
    """A PNG of one bit a pixel, all black: hundreds of megapixels in some kilobytes."""
    rows = zlib.compressobj(9)
    row = bytes(1 + -(-width * depth // 8))
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND")


def a_jpeg_that_says(width: int, height: int) -> bytes:
    """A small JPEG whose header speaks of a large one."""
    raw = a_photo()
    at = raw.index(b"\xff\xc0")
    return raw[: at + 5] + struct.pack(">HH", height, width) + raw[at + 9 :]


def a_webp_that_says(width: int, height: int) -> bytes:
    """A small WebP whose canvas is said to be large."""
    raw = bytearray(a_photo("WEBP", exif=exif()))
    assert raw[12:16] == b"VP8X"
    raw[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(raw)


def a_scan_bomb(scans: int, photo: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    raw = photo or a_photo(progressive=True)
    last = raw[raw.rindex(b"\xff\xda") : -2]
    return raw[:-2] + last * scans + raw[-2:]


def in_several_scans(scans: int) -> bytes:
    """A baseline JPEG whose first scan names one of its three components, and has it again and again."""
    raw = a_photo(subsampling=0)
    at = raw.index(b"\xff\xda")
    first = raw[at:-2].replace(raw[at : at + 14], segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"), 1)
    return raw[:at] + first * scans + raw[-2:]


def exif_bomb(kilobytes: int = 60) -> bytes:
    """EXIF whose entries all point to the same data."""
    entries = kilobytes * 1024 // 12 - 8
    body = b"".join(struct.pack("<HHII", 0x9000 + entry % 4000, 7, kilobytes * 1000, 8) for entry in range(entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + body


def animated(kind: str) -> bytes:
    """Two frames."""
    return encoded(an_image(), kind, save_all=True, append_images=[an_image()])


def _with_exif(kind: str, turn: int) -> bytes:
    return a_photo(kind, exif=exif(turn, gps=True))


def _with_tail(kind: str, tail: bytes) -> bytes:
    return a_photo(kind) + tail


def a_mpo() -> bytes:
    """Two photos in one JPEG, as phones with two lenses make them: the first is the photo."""
    return encoded(an_image(), "MPO", save_all=True, append_images=[an_image()])


def cut(kind: str, share: float, **options: Any) -> bytes:
    """The first part of a picture."""
    raw = a_photo(kind, (200, 150), **options)
    return raw[: max(16, int(len(raw) * share))]


def with_flipped_bytes(kind: str, seed: int) -> bytes:
    """Some bytes changed: it may still be a picture, but nothing breaks."""
    dice = random.Random(seed)  # noqa: S311  # the same each time
    raw = bytearray(a_photo(kind, (120, 90)))
    for _ in range(20):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    return bytes(raw)


def _good() -> dict[str, Make]:  # noqa: C901  # a list with loops
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>somewhere</x:xmpmeta>"
    made: dict[str, Make] = {}
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            for quality in (10, 95):
                name = f"{mode}{' progressive' if progressive else ''} {quality}.jpg"
                made[name] = partial(a_photo, mode=mode, progressive=progressive, quality=quality)
    for subsampling in (0, 1, 2):
        made[f"sampling {subsampling}.jpg"] = partial(a_photo, subsampling=subsampling, size=(33, 31))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        made[f"{mode}.png"] = partial(a_photo, "PNG", mode=mode)
    for mode, key in (("L", 7), ("P", 3), ("RGB", (1, 2, 3)), ("1", 0), ("I;16", 9)):
        made[f"{mode} with a colour to see through.png"] = partial(a_photo, "PNG", mode=mode, transparency=key)
    for mode in ("RGB", "RGBA"):
        for lossless in (False, True):
            made[f"{mode}{' lossless' if lossless else ''}.webp"] = partial(
                a_photo, "WEBP", mode=mode, lossless=lossless
            )
    for kind in FORMATS:
        for size in ((1, 1), (1, 3000), (3000, 1), (1400, 1400)):
            made[f"{size[0]} × {size[1]} {kind}"] = partial(a_photo, kind, size)
        for turn in range(1, 9):
            made[f"turn {turn} {kind}"] = partial(marked, turn, kind)
        for turn in (0, 9, 65535):
            made[f"turn {turn} {kind}"] = partial(_with_exif, kind, turn)
        made[f"GPS {kind}"] = partial(_with_exif, kind, 6)
        made[f"ICC {kind}"] = partial(a_photo, kind, icc_profile=icc)
        made[f"XMP {kind}"] = partial(a_photo, kind, xmp=xmp)
        for name, tail in (
            ("HTML", HTML),
            ("PHP", b"<?php system($_GET[0]);"),
            ("PDF", b"%PDF-1.7"),
            ("ZIP", b"PK\3\4"),
        ):
            made[f"{name} behind {kind}"] = partial(_with_tail, kind, tail)
    for name, body in (("none", b""), ("short", b"II*\0"), ("lost", b"MM\0*\xff\xff\xff\xff"), ("odd", b"XX*\0" * 9)):
        made[f"{name} EXIF.jpg"] = partial(with_segments, segment(0xE1, b"Exif\0\0" + body))
    return made | {
        "HTML in a comment.jpg": partial(a_photo, comment=HTML),
        "HTML in front.jpg": lambda: with_segments(segment(0xE0, HTML)),
        "text.png": lambda: with_chunks(chunk(b"tEXt", b"Comment\0" + HTML)),
        "text bomb.png": lambda: with_chunks(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)))] * 80),
        "ICC bomb.png": lambda: with_chunks(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        "ICC in 255 pieces.jpg": lambda: with_segments(*[segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(30_000))] * 255),
        "EXIF bomb.jpg": lambda: with_segments(segment(0xE1, b"Exif\0\0" + exif_bomb())),
        "EXIF bomb.png": lambda: with_chunks(chunk(b"eXIf", exif_bomb(700))),
        "EXIF bomb.webp": lambda: a_photo("WEBP", exif=b"Exif\0\0" + exif_bomb(700)),
        "EXIF bomb behind a marker without length.jpg": lambda: with_segments(
            segment(0xD0, segment(0xE1, b"Exif\0\0" + exif_bomb()))
        ),
        "two lenses.jpg": a_mpo,
        "one frame.apng": lambda: with_chunks(chunk(b"acTL", struct.pack(">II", 1, 0))),
        "padding.jpg": lambda: with_segments(b"\xff" * 3_000_000),
        "24 MP.jpg": lambda: encoded(Image.new("RGB", (5712, 4284), "teal"), quality=50),
        "dozen scans.jpg": lambda: a_scan_bomb(10),
    }


def _bad() -> dict[str, tuple[PictureFault, Make]]:
    wrong: dict[str, bytes] = {
        "note.txt": "照片在哪里".encode(),
        "page.html": HTML,
        "page named.jpg": HTML,
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "drawing.xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        "phone.heif": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(200),
        "film.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200),
        "paper.pdf": b"%PDF-1.7\n" + bytes(200),
        "archive.zip": b"PK\3\4" + bytes(200),
        "program.exe": b"MZ" + bytes(200),
        "program": b"\x7fELF\2\1\1" + bytes(200),
        "painting.psd": b"8BPS\0\1" + bytes(200),
        "camera.cr2": b"II*\0\x10\0\0\0CR\2\0" + bytes(200),
        "bell.ico": b"\0\0\1\0\1\0" + bytes(200),
        "nothing but zeros": bytes(5000),
        "half a magic": b"\xff\xd8",
        "riff.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(200),
    }
    bad: dict[str, tuple[PictureFault, Make]] = {
        name: (PictureFault.WRONG_TYPE, partial(bytes, raw)) for name, raw in wrong.items()
    }
    for kind in ("GIF", "TIFF", "BMP", "PPM", "TGA", "JPEG2000", "AVIF", "ICO"):
        bad[f"picture.{kind}"] = (PictureFault.WRONG_TYPE, partial(a_photo, kind))
    bad["GIFAR"] = (PictureFault.WRONG_TYPE, lambda: a_photo("GIF") + b"PK\3\4" + bytes(100))
    bad["animated.gif"] = (PictureFault.WRONG_TYPE, partial(animated, "GIF"))
    bad["bomb.gif"] = (PictureFault.WRONG_TYPE, lambda: encoded(Image.new("L", (9000, 9000)), "GIF"))
    bad["bomb.tiff"] = (
        PictureFault.WRONG_TYPE, lambda: encoded(Image.new("1", (30000, 30000)), "TIFF", compression="group4")
    )  # fmt: skip
    for kind in FORMATS:
        for share in (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98):
            bad[f"{share:.0%} of a {kind}"] = (PictureFault.UNREADABLE, partial(cut, kind, share))
        bad[f"the first bytes of a {kind}"] = (PictureFault.UNREADABLE, partial(cut, kind, 0.001))
        bad[f"10 MB and a byte {kind}"] = (PictureFault.TOO_LARGE, partial(_with_tail, kind, bytes(MOST_BYTES)))
    for share in (0.3, 0.6, 0.95):
        part = partial(cut, "JPEG", share, progressive=True)
        bad[f"{share:.0%} of a progressive JPEG"] = (PictureFault.UNREADABLE, part)
    tiny = chunk(b"abCd")
    return bad | {
        "empty.jpg": (PictureFault.UNREADABLE, bytes),
        "20 MB.jpg": (PictureFault.TOO_LARGE, lambda: a_photo().ljust(20_000_000, b"\0")),
        "wrong checksum.png": (PictureFault.UNREADABLE, lambda: _bent(a_photo("PNG"), b"IDAT", 5)),
        "two frames.jpg": (
            PictureFault.UNREADABLE,
            lambda: with_segments(segment(0xC0, b"\x08\0\x10\0\x10\x01\x01\x11\0")),
        ),
        "scan bomb.jpg": (PictureFault.UNREADABLE, lambda: a_scan_bomb(5_000)),
        "scan bomb without progress.jpg": (PictureFault.UNREADABLE, lambda: in_several_scans(200)),
        "segments.jpg": (PictureFault.UNREADABLE, lambda: with_segments(b"\xff\xe5\0\2" * 2_400_000)),
        "chunks.png": (PictureFault.UNREADABLE, lambda: with_chunks(tiny * 800_000)),
        "pieces of nothing.png": (PictureFault.UNREADABLE, lambda: with_chunks(chunk(b"IDAT") * 800_000)),
        "animated.png": (PictureFault.ANIMATED, partial(animated, "PNG")),
        "animated.webp": (PictureFault.ANIMATED, partial(animated, "WEBP")),
        "24.6 MP.png": (PictureFault.TOO_MANY_PIXELS, partial(a_png_bomb, 6000, 4100)),
        "100 MP.png": (PictureFault.TOO_MANY_PIXELS, partial(a_png_bomb, 10_000, 10_000)),
        "900 MP.png": (PictureFault.TOO_MANY_PIXELS, partial(a_png_bomb, 30_000, 30_000)),
        "17 KB.png": (PictureFault.TOO_MANY_PIXELS, partial(a_png_bomb, 12_000, 11_000)),
        "says 2 billion.png": (PictureFault.TOO_MANY_PIXELS, lambda: _png_that_says(2**31 - 1, 1)),
        "a million rows.png": (PictureFault.TOO_MANY_PIXELS, partial(a_png_bomb, 1, 1_000_000)),
        "65500 × 65500.jpg": (PictureFault.TOO_MANY_PIXELS, partial(a_jpeg_that_says, 65500, 65500)),
        "24.6 MP.jpg": (PictureFault.TOO_MANY_PIXELS, partial(a_jpeg_that_says, 6000, 4100)),
        "no height.jpg": (PictureFault.UNREADABLE, partial(a_jpeg_that_says, 100, 0)),
        "16000 × 16000.webp": (PictureFault.UNREADABLE, partial(a_webp_that_says, 16000, 16000)),
        "7 MP.webp": (PictureFault.TOO_MANY_PIXELS, lambda: encoded(Image.new("RGB", (3500, 2000)), "WEBP", method=0)),
        "24 MP in full colours, progressive.jpg": (
            PictureFault.TOO_MANY_PIXELS,
            lambda: encoded(Image.new("RGB", (5712, 4284)), subsampling=0, progressive=True),
        ),
    }


def _bent(raw: bytes, at: bytes, beyond: int) -> bytes:
    place = raw.index(at) + beyond
    return raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :]


def _png_that_says(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND")


GOOD = _good()
"""What becomes a clean photo."""
BAD = _bad()
"""What is refused, with the fault."""
BENT = {
    f"flipped bytes {seed} {kind}": partial(with_flipped_bytes, kind, seed) for kind in FORMATS for seed in range(10)
}
"""What may be either, and must be nothing else."""
