"""Lists that can be exported: what each declares, so that a cell of a sheet says what the list says on the screen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from app.documents.sheets import Cell, Column, Sheet
from app.domain.calendar import business_day
from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.permissions import Actor, Permission

AT_ONCE = 5_000
"""Rows that are handed out while the browser waits; more are a task."""
MOST_ROWS = 500_000
"""Of one file; a spreadsheet opens 1,048,576."""

F = TypeVar("F")
R = TypeVar("R")

Asked = Mapping[str, str]
"""What a list is filtered by, as in its URL, but that days are written out: 近7天 means the same tomorrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedList(Generic[F, R]):
    """One list. Its filters F and rows R are those of its screen."""

    name: str  # in addresses
    title: str
    unit: str  # 单, 笔
    right: Permission  # to see the list
    columns: Sequence[Column]
    cells: Callable[[R, Actor, datetime], Sequence[Cell]]  # of a row, as the actor sees them now
    filters: Callable[[Asked, int | None, date], F]  # of a region (None: all) on a day
    words: Callable[[Session, F], str]  # the filters, without whom was looked for
    count: Callable[[Session, Actor, F, datetime], int]
    rows: Callable[[Session, Actor, F, datetime], Iterator[R]]

    def regions(self, actor: Actor, region_id: int | None) -> list[int] | None:
        """The regions that the list shows to the actor; None: all."""
        return actor.scope(self.right).within(region_id)

    def may_export(self, actor: Actor, region_id: int | None) -> bool:
        """Whether the actor may export each of these regions. Of some of them only, there is no export of all."""
        return actor.scope(Permission.EXPORT).covers(self.regions(actor, region_id))


class Export:
    """A list as somebody wants it exported now."""

    def __init__(
        self,
        session: Session,
        of: ExportedList[Any, Any],
        asked: Asked,
        region_id: int | None,
        actor: Actor,
        now: datetime,
    ) -> None:
        """Raises Forbidden."""
        if not of.may_export(actor, region_id):
            raise Forbidden(Permission.EXPORT.value)
        self.list, self.asked, self.region_id = of, asked, region_id
        self.regions = of.regions(actor, region_id)
        self._actor, self._now = actor, now
        self._filters = of.filters(asked, region_id, business_day(now))
        self.words = of.words(session, self._filters)

    @property
    def sheet(self) -> Sheet:
        """The table without its rows."""
        return Sheet(self.list.title, self.list.columns, self._actor.name, self._now)

    def count(self, session: Session) -> int:
        """How many rows there are. Raises RuleBroken: more than a file holds."""
        count = self.list.count(session, self._actor, self._filters, self._now)
        if count > MOST_ROWS:
            raise RuleBroken(Rule.EXPORT_TOO_LONG, most=MOST_ROWS)
        return count

    def lines(self, session: Session) -> Iterator[Sequence[Cell]]:
        """The cells of all rows, read page by page."""
        for row in self.list.rows(session, self._actor, self._filters, self._now):
            yield self.list.cells(row, self._actor, self._now)
