"""Every act that moves an order or its money, in any order and by many hands at once: the books hold afterwards."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import LIVE_PAYMENTS, PaymentNotice
from app.domain.errors import RuleBroken
from app.domain.ledger import Account
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.domain.refunds import RefundNotice, RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.usecases import customers, orders, payments, pickup, refunds, transaction
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, a_notice
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.fixtures.databases import Database

ACTS = 250
BUYERS = 4
VEHICLES = 8
JOB = Actor.job("tests")


class Town:
    """Some buyers, one manager, few vehicles, a WeChat that tells what it likes; the order of acts is chance."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app = app
        self.chance = random.Random(seed)  # noqa: S311  # the same acts in every run
        self.runtime = app.extensions[RUNTIME]
        self.buyers = [a_customer(app) for _ in range(BUYERS)]
        self.manager = a_member_of_staff(app, role="manager")
        self.listing_id = a_listing_id(app)
        self.told: dict[str, PaymentNotice] = {}
        self.keys = iter(range(10**6))
        self.lock = threading.Lock()

    @property
    def now(self) -> datetime:
        now: datetime = self.runtime.clock.now()
        return now

    def an_order(self, *states: OrderStatus) -> tuple[Order, Actor] | None:
        with read(self.app) as session:
            wanted = select(Order).order_by(Order.id)
            found = session.scalars(wanted.where(Order.status.in_(states)) if states else wanted).all()
        if not found:
            return None
        order = self.chance.choice(found)
        return order, next(buyer for buyer in self.buyers if buyer.id == order.customer_id)

    def reserve(self) -> None:
        with self.lock:
            key = f"form-{next(self.keys)}"
        orders.reserve(
            listing_id=self.listing_id,
            colour=COLOURS[0],
            intent=Intent.BUY,
            seen_fen=PRICE_FEN,
            request_key=key,
            actor=self.chance.choice(self.buyers),
            now=self.now,
        )

    def enter_number(self) -> None:
        if found := self.an_order(OrderStatus.RESERVED):
            order, buyer = found
            orders.enter_number(order.id, typed=order.number, actor=buyer, now=self.now)

    def ask_for_payment(self) -> None:
        if found := self.an_order(OrderStatus.RESERVED):
            order, buyer = found
            wanted = payments.begin_attempt(order.id, actor=buyer, now=self.now).wanted
            if self.chance.random() < 0.8:
                payments.attempt_prepared(wanted.out_trade_no, prepay_id="wx")

    def an_attempt(self, *, live: bool = False) -> tuple[Payment, str] | None:
        with read(self.app) as session:
            wanted = (
                select(Payment, Customer.openid)
                .join(Charge, Charge.id == Payment.charge_id)
                .join(Customer, Customer.id == Charge.customer_id)
                .order_by(Payment.id)
            )
            found = session.execute(wanted.where(Payment.status.in_(LIVE_PAYMENTS)) if live else wanted).all()
        if not found:
            return None
        payment, openid = self.chance.choice(found)
        return payment, openid or ""

    def pay(self) -> None:
        """WeChat takes money for an attempt, once; now and then of another amount."""
        found = self.an_attempt()
        if found is None:
            return
        payment, openid = found
        with self.lock:
            if payment.out_trade_no in self.told:
                return
            amount_fen = payment.amount_fen if self.chance.random() < 0.9 else 4200
            notice = a_notice(self.app, payment.out_trade_no, openid=openid, amount_fen=amount_fen, now=self.now)
            self.told[payment.out_trade_no] = notice
        self.tell(notice)

    def tell_again(self) -> None:
        with self.lock:
            notices = list(self.told.values())
        if notices:
            self.tell(self.chance.choice(notices))

    def tell(self, notice: PaymentNotice) -> None:
        till = self.runtime.till
        payments.take_payment_notice(
            notice, merchant=till.merchant, vault=till.vault, actor=Actor.wechat(), now=self.now
        )

    def close_attempt(self) -> None:
        if found := self.an_attempt(live=True):
            payments.attempt_closed(found[0].out_trade_no, actor=JOB, now=self.now)

    def cancel(self) -> None:
        if found := self.an_order():
            order, buyer = found
            who = buyer if self.chance.random() < 0.5 else self.manager
            orders.cancel_order(order.id, reason="不要了", actor=who, now=self.now)

    def expire(self) -> None:
        if found := self.an_order(OrderStatus.RESERVED):
            orders.expire_order(found[0].id, actor=JOB, now=found[0].expires_at + timedelta(seconds=1))

    def hand_over(self) -> None:
        if found := self.an_order(OrderStatus.RESERVED):
            frame_no = f"LB{found[0].id:05d}"
            pickup.confirm_pickup(found[0].id, colour=COLOURS[0], frame_no=frame_no, actor=self.manager, now=self.now)

    def undo(self) -> None:
        if found := self.an_order(OrderStatus.COMPLETED):
            pickup.undo_pickup(found[0].id, reason="车有问题", actor=self.manager, now=self.now)

    def freeze(self) -> None:
        if found := self.an_order():
            act = customers.freeze if self.chance.random() < 0.3 else customers.unfreeze
            act(found[0].id, reason="核实身份", actor=self.manager, now=self.now)

    def tell_of_refund(self) -> None:
        with read(self.app) as session:
            found = session.scalars(select(Refund).order_by(Refund.id)).all()
        if not found:
            return
        refund = self.chance.choice(found)
        status = self.chance.choice([status for status in RefundStatus if status is not RefundStatus.REQUESTED])
        notice = RefundNotice(
            out_refund_no=refund.out_refund_no,
            out_trade_no="",
            refund_id="50000000",
            status=status,
            amount_fen=refund.amount_fen,
            done_at=self.now if status is RefundStatus.DONE else None,
            mch_id=self.runtime.till.merchant.mch_id,
        )
        refunds.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=self.runtime.vault, actor=Actor.wechat(), now=self.now
        )

    def act(self) -> None:
        acts: list[tuple[Callable[[], None], int]] = [
            (self.reserve, 5), (self.enter_number, 6), (self.ask_for_payment, 6), (self.pay, 5), (self.tell_again, 1),
            (self.close_attempt, 3), (self.cancel, 3), (self.expire, 2), (self.hand_over, 3), (self.undo, 2),
            (self.freeze, 1), (self.tell_of_refund, 2),
        ]  # fmt: skip
        (chosen,) = self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])
        try:
            with self.app.app_context():
                chosen()
        except RuleBroken:
            pass  # that is an answer

    def assert_the_books_hold(self) -> None:
        assert_nothing_violated(self.app)
        with read(self.app) as session:
            arrived = session.scalars(select(Payment).where(Payment.received_fen.is_not(None))).all()
            back = session.scalars(select(Refund.amount_fen).where(Refund.status == RefundStatus.DONE)).all()
        received = {payment.transaction_id: payment.received_fen or 0 for payment in arrived}
        assert received == {notice.transaction_id: notice.amount_fen for notice in self.told.values()}
        assert balances(self.app)[Account.WECHAT] == sum(received.values()) - sum(back)


@pytest.fixture
def few_vehicles(database: Database) -> None:
    database.execute(f"UPDATE listing SET stock = {VEHICLES}")
    database.execute(
        "INSERT INTO stock_movement (listing_id, delta, reason, turn, at)"
        f" SELECT id, {VEHICLES} - 50, 'by_hand', 0, '2026-01-01 00:00:00' FROM listing"
    )


@pytest.mark.usefixtures("few_vehicles")
@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_acts_keeps_the_books(app: Flask, seed: int) -> None:
    town = Town(app, seed)
    for nth in range(ACTS):
        town.act()
        if nth % 50 == 0:
            town.assert_the_books_hold()
    town.assert_the_books_hold()
    assert town.told, "nobody paid"


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.usefixtures("few_vehicles")
def test_many_hands_at_once_keep_the_books_and_nobody_deadlocks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Exception] = []
    judge = transaction.is_lost_race

    def noted(error: Exception) -> bool:
        lost.append(error)
        return judge(error)

    monkeypatch.setattr(transaction, "is_lost_race", noted)
    town = Town(app, 3)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(town.act) for _ in range(ACTS)]:
            done.result()
    town.assert_the_books_hold()
    assert [error for error in lost if "deadlock" in str(error)] == []
