"""Photos made harmless: whatever is uploaded becomes a JPEG of bounded size with nothing in it but pixels.

Bytes in, bytes out (decisions 3 and 45). Memory stays bounded: what decoding takes is reckoned before it begins, and
a process decodes one photo at a time.
"""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from math import ceil, floor

import filetype
from PIL import Image
from PIL.Image import Resampling, Transpose
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from app.documents.containers import Bare, bare_jpeg, bare_png, orientation
from app.domain.pictures import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, BadPicture, PictureFault

QUALITY = 85
STRIP = 64
"""Rows of the small picture that are made at a time."""
MOST_SIDE = 65_535
"""Of a JPEG; a PNG may have millions of rows, and each takes memory besides its pixels."""
MOST_DECODING_BYTES = 100 * 1024 * 1024
PIXEL_BYTES = 4
"""Of a decoded picture, whatever its colours."""
WEBP_BYTES = 12
"""A pixel takes these besides: two canvases of the decoder and its answer."""
COEFFICIENT_BYTES = 2
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes a photo upright, by the orientation that its EXIF names."""

_decoder = ThreadPoolExecutor(1, "photos")
"""One photo at a time, and always in the same thread: a thread keeps the memory that it has freed, 100 MB of it."""


def cleaned(raw: bytes) -> bytes:
    """The photo as a JPEG, upright, no side over LONGEST_SIDE pixels, without metadata. Raises BadPicture.

    At most MOST_BYTES and MOST_PIXELS; JPEG, PNG or WebP by their content; not animated; whole.
    """
    if not raw:
        raise BadPicture(PictureFault.UNREADABLE)
    if len(raw) > MOST_BYTES:
        raise BadPicture(PictureFault.TOO_LARGE)
    try:
        return _decoder.submit(_as_jpeg, raw).result()
    except BadPicture:
        raise
    except Exception as error:  # decoders fail at a stranger's bytes in every way there is
        raise BadPicture(PictureFault.UNREADABLE) from error


def _as_jpeg(raw: bytes) -> bytes:
    large, turn = _decoded(raw)
    small = _shrunk(large)
    if turn in TURNS:
        small = small.transpose(TURNS[turn])
    out = BytesIO()
    small.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _decoded(raw: bytes) -> tuple[Image.Image, int]:
    """The picture and its orientation. Raises BadPicture before anything is decoded, then whatever a decoder raises."""
    image: ImageFile
    besides = 0
    match filetype.guess_mime(raw):
        case "image/jpeg":
            bare = bare_jpeg(raw)
            stream = BytesIO(bare.data)
            image = jpeg = JpegImageFile(stream)
            besides = _coefficient_bytes(jpeg) if bare.several_scans else 0
        case "image/png" | "image/apng":
            bare = bare_png(raw)
            stream = BytesIO(bare.data)
            image = PngImageFile(stream)
        case "image/webp":
            stream = BytesIO(raw)
            image = webp = WebPImageFile(stream)
            bare = Bare(b"", turn=orientation(webp.info.get("exif", b"")), animated=webp.is_animated)
            besides = WEBP_BYTES * image.width * image.height
        case _:
            raise BadPicture(PictureFault.WRONG_TYPE)
    if bare.animated:
        raise BadPicture(PictureFault.ANIMATED)
    too_many = image.width * image.height > MOST_PIXELS or max(image.size) > MOST_SIDE
    image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
    if too_many or PIXEL_BYTES * image.width * image.height + besides > MOST_DECODING_BYTES:
        raise BadPicture(PictureFault.TOO_MANY_PIXELS)
    image.load()
    stream.close()  # the decoded picture would go on holding the file
    return image, bare.turn


def _coefficient_bytes(jpeg: JpegImageFile) -> int:
    """What a decoder keeps of a JPEG that comes in several scans: every coefficient of every component."""
    samples = [across * down for _, across, down, _ in jpeg.layer]
    return COEFFICIENT_BYTES * jpeg.width * jpeg.height * sum(samples) // max(samples)


def _shrunk(large: Image.Image) -> Image.Image:
    """On white paper, no side over LONGEST_SIDE; strip by strip, because a second large picture is too much memory."""
    share = min(1.0, LONGEST_SIDE / max(large.size))
    width, height = (max(1, round(side * share)) for side in large.size)
    scale = large.height / height
    beyond = ceil(2 * scale)  # rows above and below that the filter looks at
    small = Image.new("RGB", (width, height))
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP, height)
        first = max(0, floor(top * scale) - beyond)
        last = min(large.height, ceil(bottom * scale) + beyond)
        strip = _on_paper(large.crop((0, first, large.width, last)))
        box = (0, top * scale - first, large.width, min(bottom * scale - first, strip.height))
        small.paste(strip.resize((width, bottom - top), Resampling.BICUBIC, box), (0, top))
    return small


def _on_paper(strip: Image.Image) -> Image.Image:
    """In RGB, 8 bits a colour; what can be seen through is white."""
    if strip.mode.startswith("I"):
        strip = strip.point(lambda value: value / 256)
        return strip.convert("RGB")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    seen_through = strip.convert("RGBA")
    paper = Image.new("RGB", strip.size, "white")
    paper.paste(seen_through, mask=seen_through)
    return paper
