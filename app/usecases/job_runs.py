"""The record of the jobs: each run is a row, from its start to its end, and each run that somebody wants now."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.errors import NotFound
from app.domain.permissions import Actor, Permission
from app.domain.timetable import JOBS
from app.models.work import JobRun, JobWanted
from app.usecases import audit
from app.usecases.compare_and_set import insert_into
from app.usecases.transaction import transactional

LONGEST_ERROR = 2000
"""Characters of an error that are kept."""


@transactional
def begin_run(session: Session, job: str, *, now: datetime) -> int:
    """A run begins; its id. Whoever wanted one before it has it."""
    session.execute(delete(JobWanted).where(JobWanted.job == job))
    run = JobRun(job=job, business_on=business_day(now), started_at=now)
    session.add(run)
    session.flush()
    return run.id


@transactional
def finish_run(session: Session, run_id: int, *, rows: int | None, error: str | None, now: datetime) -> None:
    """A run has ended: how many things it did, and what went wrong."""
    session.execute(
        update(JobRun)
        .where(JobRun.id == run_id)
        .values(finished_at=now, rows=rows, error=error[:LONGEST_ERROR] if error else None)
    )


@transactional
def want_run(session: Session, job: str, *, actor: Actor, now: datetime) -> None:
    """Somebody wants a job run now: the jobs process begins it within a second or two, and once if asked twice.

    Raises NotFound, Forbidden.
    """
    actor.require(Permission.JOBS_RUN)
    if job not in JOBS:
        raise NotFound
    put_wanted(session, job, actor, now)


def put_wanted(session: Session, job: str, actor: Actor, now: datetime) -> None:
    """The same in the caller's transaction, for an act that has a right of its own."""
    wanted = insert_into(session, JobWanted).values(job=job, staff_id=actor.id, asked_at=now)
    fresh = session.scalars(wanted.on_conflict_do_nothing(index_elements=["job"]).returning(JobWanted.id))
    if fresh.one_or_none() is not None:
        audit.put(session, actor, "job_wanted", now, subject=("job", None), job=job)
