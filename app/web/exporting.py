"""The button of a list that exports what is filtered: what it says, and what it sends."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request, url_for
from wtforms import HiddenField, SelectField
from wtforms.validators import DataRequired, Regexp

from app.documents.sheets import Format
from app.domain import labels
from app.domain.finding import Search, Shape
from app.queries.exports import AT_ONCE, Asked
from app.web.current import actor, runtime
from app.web.formats import thousands
from app.web.forms import ActForm
from app.web.regions import ALL, Chosen

FORMATS = {Format.XLSX: "Excel 表格", Format.CSV: "CSV 文件"}


NOT_ASKED = ("region", "size", "after", "before")
"""What is the address's, or of one page of the list."""
PRIVATE = frozenset({Shape.DIGITS, Shape.PHONE, Shape.NAME, Shape.LATIN})


class ExportForm(ActForm):
    """What comes with the filters: in which format, and a key that makes pressing twice one task."""

    format = SelectField(choices=[one.value for one in Format], validators=[DataRequired()])
    request_key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}")])

    @property
    def asked(self) -> Asked:
        """The filters: everything else that was sent."""
        own = {"csrf_token", *(field.name for field in self)}
        return {name: value for name, value in request.form.items() if name not in own}


@dataclass(frozen=True, slots=True)
class Offer:
    """The button, its menu, and its form."""

    label: str  # 导出 412 单
    url: str
    asked: Asked
    request_key: str
    note: str  # of a long one
    formats: tuple[tuple[str, str], ...] = tuple((one.value, words) for one, words in FORMATS.items())


def export_offer(name: str, count: int, chosen: Chosen, kept: Mapping[str, Any]) -> Offer | None:
    """What the list of that name offers; `kept` are the values of its links.

    None where there is nothing, or something that the actor may not export.
    """
    listed = runtime().exports[name]
    if not count or not listed.may_export(actor(), chosen.id):
        return None
    return Offer(
        f"导出 {thousands(count)} {listed.unit}",
        url_for("files.export", name=name, region=chosen.region.letter if chosen.region else ALL),
        {key: str(value) for key, value in kept.items() if value and key not in NOT_ASKED},
        secrets.token_hex(16),
        f"超过 {thousands(AT_ONCE)} {listed.unit}，要等一会儿，在「我的文件」里下载。" if count > AT_ONCE else "",
    )


def filter_words(*parts: str) -> str:
    """What a list is filtered by, in a line of the log."""
    return "，".join(part for part in parts if part)


def days_words(first: date | None, last: date | None) -> str:
    """The days of a filter, in full."""
    if first and last:
        return f"{first}" if first == last else f"{first} 至 {last}"
    if first:
        return f"{first} 以来"
    return f"{last} 以前" if last else "不限时间"


def searched_words(search: Search | None) -> str:
    """What was looked for, but not whom: the log holds no names and no phones."""
    if search is None or search.shape is Shape.UNREADABLE:
        return ""
    word = labels.SEARCHED[search.shape]
    return f"按{word}查找" if search.shape in PRIVATE else f"{word} {search.text}"
