"""When each job runs. APScheduler only says when; what is due, the jobs find themselves."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from app.domain.calendar import SHANGHAI
from app.jobs import expire_orders, forget, query_payments, query_refunds, run_tasks, send_outbox
from app.jobs._report import Report
from app.ports import Clock
from app.runtime import Runtime
from app.usecases import job_runs

log = structlog.get_logger()


class Schedule(Protocol):
    """When a job is due again, in the machine's time; `offset` is how far our clock is from it."""

    def next_after(self, last: datetime, now: datetime, offset: timedelta) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, a pause after the last time."""

    pause: timedelta

    def next_after(self, last: datetime, now: datetime, offset: timedelta) -> datetime:  # noqa: ARG002  # the protocol's
        """Pauses that were missed are not made up for."""
        return max(last + self.pause, now)

    def __str__(self) -> str:
        return f"every {self.pause.total_seconds():g} s"


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day, at a time of our clock in Shanghai."""

    at: time

    def next_after(self, last: datetime, now: datetime, offset: timedelta) -> datetime:
        """The next such time after both the last run and now."""
        after = (max(last, now) + offset).astimezone(SHANGHAI)
        day = after.date() if after.timetz().replace(tzinfo=None) < self.at else after.date() + timedelta(days=1)
        return datetime.combine(day, self.at, SHANGHAI) - offset

    def __str__(self) -> str:
        return f"daily {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the timetable."""

    name: str
    run: Callable[[Runtime, datetime], Report]
    schedule: Schedule


ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("send_outbox", send_outbox.run, Every(timedelta(seconds=2))),
        Entry("run_tasks", run_tasks.run, Every(timedelta(seconds=2))),
        Entry("query_payments", query_payments.run, Every(timedelta(seconds=15))),
        Entry("expire_orders", expire_orders.run, Every(timedelta(seconds=20))),
        Entry("query_refunds", query_refunds.run, Every(timedelta(seconds=30))),
        Entry("forget", forget.run, Daily(time(4, 10))),
    )
}


def run_job(entry: Entry, runtime: Runtime) -> Report | None:
    """Runs a job once, now, and records it; None when it failed, which is told in its row and the log."""
    now = runtime.clock.now()
    run_id = job_runs.begin_run(entry.name, now=now)
    try:
        report = entry.run(runtime, now)
    except Exception as error:  # the process lives on; the next run is already due
        log.exception("job_failed", job=entry.name)
        job_runs.finish_run(run_id, rows=None, error=repr(error), now=runtime.clock.now())
        return None
    job_runs.finish_run(run_id, rows=report.rows, error=report.error, now=runtime.clock.now())
    if report.rows or report.put_off or report.trouble:
        log.info("job_done", job=entry.name, rows=report.rows, put_off=report.put_off, trouble=len(report.trouble))
    return report


class _Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A schedule as APScheduler asks for it. The first time is at once: whatever was missed is caught up."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time is None:
            return now
        return self._schedule.next_after(previous_fire_time, now, self._clock.now() - now)


class Timetable:
    """Runs the jobs at their times, in threads; none of them twice at once."""

    def __init__(self, clock: Clock, run: Callable[[Entry], None]) -> None:
        """`run` runs one job; it opens whatever context the job needs, for threads have none."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._clock = clock
        self._scheduler = BackgroundScheduler(timezone=SHANGHAI)
        for entry in ENTRIES.values():
            self._scheduler.add_job(
                run,
                _Trigger(entry.schedule, clock),
                args=(entry,),
                id=entry.name,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    def start(self) -> None:
        """Begins, or goes on; every job runs at once."""
        if not self._scheduler.running:
            self._scheduler.start()
        else:
            self.catch_up()
            self._scheduler.resume()

    def pause(self) -> None:
        """Begins no further run."""
        if self._scheduler.running:
            self._scheduler.pause()

    def catch_up(self) -> None:
        """Every job runs at once: the clock was moved."""
        if self._scheduler.running:
            for entry in ENTRIES.values():
                self._scheduler.reschedule_job(entry.name, trigger=_Trigger(entry.schedule, self._clock))

    def stop(self) -> None:
        """Ends; waits for the runs that are under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
