"""The commands beside the seeds: clock, logins, jobs, create-admin, and what production refuses."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.adapters.clock import DemoClock
from app.blueprints.auth.routes import hasher
from app.cli.demo import demo_commands
from app.cli.seed import seed_command
from app.domain.permissions import Role
from app.jobs.timetable import ENTRIES
from app.models.access import Staff, StaffRole
from app.models.work import JobRun, JobWanted, Lease
from app.usecases import job_runs
from app.web.current import RUNTIME
from tests.factories.counting_house import eventually
from tests.factories.orders import an_order
from tests.factories.people import a_member_of_staff
from tests.fixtures.apps import ROOT, AppEnv
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("15d", 15 * 86400), ("36h", 36 * 3600), ("1d12h", 36 * 3600), ("-20m", -1200), ("30s", 30)],
)
def test_the_clock_moves_by_a_span(app: Flask, data_dir: Path, span: str, seconds: int) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["demo", "clock", f"--advance={span}"]).exit_code == 0
    assert DemoClock(data_dir / "clock-offset").offset() == timedelta(seconds=seconds)
    run(args=["demo", "clock", f"--advance={span}"])
    assert DemoClock(data_dir / "clock-offset").offset() == timedelta(seconds=2 * seconds)
    assert run(args=["demo", "clock", "--reset"]).exit_code == 0
    assert DemoClock(data_dir / "clock-offset").offset() == timedelta()


def test_the_clock_moves_to_a_time(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    moved = run(args=["demo", "clock", "--at", "2027-09-01T08:00"])
    assert moved.output.startswith("2027-09-01 08:00:0")
    now = app.extensions[RUNTIME].clock.now()
    assert timedelta() <= now - datetime(2027, 9, 1, 0, 0, tzinfo=UTC) < timedelta(minutes=1)
    told = run(args=["demo", "clock"])
    assert told.output.startswith("2027-09-01 08:0")


@pytest.mark.parametrize(
    "options", [["--advance", "soon"], ["--at", "tomorrow"], ["--reset", "--advance", "1d"], ["--advance", "5"]]
)
def test_a_wish_that_makes_no_sense_moves_no_clock(app: Flask, data_dir: Path, options: list[str]) -> None:
    assert app.test_cli_runner().invoke(args=["demo", "clock", *options]).exit_code == 2
    assert not (data_dir / "clock-offset").exists()


def test_production_refuses_what_is_for_demos(app: Flask, data_dir: Path, database: Database) -> None:
    run = app.test_cli_runner().invoke
    demo, seed = demo_commands(data_dir, "http://127.0.0.1:9", demo=False), seed_command(demo=False)
    refusing = ((demo, ["clock", "--reset"]), (demo, ["logins"]), (demo, ["seed"]), (seed, ["--orders", "1"]))
    for command, args in refusing:
        refused = run(command, args=args)
        assert (refused.exit_code, "only in a demo" in refused.output) == (1, True)
    assert database.count(Staff) == 0


def test_a_first_admin_sets_a_password_through_the_link_and_logs_in(
    app: Flask, client: LawfulClient, database: Database
) -> None:
    run = app.test_cli_runner().invoke
    first = run(args=["create-admin", "boss"]).output.strip()
    again = run(args=["create-admin", "boss"]).output.strip()
    public_url = app.extensions[RUNTIME].public_url
    assert re.fullmatch(rf"{re.escape(public_url)}/password/[\w-]{{40,}}", first)
    assert first != again, "a link that was lost is replaced"
    role = database.one(select(StaffRole))
    assert (role.role, role.region_id) == (Role.OWNER, None)
    assert client.get(again.removeprefix(public_url)).status_code == 200
    database.execute("UPDATE staff SET password_hash = 'set'")
    refused = run(args=["create-admin", "boss"])
    assert (refused.exit_code, database.count(Staff)) == (1, 1)


def test_the_logins_are_printed_as_json_with_passwords_that_work(app: Flask, database: Database) -> None:
    run = app.test_cli_runner().invoke
    assert json.loads(run(args=["demo", "logins"]).output) == []
    run(args=["demo", "seed"])
    logins = json.loads(run(args=["demo", "logins"]).output)
    assert {one["role"] for one in logins} == {
        "owner", "manager", "clerk", "finance", "technician", "consultant",
    }  # fmt: skip
    assert {one["region"] for one in logins if one["role"] == "clerk"} == {"A", "B", "C"}
    hashed = {staff.login: staff.password_hash or "" for staff in database.all(select(Staff))}
    assert all(hasher.verify(hashed[one["login"]], one["password"]) for one in logins)
    assert {one["totp_secret"] for one in logins} == {None}


def test_one_job_runs_now_and_the_list_tells_of_it(app: Flask, database: Database) -> None:
    now = app.extensions[RUNTIME].clock.now()
    an_order(app, now=now - timedelta(days=4))
    run = app.test_cli_runner().invoke
    assert run(args=["jobs", "run", "expire_orders"]).output.endswith("expire_orders: 1 done, 0 put off\n")
    listed = run(args=["jobs", "list"]).output
    assert all(name in listed for name in ENTRIES)
    assert "1 rows" in listed
    assert "never run" in listed
    assert "no process" in listed
    assert database.count(JobRun) == 1


def test_a_job_that_fails_ends_with_1(app: Flask, database: Database) -> None:
    database.execute("ALTER TABLE outbox RENAME TO elsewhere")
    failed = app.test_cli_runner().invoke(args=["jobs", "run", "send_outbox"])
    assert failed.exit_code == 1
    assert "OperationalError" in database.one(select(JobRun.error))


def test_the_jobs_process_works_catches_up_when_the_clock_moves_does_what_is_wanted_and_ends_cleanly(
    app: Flask, app_env: AppEnv, database: Database, database_url: str, data_dir: Path, tmp_path: Path
) -> None:
    an_order(app)
    log = tmp_path / "jobs.log"

    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", "serve"],
            cwd=ROOT,
            env={**os.environ, **app_env(database_url, data_dir)},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: database.count(JobRun, JobRun.finished_at.is_not(None)) >= len(ENTRIES))
        assert database.count(JobRun, JobRun.rows == 1) == 0
        app.test_cli_runner().invoke(args=["demo", "clock", "--advance", "4d"])
        eventually(lambda: database.count(JobRun, JobRun.job == "expire_orders", JobRun.rows == 1) == 1)
        assert database.count(Lease) == 1
        owner = a_member_of_staff(app, role="owner", region=None)
        newest = database.one(select(func.max(JobRun.id)))
        with app.app_context():
            job_runs.want_run("forget", actor=owner, now=app.extensions[RUNTIME].clock.now())
        eventually(lambda: database.count(JobRun, JobRun.job == "forget", JobRun.id > newest) == 1)
        assert database.count(JobWanted) == 0
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    assert code == 0, log.read_text()
    assert database.count(Lease) == 0, "the lease is given to whoever waits"
    assert database.count(JobRun, JobRun.error.is_not(None)) == 0, log.read_text()
