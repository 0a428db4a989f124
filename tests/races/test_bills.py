"""Bills taken in, and differences resolved, by several at once: it happens once (decision 33)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier

import pytest
from flask import Flask

from app.domain.bills import BillKind, Cause, Remedy
from app.domain.calendar import SHANGHAI
from app.domain.permissions import Role
from app.models.closing import BillDay, BillItem
from app.models.journal import Audit
from app.usecases import reconciling
from tests.factories.bills import Paid, differences, take_in, trade_bill
from tests.factories.people import a_member_of_staff
from tests.fixtures.databases import Database

DAY = date(2026, 11, 23)
NOON = datetime.combine(DAY, time(12), SHANGHAI)
LATER = NOON + timedelta(hours=23)
AT_ONCE = 4


def at_once(act: Callable[[], object], many: int = AT_ONCE) -> list[str]:
    """What each of them got, sorted."""
    barrier = Barrier(many)

    def run() -> str:
        barrier.wait()
        try:
            return str(act())
        except Exception as error:  # noqa: BLE001  # told
            return repr(error)

    with ThreadPoolExecutor(many) as pool:
        return sorted(one.result() for one in [pool.submit(run) for _ in range(many)])


def a_bill(app: Flask) -> bytes:
    return trade_bill(app, [Paid(NOON, f"T-{nth}", f"STRANGE-{nth}", 5_00) for nth in range(5)])


@pytest.mark.both_engines
def test_several_workers_take_a_bill_in_once(app: Flask, database: Database) -> None:
    content = a_bill(app)
    done = at_once(lambda: take_in(app, BillKind.TRADE, DAY, content, now=LATER))
    assert done == ["False"] * (AT_ONCE - 1) + ["True"]
    assert (database.count(BillDay), database.count(BillItem)) == (1, 5)


@pytest.mark.postgres
def test_without_the_unique_day_they_take_it_in_twice(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("ALTER TABLE bill_day DROP CONSTRAINT uq_bill_day_kind_on_day")
    content, both, trades = a_bill(app), Barrier(2), reconciling._trades

    def together(*args: object) -> object:
        both.wait(timeout=10)  # neither has committed
        return trades(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(reconciling, "_trades", together)
    assert at_once(lambda: take_in(app, BillKind.TRADE, DAY, content, now=LATER), 2) == ["True", "True"]
    assert database.count(BillDay) == 2


@pytest.mark.both_engines
def test_several_people_resolve_a_difference_once(app: Flask, database: Database) -> None:
    take_in(app, BillKind.TRADE, DAY, a_bill(app), now=LATER)
    ids = [item.id for item in differences(app)]
    people = [a_member_of_staff(app, role=Role.FINANCE, region=None) for _ in range(AT_ONCE)]

    def resolve() -> int:
        with app.app_context():
            return reconciling.resolve_items(
                ids, cause=Cause.NOT_OURS, remedy=Remedy.NOTHING, actor=people.pop(), now=LATER
            )

    assert at_once(resolve) == ["0"] * (AT_ONCE - 1) + ["5"]
    assert database.count(Audit, Audit.action == "bill_items_resolved") == 1
