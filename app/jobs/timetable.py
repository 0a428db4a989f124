"""What each job of the timetable runs. APScheduler only says when; what is due, the jobs find themselves."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from app.domain.calendar import SHANGHAI
from app.domain.timetable import JOBS, Schedule
from app.jobs import (
    charge_late_fees,
    expire_orders,
    fetch_bills,
    fold_ledger,
    forget,
    query_payments,
    query_refunds,
    remind,
    run_tasks,
    send_outbox,
)
from app.jobs._report import Report
from app.ports import Clock
from app.runtime import Runtime
from app.usecases import job_runs

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """One job, and what it runs."""

    name: str
    run: Callable[[Runtime, datetime], Report]
    schedule: Schedule


RUNS: Mapping[str, Callable[[Runtime, datetime], Report]] = {
    "send_outbox": send_outbox.run,
    "run_tasks": run_tasks.run,
    "query_payments": query_payments.run,
    "expire_orders": expire_orders.run,
    "query_refunds": query_refunds.run,
    "fold_ledger": fold_ledger.run,
    "fetch_bills": fetch_bills.run,
    "charge_late_fees": charge_late_fees.run,
    "forget": forget.run,
    "remind": remind.run,
}
ENTRIES: Mapping[str, Entry] = {name: Entry(name, RUNS[name], job.schedule) for name, job in JOBS.items()}


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
        self._run = run
        self._lock = Lock()
        self._again: dict[str, bool] = {}  # of each job that is running, whether it was called for meanwhile
        self._scheduler = BackgroundScheduler(timezone=SHANGHAI)
        for entry in ENTRIES.values():
            self._scheduler.add_job(
                self._run_alone,
                _Trigger(entry.schedule, clock),
                args=(entry,),
                id=entry.name,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=2,  # the second one only says that the first is to run once more
            )

    def _run_alone(self, entry: Entry) -> None:
        """Never twice at once. A call while it runs is not lost: the clock may have been moved since it began."""
        with self._lock:
            if entry.name in self._again:
                self._again[entry.name] = True
                return
            self._again[entry.name] = False
        again = True
        while again:
            try:
                self._run(entry)
            except Exception:  # it could not even be recorded: the next run is already due
                log.exception("job_not_recorded", job=entry.name)
            with self._lock:
                again = self._again.pop(entry.name)
                if again:
                    self._again[entry.name] = False

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
        for name in ENTRIES:
            self.run_now(name)

    def run_now(self, name: str) -> None:
        """One job runs at once, or once more if it is running; then again at its times."""
        if self._scheduler.running:
            self._scheduler.reschedule_job(name, trigger=_Trigger(ENTRIES[name].schedule, self._clock))

    def stop(self) -> None:
        """Ends; waits for the runs that are under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
