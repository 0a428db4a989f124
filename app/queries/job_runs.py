"""The runs of the jobs, as the command line and the health of the timetable see them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.work import JobRun, Lease


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a job; `finished_at` None: still running, or its process was killed."""

    job: str
    started_at: datetime
    finished_at: datetime | None
    rows: int | None
    error: str | None


def last_runs(session: Session) -> dict[str, LastRun]:
    """The newest run of each job, by name."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job)
    rows = session.execute(
        select(JobRun.job, JobRun.started_at, JobRun.finished_at, JobRun.rows, JobRun.error).where(
            JobRun.id.in_(newest)
        )
    )
    return {row.job: LastRun(*row) for row in rows}


def holder_of(session: Session, lease: str, now: datetime) -> str | None:
    """Who holds a lease now."""
    return session.scalars(select(Lease.owner).where(Lease.name == lease, Lease.until > now)).one_or_none()
