"""Late fees: quoted and paid, waived, withheld from the deposit, whether or not a job has posted them (decision 21)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_start
from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import Amounts, DepositStatus, Tie
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.late_fees import DayReason
from app.domain.ledger import Account
from app.domain.permissions import Actor
from app.domain.settings import FEE_CAP_PERCENT, FLASH_PRICE, RENTAL_LATE_FEE
from app.models.batteries import BatteryUse
from app.models.deposits import DepositWithholding
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge, Payment
from app.models.people import Restriction
from app.models.rentals import Rental
from app.queries import late_fees as reads
from app.usecases import deposits, late_fees, payments
from app.usecases.waivers import waive
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of
from tests.factories.flash import a_member, a_use, some_batteries, take_back, use_of
from tests.factories.orders import pay
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import a_rental_order, deposit_statuses, deposits_of, give_back, rental_of
from tests.factories.settings import a_setting
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

NOON, MINUTE = timedelta(hours=12), timedelta(minutes=1)
SCANNED = date(2027, 11, 1)
FEE = 5_00
OPEN, SETTLED, VOID = ChargeStatus


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


@dataclass(slots=True)
class Scene:
    """A member who scans a battery on 1 November; the days are counted from then on."""

    app: Flask
    database: Database
    clock: MovedClock
    member: Actor
    boss: Actor
    use_id: int = 0

    @property
    def now(self) -> datetime:
        now: datetime = self.app.extensions[RUNTIME].clock.now()
        return now

    def on_day(self, n: int, at: timedelta = NOON) -> "Scene":
        """It is the n-th day after the scan."""
        self.clock.move_to(day_start(SCANNED + timedelta(days=n)) + at)
        return self

    def job(self) -> int:
        """The nightly posting."""
        return late_fees.post_days(BatteryUse, a_region_id(self.app, "A"), now=self.now)

    def quote(self, who: Actor | None = None) -> int:
        return late_fees.quote(BatteryUse, self.use_id, actor=who or self.member, now=self.now)

    def begin(self, charge_id: int) -> str:
        """A payment attempt for it."""
        return payments.begin_attempt(charge_id, actor=self.member, now=self.now).wanted.out_trade_no

    def paid(self, out_trade_no: str, amount_fen: int) -> None:
        """WeChat says that the attempt is paid."""
        pay(self.app, out_trade_no, customer=self.member, amount_fen=amount_fen, now=self.now)

    def pay(self, amount_fen: int) -> int:
        """Asks for what is owed and pays it; the charge."""
        charge_id = self.quote()
        assert self.charge(charge_id).amount_fen == amount_fen
        self.paid(self.begin(charge_id), amount_fen)
        return charge_id

    def waive(self, *days: int, key: str = "form", actor: Actor | None = None, reason: str = "店里没人") -> int:
        """Staff let some days go, counted from the scan."""
        return waive(
            BatteryUse,
            self.use_id,
            days=[SCANNED + timedelta(days=n) for n in days],
            reason=reason,
            request_key=key,
            actor=actor or self.boss,
            now=self.now,
        )

    def back(self) -> int:
        """The clerk takes the battery; what is owed then."""
        take_back(self.app, self.use_id)
        return self.owed

    def charge(self, charge_id: int) -> Charge:
        with read(self.app) as session:
            return session.get_one(Charge, charge_id)

    @property
    def owed(self) -> int:
        return use_of(self.app, self.use_id).late_owed_fen

    @property
    def account(self) -> reads.Account:
        """As the pages read it."""
        with read(self.app) as session:
            return reads.account_of(session, session.get_one(BatteryUse, self.use_id), business_day(self.now))

    @property
    def amounts(self) -> Amounts:
        """押金 / 已扣 / 可退 of the flash deposit."""
        deposit = deposits_of(self.app, self.member)[-1]
        with read(self.app) as session:
            owed = reads.owed_by_deposit(session, [deposit.id], business_day(self.now))[deposit.id]
        return Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed)


@pytest.fixture
def scene(context: Flask, database: Database, clock: MovedClock) -> Scene:
    """The battery is out."""
    clock.move_to(day_start(SCANNED) + NOON - timedelta(hours=1))
    some_batteries(database, last=3)
    member, boss = a_member(context), a_member_of_staff(context, role="manager")
    scene = Scene(context, database, clock, member, boss)
    scene.use_id = a_use(context, member)
    return scene


# ---- asked for and paid


@pytest.mark.both_engines
@pytest.mark.req("SET-4")
def test_what_is_owed_is_asked_for_and_paid_and_a_day_later_there_is_a_day_more(scene: Scene) -> None:
    assert refused(scene.on_day(14).quote).rule is Rule.NOTHING_OWED
    scene.on_day(16).pay(2 * FEE)  # no job has run: the days are posted by the quote
    assert scene.account == reads.Account(2 * FEE, paid_fen=2 * FEE)
    assert refused(scene.quote).rule is Rule.NOTHING_OWED
    assert scene.job() == 0
    scene.on_day(17).pay(FEE)
    assert scene.back() == 0
    assert_nothing_violated(scene.app)
    held = balances(scene.app)
    assert (held[Account.RECEIVABLES], held[Account.LATE_FEES]) == (0, 3 * FEE)


@pytest.mark.req("SET-4")
def test_a_quote_lasts_a_quarter_of_an_hour_and_for_half_of_it_it_is_the_same_one(scene: Scene) -> None:
    first = scene.on_day(16).quote()
    quoted = scene.charge(first)
    assert (quoted.amount_fen, quoted.as_of_on) == (2 * FEE, SCANNED + timedelta(days=16))
    scene.clock.advance(7 * MINUTE)
    assert scene.quote() == first
    scene.clock.advance(MINUTE)
    second = scene.quote()
    assert (scene.charge(first).status, scene.charge(second).status) == (VOID, OPEN)
    scene.clock.advance(11 * MINUTE)
    assert refused(scene.begin, second).rule is Rule.PAYMENT_TIME_OVER
    third = scene.on_day(17).quote()
    assert (scene.charge(second).status, scene.charge(third).amount_fen) == (VOID, 3 * FEE)
    assert_nothing_violated(scene.app)


def test_nobody_else_is_told_what_somebody_owes(scene: Scene) -> None:
    scene.on_day(16)
    with pytest.raises(NotFound):
        scene.quote(a_customer(scene.app))
    with pytest.raises(Forbidden):
        scene.quote(scene.boss)
    with pytest.raises(NotFound):
        late_fees.quote(Rental, 999, actor=scene.member, now=scene.now)


@pytest.mark.both_engines
def test_two_windows_ask_at_once_and_one_quote_is_made(scene: Scene) -> None:
    scene.on_day(16)
    both = Barrier(2)

    def ask(_: int) -> int:
        with scene.app.app_context():
            both.wait(10)
            return scene.quote()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(ask, range(2)))) == 1
    assert scene.database.count(Charge, Charge.purpose == Purpose.LATE_FEE) == 1
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
def test_a_quote_that_is_paid_after_the_return_pays_that_much_of_the_debt(scene: Scene) -> None:
    attempt = scene.begin(scene.on_day(16, timedelta(hours=23, minutes=55)).quote())
    scene.on_day(17, 3 * MINUTE)
    assert scene.back() == 3 * FEE
    scene.paid(attempt, 2 * FEE)
    assert scene.owed == FEE
    scene.pay(FEE)
    assert scene.owed == 0
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
def test_a_quote_that_is_paid_twice_pays_once_and_the_second_sum_goes_back(scene: Scene) -> None:
    charge_id = scene.on_day(16).quote()
    older = scene.begin(charge_id)
    payments.attempt_closed(older, actor=Actor.job("tests"), now=scene.now)
    scene.paid(scene.begin(charge_id), 2 * FEE)
    scene.paid(older, 2 * FEE)
    assert scene.account.owed_fen == 0
    (refund,) = refunds_of(scene.app)
    assert (refund.amount_fen, refund.held_on) == (2 * FEE, Account.SURPLUS)
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
@pytest.mark.parametrize("meanwhile", ["waived", "asked for anew", "withheld"])
def test_money_for_a_sum_that_is_no_longer_asked_for_goes_back(scene: Scene, meanwhile: str) -> None:
    scene.on_day(16)
    if meanwhile == "withheld":
        scene.back()
    attempt = scene.begin(scene.quote())
    if meanwhile == "waived":
        scene.waive(15)
    elif meanwhile == "withheld":
        deposits.ask_back(deposits_of(scene.app, scene.member)[-1].id, actor=scene.member, now=scene.now)
    else:
        scene.clock.advance(8 * MINUTE)
        scene.quote()
    left = scene.account.owed_fen
    scene.paid(attempt, 2 * FEE)
    assert scene.account.owed_fen == left
    with read(scene.app) as session:
        statuses = session.scalars(select(Payment.status).order_by(Payment.id)).all()
    assert statuses[-1] is PaymentStatus.SURPLUS
    assert refunds_of(scene.app)[-1].amount_fen == 2 * FEE
    assert_nothing_violated(scene.app)


# ---- waived


@pytest.mark.both_engines
@pytest.mark.req("SET-4")
def test_a_waiver_stands_beside_its_day_and_the_cap_counts_the_day_all_the_same(scene: Scene) -> None:
    scene.on_day(74)
    assert scene.account.total_fen == 300_00
    assert scene.waive(15, 16) == 2 * FEE  # no job has run
    assert scene.waive(15, 16) == 0  # the same form again
    scene.on_day(76)
    assert scene.job() == 2
    assert scene.account == reads.Account(300_00, waived_fen=2 * FEE)
    with read(scene.app) as session:
        capped = session.scalars(select(LateFee.reason).order_by(LateFee.day_on.desc()).limit(2)).all()
    assert capped == [DayReason.CAPPED] * 2
    assert scene.back() == 290_00
    assert_nothing_violated(scene.app)


@pytest.mark.req("SET-4")
def test_at_most_what_is_still_owed_is_waived_and_no_day_twice(scene: Scene) -> None:
    scene.on_day(16).pay(2 * FEE)
    scene.on_day(17)
    broken = refused(scene.waive, 15, 17)
    assert (broken.rule, broken.facts) == (Rule.WAIVE_TOO_MUCH, {"left_fen": FEE, "wanted_fen": 2 * FEE})
    assert scene.waive(15) == FEE  # of three days two are paid: it makes no difference which
    assert refused(scene.waive, 15, key="another").rule is Rule.NOTHING_TO_WAIVE
    assert refused(scene.waive, 14, 18, key="another").rule is Rule.NOTHING_TO_WAIVE
    assert scene.account.owed_fen == 0
    assert scene.database.count(LateFeeWaiver) == 1
    assert_nothing_violated(scene.app)


def test_who_may_waive_and_that_a_reason_is_asked_for(scene: Scene) -> None:
    scene.on_day(16)
    for role in ("clerk", "finance"):
        with pytest.raises(Forbidden):
            scene.waive(15, actor=a_member_of_staff(scene.app, role=role))
    with pytest.raises(NotFound):
        scene.waive(15, actor=a_member_of_staff(scene.app, role="manager", region="B"))
    with pytest.raises(NotFound):
        scene.waive(15, actor=scene.member)
    assert refused(scene.waive, 15, reason=" ").rule is Rule.REASON_MISSING
    assert scene.database.count(LateFeeWaiver) == 0


@pytest.mark.both_engines
@pytest.mark.req("SET-4")
def test_a_debt_that_is_waived_is_over_and_so_is_its_restriction(scene: Scene) -> None:
    assert scene.on_day(16).back() == 2 * FEE
    assert scene.database.count(Restriction, Restriction.lifted_at.is_(None)) == 1
    scene.waive(15, 16)
    assert scene.owed == 0
    assert scene.database.count(Restriction, Restriction.lifted_at.is_(None)) == 0
    assert_nothing_violated(scene.app)


# ---- withheld


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "SET-11")
def test_the_deposit_shows_what_late_fees_take_from_it_day_by_day(scene: Scene) -> None:
    shown = []
    for day in (14, 15, 20, 74, 90):
        amounts = scene.on_day(day).amounts
        shown.append((amounts.amount_fen, amounts.withheld_fen, amounts.refundable_fen))
    assert shown == [
        (300_00, 0, 300_00),
        (300_00, FEE, 295_00),
        (300_00, 30_00, 270_00),
        (300_00, 300_00, 0),
        (300_00, 300_00, 0),
    ]
    scene.pay(300_00)
    assert (scene.amounts.withheld_fen, scene.amounts.refundable_fen) == (0, 300_00)


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "SET-11")
def test_whoever_leaves_flash_charge_gets_the_deposit_less_what_is_owed(scene: Scene) -> None:
    assert scene.on_day(20).back() == 6 * FEE
    deposits.ask_back(deposits_of(scene.app, scene.member)[-1].id, actor=scene.member, now=scene.now)
    assert deposit_statuses(scene.app, scene.member) == [DepositStatus.REFUNDING]
    assert refunds_of(scene.app)[-1].amount_fen == 270_00
    assert scene.owed == 0
    with read(scene.app) as session:
        assert session.execute(select(DepositWithholding.item, DepositWithholding.amount_fen)).all() == [
            ("闪充逾期费", 6 * FEE)
        ]
    assert scene.database.count(Restriction, Restriction.lifted_at.is_(None)) == 0
    assert_nothing_violated(scene.app)
    assert balances(scene.app)[Account.RECEIVABLES] == 0


@pytest.mark.req("SET-4")
def test_a_flash_deposit_that_does_not_cover_all_that_is_owed_waits(scene: Scene) -> None:
    a_setting(scene.app, scene.database, FLASH_PRICE, 2_00)
    other = a_member(scene.app)
    use_id = a_use(scene.app, other, "A00002")
    scene.on_day(80)
    take_back(scene.app, use_id)
    deposit = deposits_of(scene.app, other)[-1]
    broken = refused(deposits.ask_back, deposit.id, actor=other, now=scene.now)
    assert broken.facts["ties"] == (Tie.FEE,)
    attempt = payments.begin_attempt(
        late_fees.quote(BatteryUse, use_id, actor=other, now=scene.now), actor=other, now=scene.now
    )
    pay(scene.app, attempt.wanted.out_trade_no, customer=other, amount_fen=300_00, now=scene.now)
    deposits.ask_back(deposit.id, actor=other, now=scene.now)
    assert refunds_of(scene.app)[-1].amount_fen == 298_00
    assert_nothing_violated(scene.app)


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "FLOW-RENT-3")
@pytest.mark.parametrize(("percent", "back_fen", "debt_fen"), [(100, 260_00, 0), (10, 270_00, 0), (300, 0, 100_00)])
def test_a_late_vehicle_takes_its_fees_out_of_its_deposit_as_far_as_it_goes(
    context: Flask, database: Database, clock: MovedClock, percent: int, back_fen: int, debt_fen: int
) -> None:
    """The rest stays owed, and is paid like any other."""
    clock.move_to(day_start(SCANNED) + NOON)
    a_setting(context, database, RENTAL_LATE_FEE, 40_00 if debt_fen else FEE)
    a_setting(context, database, FEE_CAP_PERCENT, percent)
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    due = rental_of(context, order_id).due_on
    clock.move_to(day_start(due + timedelta(days=10 if debt_fen else 8)) + NOON)
    give_back(context, order_id)
    rental, now = rental_of(context, order_id), context.extensions[RUNTIME].clock.now()
    assert rental.late_owed_fen == debt_fen
    assert [refund.amount_fen for refund in refunds_of(context)] == ([back_fen] if back_fen else [])
    if debt_fen:
        assert deposit_statuses(context, renter) == [DepositStatus.REFUNDED]
        charge_id = late_fees.quote(Rental, rental.id, actor=renter, now=now)
        attempt = payments.begin_attempt(charge_id, actor=renter, now=now).wanted
        pay(context, attempt.out_trade_no, customer=renter, amount_fen=debt_fen, now=now)
    assert rental_of(context, order_id).late_owed_fen == 0
    assert_nothing_violated(context)


# ---- the return and the job at the same moment


@pytest.mark.both_engines
@pytest.mark.req("SET-4")
def test_a_day_that_was_posted_before_the_return_stays(scene: Scene) -> None:
    """A clerk's minute before midnight that is written after the job's minute: the person owes what is posted."""
    scene.on_day(16, timedelta()).job()
    scene.on_day(15, timedelta(hours=23, minutes=59))
    assert scene.back() == 2 * FEE
    assert scene.account == reads.Account(2 * FEE)
    with read(scene.app) as session:
        days = reads.days_of(session, use_of(scene.app, scene.use_id), business_day(scene.now))
    assert [day.on for day in days] == [SCANNED + timedelta(days=n) for n in (15, 16)]
    assert_nothing_violated(scene.app)


@pytest.mark.postgres
@pytest.mark.parametrize("guarded", [True, False], ids=["with the lock", "without it"])
def test_the_job_waits_for_a_return_that_is_under_way_and_passes_over_what_is_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """The return is of the last free day. Without the lock a day is posted that the return does not know of."""
    settled, go_on = Event(), Event()
    really_settle, begun = late_fees.settle_at_end, reads.begun

    def settle_and_wait(session: Session, lent: reads.Lent, now: datetime) -> None:
        really_settle(session, lent, now)
        settled.set()
        go_on.wait(10)

    class Unlocked:
        """The statement as it was, whoever asks for locks."""

        def __init__(self, statement: Any) -> None:
            self.statement = statement

        def order_by(self, *_: object) -> "Unlocked":
            return self

        def with_for_update(self, **_: object) -> Any:
            return self.statement

    monkeypatch.setattr(late_fees, "settle_at_end", settle_and_wait)
    if not guarded:
        monkeypatch.setattr(reads, "begun", lambda *args: Unlocked(begun(*args)))
    before_midnight = scene.on_day(14, timedelta(hours=23, minutes=59)).now

    def come_back() -> None:
        with scene.app.app_context():
            take_back(scene.app, scene.use_id, now=before_midnight)

    def night() -> int:
        with scene.app.app_context():
            return late_fees.post_days(BatteryUse, a_region_id(scene.app, "A"), now=before_midnight + 5 * MINUTE)

    with ThreadPoolExecutor(2) as pool:
        returning = pool.submit(come_back)
        assert settled.wait(10)
        posting = pool.submit(night)
        if not guarded:
            assert posting.result(10) == 1
        go_on.set()
        returning.result(10)
        assert posting.result(10) == (0 if guarded else 1)
    with read(scene.app) as session:
        posted = session.scalar(select(func.sum(LateFee.amount_fen)))
    assert (posted or 0, scene.owed) == (0 if guarded else FEE, 0)
