"""Posts the late fees of every day that has begun, then makes the record of freezes follow the facts (SET-4, SET-5).

A region, and a person, is a transaction of its own: an error in one stops no other, and a message that cannot be sent
is the outbox's matter.
"""

from collections.abc import Iterator
from datetime import date, datetime

from app.db import read_only_session
from app.domain.calendar import business_day
from app.domain.permissions import Actor
from app.jobs._report import Report, Tally
from app.queries import directory, restrictions
from app.queries.late_fees import KINDS
from app.runtime import Runtime
from app.usecases import late_fees
from app.usecases.restrictions import reconcile_person

PAGE = 500
ACTOR = Actor.job("charge_late_fees")


def run(_runtime: Runtime, now: datetime) -> Report:
    """Fees first, so that whoever reads of a freeze finds what is owed."""
    tally = Tally("charge_late_fees")
    with read_only_session() as session:
        regions = directory.regions(session)
    for region in regions:
        for kind in KINDS:
            try:
                tally.rows += late_fees.post_days(kind, region.id, now=now)
            except Exception as error:  # noqa: BLE001  # one region must not hold up the others
                tally.failed(f"{kind.__tablename__} {region.letter}", error)
    for customer_id in _differing(business_day(now)):
        try:
            reconcile_person(customer_id, actor=ACTOR, now=now)
            tally.did()
        except Exception as error:  # noqa: BLE001  # the same for a person
            tally.failed(f"customer {customer_id}", error)
    return tally.report()


def _differing(today: date) -> Iterator[int]:
    page: list[int] = []
    while True:
        with read_only_session() as session:
            page = list(restrictions.differing(session, today, after=page[-1] if page else 0, limit=PAGE))
        yield from page
        if len(page) < PAGE:
            return
