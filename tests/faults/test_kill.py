"""A process is killed before and after each statement and commit of an act; then the act comes again."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import count, cycle
from typing import NoReturn

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select, text

from app.db import db
from app.domain.charges import PaymentNotice
from app.domain.deposits import DamageItem, DepositKind, DepositStatus
from app.domain.numbering import BatteryNumber
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor, Role
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundNotice, RefundStatus
from app.domain.rentals import Condition, Place
from app.models.base import Base
from app.models.money import Charge, Payment, Refund
from app.models.people import Customer
from app.usecases import deposits, flash_charge, orders, payments, pickup, refund_notices, rentals
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, payments_of, refunds_of
from tests.factories.flash import a_member, a_use, some_batteries, take_back, use_of
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, a_notice, an_order, order_of, stock_up
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import (
    DEPOSIT_FEN,
    a_card,
    a_deposit,
    a_photo,
    a_rental_listing,
    a_rental_order,
    deposit_statuses,
    deposits_of,
    give_back,
    rental_of,
)
from tests.fixtures.databases import Database

pytestmark = [pytest.mark.both_engines, pytest.mark.faults, pytest.mark.timeout(600)]

Act = Callable[[], object]
_keys = count(1)


class Killer:
    """Kills this process at the n-th point: before and after each statement, and before and after the commit."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.points = 0

    def point(self, *_: object) -> None:
        self.points += 1
        if self.points == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", lambda *_: self.point())
        event.listen(engine, "after_cursor_execute", lambda *_: self.point())
        event.listen(engine, "commit", lambda *_: self.point())  # before the database commits


def killed_at(app: Flask, act: Act, at: int) -> bool:
    """Runs the act in a forked process that is killed at a point; False once the act has fewer points."""
    child = os.fork()
    if child == 0:
        _die(app, act, at)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the act failed before it was killed"
    return False


def _die(app: Flask, act: Act, at: int) -> NoReturn:
    """The child: connections of its own, the act, and the end."""
    code = 1
    try:
        with app.app_context():
            db.engine.dispose(close=False)
            killer = Killer(at)
            killer.watch(db.engine)
            act()
            killer.point()  # after the commit, before anybody was answered
        code = 0
    finally:
        os._exit(code)


TABLES = sorted(set(Base.metadata.tables) - {"number_slot"})
COUNT_ALL = text(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES))


def fingerprint(app: Flask) -> dict[str, int]:
    """How many rows each table has: an act is all there or not at all."""
    with read(app) as session:
        return {row[0]: row[1] for row in session.execute(COUNT_ALL)}


def kill(app: Flask, arrange: Callable[[], Act], expect: Callable[[], None], at: int) -> bool:
    """Arrange, kill, see that all or nothing is there, do the act again, see that it is done once.

    False, and nothing to see, once the act has fewer points.
    """
    act = arrange()
    before = fingerprint(app)
    if not killed_at(app, act, at):
        return False
    left = fingerprint(app)
    with app.app_context():
        act()
    done = fingerprint(app)
    assert left in (before, done), f"half a state after point {at}: {_difference(before, left)}"
    expect()
    return True


def kill_everywhere(
    app: Flask, arrange: Callable[[], Act], expect: Callable[[], None], *, passes: int = 1, first: int = 1
) -> int:
    """Kills at each point; how often."""
    kills = 0
    for _ in range(passes):
        at = first
        while kill(app, arrange, expect, at):
            kills += 1
            at += 1
    assert_nothing_violated(app)
    return kills


def kill_here_and_there(
    app: Flask, arrange: Callable[[], Act], expect: Callable[[], None], *, first: int, every: int
) -> int:
    """Kills at some points, and around the commit; how many points there are."""
    counter = Killer(None)
    act = arrange()
    counter.watch(db.engine)
    act()
    last = counter.points + 1  # after the commit
    expect()
    for at in sorted({*range(first, last, every), last - 2, last - 1, last}):
        assert kill(app, arrange, expect, at)
    assert_nothing_violated(app)
    return last


def _difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {table: after[table] - before[table] for table in after if after[table] != before[table]}


class Stage:
    """One application with a person and a clerk, and the acts that are killed."""

    def __init__(self, app: Flask, database: Database) -> None:
        stock_up(database, 5_000)
        self.app = app
        self.runtime = app.extensions[RUNTIME]
        self.clerk = a_member_of_staff(app, role=Role.CLERK)
        self.buyer = a_customer(app)
        self.order_id = 0

    @property
    def now(self) -> datetime:
        now: datetime = self.runtime.clock.now()
        return now

    def to_reserve(self) -> Act:
        customer = a_customer(self.app)
        key = f"killed-{next(_keys)}"
        now = self.now

        def reserve() -> None:
            self.order_id = orders.reserve(
                listing_id=a_listing_id(self.app),
                colour=COLOURS[0],
                intent=Intent.BUY,
                seen_fen=PRICE_FEN,
                request_key=key,
                actor=customer,
                now=now,
            )

        return reserve

    def take(self, notice: PaymentNotice) -> None:
        payments.take_payment_notice(
            notice,
            merchant=self.runtime.till.merchant,
            vault=self.runtime.vault,
            actor=Actor.wechat(),
            now=self.now,
        )

    def notice_for(self, order_id: int, customer: Actor) -> PaymentNotice:
        with read(self.app) as session:
            openid = session.scalars(select(Customer.openid).where(Customer.id == customer.id)).one() or ""
        number = payments_of(self.app, order_id)[-1].out_trade_no
        return a_notice(self.app, number, openid=openid, amount_fen=PRICE_FEN, now=self.now)

    def to_take_money(self) -> Act:
        self.order_id = an_order(self.app, customer=self.buyer, prepared=True)
        return partial(self.take, self.notice_for(self.order_id, self.buyer))

    def to_take_late_money(self) -> Act:
        self.order_id = an_order(self.app, customer=self.buyer, prepared=True)
        with self.app.app_context():
            orders.cancel_order(self.order_id, reason="", actor=self.buyer, now=self.now)
        return partial(self.take, self.notice_for(self.order_id, self.buyer))

    def to_pick_up(self) -> Act:
        self.order_id = an_order(self.app, customer=self.buyer, paid=True)
        frame_no = f"LBKILL{next(_keys):06d}"
        return partial(
            pickup.confirm_pickup,
            self.order_id,
            colour=COLOURS[0],
            frame_no=frame_no,
            actor=self.clerk,
            now=self.now,
        )

    def to_cancel(self) -> Act:
        self.order_id = an_order(self.app, customer=self.buyer, paid=True)
        return partial(orders.cancel_order, self.order_id, reason="用户改主意", actor=self.clerk, now=self.now)

    def to_take_a_refund(self) -> Act:
        self.to_cancel()()
        refund, payment = self.last_refund()
        notice = RefundNotice(
            out_refund_no=refund.out_refund_no,
            out_trade_no=payment.out_trade_no,
            refund_id=f"50{next(_keys):020d}",
            status=RefundStatus.DONE,
            amount_fen=refund.amount_fen,
            done_at=self.now,
            mch_id=self.runtime.till.merchant.mch_id,
        )
        return partial(
            refund_notices.take_refund_notice,
            notice,
            our_mch_id=notice.mch_id,
            vault=self.runtime.vault,
            actor=Actor.wechat(),
            now=self.now,
        )

    def last_refund(self) -> tuple[Refund, Payment]:
        return refunds_of(self.app)[-1], payments_of(self.app, self.order_id)[-1]

    def is_reserved(self) -> None:
        assert order_of(self.app, self.order_id).status is OrderStatus.RESERVED

    def is_completed(self) -> None:
        assert order_of(self.app, self.order_id).status is OrderStatus.COMPLETED

    def is_cancelled(self) -> None:
        assert order_of(self.app, self.order_id).status is OrderStatus.CANCELLED

    def refund_is_done(self) -> None:
        assert self.last_refund()[0].status is RefundStatus.DONE


class RentStage(Stage):
    """The same, with vehicles for rent, batteries, and a member who uses them."""

    def __init__(self, app: Flask, database: Database) -> None:
        super().__init__(app, database)
        self.database = database
        self.listing_id = a_rental_listing(database, price_fen=0, stock=5_000)
        self.numbers = cycle(f"A{n:05d}" for n in range(1, 4))
        some_batteries(database, last=3)
        self.manager = a_member_of_staff(app, role=Role.MANAGER)
        self.member = a_member(app)
        self.renter = self.buyer
        self.use_id = 0
        a_card(app, self.buyer)

    def a_renter(self) -> Actor:
        """A person with a vehicle out; `order_id` is its order."""
        renter = a_customer(self.app)
        self.order_id = a_rental_order(self.app, self.database, customer=renter, price_fen=0, picked_up=True)
        return renter

    def to_agree(self) -> Act:
        """Each choice drops the one before, with its attempt."""
        if not self.order_id:
            self.order_id = a_rental_order(
                self.app, self.database, customer=self.buyer, price_fen=0, card=False, deposit=None
            )
        due = deposits_of(self.app, self.buyer)
        kind = DepositKind.FLASH if due and due[-1].kind is DepositKind.RENTAL else DepositKind.RENTAL
        if due:
            with read(self.app) as session:
                charge_id = session.scalars(select(Charge.id).where(Charge.deposit_id == due[-1].id)).one()
            payments.begin_attempt(charge_id, actor=self.buyer, now=self.now)
        return partial(
            deposits.agree, kind, order_id=self.order_id, seen_fen=DEPOSIT_FEN, actor=self.buyer, now=self.now
        )

    def one_is_due(self) -> None:
        statuses = deposit_statuses(self.app, self.buyer)
        assert statuses == [DepositStatus.VOID] * (len(statuses) - 1) + [DepositStatus.DUE]

    def to_pay_a_deposit(self) -> Act:
        """Flash charge is opened while a vehicle is out: the other deposit goes back."""
        self.renter = self.a_renter()
        charge_id = a_deposit(self.app, self.renter, DepositKind.FLASH, paid=False)
        wanted = payments.begin_attempt(charge_id, actor=self.renter, now=self.now).wanted
        notice = a_notice(
            self.app, wanted.out_trade_no, openid=wanted.openid, amount_fen=wanted.amount_fen, now=self.now
        )
        return partial(self.take, notice)

    def the_deposit_is_held(self) -> None:
        assert deposit_statuses(self.app, self.renter) == [DepositStatus.REFUNDING, DepositStatus.HELD]

    def to_return(self) -> Act:
        self.renter = self.a_renter()
        return partial(
            rentals.return_vehicle,
            self.order_id,
            condition=Condition.GOOD,
            place=Place.STOCK,
            plate_off=True,
            actor=self.clerk,
            now=self.now,
        )

    def the_deposit_is_on_its_way_back(self) -> None:
        assert deposit_statuses(self.app, self.renter) == [DepositStatus.REFUNDING]
        assert rental_of(self.app, self.order_id).settled_at is not None

    def to_settle_damage(self) -> Act:
        self.renter = self.a_renter()
        give_back(self.app, self.order_id, condition=Condition.DAMAGED)
        return partial(
            rentals.settle_damage,
            self.order_id,
            items=[DamageItem("后视镜", 80_00), DamageItem("漆面", 30_00)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="左边擦坏了",
            request_key=f"damage-{next(_keys)}",
            actor=self.manager,
            now=self.now,
        )

    def to_scan(self) -> Act:
        if self.use_id:
            take_back(self.app, self.use_id)
        number = BatteryNumber.parse(next(self.numbers))

        def scan() -> None:
            self.use_id = flash_charge.scan(number, actor=self.member, now=self.now).use_id

        return scan

    def to_exchange(self) -> Act:
        if not self.use_id:
            self.use_id = a_use(self.app, self.member, next(self.numbers))
        battery_id, fresh = use_of(self.app, self.use_id).battery_id, BatteryNumber.parse(next(self.numbers))

        def exchange() -> None:
            self.use_id = flash_charge.exchange(battery_id, fresh, actor=self.clerk, now=self.now)

        return exchange

    def the_use_is_open(self) -> None:
        assert use_of(self.app, self.use_id).returned_at is None


@pytest.mark.parametrize(
    ("arrange", "expect", "least_points"),
    [
        ("to_agree", "one_is_due", 20),
        ("to_pay_a_deposit", "the_deposit_is_held", 50),
        ("to_return", "the_deposit_is_on_its_way_back", 50),
        ("to_settle_damage", "the_deposit_is_on_its_way_back", 50),
        ("to_scan", "the_use_is_open", 40),
        ("to_exchange", "the_use_is_open", 60),
    ],
)
def test_a_killed_act_of_rent_or_flash_charge_leaves_all_or_nothing(
    app: Flask, database: Database, arrange: str, expect: str, least_points: int, fault_passes: int
) -> None:
    """In the suite at every twelfth point, others on the other engine; in `./dev faults` at each."""
    stage = RentStage(app, database)
    act, seen = getattr(stage, arrange), getattr(stage, expect)
    with app.app_context():
        if fault_passes > 1:
            assert kill_everywhere(app, act, seen) >= least_points
        else:
            first = 1 if database.engine_name == "sqlite" else 7
            assert kill_here_and_there(app, act, seen, first=first, every=12) >= least_points


@pytest.mark.parametrize(
    ("arrange", "expect", "least_points"),
    [
        ("to_reserve", "is_reserved", 30),
        ("to_take_money", "is_reserved", 20),
        ("to_take_late_money", "is_reserved", 30),
        ("to_pick_up", "is_completed", 20),
        ("to_cancel", "is_cancelled", 30),
        ("to_take_a_refund", "refund_is_done", 15),
    ],
)
@pytest.mark.req("NUM-6")
def test_a_killed_act_leaves_all_or_nothing(
    app: Flask, database: Database, arrange: str, expect: str, least_points: int, fault_passes: int
) -> None:
    stage = Stage(app, database)
    with app.app_context():
        kills = kill_everywhere(app, getattr(stage, arrange), getattr(stage, expect), passes=fault_passes)
    assert kills >= least_points * fault_passes


def test_an_act_in_two_transactions_is_found_out(app: Flask, database: Database) -> None:
    """The twin: the same kill, on an act that commits halfway."""
    stage = Stage(app, database)

    def to_reserve_and_enter() -> Act:
        reserve = stage.to_reserve()

        def both() -> None:
            reserve()
            order = order_of(app, stage.order_id)
            buyer = Actor.customer(order.customer_id, registered=True, region_id=order.region_id)
            orders.enter_number(order.id, typed=order.number, actor=buyer, now=stage.now)

        return both

    least_points_of_a_reservation = 30
    with app.app_context():
        with pytest.raises(AssertionError, match="half a state"):
            kill_everywhere(app, to_reserve_and_enter, stage.is_reserved, first=least_points_of_a_reservation)
        with pytest.raises(AssertionError, match="half a state"):
            kill_here_and_there(app, to_reserve_and_enter, stage.is_reserved, first=1, every=12)
