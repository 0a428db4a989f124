"""The job screen: how the jobs are doing, a run now, and the runs of one."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.timetable import JOBS, LEASE
from app.jobs.timetable import ENTRIES, run_job
from app.models.work import JobRun, JobWanted, Lease
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database

HTMX = {"HX-Request": "true"}


@pytest.fixture
def led(app: Flask, database: Database) -> None:
    """A process keeps the timetable."""
    until = app.extensions[RUNTIME].machine.now() + timedelta(minutes=5)
    database.add(Lease(name=LEASE, owner="somewhere", until=until))


def a_run(
    app: Flask, job: str, ago: timedelta, *, rows: int | None = 3, error: str | None = None, ended: bool = True
) -> JobRun:
    at = app.extensions[RUNTIME].clock.now() - ago
    finished_at = at + timedelta(seconds=3) if ended else None
    return JobRun(
        job=job,
        business_on=at.date(),
        started_at=at,
        finished_at=finished_at,
        rows=rows if ended else None,
        error=error,
    )


@pytest.mark.usefixtures("led")
def test_every_job_is_there_in_words(as_staff: AsStaff) -> None:
    page = as_staff("manager").get("/jobs").text
    for job in JOBS.values():
        assert job.title in page
        assert job.does in page
        assert job.schedule.words in page
    assert "没有在运行" not in page
    assert "立即运行" not in page, "a manager sees, the owner runs"


def test_without_a_process_the_page_says_what_to_do(as_staff: AsStaff, app: Flask, database: Database) -> None:
    stale = app.extensions[RUNTIME].machine.now() - timedelta(seconds=1)
    database.add(Lease(name=LEASE, owner="dead", until=stale))
    page = as_staff("owner", None).get("/jobs").text
    assert "定时任务没有在运行。" in page
    assert "启动后马上运行" in page


@pytest.mark.usefixtures("led")
def test_a_moved_clock_does_not_end_the_lease(as_staff: AsStaff, app: Flask, clock: object) -> None:
    clock.advance(timedelta(days=20))  # type: ignore[attr-defined]  # the fixture's own
    assert "没有在运行" not in as_staff("owner", None).get("/jobs").text


@pytest.mark.usefixtures("led")
def test_a_job_that_has_not_succeeded_for_too_long_is_named(as_staff: AsStaff, app: Flask, database: Database) -> None:
    database.add(
        a_run(app, "forget", timedelta(days=3)),
        a_run(app, "forget", timedelta(hours=1), error="database: broken"),
        a_run(app, "charge_late_fees", timedelta(hours=30)),
        a_run(app, "remind", timedelta(days=3), error="never well"),
    )
    page = as_staff("owner", None).get("/jobs").text
    assert "清理旧记录：</b>上次成功是" in page
    assert "安排是每天 04:10。" in page
    assert "提醒归还：</b>还没有成功过" in page
    assert "记逾期费：</b>" not in page
    assert "database: broken" in page
    assert page.count("1 次</a>") == 2, "failures of the last seven days"


def test_only_failures_of_seven_days_are_counted(as_staff: AsStaff, app: Flask, database: Database) -> None:
    database.add(*(a_run(app, "forget", timedelta(days=days), error="broken") for days in (1, 2, 8, 30)))
    assert "2 次</a>" in as_staff("owner", None).get("/jobs").text


@pytest.mark.usefixtures("led")
def test_a_wanted_run_waits_until_it_begins_and_the_page_looks_again(
    as_staff: AsStaff, app: Flask, database: Database
) -> None:
    owner = as_staff("owner", None)
    assert "every 1s" not in owner.get("/jobs").text
    answer = owner.post("/jobs/forget/run", data={"csrf_token": csrf_token(owner)}, headers=HTMX)
    assert answer.status_code == 200
    assert "排队中" in answer.text
    assert "要求运行" in answer.text
    assert 'hx-trigger="every 1s"' in answer.text
    assert "<html" not in answer.text
    assert database.all(select(JobWanted.job)) == ["forget"]
    with app.app_context():
        run_job(ENTRIES["forget"], app.extensions[RUNTIME])
    fragment = owner.get("/jobs", headers=HTMX).text
    assert "排队中" not in fragment
    assert "every 1s" not in fragment
    assert "没有要做的" in fragment


@pytest.mark.usefixtures("led")
def test_without_script_the_wish_leads_back_to_the_page(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    answer = owner.post("/jobs/forget/run", data={"csrf_token": csrf_token(owner)})
    assert (answer.status_code, answer.location) == (303, "/jobs")
    assert "排队中" in owner.get("/jobs").text


def test_who_may_not_run_does_not(as_staff: AsStaff, database: Database) -> None:
    manager = as_staff("manager", None)
    answer = manager.post("/jobs/forget/run", data={"csrf_token": csrf_token(manager)})
    assert answer.status_code == 403
    assert as_staff("clerk").get("/jobs").status_code == 403
    assert database.count(JobWanted) == 0


def test_a_job_that_nobody_knows_is_not_found(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    assert owner.get("/jobs/no-such-job").status_code == 404
    assert owner.post("/jobs/no-such-job/run", data={"csrf_token": csrf_token(owner)}).status_code == 404


@pytest.mark.usefixtures("led")
def test_a_daily_job_that_runs_is_looked_at_until_it_ends(as_staff: AsStaff, app: Flask, database: Database) -> None:
    database.add(a_run(app, "forget", timedelta(seconds=30), ended=False))
    page = as_staff("owner", None).get("/jobs").text
    assert "运行中" in page
    assert "every 1s" in page


@pytest.mark.usefixtures("led")
def test_a_run_whose_process_was_killed_is_broken_off(as_staff: AsStaff, app: Flask, database: Database) -> None:
    database.add(a_run(app, "forget", timedelta(hours=2), ended=False))
    owner = as_staff("owner", None)
    assert "中断" in owner.get("/jobs").text
    database.add(a_run(app, "forget", timedelta(seconds=20)))
    page = owner.get("/jobs/forget").text
    assert page.count("中断") == 1
    assert "正常" in page


def test_the_runs_of_a_job_come_in_pages_newest_first(as_staff: AsStaff, app: Flask, database: Database) -> None:
    database.add(*(a_run(app, "forget", timedelta(minutes=500 - nth), rows=nth + 1000) for nth in range(60)))
    database.add(a_run(app, "forget", timedelta(minutes=1), error="disk full"), a_run(app, "remind", timedelta(0)))
    owner = as_staff("owner", None)
    page = owner.get("/jobs/forget").text
    assert page.index("disk full") < page.index("1,059 条") < page.index("1,058 条")
    assert "1,011 条" in page
    assert "1,010 条" not in page
    lowest = database.all(select(JobRun.id).where(JobRun.rows == 1011))[0]
    older = owner.get(f"/jobs/forget?below={lowest}", headers=HTMX).text
    assert "1,010 条" in older
    assert "最新的" in older
    failed = owner.get("/jobs/forget?only=failed").text
    assert "disk full" in failed
    assert "1,059 条" not in failed
    for nonsense in ("below=x", "below=-1", "below=" + "9" * 40, "only=1"):
        assert owner.get(f"/jobs/forget?{nonsense}").status_code == 200
