"""Spreadsheets as somebody opens them, and the tables of pages beside which they are held."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO, StringIO
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from python_calamine import CalamineWorkbook

from app.documents.sheets import Format


def rows_of_xlsx(content: bytes) -> list[list[Any]]:
    """The first sheet, headings first; texts, numbers, days and moments as such."""
    return CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python(skip_empty_area=False)


def rows_of_csv(content: bytes) -> list[list[str]]:
    """The same of csv, all as text, without the marks that keep text what it is."""
    text = content.decode("utf-8-sig")
    return [
        [cell.removeprefix("'").removesuffix("\t") for cell in row] for row in csv.reader(StringIO(text, newline=""))
    ]


ROWS: dict[Format, Callable[[bytes], list[list[Any]]]] = {Format.XLSX: rows_of_xlsx, Format.CSV: rows_of_csv}


def records(content: bytes, format_: Format) -> list[dict[str, str]]:
    """Each row by its headings, as a spreadsheet shows it: money with two decimals, moments to the minute."""
    heads, *rows = ROWS[format_](content)
    return [dict(zip(heads, map(shown, row), strict=True)) for row in rows]


def shown(cell: Any) -> str:
    """A cell as a spreadsheet shows it."""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def table_of(page: str) -> list[dict[str, str]]:
    """The rows of a page's list: the text of each cell by its class, `c-plate` as `plate`."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    (body,) = [
        body for table in tree.iter("table") if "rows" in table.get("class", "").split() for body in table.iter("tbody")
    ]
    return [{_name(cell): _text(cell) for cell in row.iter("td")} for row in body.iter("tr")]


def next_page(page: str) -> str | None:
    """The address of the page after it."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return next((str(link.get("href")) for link in tree.iter("a") if link.get("rel") == "next"), None)


def hidden_fields(page: str) -> dict[str, str]:
    """What the export of a page sends, and `action`, where to."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    (form,) = [form for form in tree.iter("form") if "menu-in" in form.get("class", "").split()]
    sent = {str(field.get("name")): str(field.get("value")) for field in form.iter("input")}
    return {**sent, "action": str(form.get("action"))}


def _name(cell: Element) -> str:
    return next((name[2:] for name in cell.get("class", "").split() if name.startswith("c-")), "")


def _text(cell: Element) -> str:
    unread = {id(one) for hidden in cell.iter() if hidden.get("aria-hidden") for one in hidden.iter()}
    parts: list[str] = []

    def walk(element: Element) -> None:
        if id(element) not in unread:
            parts.append(element.text or "")
            for child in element:
                walk(child)
                parts.append(child.tail or "")

    walk(cell)
    return " ".join("".join(parts).split())
