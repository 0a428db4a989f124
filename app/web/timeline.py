"""经过 as `ui.timeline` shows it, on the page of an order and on the phone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.timeline import Entry
from app.web.formats import today_when


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One entry: its time in words. WeChat's ids are shortened on the screen and whole where they are copied."""

    time: str
    mark: str
    lead: str
    text: str
    detail: str
    ids: tuple[tuple[str, str], ...]


def timeline_items(entries: Iterable[Entry], now: datetime) -> list[TimelineItem]:
    """The entries in their order."""
    return [
        TimelineItem(today_when(entry.at, now), line.mark, line.lead, line.text, line.detail, line.ids)
        for entry, line in ((entry, entry.line) for entry in entries)
    ]
