"""Prints: whose they are, how far along they are, and what the worker needs to know of one (NUM-8, NUM-9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.numbering import BatteryNumber, Business, VehicleNumber
from app.domain.permissions import Actor, Permission
from app.domain.printing import Stretch, numbers_in, stretch_words
from app.models.access import Staff
from app.models.directory import Region
from app.models.work import Task, TaskKind, TaskStatus

MOST_SHOWN = 50

RIGHT_TO = {TaskKind.BATTERY_LABELS: Permission.BATTERIES_MANAGE, TaskKind.PLATES: Permission.PLATES_PRINT}
"""Whoever may print something in a region may also fetch what a colleague had printed there."""

Printed = BatteryNumber | VehicleNumber


def number_on(letter: str, business: Business | None, n: int) -> Printed:
    """What a label says: a battery's number has no business letter."""
    return VehicleNumber(letter, business, n) if business else BatteryNumber(letter, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintRow:
    """One print. It waits, is being drawn, is there to be fetched, failed, or is over."""

    id: int
    is_plates: bool
    numbers: str  # `A00001–A00500`
    done: int
    total: int
    asked_by: str
    made_at: datetime
    expires_at: datetime
    is_waiting: bool
    is_running: bool
    is_ready: bool
    has_failed: bool

    @property
    def is_under_way(self) -> bool:
        """Whether it is worth looking again in a moment."""
        return self.is_waiting or self.is_running


def my_prints(session: Session, actor: Actor, now: datetime) -> list[PrintRow]:
    """What the actor asked for, the newest first."""
    wanted = _prints().where(Task.asked_by == actor.id).order_by(Task.id.desc()).limit(MOST_SHOWN)
    return [_row(row, now) for row in session.execute(wanted)]


def print_of(session: Session, actor: Actor, task_id: int, now: datetime) -> PrintRow:
    """One print, for whoever asked for it or may print such things in its region. Raises NotFound."""
    return _row(_mine(session, actor, task_id), now)


def file_of(session: Session, actor: Actor, task_id: int, now: datetime) -> tuple[str, PrintRow]:
    """The key of its file in the store, and the print. Raises NotFound: not the actor's, not ready, or expired."""
    row = _mine(session, actor, task_id)
    shown = _row(row, now)
    if not shown.is_ready:
        raise NotFound
    return row.file_key, shown


def _prints() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Task.id,
            Task.kind,
            Task.region_id,
            Task.asked_by,
            Task.filters,
            Task.status,
            Task.done,
            Task.total,
            Task.file_key,
            Task.made_at,
            Task.expires_at,
            Region.letter,
            Staff.name,
        )
        .join(Region, Region.id == Task.region_id)
        .join(Staff, Staff.id == Task.asked_by)
    )


def _mine(session: Session, actor: Actor, task_id: int) -> Row[*tuple[Any, ...]]:
    row = session.execute(_prints().where(Task.id == task_id)).one_or_none()
    if row is None or not (row.asked_by == actor.id or actor.may(RIGHT_TO[row.kind], row.region_id)):
        raise NotFound
    return row


def _row(row: Row[*tuple[Any, ...]], now: datetime) -> PrintRow:
    business, stretches = wanted_of(row.filters)
    return PrintRow(
        id=row.id,
        is_plates=row.kind is TaskKind.PLATES,
        numbers=stretch_words(stretches, lambda n: number_on(row.letter, business, n)),
        done=row.done,
        total=row.total,
        asked_by=row.name,
        made_at=row.made_at,
        expires_at=row.expires_at,
        is_waiting=row.status is TaskStatus.DUE,
        is_running=row.status is TaskStatus.RUNNING,
        is_ready=row.status is TaskStatus.DONE and now < row.expires_at,
        has_failed=row.status is TaskStatus.FAILED,
    )


def wanted_of(filters: dict[str, Any]) -> tuple[Business | None, list[Stretch]]:
    """What a task prints, as it stands in its row."""
    business = filters["business"]
    return Business(business) if business else None, [Stretch(*ends) for ends in filters["stretches"]]


def numbers_of(session: Session, task_id: int) -> Sequence[Printed]:
    """The numbers that a task prints, in their order."""
    row = session.execute(
        select(Task.filters, Region.letter).join(Region, Region.id == Task.region_id).where(Task.id == task_id)
    ).one()
    business, stretches = wanted_of(row.filters)
    return [number_on(row.letter, business, n) for n in numbers_in(stretches)]


def expired(session: Session, now: datetime) -> list[tuple[int, str]]:
    """Id and key of the file of each print that is over."""
    rows = session.execute(
        select(Task.id, Task.file_key).where(
            Task.expires_at < now, Task.status.in_((TaskStatus.DONE, TaskStatus.FAILED))
        )
    )
    return [(row.id, row.file_key or "") for row in rows]
