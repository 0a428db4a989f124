"""Flash charge: one battery for one person, from the scan to the return, whoever brings it (decisions 22 to 24, 42)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day, day_start
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import DamageItem, DepositKind, DepositStatus
from app.domain.errors import Forbidden, LostRace, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.rentals import Place
from app.domain.restrictions import Cause
from app.domain.settings import FLASH_FREE_DAYS, FLASH_LATE_FEE, FLASH_PRICE
from app.models.batteries import Battery, BatteryPerson, BatteryUse
from app.models.deposits import DepositWithholding
from app.models.journal import Audit
from app.models.money import Charge
from app.models.people import Customer
from app.usecases import cards, customers, deposits, flash_charge, late_fees, payments
from app.usecases.flash_charge import Scanned
from app.usecases.standing import lock_customer
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.flash import a_member, a_use, battery_state, held_by, some_batteries, take_back, use_of
from tests.factories.orders import an_order, pay, person_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.factories.rentals import a_card, a_deposit, a_photo, deposit_statuses, deposits_of
from tests.factories.settings import a_setting
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
IN_STOCK, IN_USE, REPAIR, SCRAPPED, LOST = BatteryState


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


def scan(app: Flask, who: Actor, number: str = "A00001", *, now: datetime | None = None) -> Scanned:
    return flash_charge.scan(BatteryNumber.parse(number), actor=who, now=now or now_of(app))


def exchange(app: Flask, who: Actor, battery_id: int, number: str, *, now: datetime | None = None) -> int:
    return flash_charge.exchange(battery_id, BatteryNumber.parse(number), actor=who, now=now or now_of(app))


def take_in(app: Flask, who: Actor, battery_id: int, bringer_use_id: int | None = None, reason: str = "拿错了") -> None:
    flash_charge.take_in(battery_id, bringer_use_id=bringer_use_id, reason=reason, actor=who, now=now_of(app))


def settle(app: Flask, who: Actor, use_id: int, *, ends: bool, reason: str = "问清楚了") -> None:
    flash_charge.settle_dispute(use_id, ends=ends, reason=reason, actor=who, now=now_of(app))


def report_lost(
    app: Flask, who: Actor, battery_id: int, *items: DamageItem, photo: bool = True, key: str = "form", use_id: int = 0
) -> None:
    flash_charge.report_lost(
        battery_id,
        use_id=use_id or held_by(app, battery_id),
        items=list(items),
        photo=a_photo(PhotoKind.DAMAGE) if photo else None,
        reason="用户说丢了",
        request_key=key,
        actor=who,
        now=now_of(app),
    )


def fee(app: Flask, use_id: int) -> Charge:
    with read(app) as session:
        return session.scalars(select(Charge).where(Charge.battery_use_id == use_id)).one()


def frozen(app: Flask, customer: Actor) -> Callable[..., None]:
    """A manager freezes or unfreezes the person, by an order of theirs."""
    order_id = an_order(app, customer=customer)
    boss = a_member_of_staff(app, role="manager")

    def by_hand(*, on: bool) -> None:
        act = customers.freeze if on else customers.unfreeze
        act(person_of(app, order_id), reason="核实身份", actor=boss, now=now_of(app))

    return by_hand


@pytest.fixture
def batteries(database: Database) -> list[int]:
    """A00001 to A00004."""
    return some_batteries(database, last=4)


@pytest.fixture
def member(app: Flask) -> Actor:
    return a_member(app)


@pytest.fixture
def clerk(app: Flask) -> Actor:
    return a_member_of_staff(app)


@pytest.fixture
def boss(app: Flask) -> Actor:
    return a_member_of_staff(app, role="manager")


# ---- the scan


@pytest.mark.both_engines
@pytest.mark.req("FLOW-FLASH-2", "SET-3", "SET-4", "SET-11")
def test_a_scan_takes_the_battery_under_the_terms_of_that_day(
    context: Flask, database: Database, batteries: list[int], member: Actor
) -> None:
    a_setting(context, database, FLASH_PRICE, 2_00)
    a_setting(context, database, FLASH_LATE_FEE, 7_00, region="A")
    now = now_of(context)
    scanned = scan(context, member, now=now)
    assert scanned.begun
    a_setting(context, database, FLASH_FREE_DAYS, 3)  # for those who come later
    assert scan(context, member) == Scanned(scanned.use_id, begun=False)  # already yours
    use, today = use_of(context, scanned.use_id), business_day(now)
    assert (use.battery_id, use.customer_id, use.deposit_id) == (
        batteries[0],
        member.id,
        deposits_of(context, member)[0].id,
    )
    assert (use.price_fen, use.free_days, use.late_fee_fen, use.freeze_days, use.cap_fen) == (
        2_00,
        14,
        7_00,
        30,
        300_00,
    )
    assert (use.began_at, use.began_on, use.freezes_on) == (now, today, today + 30 * DAY)
    assert battery_state(context, batteries[0]) is IN_USE
    assert (fee(context, use.id).amount_fen, fee(context, use.id).status) == (2_00, ChargeStatus.OPEN)
    held = balances(context)
    assert (held[Account.FLASH_FEES], held[Account.RECEIVABLES]) == (2_00, -2_00)  # an asset
    assert database.count(Audit, Audit.action == "battery_taken") == 1
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("FLOW-FLASH-1", "FLOW-FLASH-2")
def test_each_refusal_of_a_scan_has_words_of_its_own(
    context: Flask, database: Database, batteries: list[int], boss: Actor
) -> None:
    with pytest.raises(Forbidden):
        scan(context, a_customer(context, registered=False))
    with pytest.raises(Forbidden):
        scan(context, boss)
    who = a_customer(context)
    card_id = a_card(context, who, approved=False)
    assert refused(scan, context, who).rule is Rule.FLASH_NOT_OPENED
    a_deposit(context, who, DepositKind.FLASH)
    assert refused(scan, context, who).rule is Rule.CARD_NOT_APPROVED
    cards.approve(card_id, actor=boss, now=now_of(context))
    by_hand = frozen(context, who)
    by_hand(on=True)
    assert refused(scan, context, who).rule is Rule.FROZEN
    by_hand(on=False)
    broken = refused(scan, context, who, "A00099")
    assert (broken.rule, broken.facts) == (Rule.BATTERY_UNKNOWN, {"number": "A00099"})
    for state in (REPAIR, SCRAPPED, LOST):
        database.execute("UPDATE battery SET state = :state WHERE id = :id", state=state.value, id=batteries[1])
        broken = refused(scan, context, who, "A00002")
        assert (broken.rule, broken.facts) == (Rule.BATTERY_NOT_READY, {"number": "A00002", "state": state})
    a_use(context, a_member(context), "A00003")
    broken = refused(scan, context, who, "A00003")
    assert (broken.rule, broken.facts) == (Rule.BATTERY_TAKEN, {"number": "A00003"})
    assert scan(context, who, "A00004").begun
    broken = refused(scan, context, who, "A00001")
    assert (broken.rule, broken.facts) == (Rule.BATTERY_HELD, {"number": "A00004"})
    by_hand(on=True)
    assert not scan(context, who, "A00004").begun  # one's own is no beginning
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("FLOW-FLASH-2", "SET-3")
@pytest.mark.usefixtures("batteries")
def test_an_unpaid_fee_bars_the_next_scan_and_nothing_else(context: Flask, database: Database, member: Actor) -> None:
    a_setting(context, database, FLASH_PRICE, 2_00)
    use_id = a_use(context, member)
    take_back(context, use_id)
    charge = fee(context, use_id)
    broken = refused(scan, context, member, "A00002")
    assert (broken.rule, broken.facts) == (Rule.FLASH_FEE_UNPAID, {"charge_id": charge.id, "amount_fen": 2_00})
    frozen(context, member)(on=True)
    attempt = payments.begin_attempt(charge.id, actor=member, now=now_of(context))  # whoever is barred can pay
    assert attempt.wanted.description == "猎吧租车 闪充 A00001"
    pay(context, attempt.wanted.out_trade_no, customer=member, amount_fen=2_00, now=now_of(context))
    assert refused(payments.begin_attempt, charge.id, actor=member, now=now_of(context)).rule is Rule.ALREADY_PAID
    assert refused(scan, context, member, "A00002").rule is Rule.FROZEN
    held = balances(context)
    assert (held[Account.FLASH_FEES], held[Account.RECEIVABLES]) == (2_00, 0)
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("FLA-1")
def test_each_person_is_counted_once_in_each_region_and_once_in_all(
    context: Flask, database: Database, batteries: list[int], member: Actor
) -> None:
    some_batteries(database, "B", last=1)
    for number in ("A00001", "B00001", "A00002"):
        take_back(context, a_use(context, member, number))
    a_use(context, a_member(context), "A00001")
    people = database.all(select(BatteryPerson).order_by(BatteryPerson.id))
    a, b = a_region_id(context, "A"), a_region_id(context, "B")
    assert [(one.region_id, one.first) for one in people] == [(a, True), (b, False), (a, True)]
    assert database.one(select(BatteryUse.region_id).where(BatteryUse.battery_id.not_in(batteries))) == b
    assert_nothing_violated(context)


# ---- two at once


def open_uses() -> Select[BatteryUse]:
    return select(BatteryUse).where(BatteryUse.returned_at.is_(None))


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.req("FLOW-FLASH-2")
@pytest.mark.usefixtures("batteries")
def test_of_two_people_who_scan_one_battery_at_once_one_has_it(app: Flask, database: Database) -> None:
    members = [a_member(app) for _ in range(3)]
    start = Barrier(len(members))

    def press(who: Actor) -> str:
        with app.app_context():
            start.wait()
            try:
                return "begun" if scan(app, who).begun else "again"
            except RuleBroken as broken:
                return broken.rule

    with ThreadPoolExecutor(len(members)) as pool:
        outcomes = sorted(pool.map(press, members))
    assert outcomes == [Rule.BATTERY_TAKEN, Rule.BATTERY_TAKEN, "begun"]
    assert len(database.all(open_uses())) == 1
    assert_nothing_violated(app)


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.usefixtures("batteries")
def test_of_two_batteries_that_one_person_scans_at_once_one_is_taken(
    app: Flask, database: Database, member: Actor
) -> None:
    start = Barrier(2)

    def press(number: str) -> str:
        with app.app_context():
            start.wait()
            try:
                return "begun" if scan(app, member, number).begun else "again"
            except RuleBroken as broken:
                return broken.rule

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, ("A00001", "A00002"))) == [Rule.BATTERY_HELD, "begun"]
    assert len(database.all(open_uses())) == 1
    assert_nothing_violated(app)


def _looks_in_stock(session: Session, model: type[Battery], row_id: int) -> Battery:
    """The guards away: no lock, and whatever state the battery is in, it looks as if it were there."""
    row = session.get_one(model, row_id)
    if isinstance(row, Battery):
        set_committed_value(row, "state", IN_STOCK)
    return row


@pytest.mark.both_engines
@pytest.mark.parametrize("index", [True, False], ids=["with the index", "without it"])
def test_with_the_guards_away_the_unique_index_refuses_the_second_person(
    context: Flask,
    database: Database,
    batteries: list[int],
    member: Actor,
    monkeypatch: pytest.MonkeyPatch,
    *,
    index: bool,
) -> None:
    """The twin: neither the state nor the compare-and-set is looked at. With the index away too, two have it."""
    a_use(context, member)
    another = a_member(context)
    monkeypatch.setattr(flash_charge, "must_lock", _looks_in_stock)
    monkeypatch.setattr(flash_charge, "must_change_one", lambda session, statement: session.execute(statement))
    if index:
        with pytest.raises(IntegrityError, match=r"uq_battery_use_battery|battery_use\.battery_id"):
            scan(context, another)
        assert_nothing_violated(context)
    else:
        database.execute("DROP INDEX uq_battery_use_battery")
        scan(context, another)
    assert len(database.all(open_uses().where(BatteryUse.battery_id == batteries[0]))) == (1 if index else 2)


# ---- the return


@pytest.mark.both_engines
@pytest.mark.req("FLOW-FLASH-2")
def test_it_is_asked_for_by_the_person_and_ended_by_the_clerk(
    context: Flask, database: Database, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    assert refused(flash_charge.ask_return, actor=member, now=now_of(context)).rule is Rule.BATTERY_NOT_OUT
    with pytest.raises(Forbidden):
        flash_charge.ask_return(actor=clerk, now=now_of(context))
    use_id, asked_at = a_use(context, member), now_of(context)
    for later in range(3):
        flash_charge.ask_return(actor=member, now=asked_at + later * MINUTE)
    assert use_of(context, use_id).return_asked_at == asked_at
    assert battery_state(context, batteries[0]) is IN_USE  # it is not back yet
    ended_at = asked_at + 5 * MINUTE
    for later in range(2):  # pressed twice
        taken = flash_charge.take_back(batteries[0], place=Place.STOCK, actor=clerk, now=ended_at + later * MINUTE)
        assert taken == use_id
    use = use_of(context, use_id)
    assert (use.returned_at, use.returned_by, use.ended_by) == (ended_at, clerk.id, EndedBy.CLERK)
    assert battery_state(context, batteries[0]) is IN_STOCK
    assert database.count(Audit, Audit.action == "battery_return_asked") == 1
    assert database.count(Audit, Audit.action == "battery_returned") == 1
    assert deposit_statuses(context, member) == [DepositStatus.HELD]  # it waits for its person
    assert scan(context, member).begun  # and so on without end
    assert_nothing_violated(context)


def test_who_takes_a_battery_back_and_where_it_goes(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    use_id = a_use(context, member)
    with pytest.raises(Forbidden):
        flash_charge.take_back(
            batteries[0], place=Place.STOCK, actor=a_member_of_staff(context, role="finance"), now=now_of(context)
        )
    with pytest.raises(Forbidden):
        flash_charge.take_back(batteries[0], place=Place.STOCK, actor=member, now=now_of(context))
    with pytest.raises(NotFound):
        flash_charge.take_back(999, place=Place.STOCK, actor=clerk, now=now_of(context))
    never = refused(flash_charge.take_back, batteries[1], place=Place.STOCK, actor=clerk, now=now_of(context))
    assert never.rule is Rule.BATTERY_NOT_OUT
    elsewhere = a_member_of_staff(context, region="B")  # a battery may come back at any store
    flash_charge.take_back(batteries[0], place=Place.REPAIR, actor=elsewhere, now=now_of(context))
    assert use_of(context, use_id).returned_by == elsewhere.id
    assert battery_state(context, batteries[0]) is REPAIR
    assert_nothing_violated(context)


@pytest.mark.req("SET-4", "FLOW-FLASH-2")
def test_on_the_thirtieth_day_the_account_is_frozen_though_no_job_ran_until_the_return(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor, clock: MovedClock
) -> None:
    """Scanned on 1 November, frozen on 1 December (decision 19)."""
    use_id = a_use(context, member)
    frozen_from = day_start(use_of(context, use_id).began_on) + 30 * DAY
    before = refused(scan, context, member, "A00002", now=frozen_from - MINUTE)
    assert before.rule is Rule.BATTERY_HELD
    broken = refused(exchange, context, clerk, batteries[0], "A00002", now=frozen_from)
    assert (broken.rule, broken.facts["since"]) == (Rule.FROZEN, frozen_from)
    assert broken.facts["reason"] == "电池 A00001 用了 30 天没还"
    owing = refused(exchange, context, clerk, batteries[0], "A00002", now=frozen_from - MINUTE)
    assert (owing.rule, owing.facts["cause"]) == (Rule.FROZEN, Cause.DEBT)  # not frozen yet, but late
    use_id = a_use(context, a_member(context), "A00003")
    late = day_start(use_of(context, use_id).began_on) + 90 * DAY
    take_back(context, use_id, now=late)  # the return is never blocked
    who = Actor.customer(use_of(context, use_id).customer_id, registered=True, region_id=None)
    owed = refused(scan, context, who, "A00004", now=late)  # free of the freeze, and in debt
    assert (owed.rule, owed.facts["cause"]) == (Rule.FROZEN, Cause.DEBT)
    charge_id = late_fees.quote(BatteryUse, use_id, actor=who, now=late)
    attempt = payments.begin_attempt(charge_id, actor=who, now=late).wanted
    pay(context, attempt.out_trade_no, customer=who, amount_fen=300_00, now=late)
    assert scan(context, who, "A00004", now=late).begun
    clock.move_to(late)
    assert_nothing_violated(context)


# ---- 换电


@pytest.mark.both_engines
@pytest.mark.req("FLOW-FLASH-2")
def test_an_exchange_is_return_and_scan_in_one(
    context: Flask, database: Database, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    use_id, now = a_use(context, member, "A00002"), now_of(context)
    fresh = exchange(context, clerk, batteries[1], "A00001", now=now)
    assert exchange(context, clerk, batteries[1], "A00001", now=now + MINUTE) == fresh  # pressed twice
    ended, begun = use_of(context, use_id), use_of(context, fresh)
    assert (ended.ended_by, ended.returned_at, begun.began_at, begun.customer_id) == (
        EndedBy.EXCHANGE,
        now,
        now,
        member.id,
    )
    assert [battery_state(context, one) for one in batteries] == [IN_USE, IN_STOCK, IN_STOCK, IN_STOCK]
    assert database.count(BatteryUse) == 2
    assert_nothing_violated(context)


def test_whoever_may_begin_nothing_new_gets_no_other_battery_and_keeps_the_one(
    context: Flask, database: Database, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    use_id = a_use(context, member)
    taken = a_use(context, a_member(context), "A00002")
    for number, rule in (
        ("A00001", Rule.BATTERY_HELD),
        ("A00002", Rule.BATTERY_TAKEN),
        ("A00099", Rule.BATTERY_UNKNOWN),
    ):
        assert refused(exchange, context, clerk, batteries[0], number).rule is rule
    assert refused(exchange, context, clerk, batteries[2], "A00004").rule is Rule.BATTERY_NOT_OUT  # never was
    take_back(context, taken)
    assert refused(exchange, context, clerk, batteries[1], "A00004").rule is Rule.BATTERY_NOT_OUT  # it is back
    with pytest.raises(Forbidden):
        exchange(context, a_member_of_staff(context, role="finance"), batteries[0], "A00003")
    by_hand = frozen(context, member)
    by_hand(on=True)
    assert refused(exchange, context, clerk, batteries[0], "A00003").rule is Rule.FROZEN
    by_hand(on=False)
    a_card(context, member, approved=False)  # another card, not yet looked at
    assert refused(exchange, context, clerk, batteries[0], "A00003").rule is Rule.CARD_NOT_APPROVED
    assert use_of(context, use_id).returned_at is None
    assert battery_state(context, batteries[0]) is IN_USE
    take_back(context, use_id)
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("SET-4", "FLOW-FLASH-2")
def test_an_exchange_is_no_way_around_late_fees(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor, clock: MovedClock
) -> None:
    """Returned and scanned in two steps the person would be in debt in between (decision 5)."""
    use_id = a_use(context, member)
    now = now_of(context) + 16 * DAY
    broken = refused(exchange, context, clerk, batteries[0], "A00002", now=now)
    assert (broken.rule, broken.facts["reason"]) == (Rule.FROZEN, "电池 A00001 还欠逾期费 ¥10.00")
    assert use_of(context, use_id).returned_at is None
    attempt = payments.begin_attempt(late_fees.quote(BatteryUse, use_id, actor=member, now=now), actor=member, now=now)
    pay(context, attempt.wanted.out_trade_no, customer=member, amount_fen=10_00, now=now)
    assert exchange(context, clerk, batteries[0], "A00002", now=now)
    clock.move_to(now)
    assert_nothing_violated(context)


@pytest.mark.req("SET-3")
def test_an_exchange_costs_a_use_and_waits_for_the_price_of_the_one_before(
    context: Flask, database: Database, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    a_setting(context, database, FLASH_PRICE, 2_00)
    charge = fee(context, a_use(context, member))
    assert refused(exchange, context, clerk, batteries[0], "A00002").rule is Rule.FLASH_FEE_UNPAID
    attempt = payments.begin_attempt(charge.id, actor=member, now=now_of(context))
    pay(context, attempt.wanted.out_trade_no, customer=member, amount_fen=2_00, now=now_of(context))
    assert fee(context, exchange(context, clerk, batteries[0], "A00002")).status is ChargeStatus.OPEN
    assert balances(context)[Account.FLASH_FEES] == 4_00
    assert_nothing_violated(context)


# ---- a battery that is not the bringer's


@pytest.mark.parametrize(
    ("state", "after"), [(IN_STOCK, IN_STOCK), (LOST, IN_STOCK), (REPAIR, REPAIR), (SCRAPPED, REPAIR)]
)
def test_a_battery_that_nobody_uses_is_taken_in_and_a_broken_one_is_not_lent_out(
    context: Flask,
    database: Database,
    batteries: list[int],
    clerk: Actor,
    state: BatteryState,
    after: BatteryState,
) -> None:
    database.execute("UPDATE battery SET state = :state WHERE id = :id", state=state.value, id=batteries[0])
    take_in(context, clerk, batteries[0])
    assert battery_state(context, batteries[0]) is after
    assert database.one(select(Audit.reason).where(Audit.action == "battery_taken_in")) == "拿错了"
    assert_nothing_violated(context)


def test_nobody_pays_for_whoever_has_the_battery_by_now(
    context: Flask, database: Database, batteries: list[int], clerk: Actor, boss: Actor
) -> None:
    """The sheet was opened for the first person; the second has scanned the battery meanwhile."""
    first, second = a_member(context), a_member(context)
    seen = a_use(context, first)
    take_back(context, seen)
    a_use(context, second)
    item = DamageItem("电池", 100_00)
    assert refused(report_lost, context, boss, batteries[0], item, use_id=seen).rule is Rule.BATTERY_CHANGED
    now = now_of(context)
    with pytest.raises(RuleBroken) as broken:
        flash_charge.take_back(batteries[0], place=Place.STOCK, seen_use_id=seen, actor=clerk, now=now)
    assert broken.value.rule is Rule.BATTERY_CHANGED
    with pytest.raises(RuleBroken) as broken:
        flash_charge.exchange(batteries[0], BatteryNumber("A", 2), seen_use_id=seen, actor=clerk, now=now)
    assert broken.value.rule is Rule.BATTERY_CHANGED
    assert database.count(DepositWithholding) == 0
    assert battery_state(context, batteries[0]) is BatteryState.IN_USE
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_a_battery_of_another_person_ends_their_use_and_both_are_to_be_cleared_up(
    context: Flask, database: Database, batteries: list[int], clerk: Actor, boss: Actor
) -> None:
    first, second = a_member(context), a_member(context)
    brought, own = a_use(context, first, "A00001"), a_use(context, second, "A00002")
    take_in(context, clerk, batteries[0], own)
    assert (use_of(context, brought).disputed, use_of(context, brought).ended_by) == (True, EndedBy.CLERK)
    assert (use_of(context, own).disputed, use_of(context, own).returned_at) == (True, None)
    assert [battery_state(context, one) for one in batteries[:2]] == [IN_STOCK, IN_USE]
    assert database.count(Audit, Audit.action == "battery_use_disputed") == 1
    assert_nothing_violated(context)
    # What ended is settled; what is open goes on as any other, or ends.
    with pytest.raises(Forbidden):
        settle(context, clerk, own, ends=False)
    with pytest.raises(NotFound):
        settle(context, a_member_of_staff(context, role="manager", region="B"), own, ends=False)
    assert refused(settle, context, boss, own, ends=False, reason=" ").rule is Rule.REASON_MISSING
    settle(context, boss, brought, ends=True)
    settle(context, boss, own, ends=False)
    assert (use_of(context, brought).settled_by, use_of(context, own).disputed) == (boss.id, False)
    for use_id in (brought, own):
        assert refused(settle, context, boss, use_id, ends=True).rule is Rule.DISPUTE_SETTLED
    assert battery_state(context, batteries[1]) is IN_USE
    take_back(context, own)
    for who in (first, second):
        deposits.ask_back(deposits_of(context, who)[0].id, actor=who, now=now_of(context))
    assert_nothing_violated(context)


def test_a_disputed_use_that_is_open_ends_where_staff_say_so(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor, boss: Actor
) -> None:
    own = a_use(context, member, "A00002")
    take_in(context, clerk, batteries[0], own)  # nobody's by our books, and not the one that the person has
    settle(context, boss, own, ends=True)
    use = use_of(context, own)
    assert (use.returned_at is not None, use.settled_by, use.disputed) == (True, boss.id, True)
    assert battery_state(context, batteries[1]) is IN_STOCK
    deposits.ask_back(deposits_of(context, member)[0].id, actor=member, now=now_of(context))
    assert_nothing_violated(context)


def test_a_battery_taken_in_from_nobody_or_from_its_own_person(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor
) -> None:
    lost_sight_of, own = a_use(context, a_member(context), "A00001"), a_use(context, member, "A00002")
    take_in(context, clerk, batteries[0])  # somebody laid it on the counter
    assert (use_of(context, lost_sight_of).disputed, use_of(context, lost_sight_of).returned_by) == (True, clerk.id)
    take_in(context, clerk, batteries[1], own)  # it is their own after all: a plain return
    assert (use_of(context, own).disputed, use_of(context, own).ended_by) == (False, EndedBy.CLERK)
    for ended in (own, 999):
        assert refused(take_in, context, clerk, batteries[2], ended).rule is Rule.BATTERY_NOT_OUT
    assert refused(take_in, context, clerk, batteries[2], None, " ").rule is Rule.REASON_MISSING
    with pytest.raises(NotFound):
        take_in(context, clerk, 999)
    with pytest.raises(Forbidden):
        take_in(context, a_member_of_staff(context, role="finance"), batteries[2])
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_whoever_decided_on_a_use_that_has_just_ended_looks_again(
    context: Flask, batteries: list[int], member: Actor, clerk: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another clerk is faster, between the look at the use and the lock of its person, each time."""
    own = a_use(context, member)
    ended = update(BatteryUse).values(returned_at=now_of(context), returned_on=business_day(now_of(context)))
    ended = ended.values(ended_by=EndedBy.CLERK).execution_options(synchronize_session=False)

    def meanwhile(session: Session, customer_id: int) -> Customer:
        session.execute(ended)
        return lock_customer(session, customer_id)

    monkeypatch.setattr(flash_charge, "lock_customer", meanwhile)
    with pytest.raises(LostRace):
        take_in(context, clerk, batteries[1], own)
    with pytest.raises(LostRace):
        flash_charge.take_back(batteries[0], place=Place.STOCK, actor=clerk, now=now_of(context))
    assert use_of(context, own).returned_at is None
    assert_nothing_violated(context)


# ---- lost


@pytest.mark.both_engines
def test_a_lost_battery_ends_its_use_and_is_withheld(
    context: Flask, database: Database, batteries: list[int], member: Actor, clerk: Actor, boss: Actor
) -> None:
    use_id, battery = a_use(context, member), DamageItem("电池", 180_00)
    with pytest.raises(Forbidden):
        report_lost(context, clerk, batteries[0], battery)
    with pytest.raises(NotFound):
        report_lost(context, a_member_of_staff(context, role="manager", region="B"), batteries[0], battery)
    assert refused(report_lost, context, boss, batteries[1], battery).rule is Rule.BATTERY_NOT_OUT
    assert refused(report_lost, context, boss, batteries[0], battery, photo=False).rule is Rule.PICTURE_MISSING
    for _ in range(2):  # the form again
        report_lost(context, boss, batteries[0], battery, use_id=use_id)
    assert refused(report_lost, context, boss, batteries[0], battery, key="another").rule is Rule.BATTERY_NOT_OUT
    use = use_of(context, use_id)
    assert (use.ended_by, battery_state(context, batteries[0])) == (EndedBy.LOST, LOST)
    withheld = database.one(select(DepositWithholding))
    assert (withheld.battery_use_id, withheld.amount_fen, withheld.staff_id) == (use_id, 180_00, boss.id)
    (deposit,) = deposits_of(context, member)
    assert (deposit.status, deposit.withheld_fen) == (DepositStatus.HELD, 180_00)
    assert balances(context)[Account.DAMAGES] == 180_00
    assert_nothing_violated(context)
    take_in(context, clerk, batteries[0])  # found after all: what was withheld is a matter of its own
    assert battery_state(context, batteries[0]) is IN_STOCK
    assert_nothing_violated(context)


def test_a_lost_battery_may_cost_nothing(context: Flask, batteries: list[int], member: Actor, boss: Actor) -> None:
    use_id = a_use(context, member)
    report_lost(context, boss, batteries[0], photo=False)
    assert use_of(context, use_id).ended_by is EndedBy.LOST
    with read(context) as session:
        assert session.scalars(select(Charge).where(Charge.purpose == Purpose.FLASH_FEE)).all() == []
    assert deposits_of(context, member)[0].withheld_fen == 0
    assert_nothing_violated(context)
