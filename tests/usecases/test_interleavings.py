"""Every act that moves an order, a deposit, a battery or money, in any order and by many hands: the books hold."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import Select, or_, select

from app.domain.batteries import BatteryState
from app.domain.charges import LIVE_PAYMENTS, ChargeStatus, PaymentNotice
from app.domain.deposits import DamageItem, DepositKind, DepositStatus
from app.domain.errors import RuleBroken
from app.domain.ledger import Account
from app.domain.numbering import BatteryNumber, Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundNotice, RefundStatus
from app.domain.rentals import Condition, Place
from app.domain.settings import FLASH_PRICE, RELEASE_RENTAL_NUMBER
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge, Payment, Refund
from app.models.numbers import NumberSeries, NumberSlot
from app.models.orders import Order
from app.models.people import Customer
from app.models.rentals import Rental
from app.usecases import (
    batteries,
    customers,
    deposits,
    flash_charge,
    numbers,
    orders,
    payments,
    pickup,
    refund_notices,
    rentals,
    transaction,
)
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.flash import held_by, some_batteries
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, a_notice
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import DEPOSIT_FEN, MONTH, MONTH_FEN, a_card, a_photo, a_rental_listing
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

ACTS = 400
BUYERS = 4
VEHICLES = 8
BATTERIES = 4
LUCK = 0.7
JOB = Actor.job("tests")

R = TypeVar("R")


class Town:
    """Some people, one manager, few vehicles and batteries, a WeChat that tells what it likes; the rest is chance."""

    def __init__(self, app: Flask, database: Database, seed: int) -> None:
        self.app = app
        self.chance = random.Random(seed)  # noqa: S311  # the same acts in every run
        self.runtime = app.extensions[RUNTIME]
        self.buyers = [a_customer(app) for _ in range(BUYERS)]
        self.manager = a_member_of_staff(app, role="manager")
        self.listing_id = a_listing_id(app)
        self.rented = {
            a_rental_listing(database, business=business, price_fen=price_fen, stock=VEHICLES): price_fen
            for business, price_fen in ((Business.RENTAL, MONTH_FEN), (Business.MINI_RENTAL, 0))
        }
        some_batteries(database, last=BATTERIES)
        for buyer in self.buyers:
            a_card(app, buyer)
        a_setting(app, database, FLASH_PRICE, 2_00 * (seed % 2))
        a_setting(app, database, RELEASE_RENTAL_NUMBER, seed % 2)
        self.region_id = a_region_id(app, "A")
        self.told: dict[str, PaymentNotice] = {}
        self.keys = iter(range(10**6))
        self.lock = threading.Lock()

    @property
    def now(self) -> datetime:
        now: datetime = self.runtime.clock.now()
        return now

    def one_of(self, wanted: Select[R]) -> R | None:
        """Any one row that stands so now."""
        with read(self.app) as session:
            found = session.scalars(wanted).all()
        return self.chance.choice(found) if found else None

    def rather(self, promising: Select[R], wanted: Select[R]) -> R | None:
        """Mostly one with which something can be done, so that the town comes along."""
        return (self.one_of(promising) if self.chance.random() < LUCK else None) or self.one_of(wanted)

    def buyer_of(self, row: Order | Charge | Deposit) -> Actor:
        return next(buyer for buyer in self.buyers if buyer.id == row.customer_id)

    def an_order(self, *states: OrderStatus) -> tuple[Order, Actor] | None:
        wanted = select(Order).order_by(Order.id)
        order = self.one_of(wanted.where(Order.status.in_(states)) if states else wanted)
        return (order, self.buyer_of(order)) if order else None

    def key(self) -> str:
        with self.lock:
            return f"form-{next(self.keys)}"

    def reserve(self) -> None:
        orders.reserve(
            listing_id=self.listing_id,
            colour=COLOURS[0],
            intent=Intent.BUY,
            seen_fen=PRICE_FEN,
            request_key=self.key(),
            actor=self.chance.choice(self.buyers),
            now=self.now,
        )

    def enter_number(self) -> None:
        if found := self.an_order(OrderStatus.RESERVED):
            order, buyer = found
            orders.enter_number(order.id, typed=order.number, actor=buyer, now=self.now)

    def ask_for_payment(self) -> None:
        """For a price, a deposit or a fee."""
        is_open = select(Charge).where(Charge.status == ChargeStatus.OPEN).order_by(Charge.id)
        matched = select(Order.id).where(Order.matched_at.is_not(None))
        if charge := self.rather(is_open.where(or_(Charge.order_id.is_(None), Charge.order_id.in_(matched))), is_open):
            wanted = payments.begin_attempt(charge.id, actor=self.buyer_of(charge), now=self.now).wanted
            if self.chance.random() < 0.8:
                payments.attempt_prepared(wanted.out_trade_no, prepay_id="wx")

    def rent(self) -> None:
        listing_id, price_fen = self.chance.choice([*self.rented.items()])
        orders.reserve(
            listing_id=listing_id,
            colour=COLOURS[0],
            intent=Intent.BUY,
            days=MONTH,
            seen_fen=price_fen,
            request_key=self.key(),
            actor=self.chance.choice(self.buyers),
            now=self.now,
        )

    def agree(self) -> None:
        """One deposit or the other; on the way of a rental or, for flash charge, by itself."""
        rental = self.one_of(select(Order).where(Order.occupies_rental).order_by(Order.id))
        if rental and self.chance.random() < 0.7:
            kind, order_id, buyer = self.chance.choice([*DepositKind]), rental.id, self.buyer_of(rental)
        else:
            kind, order_id, buyer = DepositKind.FLASH, None, self.chance.choice(self.buyers)
        deposits.agree(kind, order_id=order_id, seen_fen=DEPOSIT_FEN, actor=buyer, now=self.now)

    def ask_back(self) -> None:
        if deposit := self.one_of(select(Deposit).order_by(Deposit.id)):
            who = self.buyer_of(deposit) if self.chance.random() < 0.5 else self.manager
            deposits.ask_back(deposit.id, actor=who, now=self.now)

    def give_back(self) -> None:
        if rental := self.one_of(select(Rental).order_by(Rental.id)):
            rentals.return_vehicle(
                rental.order_id,
                condition=self.chance.choice([*Condition]),
                place=self.chance.choice([*Place]),
                plate_off=True,
                actor=self.manager,
                now=self.now,
            )

    def settle_damage(self) -> None:
        if rental := self.one_of(select(Rental).where(Rental.settled_at.is_(None)).order_by(Rental.id)):
            rentals.settle_damage(
                rental.order_id,
                items=self.items(),
                photo=a_photo(PhotoKind.DAMAGE),
                reason="擦坏了",
                request_key=self.key(),
                actor=self.manager,
                now=self.now,
            )

    def items(self) -> list[DamageItem]:
        return [DamageItem("一项", self.chance.choice((1, 80_00, 200_00))) for _ in range(self.chance.randrange(3))]

    def scan(self) -> None:
        held = select(Deposit).where(Deposit.status == DepositStatus.HELD, Deposit.kind == DepositKind.FLASH)
        deposit = self.one_of(held.order_by(Deposit.id))
        who = self.buyer_of(deposit) if deposit else self.chance.choice(self.buyers)
        flash_charge.scan(self.a_number(), actor=who, now=self.now)

    def a_battery(self) -> int:
        """Mostly one that somebody has."""
        out = select(BatteryUse.battery_id).where(BatteryUse.returned_at.is_(None)).order_by(BatteryUse.id)
        return self.rather(out, select(Battery.id).order_by(Battery.id)) or 0

    def a_number(self) -> BatteryNumber:
        return BatteryNumber("A", self.chance.randint(1, BATTERIES))

    def take_back(self) -> None:
        if self.chance.random() < 0.3:
            flash_charge.ask_return(actor=self.chance.choice(self.buyers), now=self.now)
        place = self.chance.choice([*Place])
        flash_charge.take_back(self.a_battery(), place=place, actor=self.manager, now=self.now)

    def exchange(self) -> None:
        flash_charge.exchange(self.a_battery(), self.a_number(), actor=self.manager, now=self.now)

    def take_in(self) -> None:
        bringer = self.one_of(select(BatteryUse.id).order_by(BatteryUse.id)) if self.chance.random() < 0.7 else None
        flash_charge.take_in(
            self.a_battery(),
            bringer_use_id=bringer,
            reason="拿错了",
            actor=self.manager,
            now=self.now,
        )

    def settle_dispute(self) -> None:
        if use := self.one_of(select(BatteryUse).where(BatteryUse.disputed).order_by(BatteryUse.id)):
            ends = self.chance.random() < 0.5
            flash_charge.settle_dispute(use.id, ends=ends, reason="问清楚了", actor=self.manager, now=self.now)

    def lose(self) -> None:
        battery_id = self.a_battery()
        flash_charge.report_lost(
            battery_id,
            use_id=held_by(self.app, battery_id),
            items=self.items(),
            photo=a_photo(PhotoKind.DAMAGE),
            reason="丢了",
            request_key=self.key(),
            actor=self.manager,
            now=self.now,
        )

    def mend(self) -> None:
        """What was lost is found, what was broken is mended."""
        away = select(Battery.id).where(Battery.state.not_in((BatteryState.IN_STOCK, BatteryState.IN_USE)))
        if battery_id := self.rather(away.order_by(Battery.id), select(Battery.id)):
            batteries.move(battery_id, state=BatteryState.IN_STOCK, reason="找到了", actor=self.manager, now=self.now)

    def retire(self) -> None:
        act = self.chance.choice((numbers.retire, numbers.put_back_in_use))
        here = select(NumberSeries.id).where(NumberSeries.region_id == self.region_id)
        if slot := self.one_of(
            select(NumberSlot).where(NumberSlot.n <= VEHICLES, NumberSlot.series_id.in_(here)).order_by(NumberSlot.id)
        ):
            act(slot.id, reason="车牌丢了", actor=self.manager, now=self.now)

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
        found = self.an_attempt(live=self.chance.random() < LUCK)
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
        reserved = select(Order).where(Order.status == OrderStatus.RESERVED).order_by(Order.id)
        settled = select(Charge.order_id).where(Charge.status == ChargeStatus.SETTLED)
        if order := self.rather(reserved.where(Order.id.in_(settled)), reserved):
            pickup.confirm_pickup(
                order.id, colour=COLOURS[0], frame_no=f"LB{order.id:05d}", actor=self.manager, now=self.now
            )

    def undo(self) -> None:
        if found := self.an_order(OrderStatus.COMPLETED):
            pickup.undo_pickup(found[0].id, reason="车有问题", actor=self.manager, now=self.now)

    def freeze(self) -> None:
        if found := self.an_order():
            act = customers.freeze if self.chance.random() < 0.3 else customers.unfreeze
            act(found[0].customer_id, reason="核实身份", actor=self.manager, now=self.now)

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
        refund_notices.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=self.runtime.vault, actor=Actor.wechat(), now=self.now
        )

    def act(self) -> None:
        acts: list[tuple[Callable[[], None], int]] = [
            (self.reserve, 5), (self.enter_number, 6), (self.ask_for_payment, 6), (self.pay, 6), (self.tell_again, 1),
            (self.close_attempt, 2), (self.cancel, 2), (self.expire, 1), (self.hand_over, 5), (self.undo, 1),
            (self.freeze, 1), (self.tell_of_refund, 3), (self.rent, 4), (self.agree, 4), (self.ask_back, 2),
            (self.give_back, 2), (self.settle_damage, 2), (self.scan, 5), (self.take_back, 3), (self.exchange, 3),
            (self.take_in, 1), (self.settle_dispute, 1), (self.lose, 1), (self.mend, 2), (self.retire, 1),
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
@pytest.mark.parametrize("seed", [1, 6])
def test_any_order_of_acts_keeps_the_books(app: Flask, database: Database, seed: int) -> None:
    town = Town(app, database, seed)
    for nth in range(ACTS):
        town.act()
        if nth % 50 == 0:
            town.assert_the_books_hold()
    town.assert_the_books_hold()
    assert town.told, "nobody paid"


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.usefixtures("few_vehicles")
def test_many_hands_at_once_keep_the_books_and_nobody_deadlocks(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Exception] = []
    judge = transaction.is_lost_race

    def noted(error: Exception) -> bool:
        lost.append(error)
        return judge(error)

    monkeypatch.setattr(transaction, "is_lost_race", noted)
    town = Town(app, database, 3)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(town.act) for _ in range(ACTS)]:
            done.result()
    town.assert_the_books_hold()
    assert [error for error in lost if "deadlock" in str(error)] == []
