"""How a job is doing, in words: its badge, its last run, its next one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.labels import Badge
from app.domain.timetable import Job
from app.queries.job_runs import Health, Run
from app.web.formats import span, today_when

SHORT = timedelta(hours=1)
"""A job that runs more often than this has no time worth reading, only a pause."""

RUNNING = Badge("运行中", "open")
WAITING = Badge("排队中", "open")
NEVER = Badge("没有运行过", "void")
FAILED = Badge("失败", "stop")
BROKEN_OFF = Badge("中断", "stop")
OVERDUE = Badge("很久没有成功", "stop")
WELL = Badge("正常", "done")


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as the screen shows it."""

    job: Job
    badge: Badge
    last: str
    took: str
    result: str
    error: str
    next: str
    failures: int
    asked: str  # who waits for it
    may_run: bool

    @property
    def is_busy(self) -> bool:
        """Whether it is worth looking again in a moment."""
        return self.badge in (RUNNING, WAITING)


def job_row(job: Job, health: Health, now: datetime, *, may_run: bool, led: bool) -> JobRow:
    """A job and how it is doing."""
    run, wanted = health.last, health.wanted
    return JobRow(
        job,
        _badge(job, health, now),
        today_when(run.started_at, now) if run else "",
        took(run) if run else "",
        result(run) if run else "",
        run.error or "" if run else "",
        f"下次 {_next(job, run, now)}" if led else "启动后马上运行",
        health.failures,
        f"{wanted.by} {today_when(wanted.asked_at, now)} 要求运行" if wanted else "",
        may_run and not wanted,
    )


def _badge(job: Job, health: Health, now: datetime) -> Badge:
    if health.wanted:
        return WAITING
    if health.last is None:
        return NEVER
    if health.last.is_running and job.schedule.period >= SHORT:
        return RUNNING
    if health.last.error or health.last.is_broken_off:
        return run_badge(health.last)
    return OVERDUE if is_overdue(job, health, now) else WELL


def run_badge(run: Run) -> Badge:
    """How one run went."""
    if run.is_running:
        return RUNNING
    if run.is_broken_off:
        return BROKEN_OFF
    return FAILED if run.error else WELL


def is_overdue(job: Job, health: Health, now: datetime) -> bool:
    """Whether it has not succeeded for too long; since its first run, if it never has."""
    since = health.succeeded_at or health.first_at
    return since is not None and job.is_overdue(since, now)


def overdue_text(job: Job, health: Health, now: datetime) -> str:
    """`上次成功是 今天 10:05，安排是每 20 秒。`"""
    last = f"上次成功是 {today_when(health.succeeded_at, now)}" if health.succeeded_at else "还没有成功过"
    return f"{last}，安排是{job.schedule.words}。"


def took(run: Run) -> str:
    """How long it took; empty while it runs, or if nobody knows."""
    if run.finished_at is None:
        return ""
    if run.seconds < 1:
        return "不到 1 秒"
    return f"{run.seconds:.0f} 秒" if run.seconds < 120 else span(timedelta(seconds=run.seconds))  # noqa: PLR2004  # two minutes


def result(run: Run) -> str:
    """What it did."""
    return f"{run.rows:,} 条" if run.rows else "没有要做的" if run.rows == 0 else ""


def _next(job: Job, run: Run | None, now: datetime) -> str:
    if job.schedule.period < SHORT:
        return f"{job.schedule.words.removeprefix('每 ')}内"
    last = min(run.started_at, now) if run else now
    return today_when(job.schedule.next_after(last, now), now)
