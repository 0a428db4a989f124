"""The older days of the demo are closed, as if their bills had agreed; those of the last days are fetched really."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.bills import BillKind
from app.domain.calendar import business_day, day_end
from app.models.access import Staff
from app.models.closing import BillDay, DayClose
from app.models.money import LedgerTransfer, Payment, Refund
from app.queries import closing
from app.usecases.transaction import transactional

LEFT_OPEN = timedelta(days=4)
"""The last days: their bills are yet to be fetched, and the days to be closed."""
CLOSED_AFTER = timedelta(hours=10, minutes=30)
"""When on the next day finance does it."""


@transactional
def close_the_past(session: Session, *, login: str, now: datetime) -> None:
    """Somebody has closed the days but for the last ones, each on the day after it."""
    staff_id = session.scalars(select(Staff.id).where(Staff.login == login)).one()
    day = session.scalar(select(func.min(LedgerTransfer.booked_on)))
    if day is None:
        return
    places = closing.all_places(session)
    moved = (*session.scalars(select(Payment.paid_at)), *session.scalars(select(Refund.accepted_at)))
    lines = Counter(business_day(at) for at in moved if at is not None)
    while day < business_day(now) - LEFT_OPEN:
        closed_at = min(day_end(day) + CLOSED_AFTER, now)
        session.add_all(BillDay(kind=kind, on_day=day, lines=lines[day], fetched_at=closed_at) for kind in BillKind)
        session.add_all(
            DayClose(region_id=region_id, on_day=day, figures=books.stored(), closed_at=closed_at, staff_id=staff_id)
            for region_id, books in closing.books_of(session, places, day).items()
        )
        day += timedelta(days=1)
