"""`flask jobs`: the timetable, one job now, the jobs process."""

import os
import secrets
import signal
import socket
import sys
from threading import Event
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.db import read_only_session
from app.domain.calendar import SHANGHAI
from app.domain.timetable import LEASE
from app.jobs import _leading as leading
from app.jobs.timetable import ENTRIES, Entry, Timetable, run_job
from app.queries.job_runs import Run, holder_of, last_runs
from app.web.current import runtime

TURN_SECONDS = 1.0

jobs = AppGroup("jobs", help="The timetable of the jobs.")


@jobs.command("list")
def list_jobs() -> None:
    """The timetable and the last run of each job."""
    with read_only_session() as session:
        runs = last_runs(session, runtime().clock.now())
        holder = holder_of(session, LEASE, runtime().machine.now())
    for entry in ENTRIES.values():
        click.echo(f"{entry.name:<16} {entry.schedule!s:<12} {_told(runs.get(entry.name))}")
    click.echo(f"runs in: {holder or 'no process'}")


def _told(run: Run | None) -> str:
    if run is None:
        return "never run"
    started = f"{run.started_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if run.finished_at is None:
        return f"{started} not finished"
    return f"{started} {f'failed: {run.error}' if run.error else f'{run.rows} rows'}"


@jobs.command("run")
@click.argument("name", type=click.Choice(list(ENTRIES)))
def run_now(name: str) -> None:
    """Runs one job once, now."""
    report = run_job(ENTRIES[name], runtime())
    if report is None:
        sys.exit(1)
    click.echo(f"{name}: {report.rows} done, {report.put_off} put off")
    for trouble in report.trouble:
        click.echo(f"    {trouble}")
    sys.exit(1 if report.trouble else 0)


@jobs.command("serve")
def serve() -> None:
    """The jobs process: runs the timetable until it is ended; of several such processes one works, the others wait."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # threads need the application itself

    def run(entry: Entry) -> None:
        with app.app_context():
            run_job(entry, runtime())

    stop = Event()

    def end(_signal: int, _frame: Any) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    timetable = Timetable(runtime().clock, run)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    leadership = leading.Leadership(timetable, owner=owner, machine=runtime().machine, clock=runtime().clock)
    click.echo(f"jobs: {owner}")
    while not stop.wait(TURN_SECONDS if leadership.begun else 0):
        leadership.turn()
    timetable.stop()
    leadership.resign()
