"""What a picture's file says before a decoder sees it, and the file without its metadata.

A decoder is handed pixels alone. Metadata is a stranger's bytes too, read by much code for nothing; and a file may come
in so many pieces that going through them takes minutes (a JPEG of 200 KB with 5,000 scans does). Whatever is broken
raises an error of any kind.
"""

import re
import struct
from dataclasses import dataclass

MOST_BLOCKS = 20_000
"""In 10 MB; a camera writes some dozens, a PNG in pieces of 4 KB some thousands."""
MOST_SCANS = 40
"""Each scan of a JPEG goes over all pixels; pictures that people make have a dozen at most."""
ORIENTATION = 0x0112

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
JFIF, EXIF, ADOBE, START_OF_SCAN = 0xE0, 0xE1, 0xEE, 0xDA
JPEG_PIXELS = FRAMES | TABLES | {JFIF, ADOBE}
PADDING = re.compile(rb"\xff+")
EXIF_HEAD = b"Exif\0\0"
PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


@dataclass(frozen=True, slots=True)
class Bare:
    """A file without its metadata, and the little of it that is wanted."""

    data: bytes
    turn: int = 1  # the orientation that EXIF names: 1 is upright, 2 to 8 are turned
    animated: bool = False
    several_scans: bool = False  # a JPEG whose decoder keeps every coefficient until the last scan


def bare_jpeg(raw: bytes) -> Bare:
    """The segments that pixels need, with JFIF's and Adobe's, which say what the colours are."""
    view = memoryview(raw)
    kept, exif, frame, components, at = [view[:2]], b"", 0, 0, 2
    for _ in range(MOST_BLOCKS):
        padding = PADDING.match(raw, at)
        if padding is None:
            break
        at = padding.end() - 1
        marker, length = struct.unpack_from(">xBH", raw, at)
        segment = view[at : at + 2 + length]
        if marker == START_OF_SCAN:
            several = frame in PROGRESSIVE or segment[4] != components
            if several and raw.count(b"\xff\xda", at) > MOST_SCANS:
                break
            return Bare(b"".join((*kept, view[at:])), turn=orientation(exif), several_scans=several)
        if marker in FRAMES:
            if frame:
                break
            frame, components = marker, segment[9]
        if marker in JPEG_PIXELS:
            kept.append(segment)
        elif marker == EXIF and bytes(segment[4:10]) == EXIF_HEAD:
            exif = exif or bytes(segment[10:])
        at += 2 + length
    raise ValueError("not the segments of a JPEG")


def bare_png(raw: bytes) -> Bare:
    """The chunks that pixels need."""
    view = memoryview(raw)
    kept, exif, frames, at = [view[:8]], b"", 1, 8
    for _ in range(MOST_BLOCKS):
        length, kind = struct.unpack_from(">I4s", raw, at)
        end = at + 12 + length
        if kind in PNG_PIXELS:
            kept.append(view[at:end])
        elif kind == b"eXIf":
            exif = bytes(view[at + 8 : end - 4])
        elif kind == b"acTL":
            (frames,) = struct.unpack_from(">I", raw, at + 8)
        if kind == b"IEND":
            return Bare(b"".join(kept), turn=orientation(exif), animated=frames > 1)
        at = end
    raise ValueError("not the chunks of a PNG")


def orientation(exif: bytes) -> int:
    """The orientation in the first directory of EXIF; upright if there is none that can be read."""
    tiff = exif.removeprefix(EXIF_HEAD)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(entries):
            tag, turn = struct.unpack_from(order + "H6xH", tiff, at + 2 + 12 * entry)
            if tag == ORIENTATION:
                return int(turn)
    except struct.error:
        pass
    return 1
