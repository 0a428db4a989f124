"""The jobs: how each is doing, a run now, and the runs of one."""

from typing import Any

from flask import Response, request, url_for

from app.blueprints.timetable import words
from app.blueprints.timetable.section import bp
from app.domain.errors import NotFound
from app.domain.permissions import Permission
from app.domain.timetable import JOBS, LEASE, Job
from app.queries import job_runs as reads
from app.usecases import job_runs as verbs
from app.web.current import actor, now, runtime
from app.web.guards import requires, row_id
from app.web.htmx import is_htmx, render, see_other
from app.web.reading import forget_reads, read_session

SIZE = 50
HEADS = (
    ("what", "任务"),
    ("state", "状态"),
    ("who", "上次运行"),
    ("when", "时间"),
    ("money", "近7天失败"),
    ("next", ""),
)
RUN_HEADS = (("what", "开始"), ("state", "结果"), ("who", "用时"), ("money", "做了"), ("text", "出了什么错"))


@bp.get("/jobs")
@requires(Permission.JOBS_VIEW)
def jobs() -> Response:
    """Every job; while one waits or runs the page looks again."""
    return _page()


@bp.post("/jobs/<job>/run")
@requires(Permission.JOBS_RUN)
def run(job: str) -> Response:
    """Somebody wants it run now; the jobs process begins it in a second or two."""
    verbs.want_run(job, actor=actor(), now=now())
    forget_reads()
    return _page() if is_htmx() else see_other(url_for(".jobs"))


@bp.get("/jobs/<job>")
@requires(Permission.JOBS_VIEW)
def job_page(job: str) -> Response:
    """The runs of one job, newest first; `only=failed` those that failed."""
    wanted = _job(job)
    below, failed = row_id(request.args.get("below", "")), request.args.get("only") == "failed"
    runs = reads.runs_of(read_session(), job, below=below, failed=failed, size=SIZE, now=now())

    def link(**changed: Any) -> str:
        return url_for(".job_page", job=job, **{"only": "failed" if failed else None, **changed})

    return render(
        "timetable/job.html",
        block="runs",
        job=wanted,
        heads=RUN_HEADS,
        runs=[(one, words.run_badge(one), words.took(one), words.result(one)) for one in runs[:SIZE]],
        tabs=[(link(only=None), "全部", not failed), (link(only="failed"), "失败的", failed)],
        first_url=link() if below else "",
        older_url=link(below=runs[SIZE - 1].id) if len(runs) > SIZE else "",
    )


def _page() -> Response:
    session, at = read_session(), now()
    health = reads.health(session, at)
    led = reads.holder_of(session, LEASE, runtime().machine.now()) is not None
    may_run = actor().may(Permission.JOBS_RUN)
    rows = [words.job_row(job, health[name], at, may_run=may_run, led=led) for name, job in JOBS.items()]
    return render(
        "timetable/jobs.html",
        block="jobs",
        heads=HEADS,
        rows=rows,
        led=led,
        overdue=[
            (job.title, words.overdue_text(job, health[name], at), url_for(".job_page", job=name))
            for name, job in JOBS.items()
            if words.is_overdue(job, health[name], at)
        ],
        is_busy=any(row.is_busy for row in rows),
    )


def _job(name: str) -> Job:
    if name not in JOBS:
        raise NotFound
    return JOBS[name]
