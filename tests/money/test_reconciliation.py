"""WeChat's bills through the real simulator: what was planted is found, nothing else, and somebody resolves it.

A day of 5,000 lines with 200 differences of 13 kinds; cross-day items, missing days, header variants, fees, files that
are damaged (decision 33).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, insert, select

from app.db import db
from app.domain.bills import BillKind, Difference, ItemState, Trouble
from app.domain.calendar import SHANGHAI
from app.domain.charges import PaymentStatus
from app.domain.ledger import Account
from app.domain.refunds import RefundStatus
from app.models.closing import BillDay, BillItem, BillTry
from app.models.money import Charge, Payment, Refund
from tests.factories.bills import differences
from tests.factories.counting_house import (
    a_payer,
    assert_books_agree,
    balances,
    eventually,
    prepay_id,
    run_job,
    sheet_of,
    until_refunds_arrive,
)
from tests.factories.forms import csrf_token
from tests.factories.orders import an_order, cancel
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator

pytestmark = pytest.mark.both_engines

DAY = date(2026, 11, 23)
NEXT = DAY + timedelta(days=1)
PAYMENTS, REFUNDS = 4_300, 700
IN_ONE_POST = 150
MATCHED, WAITING, OPEN, RESOLVED = ItemState.MATCHED, ItemState.WAITING, ItemState.OPEN, ItemState.RESOLVED
STATEMENTS = 150
"""So few SQL statements take in both bills, each of 5,000 lines: a line at a time would need thousands."""


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI)


def fetch(app: Flask, clock: MovedClock, day: date) -> Any:
    """The run of the morning after a day."""
    clock.move_to(at(day + timedelta(days=1), 10, 5))
    return run_job(app, "fetch_bills")


def states(app: Flask) -> list[tuple[Difference | None, ItemState]]:
    return [(item.difference, item.state) for item in differences(app)]


def lines(database: Database) -> Counter[tuple[BillKind, ItemState]]:
    """How the lines of all bills stand."""
    wanted = select(BillDay.kind, BillItem.state).join(BillDay, BillDay.id == BillItem.bill_day_id)
    return Counter((row.kind, row.state) for row in database.all(wanted.where(BillItem.line_no.is_not(None))))


# ---- a day of 5,000 lines ----


@dataclass(frozen=True)
class Sale:
    """What both sides' books have of one payment, and perhaps of its refund."""

    nth: int
    at: datetime
    fen: int
    refunded: bool

    @property
    def out_trade_no(self) -> str:
        return f"BULK-{self.nth:05d}"

    @property
    def transaction_id(self) -> str:
        return f"42000000{DAY:%Y%m%d}{self.nth:012d}"

    @property
    def refund_id(self) -> str:
        return f"50000000{DAY:%Y%m%d}{self.nth:013d}"

    @property
    def out_refund_no(self) -> str:
        return f"RBULK-{self.nth:05d}-1"

    @property
    def refunded_at(self) -> datetime:
        return self.at + timedelta(minutes=1)


SALES = [
    Sale(nth, at(DAY, 0, 5) + timedelta(seconds=18 * nth), 100 + nth % 977, nth % 6 == 0 and nth < 6 * REFUNDS)
    for nth in range(PAYMENTS)
]
BACK = [sale for sale in SALES if sale.refunded]
UNPAID = [sale for sale in SALES if not sale.refunded][5::240][:15]
"""Paid at WeChat, and we never heard of it."""


def plant_ours(app: Flask, database: Database) -> None:
    """Our books: late money on one charge of each region, as much of it as wanted, since no charge settles twice."""
    orders = [an_order(app, region=letter, now=at(DAY, 0, 1)) for letter in "ABC"]
    with database.write() as session:
        charges = list(session.scalars(select(Charge.id).where(Charge.order_id.in_(orders)).order_by(Charge.id)))
        unpaid = {sale.nth for sale in UNPAID}
        session.execute(
            insert(Payment),
            [
                {
                    "charge_id": charges[sale.nth % 3],
                    "out_trade_no": sale.out_trade_no,
                    "transaction_id": None if sale.nth in unpaid else sale.transaction_id,
                    "status": PaymentStatus.CLOSED if sale.nth in unpaid else PaymentStatus.SURPLUS,
                    "amount_fen": sale.fen,
                    "received_fen": None if sale.nth in unpaid else sale.fen,
                    "refunded_fen": sale.fen if sale.refunded else 0,
                    "created_at": sale.at - timedelta(seconds=40),
                    "expires_at": sale.at + timedelta(minutes=10),
                    "paid_at": None if sale.nth in unpaid else sale.at,
                }
                for sale in SALES
            ],
        )
        ids = dict(session.execute(select(Payment.out_trade_no, Payment.id)).all())
        session.execute(
            insert(Refund),
            [
                {
                    "payment_id": ids[sale.out_trade_no],
                    "out_refund_no": sale.out_refund_no,
                    "amount_fen": sale.fen,
                    "reason": "重复付款",
                    "held_on": Account.SURPLUS,
                    "status": RefundStatus.DONE,
                    "requested_at": sale.refunded_at,
                    "accepted_at": sale.refunded_at,
                    "done_at": sale.refunded_at + timedelta(seconds=5),
                }
                for sale in BACK
            ],
        )


def plant_theirs(simulator: Simulator) -> None:
    """WeChat's books of the same day."""
    for begin in range(0, PAYMENTS, IN_ONE_POST):
        some = SALES[begin : begin + IN_ONE_POST]
        simulator.post(
            "/_sim/books",
            payments=[
                {
                    "out_trade_no": sale.out_trade_no,
                    "transaction_id": sale.transaction_id,
                    "amount": sale.fen,
                    "openid": f"o-bulk-{sale.nth}",
                    "success_time": sale.at.isoformat(),
                    "description": "猎吧租车,AM0001",
                }
                for sale in some
            ],
            refunds=[
                {
                    "out_refund_no": sale.out_refund_no,
                    "refund_id": sale.refund_id,
                    "out_trade_no": sale.out_trade_no,
                    "amount": sale.fen,
                    "create_time": sale.refunded_at.isoformat(),
                    "end_time": (sale.refunded_at + timedelta(seconds=5)).isoformat(),
                }
                for sale in some
                if sale.refunded
            ],
        )


PLANTED: Sequence[tuple[str, int, dict[str, Any], Difference]] = (
    ("bill_row_missing", 20, {"of": "payment"}, Difference.PAYMENT_ONLY_BOOKS),
    ("bill_row_missing", 20, {"of": "refund"}, Difference.REFUND_ONLY_BOOKS),
    ("bill_row_extra", 20, {"of": "payment"}, Difference.PAYMENT_ONLY_BILL),
    ("bill_row_extra", 10, {"of": "refund"}, Difference.REFUND_ONLY_BILL),
    ("bill_row_amount", 20, {"of": "payment"}, Difference.PAYMENT_AMOUNT),
    ("bill_row_amount", 10, {"of": "refund"}, Difference.REFUND_AMOUNT),
    ("bill_row_twice", 15, {"of": "payment"}, Difference.TWICE),
    ("bill_refund_status", 20, {}, Difference.REFUND_STATUS),
    ("bill_other_merchant", 10, {}, Difference.OTHER_MERCHANT),
    ("fund_row_missing", 15, {"of": "payment"}, Difference.FUND_MISSING),
    ("fund_row_extra", 10, {}, Difference.FUND_ONLY),
    ("fund_amount", 15, {"of": "refund"}, Difference.FUND_AMOUNT),
)
KINDS = {*(difference for *_, difference in PLANTED), Difference.PAYMENT_UNPAID}
OF_REFUNDS = (Difference.REFUND_ONLY_BOOKS,)


def planted(simulator: Simulator) -> set[tuple[Difference, str]]:
    """What WeChat says it planted, and what we left out ourselves; by the number that our item must have."""
    kinds: dict[str, set[Difference]] = {}
    for fault, _, _, difference in PLANTED:
        kinds.setdefault(fault, set()).add(difference)
    refunds = {sale.refund_id: sale.out_refund_no for sale in BACK}
    found = {(Difference.PAYMENT_UNPAID, sale.transaction_id) for sale in UNPAID}
    for bill in simulator.get("/_sim/bills")["bills"]:
        for one in bill["planted"]:
            is_refund = one["number"].startswith("50")
            (difference,) = {
                kind for kind in kinds[one["fault"]] if len(kinds[one["fault"]]) == 1 or ("refund" in kind) == is_refund
            }
            number = refunds[one["number"]] if difference in OF_REFUNDS else one["number"]
            found.add((difference, number))
    return found


def found(app: Flask) -> list[tuple[Difference | None, str | None]]:
    return [
        (item.difference, item.our_no if item.difference in OF_REFUNDS else item.wechat_id) for item in differences(app)
    ]


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements that the application sends meanwhile; many rows in one are one."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.timeout(240)
@pytest.mark.statements(30)
def test_of_5000_lines_the_200_planted_differences_are_found_and_resolved(
    app: Flask, database: Database, simulator: Simulator, clock: MovedClock, as_staff: AsStaff
) -> None:
    plant_ours(app, database)
    plant_theirs(simulator)
    for fault, rows, more, _ in PLANTED:
        simulator.misbehave(fault, rows=rows, day=str(DAY), **more)
    assert len(KINDS) == 13
    assert sum(rows for _, rows, *_ in PLANTED) + len(UNPAID) == 200

    clock.move_to(at(NEXT, 10, 5))
    with counted(app) as statements:
        report = run_job(app, "fetch_bills")
    assert (report.rows, report.put_off, report.trouble) == (2, 0, ())  # type: ignore[attr-defined]
    assert len(statements) < STATEMENTS

    wanted, have = planted(simulator), found(app)
    assert len(wanted) == len(have) == 200
    assert set(have) == wanted
    waiting = Counter(difference for difference, state in states(app) if state is WAITING)
    assert waiting == {
        Difference.PAYMENT_ONLY_BOOKS: 20,
        Difference.REFUND_ONLY_BOOKS: 20,
        Difference.FUND_MISSING: 15,
    }
    settled = lines(database)
    assert settled[BillKind.TRADE, MATCHED] == PAYMENTS + len(BACK) - 40 - 30 - 20 - len(UNPAID)
    assert settled[BillKind.FUND, MATCHED] == PAYMENTS + len(BACK) - 15 - 15

    for day in (NEXT, NEXT + timedelta(days=1)):
        fetch(app, clock, day)
    assert Counter(state for _, state in states(app)) == {OPEN: 200}

    finance = as_staff("finance", region=None)
    resolve_all(finance)
    assert Counter(state for _, state in states(app)) == {RESOLVED: 200}
    assert all(item.resolved_by and item.resolved_at and item.cause and item.remedy for item in differences(app))
    assert "没有要处理的差异" in finance.get("/finance/bills").text
    assert "共 200 笔" in finance.get("/finance/bills?tab=resolved").text


def resolve_all(finance: LawfulClient) -> None:
    """Ten one by one, with a reason of their kind; then page by page, each with one reason."""
    token = csrf_token(finance)
    for nth in range(10):
        page = finance.get(f"/finance/bills?item={first_item(finance)}").text
        (action,) = re.findall(r'action="([^"]*/resolve[^"]*)"', page.partition('id="batch"')[0])
        cause = re.findall(r'<option[^>]* value="([^"]+)"', page.partition('name="one-cause"')[2])[0]  # the likeliest
        form = {"one-cause": cause, "one-remedy": "asked_wechat", "one-note": f"第 {nth} 笔", "csrf_token": token}
        assert finance.post(action.replace("&amp;", "&"), data=form).status_code == 303
    while every := re.findall(r'name="every" value="(\d+)"', finance.get("/finance/bills?size=100").text):
        form = {"batch-cause": "wechat_wrong", "batch-remedy": "asked_wechat", "batch-note": "微信已经更正"}
        sent = {**form, "every": every, "all": "1", "csrf_token": token}
        assert finance.post("/finance/bills/resolve?size=100", data=sent).status_code == 303


def first_item(finance: LawfulClient) -> str:
    """The first of the list."""
    found = re.search(r'id="item-(\d+)"', finance.get("/finance/bills").text)
    assert found
    return found[1]


# ---- smaller days ----


@pytest.fixture
def small_day(app: Flask, simulator: Simulator, clock: MovedClock, live_app: str) -> Iterator[None]:
    """Three orders paid on a day, one of them cancelled, its refund arrived: nothing differs."""
    clock.move_to(at(DAY, 12))
    order_ids = []
    for _ in range(3):
        payer = a_payer(app, simulator)
        order_ids.append(order_id := an_order(app, customer=payer, matched=True))
        simulator.pay(prepay_id(sheet_of(app, order_id, payer)))
    eventually(lambda: len(paid(app)) == 3)
    cancel(app, order_ids[0])
    until_refunds_arrive(app)
    yield
    assert_books_agree(app, simulator)


def paid(app: Flask) -> Sequence[Payment]:
    with read(app) as session:
        return session.scalars(select(Payment).where(Payment.received_fen.is_not(None)).order_by(Payment.id)).all()


@pytest.mark.usefixtures("small_day")
def test_a_day_on_which_all_went_well_agrees(app: Flask, database: Database, clock: MovedClock) -> None:
    fetch(app, clock, DAY)
    assert states(app) == []
    assert lines(database) == {(BillKind.TRADE, MATCHED): 4, (BillKind.FUND, MATCHED): 4}
    with read(app) as session:
        out = session.scalar(select(BillItem.bill_fen).where(BillItem.refund_id.is_not(None)).limit(1))
        into = sum(session.scalars(select(BillItem.bill_fen).join(BillDay).where(BillDay.kind == BillKind.FUND)))
    assert out is not None
    assert out < 0
    assert into == balances(app)[Account.WECHAT]


@pytest.mark.usefixtures("small_day")
@pytest.mark.parametrize(
    "faults", [["bill_old_headers"], ["bill_extra_column"], ["bill_old_headers", "bill_extra_column"]]
)
def test_other_headers_make_no_difference(
    app: Flask, database: Database, simulator: Simulator, clock: MovedClock, faults: list[str]
) -> None:
    for fault in faults:
        simulator.misbehave(fault)
    fetch(app, clock, DAY)
    assert states(app) == []
    assert lines(database)[BillKind.TRADE, MATCHED] == 4


@pytest.mark.usefixtures("small_day")
def test_fees_are_explained(
    app: Flask, database: Database, simulator: Simulator, clock: MovedClock, as_staff: AsStaff
) -> None:
    simulator.misbehave("bill_fees", percent=0.6)
    fetch(app, clock, DAY)
    assert states(app) == []
    assert lines(database) == {(BillKind.TRADE, MATCHED): 4, (BillKind.FUND, MATCHED): 7}
    kept = round(paid(app)[0].amount_fen * 0.006)
    assert f'data-word="手续费">{2 * kept / 100:.2f}<' in as_staff("finance", region=None).get("/finance/bills").text


@pytest.mark.usefixtures("small_day")
def test_the_job_takes_a_day_in_once(app: Flask, database: Database, simulator: Simulator, clock: MovedClock) -> None:
    assert fetch(app, clock, DAY).rows == 2
    asked = len(simulator.get("/_sim/requests")["requests"])
    assert run_job(app, "fetch_bills").rows == 0  # type: ignore[attr-defined]
    assert len(simulator.get("/_sim/requests")["requests"]) == asked
    assert database.count(BillDay) == 2


@pytest.mark.usefixtures("small_day")
def test_a_row_that_comes_a_day_late_matches_itself(app: Flask, simulator: Simulator, clock: MovedClock) -> None:
    for fault in ("bill_row_late", "fund_row_late"):
        simulator.misbehave(fault, day=str(DAY))
    fetch(app, clock, DAY)
    assert states(app) == [(Difference.PAYMENT_ONLY_BOOKS, WAITING), (Difference.FUND_MISSING, WAITING)]
    fetch(app, clock, NEXT)
    assert states(app) == [(Difference.PAYMENT_ONLY_BOOKS, MATCHED), (Difference.FUND_MISSING, MATCHED)]


@pytest.mark.usefixtures("small_day")
@pytest.mark.parametrize(
    "fault, trouble, words",
    [
        ("bill_not_ready", Trouble.NOT_READY, "微信还在生成"),
        ("bill_none", Trouble.NONE_YET, "微信说没有账单"),
        ("bill_bad_hash", Trouble.DAMAGED, "下载的文件不完整"),
        ("bill_cut", Trouble.DAMAGED, "下载的文件不完整"),
        ("status_5xx", Trouble.NO_ANSWER, "微信没有回答"),
    ],
)
def test_a_bill_that_could_not_be_had_is_shown_and_fetched_an_hour_later(
    app: Flask,
    database: Database,
    simulator: Simulator,
    clock: MovedClock,
    as_staff: AsStaff,
    fault: str,
    trouble: Trouble,
    words: str,
) -> None:
    more: dict[str, Any] = {"on": "bill"} if fault == "status_5xx" else {}
    simulator.misbehave(fault, **more)
    fetch(app, clock, DAY)
    assert database.all(select(BillTry.kind, BillTry.trouble)) == [(BillKind.TRADE, trouble)]
    page = as_staff("finance", region=None).get("/finance/bills").text
    assert "缺 1 天的账单" in page
    assert words in page
    clock.advance(timedelta(hours=1))
    assert run_job(app, "fetch_bills").rows == 2  # type: ignore[attr-defined]
    assert database.count(BillTry) == 0
    assert states(app) == []


@pytest.mark.usefixtures("small_day")
def test_a_bill_whose_sum_is_wrong_is_not_taken_in(
    app: Flask, database: Database, simulator: Simulator, clock: MovedClock
) -> None:
    simulator.misbehave("bill_bad_sum")
    report = fetch(app, clock, DAY)
    assert "总交易单数" in report.error
    assert database.one(select(BillTry.trouble)) is Trouble.UNREADABLE
    assert database.count(BillDay) == 0


@pytest.mark.usefixtures("small_day")
def test_days_that_were_missed_are_caught_up_in_their_order(app: Flask, database: Database, clock: MovedClock) -> None:
    assert fetch(app, clock, DAY + timedelta(days=5)).rows == 2 * 6
    assert states(app) == []
    days = [row.on_day for row in database.all(select(BillDay).order_by(BillDay.id))]
    assert days == sorted(days)
    assert (days[0], days[-1]) == (DAY, DAY + timedelta(days=5))
