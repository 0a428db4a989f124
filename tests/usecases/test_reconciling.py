"""Bills held against our books by the verbs: both ways, across days, twice, at once, and resolved (decision 33)."""

from datetime import date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.bills import (
    BillChanged,
    BillKind,
    BillUnreadable,
    Cause,
    Difference,
    ItemState,
    NoneYet,
    Remedy,
    TradeBillFirst,
    Trouble,
)
from app.domain.calendar import SHANGHAI
from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.models.closing import BillDay, BillItem, BillTry
from app.models.journal import Audit
from app.models.money import Payment, Refund
from app.usecases import reconciling
from tests.factories.bills import (
    Back,
    Moved,
    Paid,
    differences,
    fund_bill,
    movements,
    of_payment,
    of_refund,
    take_in,
    trade_bill,
)
from tests.factories.orders import an_order, cancel, tell_of_refund
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines

DAY = date(2026, 11, 23)
NEXT = DAY + timedelta(days=1)
TRADE, FUND = BillKind.TRADE, BillKind.FUND
MATCHED, WAITING, OPEN, RESOLVED = ItemState.MATCHED, ItemState.WAITING, ItemState.OPEN, ItemState.RESOLVED


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), SHANGHAI)


def morning(day: date) -> datetime:
    """When the bills of a day are fetched."""
    return at(day + timedelta(days=1), 10, 5)


def paid_at(app: Flask, moment: datetime) -> int:
    """An order that was paid half a minute later; its payment's id."""
    order_id = an_order(app, now=moment, paid=True)
    return payment_of(app, order_id).id


def payment_of(app: Flask, order_id: int) -> Payment:
    from app.models.money import Charge

    with read(app) as session:
        return session.scalars(select(Payment).join(Charge).where(Charge.order_id == order_id)).one()


def payment(app: Flask, payment_id: int) -> Payment:
    with read(app) as session:
        return session.get_one(Payment, payment_id)


def refund(app: Flask) -> Refund:
    with read(app) as session:
        return session.scalars(select(Refund)).one()


def told(app: Flask) -> list[tuple[Difference | None, ItemState]]:
    return [(item.difference, item.state) for item in differences(app)]


def trades(app: Flask, day: date, *rows: Paid | Back) -> bool:
    return take_in(app, TRADE, day, trade_bill(app, rows), now=morning(day))


def funds(app: Flask, day: date, *rows: Moved) -> bool:
    return take_in(app, FUND, day, fund_bill(rows), now=morning(day))


def test_what_agrees_is_matched_line_by_line(app: Flask, database: Database) -> None:
    order_id = an_order(app, now=at(DAY, 9), paid=True)
    cancel(app, order_id, now=at(DAY, 11))
    tell_of_refund(app, order_id, RefundStatus.ACCEPTED, now=at(DAY, 11, 1))
    tell_of_refund(app, order_id, RefundStatus.DONE, now=at(DAY, 11, 2))
    rows = (of_payment(app, payment_of(app, order_id)), of_refund(refund(app), status="SUCCESS"))
    assert trades(app, DAY, *rows)
    assert funds(app, DAY, *movements(*rows))
    assert told(app) == []
    items = database.all(select(BillItem))
    assert [item.state for item in items] == [MATCHED] * 4
    assert all(item.bill_fen == item.book_fen and item.told is None and item.region_id for item in items)
    assert database.count(BillDay) == 2


def test_each_difference_is_found(app: Flask) -> None:
    def a_payment(minute: int) -> Payment:
        return payment(app, paid_at(app, at(DAY, 9, minute)))

    agrees, changed, twice, missing = (of_payment(app, a_payment(minute)) for minute in range(4))
    unpaid_order = an_order(app, now=at(DAY, 9, 10), prepared=True)
    unpaid = Paid(at(DAY, 9, 11), "T-unpaid", payment_of(app, unpaid_order).out_trade_no, 2399_00)
    rows: list[Paid | Back] = [
        agrees,
        Paid(changed.at, changed.transaction_id, changed.out_trade_no, changed.fen + 1),
        twice,
        twice,
        unpaid,
        Paid(at(DAY, 12), "T-strange", "STRANGE-1", 5_00),
        Paid(agrees.at, "T-other", agrees.out_trade_no, agrees.fen, mch_id="1699999999"),
        Back(at(DAY, 13), "R-strange", "STRANGE-2", 6_00),
    ]
    trades(app, DAY, *rows)
    assert told(app) == [
        (Difference.PAYMENT_AMOUNT, OPEN),
        (Difference.TWICE, OPEN),
        (Difference.PAYMENT_UNPAID, OPEN),
        (Difference.PAYMENT_ONLY_BILL, OPEN),
        (Difference.OTHER_MERCHANT, OPEN),
        (Difference.REFUND_ONLY_BILL, OPEN),
        (Difference.PAYMENT_ONLY_BOOKS, WAITING),
    ]
    amount, *_, other, _, only_here = differences(app)
    assert (amount.bill_fen, amount.book_fen, amount.line_no) == (changed.fen + 1, changed.fen, 2)
    assert amount.told is not None
    assert amount.told["商品名称"] == "猎吧租车,AM0001"
    assert (other.payment_id, other.book_fen) == (None, None)
    assert (only_here.line_no, only_here.bill_fen, only_here.book_fen) == (None, None, missing.fen)
    assert only_here.wechat_id == missing.transaction_id


def test_differences_of_refunds_are_found(app: Flask) -> None:
    done = []
    for minute in range(3):
        order_id = an_order(app, now=at(DAY, 9, minute), paid=True)
        cancel(app, order_id, now=at(DAY, 10, minute))
        tell_of_refund(app, order_id, RefundStatus.DONE, now=at(DAY, 11, minute))
        done.append(order_id)
    with read(app) as session:
        failed, amount, _missing = (of_refund(row, status="FAIL") for row in session.scalars(select(Refund)))
    rows = [of_payment(app, payment_of(app, order_id)) for order_id in done]
    trades(app, DAY, *rows, failed, Back(amount.at, amount.refund_id, amount.out_refund_no, amount.fen - 1, "SUCCESS"))
    assert told(app) == [
        (Difference.REFUND_STATUS, OPEN),
        (Difference.REFUND_AMOUNT, OPEN),
        (Difference.REFUND_ONLY_BOOKS, WAITING),
    ]


def test_movements_are_held_against_trades(app: Flask) -> None:
    rows = [of_payment(app, payment(app, paid_at(app, at(DAY, 9, minute)))) for minute in range(4)]
    fee = Paid(rows[3].at, rows[3].transaction_id, rows[3].out_trade_no, rows[3].fen, fee_fen=14_39)
    trades(app, DAY, *rows[:3], fee)
    good, _missing, changed, with_fee = movements(*rows)
    funds(
        app,
        DAY,
        good,
        Moved(changed.at, changed.wechat_id, changed.fen - 1, changed.voucher),
        with_fee,
        Moved(fee.at, fee.transaction_id, -14_39, fee.out_trade_no, "扣除交易手续费"),
        Moved(at(DAY, 20), "W-1", -100_00, "", "提现"),
    )
    assert told(app) == [
        (Difference.FUND_AMOUNT, OPEN),
        (Difference.FUND_ONLY, OPEN),
        (Difference.FUND_MISSING, WAITING),
    ]


def test_one_cause_is_one_difference(app: Flask) -> None:
    """What the bill of trades lacks, has otherwise or has too much is not told again by the movements."""
    missing, changed = (payment(app, paid_at(app, at(DAY, 9, minute))) for minute in range(2))
    true = of_payment(app, changed)
    rows = (
        Paid(true.at, true.transaction_id, true.out_trade_no, true.fen + 1),
        Paid(at(DAY, 12), "T-invented", "STRANGE", 5_00),
    )
    trades(app, DAY, *rows)
    funds(app, DAY, *movements(of_payment(app, missing), true))
    assert [difference for difference, _ in told(app)] == [
        Difference.PAYMENT_AMOUNT,
        Difference.PAYMENT_ONLY_BILL,
        Difference.PAYMENT_ONLY_BOOKS,
    ]


def test_a_bill_twice_is_a_bill_once(app: Flask, database: Database) -> None:
    row = of_payment(app, payment(app, paid_at(app, at(DAY, 9))))
    assert trades(app, DAY, row)
    assert not trades(app, DAY, row)
    with pytest.raises(BillChanged):
        trades(app, DAY)
    assert database.count(BillDay) == database.count(BillItem) == 1


def test_a_bill_that_is_not_the_days_leaves_nothing(app: Flask, database: Database) -> None:
    row = of_payment(app, payment(app, paid_at(app, at(DAY, 9))))
    with pytest.raises(BillUnreadable):
        trades(app, DAY - timedelta(days=1), row)
    with pytest.raises(TradeBillFirst):
        funds(app, DAY, *movements(row))
    with pytest.raises(ValueError, match="not over"):
        take_in(app, TRADE, DAY, None, now=at(NEXT, 9, 59))
    assert database.count(BillDay) == database.count(BillItem) == 0


def test_no_bill_is_believed_at_once_only_if_our_books_have_nothing(app: Flask, database: Database) -> None:
    assert take_in(app, TRADE, DAY, None, now=morning(DAY))
    assert take_in(app, FUND, DAY, None, now=morning(DAY))
    paid_at(app, at(NEXT, 9))
    with pytest.raises(NoneYet):
        take_in(app, TRADE, NEXT, None, now=morning(NEXT))
    assert take_in(app, TRADE, NEXT, None, now=morning(NEXT) + timedelta(days=2))
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, WAITING)]
    assert database.count(BillDay) == 3


# ---- across days ----


def test_what_a_bill_lacks_waits_for_the_next_and_is_matched_by_it(app: Flask) -> None:
    late = of_payment(app, payment(app, paid_at(app, at(DAY, 23, 59))))
    trades(app, DAY)
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, WAITING)]
    trades(app, NEXT, late)
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, MATCHED)]


def test_what_two_more_bills_lack_is_a_difference(app: Flask) -> None:
    paid_at(app, at(DAY, 23, 59))
    trades(app, DAY)
    trades(app, NEXT)
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, WAITING)]
    trades(app, NEXT + timedelta(days=1))
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, OPEN)]


def test_a_bill_that_comes_after_later_ones_lets_nothing_wait(app: Flask) -> None:
    payment_id = paid_at(app, at(DAY, 23, 59))
    trades(app, NEXT, of_payment(app, payment(app, payment_id)))
    trades(app, DAY + timedelta(days=2))
    paid_at(app, at(DAY, 12))
    trades(app, DAY)
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, OPEN)]


def test_a_refund_of_which_we_heard_late_stands_in_the_bill_before(app: Flask) -> None:
    order_id = an_order(app, now=at(DAY, 9), paid=True)
    cancel(app, order_id, now=at(DAY, 23, 58))
    tell_of_refund(app, order_id, RefundStatus.ACCEPTED, now=at(NEXT, 0, 3))
    trades(app, DAY, of_payment(app, payment_of(app, order_id)), of_refund(refund(app), at=at(DAY, 23, 59)))
    trades(app, NEXT)
    assert told(app) == []


def test_a_movement_may_come_a_day_later(app: Flask) -> None:
    row = of_payment(app, payment(app, paid_at(app, at(DAY, 23, 59))))
    trades(app, DAY, row)
    funds(app, DAY)
    assert told(app) == [(Difference.FUND_MISSING, WAITING)]
    trades(app, NEXT)
    funds(app, NEXT, *movements(row))
    assert told(app) == [(Difference.FUND_MISSING, MATCHED)]


def test_a_trade_may_come_a_day_after_its_movement(app: Flask) -> None:
    row = of_payment(app, payment(app, paid_at(app, at(DAY, 23, 59))))
    stray = Paid(at(DAY, 23, 59), "T-stray", "STRAY", 5_00)
    trades(app, DAY)
    funds(app, DAY, *movements(row, stray))
    trades(app, NEXT, row, stray)
    funds(app, NEXT)
    assert told(app) == [
        (Difference.PAYMENT_ONLY_BOOKS, MATCHED),
        (Difference.FUND_ONLY, MATCHED),
        (Difference.PAYMENT_ONLY_BILL, OPEN),
    ]


def test_the_same_line_in_two_bills_is_told(app: Flask) -> None:
    row = of_payment(app, payment(app, paid_at(app, at(DAY, 23, 59))))
    trades(app, DAY, row)
    trades(app, NEXT, row)
    assert told(app) == [(Difference.TWICE, OPEN)]


# ---- what settles itself ----


def test_a_refund_that_was_told_of_after_the_bill_settles_itself(app: Flask) -> None:
    order_id = an_order(app, now=at(DAY, 9), paid=True)
    cancel(app, order_id, now=at(DAY, 11))
    tell_of_refund(app, order_id, RefundStatus.ACCEPTED, now=at(DAY, 11, 1))
    trades(app, DAY, of_payment(app, payment_of(app, order_id)), of_refund(refund(app), status="SUCCESS"))
    assert told(app) == [(Difference.REFUND_STATUS, OPEN)]
    tell_of_refund(app, order_id, RefundStatus.DONE, now=at(NEXT, 11))
    trades(app, NEXT)
    assert told(app) == [(Difference.REFUND_STATUS, MATCHED)]


def test_money_that_comes_back_settles_itself_once_we_know_that_its_refund_was_closed(app: Flask) -> None:
    order_id = an_order(app, now=at(DAY, 9), paid=True)
    cancel(app, order_id, now=at(DAY, 11))
    tell_of_refund(app, order_id, RefundStatus.ACCEPTED, now=at(DAY, 11, 1))
    rows = (of_payment(app, payment_of(app, order_id)), back := of_refund(refund(app)))
    trades(app, DAY, *rows)
    again = Moved(at(DAY, 15), back.refund_id, back.fen, back.out_refund_no, "退款退回")
    funds(app, DAY, *movements(*rows), again)
    assert told(app) == [(Difference.FUND_ONLY, OPEN)]
    tell_of_refund(app, order_id, RefundStatus.REFUSED, now=at(NEXT, 11))
    trades(app, NEXT)
    assert told(app) == [(Difference.FUND_ONLY, MATCHED)]


# ---- resolving ----


@pytest.fixture
def finance(app: Flask) -> Actor:
    return a_member_of_staff(app, role=Role.FINANCE, region=None)


def a_difference(app: Flask) -> BillItem:
    trades(app, DAY, Paid(at(DAY, 12), "T-strange", "STRANGE", 5_00))
    return differences(app)[-1]


def resolve(app: Flask, *item_ids: int, actor: Actor, cause: Cause = Cause.NOT_OURS) -> int:
    with app.app_context():
        return reconciling.resolve_items(
            item_ids, cause=cause, remedy=Remedy.NOTHING, note=" 别的收款码 ", actor=actor, now=at(NEXT, 11)
        )


def test_a_difference_is_resolved_once(app: Flask, database: Database, finance: Actor) -> None:
    item = a_difference(app)
    assert resolve(app, item.id, actor=finance) == 1
    colleague = a_member_of_staff(app, role=Role.OWNER, region=None)
    assert resolve(app, item.id, actor=colleague, cause=Cause.OTHER) == 0
    (resolved,) = differences(app)
    assert (resolved.state, resolved.cause, resolved.remedy) == (RESOLVED, Cause.NOT_OURS, Remedy.NOTHING)
    assert (resolved.reason, resolved.resolved_by, resolved.resolved_at) == ("别的收款码", finance.id, at(NEXT, 11))
    assert database.count(Audit, Audit.action == "bill_items_resolved") == 1


def test_what_is_resolved_stays_so(app: Flask, finance: Actor) -> None:
    late = of_payment(app, payment(app, paid_at(app, at(DAY, 23, 59))))
    trades(app, DAY)
    resolve(app, differences(app)[0].id, actor=finance)
    trades(app, NEXT, late)
    assert told(app) == [(Difference.PAYMENT_ONLY_BOOKS, RESOLVED)]


def test_a_matched_line_cannot_be_resolved(app: Flask, database: Database, finance: Actor) -> None:
    trades(app, DAY, of_payment(app, payment(app, paid_at(app, at(DAY, 9)))))
    with pytest.raises(NotFound):
        resolve(app, database.one(select(BillItem.id)), actor=finance)


def test_only_who_may_and_only_what_they_see(app: Flask) -> None:
    paid_at(app, at(DAY, 9))
    item = a_difference(app)
    here, _ = differences(app)[::-1]
    assert here.region_id == a_region_id(app, "A")
    for role, region, of, error in (
        (Role.CLERK, "A", here, Forbidden),
        (Role.MANAGER, "B", here, NotFound),
        (Role.MANAGER, "A", differences(app)[0], NotFound),  # of no region
    ):
        with pytest.raises(error):
            resolve(app, of.id, actor=a_member_of_staff(app, role=role, region=region))
    assert item.region_id is not None
    assert resolve(app, here.id, actor=a_member_of_staff(app, role=Role.MANAGER, region="A")) == 1


def test_of_several_all_are_resolved_or_none(app: Flask, finance: Actor) -> None:
    item = a_difference(app)
    with pytest.raises(NotFound):
        resolve(app, item.id, 2**40, actor=finance)
    assert told(app)[0][1] is OPEN


# ---- troubles ----


def test_a_trouble_is_noted_once_for_a_bill_and_gone_with_it(app: Flask, database: Database) -> None:
    with app.app_context():
        for minute in (5, 65):
            reconciling.note_trouble(
                TRADE, DAY, Trouble.NOT_READY, detail="x" * 999, now=at(NEXT, 10) + timedelta(minutes=minute)
            )
    (row,) = database.all(select(BillTry))
    assert (row.trouble, row.tried_at, len(row.detail)) == (Trouble.NOT_READY, at(NEXT, 11, 5), 300)
    trades(app, DAY)
    assert database.count(BillTry) == 0
