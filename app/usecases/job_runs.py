"""The record of the jobs: each run is a row, from its start to its end."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.models.work import JobRun
from app.usecases.transaction import transactional

LONGEST_ERROR = 2000
"""Characters of an error that are kept."""


@transactional
def begin_run(session: Session, job: str, *, now: datetime) -> int:
    """A run begins; its id."""
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
