"""The labels of vehicles and batteries: right size, one page each, and every QR code reads back (NUM-8, NUM-9)."""

import time
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import pypdfium2
import pytest
import reportlab
import segno
import zxingcpp
from PIL import Image, ImageOps

from app.documents.labels import Label, battery_label, plate_label, write_labels
from app.domain.numbering import BatteryNumber, Business, VehicleNumber, read_scan

PUBLIC_URL = "https://rent.example.com"
MM = 72 / 25.4
DOTS_A_MM = 8  # of a printer of 203 dpi

MIXED = list(islice(zip(cycle("ABCWZ"), cycle(Business), strict=False), 100))
"""A hundred letters, each with each business; the numbers below go from the first to the last."""

LABELS = [
    *(plate_label(VehicleNumber(letter, business, 1 + i * 9998 // 99)) for i, (letter, business) in enumerate(MIXED)),
    *(battery_label(BatteryNumber(letter, 1 + i * 99998 // 99), PUBLIC_URL) for i, (letter, _) in enumerate(MIXED)),
]


def printed(*labels: Label) -> bytes:
    file = BytesIO()
    write_labels(labels, file)
    return file.getvalue()


def opened(*labels: Label) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(printed(*labels))


def at(dpi: int, page: pypdfium2.PdfPage) -> Image.Image:
    picture: Image.Image = page.render(scale=dpi / 72, grayscale=True).to_pil()
    return picture


def read_from(page: pypdfium2.PdfPage, dpi: int) -> zxingcpp.Barcode:
    """The one code on a page that a printer has drawn: each dot black or white."""
    (code,) = zxingcpp.read_barcodes(at(dpi, page).point([0] * 128 + [255] * 128))
    return code


@pytest.fixture(scope="module")
def sheet() -> Iterator[pypdfium2.PdfDocument]:
    """All two hundred."""
    with opened(*LABELS) as document:
        yield document


@pytest.mark.req("NUM-8", "NUM-9")
def test_two_hundred_labels_are_two_hundred_pages_of_50_by_30_mm(sheet: pypdfium2.PdfDocument) -> None:
    assert len(sheet) == len(LABELS) == 200
    for page in sheet:
        assert page.get_size() == pytest.approx((50 * MM, 30 * MM), abs=0.1 * MM)


@pytest.mark.req("NUM-8", "NUM-9")
@pytest.mark.parametrize("dpi", [203, 300])
def test_every_qr_code_reads_back_as_a_printer_draws_it(sheet: pypdfium2.PdfDocument, dpi: int) -> None:
    for page, label in zip(sheet, LABELS, strict=True):
        code = read_from(page, dpi)
        assert (code.format, code.text) == (zxingcpp.BarcodeFormat.QRCode, label.qr_text)
        assert code.ec_level in {"M", "Q", "H"}
        assert str(read_scan(code.text)) == label.title


@pytest.mark.req("NUM-8", "NUM-9")
def test_a_plates_code_is_its_number_and_a_batterys_a_url() -> None:
    assert plate_label(VehicleNumber.parse("AM0001")) == Label("AM", "0001", "AM0001")
    assert battery_label(BatteryNumber.parse("A00042"), PUBLIC_URL) == Label("A", "00042", f"{PUBLIC_URL}/q/A00042")


def test_nothing_is_drawn_within_2_mm_of_the_edge(sheet: pypdfium2.PdfDocument) -> None:
    for page in sheet:
        picture = at(600, page)
        left, top, right, bottom = ImageOps.invert(picture).getbbox() or (0, 0, 0, 0)
        white = min(left, top, picture.width - right, picture.height - bottom)
        assert white / 600 * 25.4 >= 1.98  # a pixel is 0.04 mm


def test_the_number_stands_in_two_lines_9_mm_high_and_there_is_no_other_text(sheet: pypdfium2.PdfDocument) -> None:
    for page, label in zip(sheet, LABELS, strict=True):
        text = page.get_textpage()
        assert text.get_text_range().split() == [label.first_line, label.second_line]
        for i, sign in enumerate(text.get_text_range()):
            _, bottom, _, top = text.get_charbox(i)
            assert sign.isspace() or (top - bottom) / MM >= 8.99


@pytest.mark.parametrize(
    ("label", "module_mm"),
    [
        (plate_label(VehicleNumber("A", Business.SALE, 1)), 0.75),
        (battery_label(BatteryNumber("A", 1), "http://a.cn"), 0.625),
        (battery_label(BatteryNumber("A", 1), "http://127.0.0.1:8000"), 0.5),
        (battery_label(BatteryNumber("A", 1), "https://" + "long." * 13 + "cn"), 0.5),
        (battery_label(BatteryNumber("A", 1), "https://" + "long." * 25 + "cn"), 0.375),
    ],
)
def test_the_code_has_its_quiet_zone_and_whole_dots(label: Label, module_mm: float) -> None:
    with opened(label) as document:
        page = document[0]
        code, *lines = page.get_objects()
        left, bottom, right, top = (side / MM for side in code.get_bounds())
        modules = len(segno.make_qr(label.qr_text, error="m").matrix)
        assert right - left == pytest.approx(modules * module_mm, abs=0.01)
        assert top - bottom == pytest.approx(modules * module_mm, abs=0.01)
        quiet = 4 * module_mm - 0.01
        assert min(left, bottom, 30 - top, *(line.get_bounds()[0] / MM - right for line in lines)) >= quiet
        for measure in (left, bottom, right, top):
            assert measure * DOTS_A_MM == pytest.approx(round(measure * DOTS_A_MM), abs=0.01)
        for dpi in (203, 300):
            assert read_from(page, dpi).text == label.qr_text


def test_the_font_is_in_the_file(sheet: pypdfium2.PdfDocument) -> None:
    _, *lines = sheet[0].get_objects()
    assert [line.get_font().is_embedded for line in lines] == [True, True]
    assert b"Helvetica" not in printed(LABELS[0])


def test_the_file_names_its_labels_and_nothing_of_the_machine() -> None:
    pdf = printed(*LABELS[98:101])
    named = pypdfium2.PdfDocument(pdf).get_metadata_dict()
    assert named["Title"] == f"{LABELS[98].title}–{LABELS[100].title}"
    assert pypdfium2.PdfDocument(printed(LABELS[0])).get_metadata_dict()["Title"] == "AM0001"
    assert str(Path(reportlab.__file__).parent).encode() not in pdf
    assert named["Author"] == named["Creator"] == named["Subject"] == ""


def test_equal_labels_are_equal_files() -> None:
    assert printed(*LABELS[:3]) == printed(*LABELS[:3])


def test_each_label_is_drawn_before_the_next_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Label] = []
    asked: list[int] = []

    def one_by_one() -> Iterator[Label]:
        for label in LABELS[:5]:
            asked.append(len(drawn))
            yield label

    monkeypatch.setattr("app.documents.labels._draw", lambda _canvas, label: drawn.append(label))
    write_labels(one_by_one(), BytesIO())
    assert (asked, len(drawn)) == ([0, 1, 2, 3, 4], 5)


def test_no_labels_are_no_file() -> None:
    file = BytesIO()
    with pytest.raises(ValueError, match="no labels"):
        write_labels([], file)
    assert file.getvalue() == b""


def test_a_url_too_long_for_a_code_that_can_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        printed(battery_label(BatteryNumber("A", 1), "https://" + "long." * 40 + "cn"))


def test_two_hundred_labels_take_a_second_or_two() -> None:
    began = time.process_time()
    printed(*LABELS)
    assert time.process_time() - began < 5
