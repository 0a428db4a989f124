"""Pages by key: the rows after (or before) the last one shown, never an offset."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Select, SQLColumnExpression, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

R = TypeVar("R")

LONGEST_ID = 18  # digits; more do not fit into a BIGINT
READ_AT_ONCE = 500
"""Rows of a whole list that are in memory together."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ends: a moment and an id. As text it stands in URLs."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):%Y%m%dT%H%M%S%f}-{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Reads a key; None for nothing or for anything else."""
        at, _, row_id = (text or "").partition("-")
        if not row_id.isdecimal() or len(row_id) > LONGEST_ID:
            return None
        try:
            return cls(datetime.strptime(at, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC), int(row_id))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page, newest first, and the keys of its neighbours (None where there is none).

    Of a list that begins with the oldest, `newer` leads to the page before and `older` to the page after all the same.
    """

    rows: tuple[R, ...]
    newer: Key | None
    older: Key | None


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows that one index gives newest first: a select of (`id`, `at`), not yet ordered, and what it is ordered by."""

    wanted: Select[*tuple[Any, ...]]
    at: SQLColumnExpression[datetime]
    id: SQLColumnExpression[int]


def page_ids(
    session: Session,
    wanted: Select[*tuple[Any, ...]],
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[int],
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    load: Callable[[list[int]], dict[int, R]],
) -> Page[R]:
    """The page of `wanted` (a select of `row_id`, `at`) after or before a key; `load` brings the rows of its ids."""
    return page_of_streams(session, [Stream(wanted, at, row_id)], after=after, before=before, size=size, load=load)


def page_of_streams(
    session: Session,
    streams: Sequence[Stream],
    *,
    after: Key | None,
    before: Key | None,
    size: int,
    load: Callable[[list[int]], dict[int, R]],
    oldest_first: bool = False,
) -> Page[R]:
    """The page after or before a key, merged from the streams; `load` brings the rows of its ids.

    Each stream gives at most one page, so what is read does not grow with the table however many streams there are.
    """
    backwards = before is not None
    if not streams:
        return Page((), None, None)
    rising = backwards != oldest_first
    found = list(session.execute(_merged(streams, before or after, rising=rising, limit=size + 1)))
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    rows = load([row.id for row in found]) if found else {}
    first = Key(found[0].at, found[0].id) if found else None
    last = Key(found[-1].at, found[-1].id) if found else None
    return Page(
        tuple(rows[row.id] for row in found),
        newer=first if (more if backwards else after is not None) else None,
        older=last if (more or backwards) else None,
    )


def every_row(page_after: Callable[[Key | None, int], Page[R]]) -> Iterator[R]:
    """All rows of a list, one page after the other; `page_after` brings the page after a key, of a size."""
    after = None
    while True:
        page = page_after(after, READ_AT_ONCE)
        yield from page.rows
        after = page.older
        if after is None:
            return


def _merged(streams: Sequence[Stream], key: Key | None, *, rising: bool, limit: int) -> Any:
    pages = [_page_of(stream, key, rising=rising, limit=limit) for stream in streams]
    if len(pages) == 1:
        return pages[0]
    tables = [page.subquery() for page in pages]
    merged = union_all(*(select(table.c.id, table.c.at) for table in tables)).subquery()
    order = (merged.c.at.asc(), merged.c.id.asc()) if rising else (merged.c.at.desc(), merged.c.id.desc())
    return select(merged.c.id, merged.c.at).order_by(*order).limit(limit)


def _page_of(stream: Stream, key: Key | None, *, rising: bool, limit: int) -> Select[*tuple[Any, ...]]:
    wanted = stream.wanted
    if key is not None:
        edge = tuple_(stream.at, stream.id)
        wanted = wanted.where(edge > (key.at, key.id) if rising else edge < (key.at, key.id))
    order = (stream.at.asc(), stream.id.asc()) if rising else (stream.at.desc(), stream.id.desc())
    return wanted.order_by(*order).limit(limit)
