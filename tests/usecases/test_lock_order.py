"""Every verb takes its locks in one order, so that no two of them wait for each other (decision 12)."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.db import db
from app.domain.permissions import Actor
from app.domain.refunds import RefundNotice, RefundStatus
from app.models.money import Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.usecases import customers, orders, payments, pickup, refunds
from app.web.current import RUNTIME
from tests.factories.ground import COLOURS
from tests.factories.orders import a_notice, an_order, order_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read

pytestmark = pytest.mark.postgres

ORDER = ("customer", "orders", "payment", "refund", "listing", "number_series", "order_day")
"""A number's slot is not among them: it is free under its series' lock, or an order's under that order's."""
JOB = Actor.job("tests")
LOCKS = re.compile(r"FROM (\w+).*FOR (?:NO KEY )?UPDATE|^UPDATE (\w+)|^INSERT INTO (order_day)", re.DOTALL)


@contextmanager
def locks_taken() -> Iterator[list[str]]:
    """The tables whose rows are locked, each once, in the order of their first lock."""
    taken: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found = LOCKS.search(statement)
        if found and (table := next(filter(None, found.groups()))) in ORDER and table not in taken:
            taken.append(table)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield taken
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


Act = Callable[[], object]


class Scene:
    """One buyer, one clerk and one manager, and the acts that take locks."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.buyer = a_customer(app)
        self.manager = a_member_of_staff(app, role="manager")

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now

    def order(self, **state: bool) -> int:
        return an_order(self.app, customer=self.buyer, **state)  # type: ignore[arg-type]  # the states' own names

    def out_trade_no(self, order_id: int) -> str:
        return payments.begin_attempt(order_id, actor=self.buyer, now=self.now).wanted.out_trade_no

    def told(self, out_trade_no: str) -> Act:
        till = self.app.extensions[RUNTIME].till
        with read(self.app) as session:
            openid = session.scalars(select(Customer.openid).where(Customer.id == self.buyer.id)).one() or ""
        notice = a_notice(self.app, out_trade_no, openid=openid, amount_fen=2399_00, now=self.now)
        return lambda: payments.take_payment_notice(
            notice, merchant=till.merchant, vault=till.vault, actor=Actor.wechat(), now=self.now
        )

    def reserving(self) -> Act:
        return self.order

    def entering_the_number(self) -> Act:
        order_id = self.order()
        return lambda: orders.enter_number(order_id, typed="0001", actor=self.buyer, now=self.now)

    def asking_for_money(self) -> Act:
        order_id = self.order(matched=True)
        return lambda: self.out_trade_no(order_id)

    def paying(self) -> Act:
        return self.told(self.out_trade_no(self.order(matched=True)))

    def reviving(self) -> Act:
        order_id = self.order(matched=True)
        out_trade_no = self.out_trade_no(order_id)
        orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)
        return self.told(out_trade_no)

    def sending_back(self) -> Act:
        order_id = self.order(matched=True)
        older = self.out_trade_no(order_id)
        payments.attempt_closed(older, actor=JOB, now=self.now)
        self.told(self.out_trade_no(order_id))()
        return self.told(older)

    def cancelling(self) -> Act:
        order_id = self.order()
        return lambda: orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)

    def cancelling_while_it_is_paid(self) -> Act:
        order_id = self.order(prepared=True)
        return lambda: orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)

    def cancelling_what_is_paid(self) -> Act:
        order_id = self.order(paid=True)
        return lambda: orders.cancel_order(order_id, reason="没有货", actor=self.manager, now=self.now)

    def expiring(self) -> Act:
        order_id = self.order()
        after = order_of(self.app, order_id).expires_at + timedelta(minutes=1)
        return lambda: orders.expire_order(order_id, actor=JOB, now=after)

    def closing_the_last_attempt(self) -> Act:
        order_id = self.order(matched=True)
        out_trade_no = self.out_trade_no(order_id)
        orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)
        return lambda: payments.attempt_closed(out_trade_no, actor=JOB, now=self.now)

    def handing_over(self) -> Act:
        order_id = self.order(paid=True)
        return lambda: pickup.confirm_pickup(
            order_id, colour=COLOURS[0], frame_no="LB12345", actor=self.manager, now=self.now
        )

    def undoing(self) -> Act:
        order_id = self.order(picked_up=True)
        return lambda: pickup.undo_pickup(order_id, reason="车有问题", actor=self.manager, now=self.now)

    def freezing(self) -> Act:
        order_id = self.order()
        return lambda: customers.freeze(order_id, reason="核实身份", actor=self.manager, now=self.now)

    def unfreezing(self) -> Act:
        self.freezing()()
        order_id = self.order_of_the_frozen()
        return lambda: customers.unfreeze(order_id, reason="核实完了", actor=self.manager, now=self.now)

    def order_of_the_frozen(self) -> int:
        with read(self.app) as session:
            return session.scalars(select(Order.id)).one()

    def refunding(self) -> Act:
        self.cancelling_what_is_paid()()
        with read(self.app) as session:
            refund, out_trade_no = session.execute(
                select(Refund, Payment.out_trade_no).join(Payment, Payment.id == Refund.payment_id)
            ).one()
        notice = RefundNotice(
            out_refund_no=refund.out_refund_no,
            out_trade_no=out_trade_no,
            refund_id="50000000",
            status=RefundStatus.REFUSED,
            amount_fen=refund.amount_fen,
            done_at=None,
            mch_id=self.app.extensions[RUNTIME].till.merchant.mch_id,
        )
        vault, our_mch_id = self.app.extensions[RUNTIME].vault, notice.mch_id
        return lambda: refunds.take_refund_notice(
            notice, our_mch_id=our_mch_id, vault=vault, actor=Actor.wechat(), now=self.now
        )


ACTS = [name for name in vars(Scene) if name.endswith("ing") or "ing_" in name]


@pytest.mark.parametrize("act", ACTS)
def test_an_act_takes_its_locks_in_the_one_order(context: Flask, act: str) -> None:
    doing: Act = getattr(Scene(context), act)()
    with locks_taken() as taken:
        doing()
    assert taken, "no lock was seen at all"
    assert taken == [table for table in ORDER if table in taken]
