"""The closed days that are coming and those that are over, as spans of days that were declared together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain import closed_days
from app.domain.permissions import Actor, Permission
from app.models.access import Staff
from app.models.late_fees import ClosedDay
from app.queries.late_fees import last_posted

PAST_SHOWN = timedelta(days=365)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClosedSpan:
    """Days in a row, of one region or (None) of all."""

    region_id: int | None
    first: date
    last: date
    reason: str
    by: str
    made_at: datetime
    is_coming: bool
    may_withdraw: bool

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


def earliest(session: Session, now: datetime) -> date:
    """The first day that can still be closed or opened."""
    return closed_days.earliest(now, last_posted(session))


def spans(session: Session, actor: Actor, region_ids: Collection[int], now: datetime) -> list[ClosedSpan]:
    """What is closed in these regions: what is coming first, then the last year, the newest first."""
    since, scope = earliest(session, now), actor.scope(Permission.SETTINGS_CHANGE)
    rows = session.execute(
        select(ClosedDay.region_id, ClosedDay.day_on, ClosedDay.reason, Staff.name, ClosedDay.made_at)
        .join(Staff, Staff.id == ClosedDay.staff_id)
        .where(
            or_(ClosedDay.region_id.is_(None), ClosedDay.region_id.in_(region_ids)),
            ClosedDay.day_on > since - PAST_SHOWN,
        )
        .order_by(func.coalesce(ClosedDay.region_id, 0), ClosedDay.day_on)
    )
    days = []
    for region_id, day_on, reason, by, made_at in rows:
        may = scope.everywhere if region_id is None else region_id in scope
        coming = day_on >= since
        days.append(ClosedSpan(region_id, day_on, day_on, reason, by, made_at, coming, coming and may))
    found = sorted(_joined(days), key=lambda span: span.first)
    return [span for span in found if span.is_coming] + [span for span in reversed(found) if not span.is_coming]


def _joined(days: Iterable[ClosedSpan]) -> list[ClosedSpan]:
    found: list[ClosedSpan] = []
    for day in days:
        if found and replace(found[-1], first=day.first, last=day.last) == day and found[-1].last + A_DAY == day.first:
            found[-1] = replace(found[-1], last=day.last)
        else:
            found.append(day)
    return found
