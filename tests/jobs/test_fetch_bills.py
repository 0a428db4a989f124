"""Which bills are fetched when, and what becomes of those that cannot be had (decision 33)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.bills import BillKind, Trouble
from app.domain.permissions import Role
from app.domain.timetable import JOBS, Hourly
from app.jobs import fetch_bills
from app.jobs._report import PATIENCE, Report
from app.models.closing import BillDay, BillTry
from app.ports import BillDamaged, BillNotReady, GatewayRefused, NoBill, OutcomeUnknown
from app.usecases.day_closing import close_day
from tests.factories.gateway import Gateway, with_gateway
from tests.factories.ledger import MoneyHistory
from tests.factories.orders import an_order
from tests.factories.people import a_member_of_staff
from tests.fixtures.databases import Database

PAID_AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
DAY = date(2026, 11, 21)


def morning(day: date, hour: int = 10, minute: int = 5) -> datetime:
    """A time of a day in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def run(app: Flask, gateway: Gateway, now: datetime) -> Report:
    runtime = with_gateway(app, gateway)
    with app.app_context():
        return fetch_bills.run(runtime, now)


def raising(error: Exception) -> Callable[[BillKind, date], bytes]:
    def answer(_kind: BillKind, _day: date) -> bytes:
        raise error

    return answer


def test_it_runs_five_minutes_past_each_hour_of_our_clock() -> None:
    hourly = JOBS["fetch_bills"].schedule
    assert hourly == Hourly(5)
    at = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)
    assert hourly.next_after(at, at) == at + timedelta(hours=1)
    assert hourly.next_after(at - timedelta(days=9), at - timedelta(minutes=1)) == at
    assert hourly.next_after(at, at, timedelta(minutes=30)) == at + timedelta(minutes=30)
    assert (hourly.words, str(hourly)) == ("每小时 05 分", "hourly at 05")


def test_nothing_is_asked_before_the_first_payment(app: Flask) -> None:
    gateway = Gateway()
    an_order(app, now=PAID_AT)
    run(app, gateway, morning(DAY + timedelta(days=9)))
    assert gateway.asked == []


def test_a_fee_that_was_owed_before_anybody_paid_has_its_bills_too(app: Flask) -> None:
    """Without them its day, and so none after it, could ever be closed."""
    gateway, now = Gateway(), morning(DAY + timedelta(days=1))
    MoneyHistory(app, 1, DAY, 1).go_on(1)
    run(app, gateway, now)
    assert gateway.asked == ["bill trade 2026-11-21", "bill fund 2026-11-21"]
    finance = a_member_of_staff(app, role=Role.FINANCE, region=None)
    with app.app_context():
        assert close_day(DAY, actor=finance, now=now)


def test_yesterdays_bills_are_asked_for_from_ten(app: Flask, database: Database) -> None:
    gateway = Gateway()
    an_order(app, now=PAID_AT, paid=True)
    run(app, gateway, morning(DAY + timedelta(days=1), 9, 59))
    assert gateway.asked == []
    run(app, gateway, morning(DAY + timedelta(days=1)))
    assert gateway.asked == ["bill trade 2026-11-21"]  # we had money: no bill is not believed, and trades come first
    assert database.all(select(BillTry.trouble)) == [Trouble.NONE_YET]


def test_what_lies_farther_back_than_wechat_keeps_is_not_asked_for(app: Flask, database: Database) -> None:
    an_order(app, now=PAID_AT, paid=True)
    gateway, today = Gateway(), DAY + timedelta(days=101)
    assert run(app, gateway, morning(today)).rows == 2 * 85
    assert gateway.asked[:2] == [f"bill {kind} {today - timedelta(days=85)}" for kind in BillKind]
    assert gateway.asked[-1] == f"bill fund {today - timedelta(days=1)}"
    assert database.count(BillDay, BillDay.sha1.is_(None)) == 2 * 85


@pytest.mark.parametrize(
    "error, trouble, is_failure",
    [
        (BillNotReady(), Trouble.NOT_READY, False),
        (BillDamaged("cut off"), Trouble.DAMAGED, True),
        (GatewayRefused("NO_AUTH"), Trouble.REFUSED, False),
        (OutcomeUnknown("ReadTimeout"), Trouble.NO_ANSWER, False),
    ],
)
def test_why_a_bill_is_not_here_is_kept(
    app: Flask, database: Database, error: Exception, trouble: Trouble, is_failure: bool
) -> None:
    an_order(app, now=PAID_AT, paid=True)
    now = morning(DAY + timedelta(days=1))
    report = run(app, Gateway(on_bill=raising(error)), now)
    assert bool(report.error) is is_failure
    row = database.one(select(BillTry))
    assert (row.kind, row.on_day, row.trouble, row.tried_at) == (BillKind.TRADE, DAY, trouble, now)


def test_a_wechat_that_does_not_answer_is_left_alone_until_the_next_run(app: Flask) -> None:
    an_order(app, now=PAID_AT, paid=True)
    gateway = Gateway(on_bill=raising(OutcomeUnknown("away")))
    run(app, gateway, morning(DAY + timedelta(days=20)))
    assert gateway.asked == [f"bill trade {DAY + timedelta(days=nth)}" for nth in range(PATIENCE)]


def test_one_day_that_cannot_be_read_holds_up_no_other(app: Flask, database: Database) -> None:
    an_order(app, now=PAID_AT, paid=True)

    def answer(_kind: BillKind, day: date) -> bytes:
        if day == DAY:
            return b"nothing of the kind"
        raise NoBill

    report = run(app, Gateway(on_bill=answer), morning(DAY + timedelta(days=3)))
    assert "没有「交易时间」" in (report.error or "")
    assert [row.on_day for row in database.all(select(BillDay).order_by(BillDay.id))] == [
        DAY + timedelta(days=nth) for nth in (1, 1, 2, 2)
    ]


def test_what_nobody_foresaw_is_told_and_the_rest_goes_on(app: Flask) -> None:
    an_order(app, now=PAID_AT, paid=True)
    gateway = Gateway(on_bill=raising(RuntimeError("a bug")))
    report = run(app, gateway, morning(DAY + timedelta(days=2)))
    assert (report.error or "").count("a bug") == len(gateway.asked) == 2
