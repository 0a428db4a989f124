"""Long work as tasks: asked for by staff, taken by a worker, and seen on a bar meanwhile (NUM-8, NUM-9, ORD-3).

A worker holds a task until `claimed_until`, which is also how it is told apart from any other: a change of the task
goes through only as long as that moment still stands there. A worker that dies lets it pass, and the task is taken
again; its file has the same key each time, so none is left lying about.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Update, or_, select, update
from sqlalchemy.orm import Session

from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.numbering import BatteryNumber, Business
from app.domain.permissions import Actor, Permission
from app.domain.printing import KEPT, Stretch, numbers_in, stretch_words
from app.domain.reasons import checked_reason
from app.models.batteries import Battery
from app.models.directory import Region
from app.models.numbers import NumberSeries, NumberSlot
from app.models.work import Task, TaskKind, TaskStatus
from app.queries.tasks import may_have, number_on
from app.usecases import audit
from app.usecases.compare_and_set import changed_one, must_change_one
from app.usecases.transaction import transactional

LONGEST_ERROR = 300


@transactional
def ask_for_labels(
    session: Session,
    region_id: int,
    stretches: list[Stretch],
    *,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Labels of batteries; the task's id. Asked again with the same key, it is the same task. NUM-9.

    Raises NotFound, Forbidden, RuleBroken: a number without a battery, or one printed before without a reason.
    """
    region = _region(session, region_id, Permission.FLASH_VIEW, Permission.BATTERIES_MANAGE, actor)
    if (known := asked_before(session, request_key, actor)) is not None:
        return known
    numbers = numbers_in(stretches)
    here = (Battery.region_id == region_id, Battery.n.in_(numbers))
    again = _mark(session, update(Battery).where(*here).values(printed_at=now), Battery.printed_at.is_(None))
    made = set(session.scalars(select(Battery.n).where(*here)))
    if missing := [n for n in numbers if n not in made]:
        raise RuleBroken(Rule.BATTERY_UNKNOWN, number=str(BatteryNumber(region.letter, missing[0])))
    told: dict[str, Any] = {"again": again, "reason": reason, "request_key": request_key, "actor": actor, "now": now}
    return _put(session, "labels_printed", TaskKind.BATTERY_LABELS, region, None, stretches, **told)


@transactional
def ask_for_plates(
    session: Session,
    region_id: int,
    business: Business,
    stretches: list[Stretch],
    *,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Plates of a series; the task's id. A plate may be printed before anybody has its number. NUM-8.

    Raises NotFound, Forbidden, RuleBroken: numbers printed before without a reason.
    """
    region = _region(session, region_id, Permission.NUMBERS_VIEW, Permission.PLATES_PRINT, actor)
    if (known := asked_before(session, request_key, actor)) is not None:
        return known
    numbers = numbers_in(stretches)
    series = select(NumberSeries.id).where(NumberSeries.region_id == region_id, NumberSeries.business == business)
    here = (NumberSlot.series_id == series.scalar_subquery(), NumberSlot.n.in_(numbers))
    again = _mark(session, update(NumberSlot).where(*here).values(printed_at=now), NumberSlot.printed_at.is_(None))
    told: dict[str, Any] = {"again": again, "reason": reason, "request_key": request_key, "actor": actor, "now": now}
    return _put(session, "plates_printed", TaskKind.PLATES, region, business, stretches, **told)


def _region(session: Session, region_id: int, to_see: Permission, to_print: Permission, actor: Actor) -> Region:
    region = session.get(Region, region_id)
    if region is None or not actor.may(to_see, region_id):
        raise NotFound
    actor.require(to_print, region_id)
    return region


def asked_before(session: Session, request_key: str, actor: Actor) -> int | None:
    """The task that the actor asked for with the same key."""
    return session.scalars(
        select(Task.id).where(Task.request_key == request_key, Task.asked_by == actor.id)
    ).one_or_none()


def _mark(session: Session, marking: Update, is_first: Any) -> int:
    """Marks all as printed; how many were so before. Of two who ask for the same at once, one has printed it first."""
    first = _changed(session, marking.where(is_first))
    return _changed(session, marking) - first


def _changed(session: Session, statement: Update) -> int:
    return cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False))).rowcount


def _put(
    session: Session,
    action: str,
    kind: TaskKind,
    region: Region,
    business: Business | None,
    stretches: list[Stretch],
    *,
    again: int,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """The print and its line in the log. A reprint needs a reason."""
    if again and not reason.strip():
        raise RuleBroken(Rule.PRINTED_BEFORE, again=again)
    task = queue(
        session,
        kind,
        region.id,
        {"business": business, "stretches": [[one.first, one.last] for one in stretches]},
        total=sum(len(one) for one in stretches),
        request_key=request_key,
        actor=actor,
        now=now,
    )
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("task", task.id),
        region_id=region.id,
        reason=checked_reason(reason) if reason.strip() else None,
        numbers=stretch_words(stretches, lambda n: number_on(region.letter, business, n)),
        count=task.total,
        again=again,
    )
    return task.id


def queue(
    session: Session,
    kind: TaskKind,
    region_id: int | None,
    filters: dict[str, Any],
    *,
    total: int,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> Task:
    """A task that waits for a worker, written in the caller's transaction."""
    task = Task(
        kind=kind,
        region_id=region_id,
        asked_by=actor.id,
        request_key=request_key,
        filters=filters,
        status=TaskStatus.DUE,
        done=0,
        total=total,
        file_key=secrets.token_hex(16),
        made_at=now,
        expires_at=now + KEPT,
    )
    session.add(task)
    session.flush()
    return task


@dataclass(frozen=True, slots=True)
class Taken:
    """A task in a worker's hands, until another moment is agreed on."""

    id: int
    file_key: str
    until: datetime


@transactional
def take_task(session: Session, *, until: datetime, now: datetime) -> Taken | None:
    """The oldest task that waits, or whose worker has not been heard of in time; None when there is nothing to do."""
    row = session.execute(
        select(Task.id, Task.file_key, Task.status, Task.claimed_until)
        .where(
            Task.status.in_((TaskStatus.DUE, TaskStatus.RUNNING)),
            or_(Task.claimed_until.is_(None), Task.claimed_until < now),
        )
        .order_by(Task.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    must_change_one(
        session,
        update(Task)
        .where(
            Task.id == row.id,
            Task.status == row.status,
            Task.claimed_until.is_not_distinct_from(row.claimed_until),
        )
        .values(status=TaskStatus.RUNNING, claimed_until=until, done=0),
    )
    return Taken(row.id, row.file_key, until)


@transactional
def tell_progress(session: Session, taken: Taken, done: int, *, until: datetime) -> Taken | None:
    """So much is done, and the worker goes on until then; None when another one has the task."""
    went_on = _held(taken).values(done=done, claimed_until=until)
    return Taken(taken.id, taken.file_key, until) if changed_one(session, went_on) else None


@transactional
def finish_task(session: Session, taken: Taken, made: int, *, now: datetime) -> bool:
    """Its file is in the store, with so much in it, to be fetched for a day; False when another worker has the task."""
    finished = _held(taken).values(
        status=TaskStatus.DONE, done=made, total=made, claimed_until=None, error=None, expires_at=now + KEPT
    )
    return changed_one(session, finished)


@transactional
def fail_task(session: Session, taken: Taken, *, error: str, now: datetime) -> None:
    """It cannot be done; whoever asked may have it tried again."""
    session.execute(
        _held(taken).values(
            status=TaskStatus.FAILED, claimed_until=None, error=error[:LONGEST_ERROR], expires_at=now + KEPT
        )
    )


def _held(taken: Taken) -> Update:
    return update(Task).where(Task.id == taken.id, Task.status == TaskStatus.RUNNING, Task.claimed_until == taken.until)


@transactional
def try_again(session: Session, task_id: int, *, actor: Actor) -> None:
    """Has a failed task tried anew; one that has not failed stays as it is. Raises NotFound."""
    task = session.get(Task, task_id)
    if task is None or not may_have(actor, task):
        raise NotFound
    failed = (Task.id == task_id, Task.status == TaskStatus.FAILED)
    session.execute(update(Task).where(*failed).values(status=TaskStatus.DUE, done=0))
