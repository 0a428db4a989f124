"""Adds the transfers since the last time to the sums of their days (decision 32)."""

from datetime import datetime

from app.jobs._report import Report
from app.runtime import Runtime
from app.usecases import ledger_sums


def run(_runtime: Runtime, _now: datetime) -> Report:
    """All of them at once."""
    return Report(ledger_sums.fold())
