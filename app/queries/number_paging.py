"""Pages in the order of a number: the rows after or before one, never an offset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NumberPage(Generic[R]):
    """One page, smallest number first; the place of its first row, from 1; the numbers to page from (None: no more)."""

    rows: tuple[R, ...]
    first: int
    before: int | None
    after: int | None

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return max(self.first + len(self.rows) - 1, 0)


def page_by_number(
    session: Session,
    row_id: InstrumentedAttribute[int],
    n: InstrumentedAttribute[int],
    conditions: list[ColumnElement[bool]],
    *,
    after: int | None,
    before: int | None,
    size: int,
    load: Callable[[list[int]], dict[int, R]],
) -> NumberPage[R]:
    """The page after or before a number; `load` brings the rows of its ids."""
    wanted = select(row_id.label("id"), n.label("n")).where(*conditions).limit(size + 1)
    backwards = before is not None
    wanted = wanted.where(n < before).order_by(n.desc()) if backwards else wanted.where(n > (after or 0)).order_by(n)
    found = list(session.execute(wanted))
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    if not found:
        return NumberPage((), 0, None, None)
    smaller = session.scalars(select(func.count(row_id)).where(*conditions, n < found[0].n)).one()
    rows = load([row.id for row in found])
    return NumberPage(
        tuple(rows[row.id] for row in found),
        1 + smaller,
        before=found[0].n if smaller else None,
        after=found[-1].n if more or backwards else None,
    )
