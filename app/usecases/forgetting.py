"""Deleting what nobody needs any more: ended log-ins, counters, done errands, runs that did nothing, tasks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.models.access import LoginSession, RateCounter
from app.models.work import JobRun, Outbox, OutboxStatus, Task
from app.usecases.transaction import transactional

SESSIONS_KEPT = timedelta(days=30)
ERRANDS_KEPT = timedelta(days=30)
IDLE_RUNS_KEPT = timedelta(days=1)
RUNS_KEPT = timedelta(days=90)
FAILURES_KEPT = timedelta(days=365)


def _deleted(session: Session, statement: Delete) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


@transactional
def forget_old_sessions(session: Session, *, now: datetime) -> int:
    """Log-ins that ended more than a month ago."""
    return _deleted(session, delete(LoginSession).where(LoginSession.ends_at < now - SESSIONS_KEPT))


@transactional
def forget_spent_counters(session: Session, *, now: datetime) -> int:
    """Counters of limits whose window is over."""
    return _deleted(session, delete(RateCounter).where(RateCounter.resets_at <= int(now.timestamp())))


@transactional
def forget_done_errands(session: Session, *, now: datetime) -> int:
    """Errands that WeChat heard of more than a month ago. What is due or parked stays."""
    old = and_(Outbox.status == OutboxStatus.DONE, Outbox.made_at < now - ERRANDS_KEPT)
    return _deleted(session, delete(Outbox).where(old))


@transactional
def forget_old_runs(session: Session, *, now: datetime) -> int:
    """Runs that did nothing and went well after a day, failures after a year, the others after three months.

    Of each job the last run that went well stays: since when it has not is what alarms somebody.
    """
    went_well = JobRun.error.is_(None) & JobRun.finished_at.is_not(None)
    last = select(func.max(JobRun.id)).where(went_well).group_by(JobRun.job)
    began = JobRun.started_at
    old = or_(
        and_(went_well, JobRun.rows == 0, began < now - IDLE_RUNS_KEPT),
        and_(JobRun.error.is_(None), began < now - RUNS_KEPT),
        began < now - FAILURES_KEPT,
    )
    return _deleted(session, delete(JobRun).where(old, JobRun.id.not_in(last)))


@transactional
def forget_tasks(session: Session, task_ids: Sequence[int]) -> None:
    """Tasks whose files are erased. The audit log keeps that they were asked for."""
    session.execute(delete(Task).where(Task.id.in_(task_ids)))
