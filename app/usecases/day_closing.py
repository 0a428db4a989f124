"""关账: the figures of a day are fixed; what money comes for it later is booked on the next open day (decision 33)."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from app.domain.errors import Forbidden
from app.domain.permissions import Actor, Permission
from app.models.closing import DayClose
from app.queries import closing
from app.usecases import audit, ledger
from app.usecases.transaction import transactional


@transactional
def close_day(session: Session, on_day: date, *, actor: Actor, now: datetime) -> bool:
    """Closes a day of all regions, and of what belongs to none; False if it is closed already.

    It needs the right everywhere. Days are closed in their order, once they are over, their bills are fetched and no
    difference of them is open. Raises Forbidden, RuleBroken.
    """
    if not actor.scope(Permission.DAY_CLOSE).everywhere:
        raise Forbidden(Permission.DAY_CLOSE.value)
    ledger.hold_still(session)
    if closing.is_closed(session, on_day):
        return False
    if broken := closing.in_the_way(session, on_day, now):
        raise broken
    for region_id, books in closing.books_of(session, closing.all_places(session), on_day).items():
        session.add(
            DayClose(region_id=region_id, on_day=on_day, figures=books.stored(), closed_at=now, staff_id=actor.id)
        )
    audit.put(session, actor, "day_closed", now, subject=("day", None), day=on_day.isoformat())
    return True
