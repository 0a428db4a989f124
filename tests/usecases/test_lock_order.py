"""Every verb takes its locks in one order, so that no two of them wait for each other (decision 12)."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app.db import db
from app.domain.batteries import BatteryState
from app.domain.calendar import business_day
from app.domain.charges import Purpose
from app.domain.deposits import DamageItem, DepositKind
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundNotice, RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import FLASH_PRICE, RELEASE_RENTAL_NUMBER, RENTAL_LATE_FEE
from app.models.batteries import Battery, BatteryUse
from app.models.money import Charge, Payment, Refund
from app.models.numbers import NumberSeries, NumberSlot
from app.models.people import Customer
from app.usecases import (
    batteries,
    customers,
    deposits,
    flash_charge,
    late_fees,
    numbers,
    orders,
    payments,
    pickup,
    refund_notices,
    rentals,
    restrictions,
    waivers,
)
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, held_by, some_batteries, take_back
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_notice, an_order, charge_of, order_of, person_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import (
    DEPOSIT_FEN,
    a_deposit,
    a_photo,
    a_rental_order,
    deposits_of,
    give_back,
)
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

pytestmark = pytest.mark.postgres

ORDER = (
    "customer",
    "orders",
    "battery",
    "battery_use",
    "deposit",
    "payment",
    "refund",
    "listing",
    "number_series",
    "order_day",
)
"""A number's slot is not among them: it is free under its series' lock, or an order's under that order's.

Nor is a rental: whoever locks one has locked its person.
"""
JOB = Actor.job("tests")
LOCKS = re.compile(r"FROM (\w+).*FOR (?:NO KEY )?UPDATE|^UPDATE (\w+)|^INSERT INTO (order_day)", re.DOTALL)
OF_TWO = ("customer", "battery")
"""An act may lock two rows of these, of two people."""


class Lock(NamedTuple):
    """A table of which a row was locked, and (where one act may lock two) which."""

    table: str
    row: int | None


@contextmanager
def locks_taken() -> Iterator[list[Lock]]:
    """The locks, each once, in the order in which they were first taken."""
    taken: list[Lock] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found = LOCKS.search(statement)
        table = next(filter(None, found.groups())) if found else ""
        lock = Lock(table, parameters.get("pk_1") if found and found[1] and table in OF_TWO else None)
        if table in ORDER and lock not in taken and not (table in OF_TWO and lock.row is None):
            taken.append(lock)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield taken
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


Act = Callable[[], object]


class Scene:
    """One buyer and one manager, some batteries, and the acts that take locks."""

    def __init__(self, app: Flask, database: Database) -> None:
        self.app = app
        self.database = database
        self.buyer = a_customer(app)
        self.manager = a_member_of_staff(app, role="manager")
        first = database.count(Battery) + 1
        self.batteries = some_batteries(database, first=first, last=first + 1)
        self.numbers = [f"A{n:05d}" for n in (first, first + 1)]
        self.frame_no = f"LB{first:06d}"

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now

    def order(self, **state: bool) -> int:
        return an_order(self.app, customer=self.buyer, **state)  # type: ignore[arg-type]  # the states' own names

    def out_trade_no(self, order_id: int) -> str:
        return payments.begin_attempt(charge_of(self.app, order_id), actor=self.buyer, now=self.now).wanted.out_trade_no

    def told(self, out_trade_no: str, amount_fen: int = PRICE_FEN) -> Act:
        till = self.app.extensions[RUNTIME].till
        with read(self.app) as session:
            openid = session.scalars(select(Customer.openid).where(Customer.id == self.buyer.id)).one() or ""
        notice = a_notice(self.app, out_trade_no, openid=openid, amount_fen=amount_fen, now=self.now)
        return lambda: payments.take_payment_notice(
            notice, merchant=till.merchant, vault=till.vault, actor=Actor.wechat(), now=self.now
        )

    def reserving(self) -> Act:
        return self.order

    def entering_the_number(self) -> Act:
        order_id = self.order()
        number = order_of(self.app, order_id).number
        return lambda: orders.enter_number(order_id, typed=number, actor=self.buyer, now=self.now)

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
            order_id, colour=COLOURS[0], frame_no=self.frame_no, actor=self.manager, now=self.now
        )

    def undoing(self) -> Act:
        order_id = self.order(picked_up=True)
        return lambda: pickup.undo_pickup(order_id, reason="车有问题", actor=self.manager, now=self.now)

    def freezing(self) -> Act:
        order_id = self.order()
        return lambda: customers.freeze(
            person_of(self.app, order_id), reason="核实身份", actor=self.manager, now=self.now
        )

    def unfreezing(self) -> Act:
        order_id = self.order()
        customers.freeze(person_of(self.app, order_id), reason="核实身份", actor=self.manager, now=self.now)
        return lambda: customers.unfreeze(
            person_of(self.app, order_id), reason="核实完了", actor=self.manager, now=self.now
        )

    def rental(self, deposit: DepositKind | None = DepositKind.RENTAL, **state: bool) -> int:
        return a_rental_order(self.app, self.database, customer=self.buyer, deposit=deposit, **state)  # type: ignore[arg-type]  # the states' own names

    def agreeing(self) -> Act:
        order_id = self.rental(None)
        return lambda: a_deposit(self.app, self.buyer, DepositKind.RENTAL, order_id=order_id, paid=False)

    def choosing_the_other_deposit_while_one_is_paid(self) -> Act:
        order_id = self.rental(None)
        charge_id = a_deposit(self.app, self.buyer, DepositKind.RENTAL, order_id=order_id, paid=False)
        payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        return lambda: a_deposit(self.app, self.buyer, DepositKind.FLASH, order_id=order_id, paid=False)

    def asking_for_a_deposit(self) -> Act:
        charge_id = a_deposit(self.app, self.buyer, DepositKind.RENTAL, order_id=self.rental(None), paid=False)
        return lambda: payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)

    def opening_flash_charge_while_renting(self) -> Act:
        self.rental(picked_up=True)
        charge_id = a_deposit(self.app, self.buyer, DepositKind.FLASH, paid=False)
        attempt = payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        return self.told(attempt.wanted.out_trade_no, DEPOSIT_FEN)

    def reviving_a_deposit(self) -> Act:
        order_id = self.rental(None)
        charge_id = a_deposit(self.app, self.buyer, DepositKind.FLASH, order_id=order_id, paid=False)
        attempt = payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        a_deposit(self.app, self.buyer, DepositKind.RENTAL, order_id=order_id)
        return self.told(attempt.wanted.out_trade_no, DEPOSIT_FEN)

    def cancelling_a_rental(self) -> Act:
        order_id = self.rental(paid=True)
        return lambda: orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)

    def cancelling_a_rental_while_its_deposit_is_paid(self) -> Act:
        order_id = self.rental(None)
        charge_id = a_deposit(self.app, self.buyer, DepositKind.RENTAL, order_id=order_id, paid=False)
        payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        return lambda: orders.cancel_order(order_id, reason="", actor=self.buyer, now=self.now)

    def handing_a_rental_over(self) -> Act:
        order_id = self.rental(paid=True)
        return lambda: pickup.confirm_pickup(
            order_id, colour=COLOURS[0], frame_no=self.frame_no, actor=self.manager, now=self.now
        )

    def undoing_a_rental(self) -> Act:
        order_id = self.rental(picked_up=True)
        return lambda: pickup.undo_pickup(order_id, reason="车有问题", actor=self.manager, now=self.now)

    def returning(self) -> Act:
        a_setting(self.app, self.database, RELEASE_RENTAL_NUMBER, 1)
        order_id = self.rental(picked_up=True)
        return lambda: give_back(self.app, order_id)

    def settling_damage(self) -> Act:
        order_id = self.rental(picked_up=True)
        give_back(self.app, order_id, condition=Condition.DAMAGED)
        return lambda: rentals.settle_damage(
            order_id,
            items=[DamageItem("后视镜", 80_00)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="碎了",
            request_key=self.frame_no,
            actor=self.manager,
            now=self.now,
        )

    def unfreezing_whoever_has_an_idle_deposit(self) -> Act:
        order_id = self.rental(paid=True)
        customers.freeze(person_of(self.app, order_id), reason="核实身份", actor=self.manager, now=self.now)
        orders.cancel_order(order_id, reason="不租了", actor=self.manager, now=self.now)
        return lambda: customers.unfreeze(
            person_of(self.app, order_id), reason="核实完了", actor=self.manager, now=self.now
        )

    def member(self, *, price_fen: int = 0) -> Actor:
        a_setting(self.app, self.database, FLASH_PRICE, price_fen)
        return a_member(self.app, customer=self.buyer)

    def use(self, nth: int = 1, *, price_fen: int = 0) -> int:
        return a_use(self.app, self.member(price_fen=price_fen), self.numbers[nth])

    def leaving_flash_charge(self) -> Act:
        take_back(self.app, self.use(price_fen=2_00))
        with read(self.app) as session:
            charge_id = session.scalars(
                select(Charge.id).where(Charge.customer_id == self.buyer.id, Charge.purpose == Purpose.FLASH_FEE)
            ).one()
        payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        deposit_id = deposits_of(self.app, self.buyer)[-1].id
        return lambda: deposits.ask_back(deposit_id, actor=self.buyer, now=self.now)

    def scanning(self) -> Act:
        member = self.member(price_fen=2_00)
        return lambda: a_use(self.app, member, self.numbers[0])

    def asking_to_return(self) -> Act:
        self.use()
        return lambda: flash_charge.ask_return(actor=self.buyer, now=self.now)

    def taking_back(self) -> Act:
        use_id = self.use()
        return lambda: take_back(self.app, use_id)

    def exchanging(self) -> Act:
        self.use()
        return lambda: flash_charge.exchange(
            self.batteries[1], BatteryNumber.parse(self.numbers[0]), actor=self.manager, now=self.now
        )

    def taking_in(self) -> Act:
        bringer_use_id = self.use(0)
        a_use(self.app, a_member(self.app), self.numbers[1])
        return lambda: flash_charge.take_in(
            self.batteries[1], bringer_use_id=bringer_use_id, reason="拿错了", actor=self.manager, now=self.now
        )

    def settling_a_dispute(self) -> Act:
        use_id = self.use(0)
        a_use(self.app, a_member(self.app), self.numbers[1])
        flash_charge.take_in(
            self.batteries[1], bringer_use_id=use_id, reason="拿错了", actor=self.manager, now=self.now
        )
        return lambda: flash_charge.settle_dispute(
            use_id, ends=True, reason="换回来了", actor=self.manager, now=self.now
        )

    def reporting_a_loss(self) -> Act:
        self.use()
        return lambda: flash_charge.report_lost(
            self.batteries[1],
            use_id=held_by(self.app, self.batteries[1]),
            items=[DamageItem("电池", 100_00)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="丢了",
            request_key=self.frame_no,
            actor=self.manager,
            now=self.now,
        )

    def late_use(self) -> int:
        """Six days beyond the free ones."""
        return a_use(self.app, self.member(), self.numbers[1], now=self.now - timedelta(days=20))

    def asking_what_is_owed(self) -> Act:
        use_id = self.late_use()
        return lambda: late_fees.quote(BatteryUse, use_id, actor=self.buyer, now=self.now)

    def paying_late_fees(self) -> Act:
        charge_id = late_fees.quote(BatteryUse, self.late_use(), actor=self.buyer, now=self.now)
        attempt = payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        return self.told(attempt.wanted.out_trade_no, attempt.wanted.amount_fen)

    def waiving_late_fees(self) -> Act:
        use_id, today = self.late_use(), business_day(self.now)
        late_fees.quote(BatteryUse, use_id, actor=self.buyer, now=self.now)
        return lambda: waivers.waive(
            BatteryUse,
            use_id,
            days=[today],
            reason="店里没人",
            request_key=self.frame_no,
            actor=self.manager,
            now=self.now,
        )

    def taking_back_what_is_late(self) -> Act:
        use_id = self.late_use()
        return lambda: take_back(self.app, use_id)

    def leaving_flash_charge_with_a_debt(self) -> Act:
        use_id = self.late_use()
        take_back(self.app, use_id)
        charge_id = late_fees.quote(BatteryUse, use_id, actor=self.buyer, now=self.now)
        payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        deposit_id = deposits_of(self.app, self.buyer)[-1].id
        return lambda: deposits.ask_back(deposit_id, actor=self.buyer, now=self.now)

    def returning_late(self) -> Act:
        a_setting(self.app, self.database, RENTAL_LATE_FEE, 5_00)
        before = self.now - timedelta(days=40)
        order_id = a_rental_order(self.app, self.database, customer=self.buyer, picked_up=True, now=before)
        return lambda: give_back(self.app, order_id)

    def recording_a_freeze(self) -> Act:
        a_use(self.app, self.member(), self.numbers[1], now=self.now - timedelta(days=40))
        return lambda: restrictions.reconcile_person(self.buyer.id or 0, actor=JOB, now=self.now)

    def moving_a_battery(self) -> Act:
        return lambda: batteries.move(
            self.batteries[0], state=BatteryState.REPAIR, reason="外壳裂了", actor=self.manager, now=self.now
        )

    def retiring_a_number(self) -> Act:
        with read(self.app) as session:
            last = select(func.max(NumberSlot.id)).join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
            slot_id = session.scalars(last.where(NumberSeries.region_id == a_region_id(self.app, "A"))).one() or 0
        return lambda: numbers.retire(slot_id, reason="车牌丢了", actor=self.manager, now=self.now)

    def refunding_a_deposit(self) -> Act:
        self.cancelling_a_rental()()
        return self.refund_told(Purpose.DEPOSIT, RefundStatus.DONE)

    def refunding(self) -> Act:
        self.cancelling_what_is_paid()()
        return self.refund_told(Purpose.SALE, RefundStatus.REFUSED)

    def refund_told(self, purpose: Purpose, status: RefundStatus) -> Act:
        with read(self.app) as session:
            refund, out_trade_no = session.execute(
                select(Refund, Payment.out_trade_no)
                .join(Payment, Payment.id == Refund.payment_id)
                .join(Charge, Charge.id == Payment.charge_id)
                .where(Charge.customer_id == self.buyer.id, Charge.purpose == purpose)
            ).one()
        notice = RefundNotice(
            out_refund_no=refund.out_refund_no,
            out_trade_no=out_trade_no,
            refund_id="50000000",
            status=status,
            amount_fen=refund.amount_fen,
            done_at=self.now if status is RefundStatus.DONE else None,
            mch_id=self.app.extensions[RUNTIME].till.merchant.mch_id,
        )
        vault, our_mch_id = self.app.extensions[RUNTIME].vault, notice.mch_id
        return lambda: refund_notices.take_refund_notice(
            notice, our_mch_id=our_mch_id, vault=vault, actor=Actor.wechat(), now=self.now
        )


ACTS = [name for name in vars(Scene) if name.endswith("ing") or "ing_" in name]


def test_every_act_takes_its_locks_in_the_one_order(
    context: Flask, database: Database, subtests: pytest.Subtests
) -> None:
    for act in ACTS:
        with subtests.test(act=act):
            doing: Act = getattr(Scene(context, database), act)()
            with locks_taken() as taken:
                doing()
            assert taken, "no lock was seen at all"
            tables = [lock.table for lock in taken]
            assert list(dict.fromkeys(tables)) == [table for table in ORDER if table in tables]
            for table in OF_TWO:  # the smaller id first
                ids = [lock.row or 0 for lock in taken if lock.table == table]
                assert ids == sorted(ids)
