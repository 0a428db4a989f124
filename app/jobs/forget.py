"""Deletes what nobody needs any more: ended log-ins, spent counters, done errands, idle runs, files, photos."""

from datetime import datetime

from app.db import read_only_session
from app.jobs._report import Report
from app.queries import tasks
from app.runtime import Runtime
from app.usecases import forgetting, photos


def run(runtime: Runtime, now: datetime) -> Report:
    """Each kind in a transaction of its own."""
    log_ins = forgetting.forget_old_sessions(now=now)
    counters = forgetting.forget_spent_counters(now=now)
    errands = forgetting.forget_done_errands(now=now)
    runs = forgetting.forget_old_runs(now=now)
    files = _forget_files(runtime, now)
    pictures = photos.sweep(runtime.photos, now=now)
    return Report(rows=log_ins + counters + errands + runs + files + pictures)


def _forget_files(runtime: Runtime, now: datetime) -> int:
    """Those of tasks that are over. The files first: a row that is still there is found again."""
    with read_only_session() as session:
        over = tasks.expired(session, now)
    for _, file_key in over:
        runtime.files.erase(file_key)
    forgetting.forget_tasks([task_id for task_id, _ in over])
    return len(over)
