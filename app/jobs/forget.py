"""Deletes what nobody needs any more: ended log-ins, spent counters, done errands, the record of idle runs."""

from datetime import datetime

from app.jobs._report import Report
from app.runtime import Runtime
from app.usecases import forgetting


def run(_runtime: Runtime, now: datetime) -> Report:
    """Each kind in a transaction of its own."""
    log_ins = forgetting.forget_old_sessions(now=now)
    counters = forgetting.forget_spent_counters(now=now)
    errands = forgetting.forget_done_errands(now=now)
    runs = forgetting.forget_old_runs(now=now)
    return Report(rows=log_ins + counters + errands + runs)
