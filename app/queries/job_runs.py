"""The runs of the jobs, as the job screen and the command line see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true, union_all
from sqlalchemy.orm import Session

from app.domain.timetable import JOBS
from app.models.access import Staff
from app.models.work import JobRun, JobWanted, Lease

FAILURES_OF = timedelta(days=7)
RUNS_AT_MOST = timedelta(hours=1)
"""A run that has not ended by then is taken for broken off: its process was killed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job."""

    id: int
    job: str
    started_at: datetime
    finished_at: datetime | None
    rows: int | None
    error: str | None
    is_running: bool

    @property
    def is_broken_off(self) -> bool:
        """Whether it never ended."""
        return self.finished_at is None and not self.is_running

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that somebody asked for and that has not begun."""

    job: str
    by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one job."""

    last: Run | None
    succeeded_at: datetime | None
    first_at: datetime | None  # the oldest run that is kept
    failures: int  # of the last seven days
    wanted: Wanted | None


def health(session: Session, now: datetime) -> dict[str, Health]:
    """Of every job its last run, its last success, its failures of the last days, and whether somebody waits for it."""
    went_well = JobRun.error.is_(None) & JobRun.finished_at.is_not(None)
    last, well = _one_of_each(session, true(), now), _one_of_each(session, went_well, now)
    first = _one_of_each(session, true(), now, oldest=True)
    wanted = {row.job: row for row in wanted_runs(session)}
    failed = dict(
        session.execute(
            select(JobRun.job, func.count())
            .where(JobRun.error.is_not(None), JobRun.started_at >= now - FAILURES_OF, JobRun.job.in_(list(JOBS)))
            .group_by(JobRun.job)
        ).all()
    )
    return {
        name: Health(
            last.get(name),
            well[name].started_at if name in well else None,
            first[name].started_at if name in first else None,
            failed.get(name, 0),
            wanted.get(name),
        )
        for name in JOBS
    }


def last_runs(session: Session, now: datetime) -> Mapping[str, Run]:
    """The newest run of each job, by name."""
    return _one_of_each(session, true(), now)


def _one_of_each(
    session: Session, condition: ColumnElement[bool], now: datetime, *, oldest: bool = False
) -> dict[str, Run]:
    order = JobRun.id if oldest else JobRun.id.desc()
    ids = [
        select(select(JobRun.id).where(JobRun.job == name, condition).order_by(order).limit(1).scalar_subquery())
        for name in JOBS
    ]
    rows = session.scalars(select(JobRun).where(JobRun.id.in_(union_all(*ids))))
    return {row.job: _run(row, now, is_last=True) for row in rows}


def runs_of(session: Session, job: str, *, below: int | None, failed: bool, size: int, now: datetime) -> Sequence[Run]:
    """The runs of one job before the one with the id `below`, newest first; one more than `size` if there are more."""
    wanted = select(JobRun).where(JobRun.job == job)
    if below is not None:
        wanted = wanted.where(JobRun.id < below)
    if failed:
        wanted = wanted.where(JobRun.error.is_not(None))
    rows = session.scalars(wanted.order_by(JobRun.id.desc()).limit(size + 1)).all()
    newest = session.scalar(select(func.max(JobRun.id)).where(JobRun.job == job))
    return [_run(row, now, is_last=row.id == newest) for row in rows]


def _run(row: JobRun, now: datetime, *, is_last: bool) -> Run:
    running = row.finished_at is None and is_last and now - row.started_at < RUNS_AT_MOST
    return Run(row.id, row.job, row.started_at, row.finished_at, row.rows, row.error, running)


def wanted_runs(session: Session) -> list[Wanted]:
    """The runs that somebody asked for and that have not begun, oldest first."""
    rows = session.execute(
        select(JobWanted.job, Staff.name, JobWanted.asked_at)
        .join(Staff, Staff.id == JobWanted.staff_id)
        .order_by(JobWanted.id)
    )
    return [Wanted(*row) for row in rows]


def holder_of(session: Session, lease: str, now: datetime) -> str | None:
    """Who holds a lease now; `now` is the machine's time, in which leases count."""
    return session.scalars(select(Lease.owner).where(Lease.name == lease, Lease.until > now)).one_or_none()
