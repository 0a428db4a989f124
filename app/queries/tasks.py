"""Tasks: whose they are, how far along they are, and what the worker needs to know of one (NUM-8, NUM-9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.documents.sheets import Format
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


def may_have(actor: Actor, task: Any) -> bool:
    """Whether a task (or a row with its columns) is the actor's.

    An export is of whoever asked for it, as long as they may export all that is in it.
    """
    if task.kind is TaskKind.EXPORT:
        covered = actor.scope(Permission.EXPORT).covers(task.filters["regions"])
        return bool(task.asked_by == actor.id and covered)
    return bool(task.asked_by == actor.id or actor.may(RIGHT_TO[task.kind], task.region_id))


@dataclass(frozen=True, slots=True)
class PrintWanted:
    """A print as its task holds it."""

    letter: str
    business: Business | None
    stretches: list[Stretch]

    @property
    def words(self) -> str:
        """The numbers as people write them."""
        return stretch_words(self.stretches, lambda n: number_on(self.letter, self.business, n))

    @property
    def numbers(self) -> Sequence[Printed]:
        """The numbers one by one, in their order."""
        return [number_on(self.letter, self.business, n) for n in numbers_in(self.stretches)]


@dataclass(frozen=True, slots=True)
class ExportWanted:
    """An export as its task holds it."""

    list_name: str
    format: Format
    sealed: str  # what it is filtered by: `usecases.exports.unsealed`
    words: str
    regions: list[int] | None  # that it shows; None: all
    region_id: int | None  # that was chosen
    asked_by: int
    request_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task. It waits, is worked on, has a file to be fetched, failed, or is over."""

    id: int
    wanted: PrintWanted | ExportWanted
    region: str  # letter; empty: all
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


def my_tasks(session: Session, actor: Actor, now: datetime) -> list[TaskRow]:
    """What the actor asked for, the newest first."""
    wanted = _tasks().where(Task.asked_by == actor.id).order_by(Task.id.desc()).limit(MOST_SHOWN)
    return [_row(row, now) for row in session.execute(wanted) if may_have(actor, row)]


def task_of(session: Session, actor: Actor, task_id: int, now: datetime) -> TaskRow:
    """One task, for whoever asked for it or may print such things in its region. Raises NotFound."""
    return _row(_mine(session, actor, task_id), now)


def file_of(session: Session, actor: Actor, task_id: int, now: datetime) -> tuple[str, TaskRow]:
    """The key of its file in the store, and the task. Raises NotFound: not the actor's, not ready, or expired."""
    row = _mine(session, actor, task_id)
    shown = _row(row, now)
    if not shown.is_ready:
        raise NotFound
    return row.file_key, shown


def _tasks() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Task.id,
            Task.kind,
            Task.region_id,
            Task.asked_by,
            Task.request_key,
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
        .outerjoin(Region, Region.id == Task.region_id)
        .join(Staff, Staff.id == Task.asked_by)
    )


def _mine(session: Session, actor: Actor, task_id: int) -> Row[*tuple[Any, ...]]:
    row = session.execute(_tasks().where(Task.id == task_id)).one_or_none()
    if row is None or not may_have(actor, row):
        raise NotFound
    return row


def _row(row: Row[*tuple[Any, ...]], now: datetime) -> TaskRow:
    return TaskRow(
        id=row.id,
        wanted=_wanted(row),
        region=row.letter or "",
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


def wanted_of(session: Session, task_id: int) -> PrintWanted | ExportWanted:
    """What a task is to make."""
    return _wanted(session.execute(_tasks().where(Task.id == task_id)).one())


def _wanted(row: Row[*tuple[Any, ...]]) -> PrintWanted | ExportWanted:
    told = row.filters
    if row.kind is TaskKind.EXPORT:
        return ExportWanted(
            told["list"],
            Format(told["format"]),
            told["asked"],
            told["words"],
            told["regions"],
            row.region_id,
            row.asked_by,
            row.request_key,
        )
    business = told["business"]
    stretches = [Stretch(*ends) for ends in told["stretches"]]
    return PrintWanted(row.letter, Business(business) if business else None, stretches)


def expired(session: Session, now: datetime) -> list[tuple[int, str]]:
    """Id and key of the file of each task that is over."""
    rows = session.execute(
        select(Task.id, Task.file_key).where(
            Task.expires_at < now, Task.status.in_((TaskStatus.DONE, TaskStatus.FAILED))
        )
    )
    return [(row.id, row.file_key or "") for row in rows]
