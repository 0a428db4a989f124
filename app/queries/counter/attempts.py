"""The log of what was tried at a counter and on phones (NUM-8)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.calendar import day_end, day_start
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer
from app.models.access import Staff
from app.models.orders import Order, PickupAttempt
from app.queries.paging import Key, Page, page_ids


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try, at the counter or on a phone, as the log shows it. It holds no names but those of staff."""

    at: datetime
    typed: str | None  # a whole number or four digits; anything else was not kept
    answer: Answer
    order_id: int | None
    number: str | None
    staff: str | None  # None: the person, on the phone


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilters:
    """Which tries of a region's store."""

    region_id: int
    day: date
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """One page of the log, and where in the day it stands."""

    page: Page[AttemptRow]
    total: int
    first: int  # the place of the first row, from 1; 0 without rows


def attempts(
    session: Session,
    actor: Actor,
    filters: AttemptFilters,
    *,
    after: Key | None = None,
    before: Key | None = None,
    size: int = 50,
) -> AttemptPage:
    """The tries of one day at one store, newest first, by key. Raises Forbidden."""
    actor.require(Permission.PICKUP, filters.region_id)
    matching = [
        PickupAttempt.region_id == filters.region_id,
        PickupAttempt.at >= day_start(filters.day),
        PickupAttempt.at < day_end(filters.day),
    ]
    if filters.answer is not None:
        matching.append(PickupAttempt.answer == filters.answer)
    page = page_ids(
        session,
        select(PickupAttempt.id, PickupAttempt.at).where(*matching),
        PickupAttempt.at,
        PickupAttempt.id,
        after=after,
        before=before,
        size=size,
        load=lambda ids: _attempt_rows(session, ids),
    )
    counted = select(func.count()).select_from(PickupAttempt).where(*matching)
    total = session.scalars(counted).one()
    if not page.rows or page.newer is None:
        return AttemptPage(page, total, 1 if page.rows else 0)
    edge = tuple_(PickupAttempt.at, PickupAttempt.id)
    newer = session.scalars(counted.where(edge > (page.newer.at, page.newer.id))).one()
    return AttemptPage(page, total, newer + 1)


def _attempt_rows(session: Session, ids: list[int]) -> dict[int, AttemptRow]:
    rows = session.execute(
        select(
            PickupAttempt.id,
            PickupAttempt.at,
            PickupAttempt.typed,
            PickupAttempt.answer,
            PickupAttempt.order_id,
            Order.number,
            Staff.name,
        )
        .outerjoin(Order, Order.id == PickupAttempt.order_id)
        .outerjoin(Staff, Staff.id == PickupAttempt.staff_id)
        .where(PickupAttempt.id.in_(ids))
    )
    return {row.id: AttemptRow(row.at, row.typed, row.answer, row.order_id, row.number, row.name) for row in rows}
