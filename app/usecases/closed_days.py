"""闭店日: declared and taken back before the day begins, so that no row that is posted ever changes (decision 20)."""

from datetime import date, datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from app.domain.closed_days import checked_span
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.directory import Region
from app.models.late_fees import ClosedDay
from app.queries.closed_days import earliest
from app.usecases import audit
from app.usecases.transaction import transactional


@transactional
def declare(
    session: Session, *, region_id: int | None, first: date, last: date, reason: str, actor: Actor, now: datetime
) -> int:
    """Closes a region, or (None) all of them, on the days from `first` to `last`; returns how many are new.

    Raises NotFound, Forbidden, RuleBroken.
    """
    _may_change(session, region_id, actor)
    reason = checked_reason(reason)
    days = checked_span(first, last, earliest(session, now))
    there = select(ClosedDay.day_on).where(
        or_(ClosedDay.region_id.is_(None), ClosedDay.region_id == region_id), ClosedDay.day_on.between(first, last)
    )
    known = set(session.scalars(there))
    new = [day for day in days if day not in known]
    if not new:
        raise RuleBroken(Rule.CLOSED_DAYS_KNOWN, field="first")
    session.add_all(
        ClosedDay(region_id=region_id, day_on=day, reason=reason, staff_id=actor.id, made_at=now) for day in new
    )
    _tell(session, actor, "closed_days_declared", region_id, first, last, now, reason)
    return len(new)


@transactional
def withdraw(session: Session, *, region_id: int | None, first: date, last: date, actor: Actor, now: datetime) -> int:
    """Opens a region, or all of them, again on those of the days that have not begun; returns how many.

    Raises NotFound, Forbidden, RuleBroken.
    """
    _may_change(session, region_id, actor)
    since = earliest(session, now)
    opened = session.scalars(
        delete(ClosedDay)
        .where(
            func.coalesce(ClosedDay.region_id, 0) == (region_id or 0),
            ClosedDay.day_on.between(max(first, since), last),
        )
        .returning(ClosedDay.id)
    ).all()
    if not opened:
        raise RuleBroken(Rule.CLOSED_DAYS_BEGUN, first=since.isoformat())
    _tell(session, actor, "closed_days_withdrawn", region_id, max(first, since), last, now)
    return len(opened)


def _may_change(session: Session, region_id: int | None, actor: Actor) -> None:
    """Locks the regions, as whoever posts a day does: it sees the closed days, or they see what it has posted."""
    if region_id is None and not actor.scope(Permission.SETTINGS_CHANGE).everywhere:
        raise Forbidden(Permission.SETTINGS_CHANGE.value)
    if region_id is not None and not actor.may(Permission.SETTINGS_VIEW, region_id):
        raise NotFound
    actor.require(Permission.SETTINGS_CHANGE, region_id)
    session.execute(select(Region.id).order_by(Region.id).with_for_update(key_share=True)).all()


def _tell(
    session: Session,
    actor: Actor,
    action: str,
    region_id: int | None,
    first: date,
    last: date,
    now: datetime,
    reason: str | None = None,
) -> None:
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("closed_day", None),
        region_id=region_id,
        reason=reason,
        first=first.isoformat(),
        last=last.isoformat(),
    )
