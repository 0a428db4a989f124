"""A freeze holds by the facts, whether or not a job has run; its rows are the record (decision 5)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import day_start
from app.domain.deposits import DepositKind, Tie
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber
from app.domain.orders import Intent
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.settings import FLASH_PRICE, FROZEN_DEPOSIT
from app.models.batteries import BatteryUse
from app.models.journal import Audit
from app.models.money import Charge
from app.models.people import Restriction
from app.queries import people
from app.usecases import customers, deposits, flash_charge, late_fees, orders, payments, pickup
from app.usecases.restrictions import reconcile_person
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, refunds_of
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, an_order, order_of, pay
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import a_rental_order, deposits_of, give_back, rental_of
from tests.factories.settings import a_setting
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

NOON = timedelta(hours=12)
SCANNED = date(2027, 11, 1)
JOB = Actor.job("tests")


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


@dataclass(slots=True)
class Scene:
    """A member who scans a battery on 1 November and keeps it; no job runs unless a test says so."""

    app: Flask
    database: Database
    clock: MovedClock
    member: Actor
    clerk: Actor
    use_id: int = 0

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now

    def on_day(self, n: int, at: timedelta = NOON) -> None:
        """It is the n-th day after the scan."""
        self.clock.move_to(day_start(SCANNED + timedelta(days=n)) + at)

    def reserve(self) -> int:
        return orders.reserve(
            listing_id=a_listing_id(self.app),
            colour=COLOURS[0],
            intent=Intent.RESERVE,
            seen_fen=PRICE_FEN,
            request_key="reserve",
            actor=self.member,
            now=self.now,
        )

    def scan(self, number: str = "A00002") -> flash_charge.Scanned:
        return flash_charge.scan(BatteryNumber.parse(number), actor=self.member, now=self.now)

    def ask_back(self) -> None:
        deposits.ask_back(deposits_of(self.app, self.member)[-1].id, actor=self.member, now=self.now)

    def pay_late_fees(self) -> None:
        self.pay(late_fees.quote(BatteryUse, self.use_id, actor=self.member, now=self.now))

    def pay(self, charge_id: int) -> None:
        wanted = payments.begin_attempt(charge_id, actor=self.member, now=self.now).wanted
        pay(self.app, wanted.out_trade_no, customer=self.member, amount_fen=wanted.amount_fen, now=self.now)

    def reconcile(self) -> None:
        """What the nightly job does for a person."""
        reconcile_person(self.member.id or 0, actor=JOB, now=self.now)

    @property
    def causes(self) -> list[Cause]:
        """What bars the person, by the facts."""
        with read(self.app) as session:
            return [freeze.cause for freeze in people.freezes_of(session, self.member.id or 0, self.now)]

    @property
    def record(self) -> list[tuple[Cause, bool]]:
        """The rows, and whether each is open."""
        rows = self.database.all(select(Restriction).order_by(Restriction.id))
        return [(row.cause, row.lifted_at is None) for row in rows]


@pytest.fixture
def scene(context: Flask, database: Database, clock: MovedClock) -> Scene:
    """The battery is out."""
    clock.move_to(day_start(SCANNED) + NOON - timedelta(hours=1))
    a_setting(context, database, FLASH_PRICE, 2_00)
    some_batteries(database, last=3)
    scene = Scene(context, database, clock, a_member(context), a_member_of_staff(context))
    scene.use_id = a_use(context, scene.member)
    return scene


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "SET-6", "CARD-5")
def test_a_frozen_person_begins_nothing_new_though_the_job_never_ran(scene: Scene) -> None:
    order_id = an_order(scene.app, customer=scene.member, paid=True)
    scene.on_day(29, timedelta(hours=23, minutes=59))
    assert scene.causes == []
    scene.on_day(30, timedelta())
    assert scene.causes == [Cause.OVERDUE]
    assert scene.record == []
    broken = refused(scene.reserve)
    assert (broken.rule, broken.facts["reason"]) == (Rule.FROZEN, "电池 A00001 用了 30 天没还")
    assert broken.facts["since"] == day_start(SCANNED + timedelta(days=30))
    exchange = refused(
        flash_charge.exchange, 1, BatteryNumber.parse("A00002"), actor=scene.clerk, now=scene.now
    )  # 换电 is a scan
    assert exchange.rule is Rule.FROZEN
    assert refused(scene.scan).rule is Rule.BATTERY_HELD
    assert refused(scene.ask_back).facts["ties"] == (Tie.BATTERY, Tie.FREEZE)
    handed_over = refused(
        pickup.confirm_pickup, order_id, colour=COLOURS[0], frame_no="LB000001", actor=scene.clerk, now=scene.now
    )
    assert handed_over.rule is Rule.FROZEN


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "SET-6")
def test_a_frozen_person_pays_and_gives_back_and_is_free_at_once(scene: Scene) -> None:
    scene.on_day(30)
    with read(scene.app) as session:
        price = session.scalars(select(Charge.id).where(Charge.battery_use_id == scene.use_id)).one()
    scene.pay(price)
    scene.pay_late_fees()
    flash_charge.ask_return(actor=scene.member, now=scene.now)
    take_back(scene.app, scene.use_id)
    assert scene.causes == []
    assert scene.scan().begun
    assert scene.reserve()
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "SET-6")
def test_the_return_ends_the_freeze_and_what_is_owed_bars_until_it_is_paid(scene: Scene) -> None:
    scene.on_day(30)
    scene.reconcile()
    assert scene.record == [(Cause.OVERDUE, True)]
    take_back(scene.app, scene.use_id)
    assert (scene.causes, scene.record) == ([Cause.DEBT], [(Cause.OVERDUE, False), (Cause.DEBT, True)])
    broken = refused(scene.scan)
    assert (broken.rule, broken.facts["cause"], broken.facts["reason"]) == (
        Rule.FROZEN,
        Cause.DEBT,
        "电池 A00001 还欠逾期费 ¥80.00",
    )
    assert refused(scene.reserve).facts["cause"] is Cause.DEBT
    scene.pay_late_fees()
    assert (scene.causes, scene.record) == ([], [(Cause.OVERDUE, False), (Cause.DEBT, False)])
    told = scene.database.all(select(Audit.action).where(Audit.action.like("restriction%")).order_by(Audit.id))
    assert told == ["restriction_began", "restriction_lifted", "restriction_began", "restriction_lifted"]
    assert_nothing_violated(scene.app)


@pytest.mark.req("SET-4", "SET-6")
def test_a_late_vehicle_bars_its_person_from_batteries_too(
    context: Flask, database: Database, clock: MovedClock
) -> None:
    clock.move_to(day_start(SCANNED) + NOON)
    some_batteries(database, last=1)
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, deposit=DepositKind.FLASH, picked_up=True)
    due = rental_of(context, order_id).due_on
    for days, may in ((29, True), (30, False)):
        clock.move_to(day_start(due + timedelta(days=days)) + NOON)
        now = context.extensions[RUNTIME].clock.now()
        if not may:
            broken = refused(flash_charge.scan, BatteryNumber.parse("A00001"), actor=renter, now=now)
            assert broken.facts["reason"] == f"租的车 {order_of(context, order_id).number} 逾期 30 天没还"
            give_back(context, order_id)
        flash_charge.scan(BatteryNumber.parse("A00001"), actor=renter, now=now)
        take_back(context, database.one(select(BatteryUse.id).where(BatteryUse.returned_at.is_(None))))
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("SET-6", "SET-11")
@pytest.mark.parametrize("deposits_wait", [True, False], ids=["暂停退还", "抵扣欠费后退还"])
def test_the_deposit_of_a_frozen_account_waits_or_goes_back_less_what_is_owed(
    scene: Scene, *, deposits_wait: bool
) -> None:
    a_setting(scene.app, scene.database, FROZEN_DEPOSIT, 0 if deposits_wait else 1)
    scene.on_day(18)
    take_back(scene.app, scene.use_id)
    boss = a_member_of_staff(scene.app, role="manager")
    customers.freeze(scene.member.id or 0, reason="核实身份", actor=boss, now=scene.now)
    if deposits_wait:
        assert refused(scene.ask_back).facts["ties"] == (Tie.FREEZE,)
        customers.unfreeze(scene.member.id or 0, reason="核实完了", actor=boss, now=scene.now)
    scene.ask_back()  # a debt alone does not hold it
    assert refunds_of(scene.app)[-1].amount_fen == 300_00 - 2_00 - 4 * 5_00
    assert scene.causes == ([] if deposits_wait else [Cause.MANUAL])
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
def test_two_jobs_at_once_record_a_freeze_once(scene: Scene) -> None:
    scene.on_day(31)
    both = Barrier(2)

    def work(_: int) -> None:
        with scene.app.app_context():
            both.wait(10)
            scene.reconcile()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    scene.reconcile()
    assert scene.record == [(Cause.OVERDUE, True)]
    assert_nothing_violated(scene.app)


def test_of_somebody_unknown_nothing_is_recorded(scene: Scene) -> None:
    reconcile_person(999, actor=JOB, now=scene.now)
    assert scene.record == []
