"""Spreadsheets: what people have written stays text, numbers stay numbers, memory stays flat (reliability S10)."""

import csv
import tracemalloc
import xml.etree.ElementTree as ET  # its usual name; of files that we have written
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from itertools import repeat
from zipfile import ZipFile

import pytest

from app.documents.sheets import LONGEST_TEXT, PIECE, Cell, Column, Format, Kind, Sheet, write_sheet
from tests.factories.sheets import ROWS, records, rows_of_csv, rows_of_xlsx

AT = datetime(2026, 12, 31, 16, 30, 59, tzinfo=UTC)
COLUMNS = (
    Column("编号"),
    Column("金额", Kind.MONEY),
    Column("天数", Kind.COUNT),
    Column("时间", Kind.MOMENT),
    Column("日期", Kind.DAY),
    Column("备注"),
)
ATTACKS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    "  =1+1",
    "\u200b=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://evil.example","看")',
    "'=1+1",
)
LIKE_NUMBERS = (
    "330106200405010011",
    "4200002411202611241234567890",
    "0571",
    "1e5",
    "2026-11-24",
    "3-4",
    "12:30",
    "50%",
)


def file_of(rows: Sequence[Sequence[Cell]], format_: Format, columns: Sequence[Column] = COLUMNS) -> bytes:
    return b"".join(write_sheet(Sheet("买车订单", columns, "陈店员", AT), format_, rows))


def part_of(content: bytes, name: str) -> str:
    with ZipFile(BytesIO(content)) as file:
        assert file.testzip() is None
        return file.read(name).decode()


@pytest.mark.parametrize("format_", Format)
def test_numbers_are_numbers_and_days_are_days_of_shanghai(format_: Format) -> None:
    rows = [("AM0001", -123_456_07, 3, AT, date(2027, 1, 1), ""), ("AM0002", 0, None, None, None, None)]
    content = file_of(rows, format_)
    assert records(content, format_) == [
        {"编号": "AM0001", "金额": "-123456.07", "天数": {Format.XLSX: "3.00", Format.CSV: "3"}[format_],
         "时间": "2027-01-01 00:30", "日期": "2027-01-01", "备注": ""},
        {"编号": "AM0002", "金额": "0.00", "天数": "", "时间": "", "日期": "", "备注": ""},
    ]  # fmt: skip


def test_a_spreadsheet_reads_values_not_words() -> None:
    _, row = rows_of_xlsx(file_of([("AM0001", 5, 3, AT, date(2027, 1, 1), "好")], Format.XLSX))
    assert row == ["AM0001", 0.05, 3.0, datetime(2027, 1, 1, 0, 30), date(2027, 1, 1), "好"]  # noqa: DTZ001  # a cell has no zone


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_by_formula_stays_text_in_every_column_of_text(text: str, format_: Format) -> None:
    columns = [Column(f"列{nth}") for nth in range(4)]
    content = file_of([[text] * 4], format_, columns)
    meant = " ".join(text.replace("\u200b", " ").split())
    if format_ is Format.XLSX:
        assert rows_of_xlsx(content)[1] == [meant] * 4
        sheet = part_of(content, "xl/worksheets/sheet1.xml")
        assert "<f" not in sheet.replace("<fonts", "")
        assert sheet.count('s="1" t="inlineStr"') == 4
        assert '<xf numFmtId="49"' in part_of(content, "xl/styles.xml")  # @: text, even when somebody edits it
    else:
        written = next(iter(list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))[1:]))
        assert all(cell.lstrip("\ufeff \t\r\n")[0] == "'" for cell in written)
        assert {cell.removeprefix("'") for cell in written} <= {meant, meant.removeprefix("'")}


@pytest.mark.parametrize("text", LIKE_NUMBERS)
def test_an_id_of_digits_stays_text(text: str) -> None:
    columns = [Column("单号")]
    assert rows_of_xlsx(file_of([[text]], Format.XLSX, columns)) == [["单号"], [text]]
    assert file_of([[text]], Format.CSV, columns).decode("utf-8-sig").splitlines()[1] == f"{text}\t"
    assert rows_of_csv(file_of([[text]], Format.CSV, columns))[1] == [text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a & b < c > \"d\" 'e'", "a & b < c > \"d\" 'e'"),
        ("一\x00二\x1b三\ufffe四", "一 二 三 四"),
        ("第一行\r\n第二行", "第一行 第二行"),
        ("  两头  有空 ", "两头 有空"),
        ("_x0041_ 和 _xyz", "_x0041_ 和 _xyz"),
        ("字" * 40_000, "字" * LONGEST_TEXT),
        ("👨‍👩‍👧 王*涵", "👨‍👩‍👧 王*涵"),
    ],
)
@pytest.mark.parametrize("format_", Format)
def test_text_comes_back_as_a_screen_shows_it(text: str, shown: str, format_: Format) -> None:
    assert ROWS[format_](file_of([[text]], format_, [Column("备注")]))[1] == [shown]


def test_excel_knows_chinese_in_csv_by_its_mark() -> None:
    content = file_of([], Format.CSV)
    assert content.startswith("\ufeff编号,金额".encode())
    assert content.endswith(b"\r\n")


@pytest.mark.parametrize("format_", Format)
def test_without_rows_there_are_headings(format_: Format) -> None:
    assert ROWS[format_](file_of([], format_)) == [[column.heading for column in COLUMNS]]


def test_the_file_says_who_made_it_and_when_also_on_paper() -> None:
    content = b"".join(write_sheet(Sheet("对账差异", COLUMNS, "陈&<店员>", AT), Format.XLSX, []))
    core = ET.fromstring(part_of(content, "docProps/core.xml"))  # noqa: S314  # our own
    assert [one.text for one in core] == ["对账差异", "陈&<店员>", "2026-12-31T16:30:59Z"]
    foot = next(ET.fromstring(part_of(content, "xl/worksheets/sheet1.xml")).iterfind(".//{*}oddFooter"))  # noqa: S314
    assert foot.text == "&L陈&&<店员> 2027-01-01 00:30 导出&R第 &P 页，共 &N 页"


def test_every_part_is_well_formed_and_of_a_type_that_is_named() -> None:
    content = file_of([("AM0001", 1, 1, AT, date(2027, 1, 1), "好")], Format.XLSX)
    with ZipFile(BytesIO(content)) as file:
        names = file.namelist()
        trees = {name: ET.fromstring(file.read(name)) for name in names}  # noqa: S314  # our own
    typed = {one.get("PartName", "").lstrip("/") for one in trees["[Content_Types].xml"].iterfind("{*}Override")}
    assert typed | {"[Content_Types].xml", "_rels/.rels", "xl/_rels/workbook.xml.rels"} == set(names)
    assert len(names) == len(set(names))


def test_more_columns_than_letters_have_names_of_two() -> None:
    columns = [Column(f"列{nth}") for nth in range(60)]
    row = [f"{nth}x" for nth in range(60)]
    assert rows_of_xlsx(file_of([row], Format.XLSX, columns))[1] == row


@pytest.mark.parametrize("format_", Format)
def test_pieces_come_while_rows_do(format_: Format) -> None:
    read = 0

    def rows() -> Iterator[Sequence[Cell]]:
        nonlocal read
        for read in range(1, 100_001):  # how far it has come
            yield (f"{read * 7919 % 1_000_003:07}x", read, read, AT, AT.date(), f"{read * 104_729 % 1_000_003}y")

    pieces = write_sheet(Sheet("订单", COLUMNS, "", AT), format_, rows())
    assert len(next(pieces)) >= PIECE
    assert read < 10_000


@pytest.mark.parametrize("format_", Format)
def test_memory_does_not_grow_with_the_table(format_: Format) -> None:
    def peak(count: int) -> int:
        rows = repeat(("AM0001", 1, 1, AT, date(2027, 1, 1), "备注"), count)
        tracemalloc.start()
        try:
            for _ in write_sheet(Sheet("订单", COLUMNS, "", AT), format_, rows):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    small, large = peak(2_000), peak(20_000)
    assert large < 2_000_000
    assert large < small + 300_000


@pytest.mark.parametrize("format_", Format)
def test_a_row_of_another_length_is_an_error(format_: Format) -> None:
    with pytest.raises(ValueError, match="shorter"):
        file_of([("AM0001",)], format_)
