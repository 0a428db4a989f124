"""Whatever is uploaded becomes a clean JPEG or is refused with its fault; nothing takes more than its share."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from PIL import Image, ImageChops

from app.documents import pictures
from app.documents.pictures import cleaned
from app.domain import labels
from app.domain.pictures import LONGEST_SIDE, MOST_BYTES, BadPicture, PictureFault
from tests.factories.pictures import (
    BAD,
    BENT,
    FORMATS,
    GOOD,
    LATITUDE,
    MOST_WEBP_PIXELS,
    a_photo,
    a_scan_bomb,
    an_image,
    encoded,
    exif,
    marked,
)

MOST_MEBIBYTES = 150
MOST_SECONDS = 2.0
CHILD = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from app.documents.pictures import cleaned
from app.domain.pictures import BadPicture

def peak():  # not getrusage: a child's begins with its parent's peak
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

def clean(raw):
    try:
        cleaned(raw)
    except BadPicture:
        pass

at_once, first, *names = sys.argv[1:]
pool = ThreadPoolExecutor(int(at_once))
clean(Path(first).read_bytes())
base = peak()
for name in names:
    raw = Path(name).read_bytes()
    begun = time.process_time()
    list(pool.map(clean, [raw] * int(at_once)))
    print(peak() - base, time.process_time() - begun)
"""


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg))


def segments(jpeg: bytes) -> set[int]:
    """The markers before the first scan."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return found


def assert_clean(jpeg: bytes) -> None:
    image = opened(jpeg)
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert max(image.size) <= LONGEST_SIDE
    assert len(jpeg) <= MOST_BYTES
    assert segments(jpeg) <= {0xC0, 0xC4, 0xDB, 0xE0}
    assert not image.getexif()
    assert jpeg.endswith(b"\xff\xd9")
    for word in (b"Exif", b"ICC_PROFILE", b"xmpmeta", b"<script", b"<?php", b"PK\3\4"):
        assert word not in jpeg


def test_the_corpus_is_large() -> None:
    assert len(GOOD) + len(BAD) + len(BENT) >= 150


@pytest.mark.parametrize("name", GOOD)
def test_a_picture_becomes_a_clean_jpeg(name: str) -> None:
    assert_clean(cleaned(GOOD[name]()))


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_refused_and_says_why(name: str) -> None:
    fault, made = BAD[name]
    with pytest.raises(BadPicture) as refused:
        cleaned(made())
    assert refused.value.fault is fault


@pytest.mark.parametrize("name", BENT)
def test_a_bent_picture_is_cleaned_or_refused(name: str) -> None:
    with suppress(BadPicture):
        assert_clean(cleaned(BENT[name]()))


@pytest.mark.parametrize("fault", PictureFault)
def test_every_fault_says_what_is_so_and_what_to_do(fault: PictureFault) -> None:
    so, _, what_to_do = labels.PICTURE_FAULTS[fault].partition("。")
    assert so
    assert what_to_do


def test_where_a_photo_was_taken_is_in_it_before_and_not_after() -> None:
    raw = a_photo(exif=exif(gps=True))
    assert opened(raw).getexif().get_ifd(0x8825)[2] == LATITUDE
    assert not opened(cleaned(raw)).getexif()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stands_upright(turn: int, kind: str) -> None:
    image = opened(cleaned(marked(turn, kind)))
    assert image.size == (60, 40)
    red, _, blue = image.getpixel((5, 5))  # type: ignore[misc]  # a pixel of RGB is three numbers
    assert red - blue > 150
    for corner in ((55, 5), (5, 35), (55, 35)):
        red, _, blue = image.getpixel(corner)  # type: ignore[misc]  # the same
        assert blue - red > 150


@pytest.mark.parametrize(
    ("size", "becomes"), [((2500, 1000), (2000, 800)), ((100, 4000), (50, 2000)), ((3, 2), (3, 2))]
)
def test_no_side_is_too_long_and_the_shape_stays(size: tuple[int, int], becomes: tuple[int, int]) -> None:
    assert opened(cleaned(a_photo("PNG", size))).size == becomes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_colours_stay_and_strips_leave_no_seam(mode: str) -> None:
    """As if it had been shrunk in one piece."""
    image = an_image((2600, 500), mode)
    if "A" in image.getbands():
        image.putalpha(255)
    kind = {"CMYK": "TIFF"}.get(mode, "PNG")
    plain = Image.open(BytesIO(encoded(image, kind))).convert("RGB")
    whole = plain.resize((2000, 385), Image.Resampling.BICUBIC)
    worst = ImageChops.difference(pictures._shrunk(image), whole).getextrema()
    assert max(high for _, high in worst) <= 2  # type: ignore[misc]  # three bands, (low, high) of each


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_can_be_seen_through_is_white(kind: str) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 20, 40))
    shown = opened(cleaned(encoded(image, kind, lossless=True)))
    assert shown.getpixel((35, 20)) == (255, 255, 255)
    assert shown.getpixel((5, 20))[2] > 200  # type: ignore[index]  # the same


def test_sixteen_bits_become_eight() -> None:
    grey = Image.new("I;16", (20, 20), 0x8000)
    assert opened(cleaned(encoded(grey, "PNG"))).getpixel((9, 9)) == (128, 128, 128)


# ---- memory and time -------------------------------------------------------------------------------------------------


def _largest_png() -> bytes:
    """As many pixels and as many bytes as are taken, with transparency: 4 bytes a pixel."""
    image = Image.new("RGBA", (5712, 4284), "teal")
    image.paste(an_image((1500, 1560), "RGBA"), (0, 0))
    return encoded(image, "PNG", compress_level=1)


def _largest_jpeg(**options: Any) -> bytes:
    return encoded(an_image((714, 535)).resize((5712, 4284)), quality=70, **options)


LARGEST: dict[str, Callable[[], bytes]] = {
    "png": _largest_png,
    "jpg": lambda: _largest_jpeg(subsampling=0),
    "progressive.jpg": lambda: _largest_jpeg(progressive=True),
    "forty scans.jpg": lambda: a_scan_bomb(30, encoded(Image.new("RGB", (5712, 4284)), progressive=True)),
    "webp": lambda: encoded(an_image(MOST_WEBP_PIXELS, "RGBA"), "WEBP", quality=80, method=0),
    "lossless.webp": lambda: encoded(Image.new("RGB", MOST_WEBP_PIXELS, "teal"), "WEBP", lossless=True, method=0),
}


def measured(tmp_path: Path, raws: list[bytes], at_once: int = 1) -> list[tuple[float, float]]:
    """Peak memory above the base (MiB) and seconds of each, in a process of its own."""
    (tmp_path / "first").write_bytes(a_photo())
    names = []
    for at, raw in enumerate(raws):
        (tmp_path / str(at)).write_bytes(raw)
        names.append(str(tmp_path / str(at)))
    command = [sys.executable, "-c", CHILD, str(at_once), str(tmp_path / "first"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(float(peak), float(took)) for peak, took in (line.split() for line in done.stdout.splitlines())]


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_photo_that_is_taken_stays_within_memory_and_time(name: str, tmp_path: Path) -> None:
    raw = LARGEST[name]()
    assert_clean(cleaned(raw))
    ((peak, seconds),) = measured(tmp_path, [raw])
    assert peak <= MOST_MEBIBYTES
    assert seconds <= MOST_SECONDS


def test_no_file_of_the_corpus_takes_more(tmp_path: Path) -> None:
    names = [*GOOD, *BAD]
    found = measured(tmp_path, [*(make() for make in GOOD.values()), *(make() for _, make in BAD.values())])
    assert len(found) == len(names)
    assert [(name, *row) for name, row in zip(names, found, strict=True) if row[1] > MOST_SECONDS] == []
    assert max(peak for peak, _ in found) <= MOST_MEBIBYTES


# ---- one at a time ---------------------------------------------------------------------------------------------------


def two_meet(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether two photos are decoded at the same time."""
    barrier, met = Barrier(2), []

    def decoded(_raw: bytes) -> None:
        with suppress(BrokenBarrierError):
            barrier.wait(0.3)
            met.append(True)
        raise BadPicture(PictureFault.UNREADABLE)

    def clean(_: int) -> None:
        with pytest.raises(BadPicture):
            cleaned(b"a photo")

    monkeypatch.setattr(pictures, "_decoded", decoded)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(clean, range(2)))
    return bool(met)


def test_a_process_decodes_one_photo_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not two_meet(monkeypatch)


def test_with_two_decoders_two_would_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(2) as decoder:
        monkeypatch.setattr(pictures, "_decoder", decoder)
        assert two_meet(monkeypatch)


def test_four_at_once_take_no_more_than_one(tmp_path: Path) -> None:
    raw = LARGEST["png"]()
    ((peak, _),) = measured(tmp_path, [raw], at_once=4)
    assert peak <= MOST_MEBIBYTES
