"""Tables of any length for a spreadsheet, as xlsx or csv: rows in, pieces of a file out.

Only the piece at hand is kept, so that memory does not grow with the table, and nothing touches a disk. What people
have written stays text: no cell is a formula, now or once it was edited, and no id becomes a number (reliability S10).
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from io import StringIO
from typing import Any, cast
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from app.documents import xlsx_parts as parts
from app.domain.calendar import SHANGHAI

PIECE = 64 * 1024
"""How much is handed on at once, about: bytes of xlsx, letters of csv."""
LEVEL = 3
"""Of deflate: more takes longer than it saves."""
LONGEST_TEXT = 32_767
"""Letters of a cell: a spreadsheet opens no file with more."""


class Format(StrEnum):
    """The kinds of file, by the end of their names."""

    XLSX = "xlsx"
    CSV = "csv"

    @property
    def mimetype(self) -> str:
        """As a browser is told."""
        sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return sheet if self is Format.XLSX else "text/csv"


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"  # str
    MONEY = "money"  # int, fen; in the sheet yuan with two decimals
    COUNT = "count"  # int
    MOMENT = "moment"  # datetime; in the sheet Shanghai time, to the minute
    DAY = "day"  # date


@dataclass(frozen=True, slots=True)
class Column:
    """What stands on top of a column, what it holds, and its width in Latin letters."""

    heading: str
    kind: Kind = Kind.TEXT
    width: int = 12


Cell = str | int | date | None
"""By the kind of its column; None and "" are empty."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table, and what its file says of itself."""

    title: str  # at most 31 letters, none of []:*?/\'
    columns: Sequence[Column]
    made_by: str
    made_at: datetime


def write_sheet(sheet: Sheet, format_: Format, rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file of a table; each row has a cell for each column. A piece comes as soon as its rows have."""
    return _csv(sheet, rows) if format_ is Format.CSV else _xlsx(sheet, rows)


_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u200c\u200e\u200f\u2060\ufeff\ufffe\uffff]+")


def _one_line(text: str) -> str:
    """As a screen shows it: what cannot be seen is one space, and none stands at the ends."""
    if not text.isprintable() or "  " in text:
        text = _UNSEEN.sub(" ", text)
    return text.strip()[:LONGEST_TEXT]


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


# ---- csv ----


def _csv(sheet: Sheet, rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """With a byte order mark, by which a spreadsheet knows that it is UTF-8."""
    text = StringIO()
    text.write("\ufeff")
    lines = csv.writer(text)
    lines.writerow([column.heading for column in sheet.columns])
    said = [_CSV_CELLS[column.kind] for column in sheet.columns]
    for row in rows:
        lines.writerow(["" if cell is None else say(cell) for say, cell in zip(said, row, strict=True)])
        if text.tell() >= PIECE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


_FORMULA = re.compile("[-=+@＝＋－＠]")
_NUMBER = re.compile(r"[\d.,:/%eE+\-\s年月日时分秒]+")


def _csv_text(text: str) -> str:
    """Marked so that a spreadsheet leaves it as it is: an apostrophe before a formula, a tab after a number or day."""
    line = _one_line(text)
    if _FORMULA.match(line):
        return f"'{line}"
    return f"{line}\t" if _NUMBER.fullmatch(line) else line


_CSV_CELLS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _csv_text,
    Kind.MONEY: _yuan,
    Kind.COUNT: str,
    Kind.MOMENT: lambda moment: f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
    Kind.DAY: date.isoformat,
}

# ---- xlsx ----


class _Pieces:
    """What the zip is written into: it cannot go back, and is emptied now and then."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        return len(data)

    def flush(self) -> None:
        """As zipfile wants it."""

    def taken(self, *, at_least: int) -> Iterator[bytes]:
        if len(self._kept) >= at_least:
            yield bytes(self._kept)
            self._kept.clear()


def _xlsx(sheet: Sheet, rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    pieces, columns = _Pieces(), [_letters(nth) for nth, _ in enumerate(sheet.columns, start=1)]
    writers = [_writer(column.kind, at) for at, column in zip(columns, sheet.columns, strict=True)]
    with ZipFile(cast("Any", pieces), "w", ZIP_DEFLATED, compresslevel=LEVEL) as file:
        with file.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(parts.before_rows([column.width for column in sheet.columns]).encode())
            heads = (_writer(None, at)(1, column.heading) for at, column in zip(columns, sheet.columns, strict=True))
            part.write(f'<row r="1">{"".join(heads)}</row>'.encode())
            n = 1
            for n, row in enumerate(rows, start=2):
                cells = zip(writers, row, strict=True)
                line = "".join(write(n, cell) for write, cell in cells if cell not in (None, ""))
                part.write(f'<row r="{n}">{line}</row>'.encode())
                yield from pieces.taken(at_least=PIECE)
            part.write(parts.after_rows(f"{columns[-1]}{n}", _xml(_foot(sheet))).encode())
        made_at = f"{sheet.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        others = parts.FIXED | {
            "xl/styles.xml": parts.styles(list(_FORMATS.values())),
            "xl/workbook.xml": parts.workbook(_xml(sheet.title), columns[-1], n),
            "docProps/core.xml": parts.properties(_xml(sheet.title), _xml(sheet.made_by), made_at),
        }
        for name, xml in others.items():
            with file.open(name, "w") as part:
                part.write(xml.encode())
    yield from pieces.taken(at_least=1)


def _foot(sheet: Sheet) -> str:
    """Who made it, and when, for the foot of each page; there an ampersand is a sign of its own."""
    return f"{sheet.made_by} {sheet.made_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M} 导出".replace("&", "&&")


_FORMATS = {
    None: 0,  # a heading
    Kind.TEXT: 49,  # @: text, which stays text when somebody edits it
    Kind.MONEY: 4,  # #,##0.00
    Kind.COUNT: 3,  # #,##0
    Kind.MOMENT: parts.MOMENT,
    Kind.DAY: parts.DAY,
}
"""The number format of each kind of cell."""
_STYLES = {kind: nth for nth, kind in enumerate(_FORMATS)}
_DAY_ZERO = datetime(1899, 12, 30, tzinfo=SHANGHAI)


def _serial(moment: datetime) -> str:
    """Days since the day 0 of spreadsheets, of clocks in Shanghai."""
    shown = moment.astimezone(SHANGHAI).replace(second=0, microsecond=0)
    return repr((shown - _DAY_ZERO) / timedelta(days=1))


_XLSX_NUMBERS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.MONEY: _yuan,
    Kind.COUNT: str,
    Kind.MOMENT: _serial,
    Kind.DAY: lambda day: str((day - _DAY_ZERO.date()).days),
}
_CODED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def _xml(text: str) -> str:
    """Text as it stands in XML. A spreadsheet would read `_x0041_` as a letter."""
    line = _one_line(text)
    return escape(_CODED.sub("_x005F_", line) if "_x" in line else line)


def _letters(nth: int) -> str:
    """The name of a column: 1 → A, 27 → AA."""
    before, last = divmod(nth - 1, 26)
    return (_letters(before) if before else "") + chr(ord("A") + last)


def _writer(kind: Kind | None, column: str) -> Callable[[int, Any], str]:
    """Writes the cells of a column: (number of the row, cell) → XML."""
    begin = f'<c r="{column}'
    if kind is None or kind is Kind.TEXT:
        text = f'" s="{_STYLES[kind]}" t="inlineStr"><is><t>'
        return lambda n, cell: f"{begin}{n}{text}{_xml(cell)}</t></is></c>"
    number, said = f'" s="{_STYLES[kind]}"><v>', _XLSX_NUMBERS[kind]
    return lambda n, cell: f"{begin}{n}{number}{said(cell)}</v></c>"
