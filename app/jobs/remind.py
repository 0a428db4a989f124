"""Reminds people of batteries and vehicles before a late fee, at the first one, and before the freeze (SET-4, SET-5).

Only the outbox is written: a message that cannot be sent changes nothing else.
"""

from collections.abc import Iterator
from datetime import datetime

from app.db import read_only_session
from app.domain.calendar import business_day
from app.domain.reminders import Stage
from app.jobs._report import Report, Tally
from app.queries import directory, reminders
from app.queries.late_fees import Lent
from app.runtime import Runtime
from app.usecases.reminders import remind


def run(_runtime: Runtime, now: datetime) -> Report:
    """Each person in a transaction of their own; whom a run has missed, the next one finds while it is still true."""
    tally = Tally("remind")
    for kind, stage, lent_id in _due(now):
        try:
            if remind(kind, lent_id, stage, now=now):
                tally.did()
        except Exception as error:  # noqa: BLE001  # one person must not hold up the others
            tally.failed(f"{kind.__tablename__} {lent_id}", error)
    return tally.report()


def _due(now: datetime) -> Iterator[tuple[type[Lent], Stage, int]]:
    today = business_day(now)
    with read_only_session() as session:
        region_ids = [region.id for region in directory.regions(session)]
    for kind in reminders.THING:
        for stage in Stage:
            with read_only_session() as session:
                found = reminders.to_remind(session, kind, stage, region_ids, today)
            yield from ((kind, stage, lent_id) for lent_id in found)
