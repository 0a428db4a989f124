"""The labels that go on vehicles and batteries, as a PDF for a label printer (NUM-8, NUM-9).

A page is 50 × 30 mm: the QR code at the left, the number beside it in two lines (AM / 0001, A / 00042), nothing within
2 mm of the edge and nothing else. Both lines are 9 mm high, to be read off a vehicle from some steps away. In a bold
face of its own width four digits of that height would take 34 mm and five 43; so the lines keep their height and are
squeezed to the width that the QR code leaves: a plate's to 76 %, a battery's to 69 % (59 % beside a very long URL).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import reportlab
import segno
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from app.domain.numbering import BatteryNumber, VehicleNumber

DOT = mm / 8
"""A dot of a common label printer (203 dpi), in points. All measures below are in dots, so that modules end on them."""

WIDTH, HEIGHT, EDGE = 50 * 8, 30 * 8, 2 * 8
LINE_HEIGHT, LINE_GAP = 9 * 8, 3 * 8
QUIET_MODULES = 4
QR_FIELD = 180
"""22.5 mm with the quiet zone: a plate's modules are 6 dots; those of a URL of up to 84 letters are 4 or 5."""

SMALLEST_MODULE = 3
"""0.375 mm: phones have trouble with less."""

FONT = "Label"
CAP_HEIGHT = 1493 / 2048  # of the font's size
registerFont(TTFont(FONT, Path(reportlab.__file__).with_name("fonts") / "VeraBd.ttf"))


@dataclass(frozen=True, slots=True)
class Label:
    """One label."""

    first_line: str
    second_line: str
    qr_text: str

    @property
    def title(self) -> str:
        """The number on it."""
        return self.first_line + self.second_line


def plate_label(number: VehicleNumber) -> Label:
    """A vehicle's plate; its QR code is the number itself, for the counter's box."""
    text = str(number)
    return Label(text[:-4], text[-4:], text)


def battery_label(number: BatteryNumber, public_url: str) -> Label:
    """A battery's label; its QR code is a URL, which a phone opens. Decision 44."""
    return Label(number.letter, str(number)[1:], number.url(public_url))


def write_labels(labels: Iterable[Label], file: BinaryIO) -> None:
    """Writes a PDF of one page a label, each drawn before the next is asked for; equal labels make equal bytes.

    Raises ValueError when there is no label, or when the text of a QR code is too long for one that can be read.
    """
    # initialFontName: each page would otherwise name Helvetica, which is not in the file
    canvas = Canvas(file, pagesize=(WIDTH * DOT, HEIGHT * DOT), initialFontName=FONT, invariant=True)
    canvas.setViewerPreference("PrintScaling", "None")
    first = last = None
    for label in labels:
        first, last = first or label, label
        _draw(canvas, label)
        canvas.showPage()
    if first is None or last is None:
        raise ValueError("no labels")
    for unsaid in (canvas.setAuthor, canvas.setCreator, canvas.setSubject):
        unsaid("")  # by itself the library writes "anonymous" and "unspecified"
    canvas.setTitle(first.title if first is last else f"{first.title}–{last.title}")
    canvas.save()


def _draw(canvas: Canvas, label: Label) -> None:
    canvas.scale(DOT, DOT)
    left = _draw_qr(canvas, label.qr_text)
    size = LINE_HEIGHT / CAP_HEIGHT
    widest = max(stringWidth(line, FONT, size) for line in (label.first_line, label.second_line))
    text = canvas.beginText()
    text.setFont(FONT, size)
    text.setHorizScale(min(100, 100 * (WIDTH - EDGE - left) / widest))
    text.setTextOrigin(left, (HEIGHT + LINE_GAP) // 2)
    text.textOut(label.first_line)
    text.setTextOrigin(left, (HEIGHT - LINE_GAP) // 2 - LINE_HEIGHT)
    text.textOut(label.second_line)
    canvas.drawText(text)


def _draw_qr(canvas: Canvas, qr_text: str) -> int:
    """Draws the code as rectangles and gives where its quiet zone ends. Raises ValueError."""
    matrix = segno.make_qr(qr_text, error="m").matrix  # M, or better where it costs no space
    module = QR_FIELD // (len(matrix) + 2 * QUIET_MODULES)
    if module < SMALLEST_MODULE:
        raise ValueError(f"too long for the QR code of a label: {qr_text}")
    size, quiet = len(matrix) * module, QUIET_MODULES * module
    left, top = max(EDGE, quiet), (HEIGHT + size) // 2
    path = canvas.beginPath()
    for row, modules in enumerate(matrix, start=1):
        x = left
        for dark, run in groupby(modules):
            width = len(list(run)) * module
            if dark:
                path.rect(x, top - row * module, width, module)
            x += width
    canvas.drawPath(path, stroke=0, fill=1)
    return left + size + quiet
