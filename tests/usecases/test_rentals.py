"""Renting: one at a time, from the reservation to the return, and what follows from each (decisions 9, 12, 18, 41)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.domain.calendar import business_day, day_start
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor
from app.domain.rentals import Condition, Place
from app.domain.settings import RELEASE_RENTAL_NUMBER, RENTAL_FREEZE_DAYS, RENTAL_LATE_FEE
from app.models.journal import Audit
from app.models.numbers import NumberSeries, NumberSlot, SlotState
from app.models.orders import Order, OrderDay
from app.models.rentals import Rental
from app.models.vehicles import Listing
from app.usecases import cards, customers, deposits, numbers, orders, payments, pickup, rentals
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.ground import COLOURS, STOCK
from tests.factories.orders import an_order, charge_of, order_of, pay, person_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.phone import PhoneOnTheWire
from tests.factories.reading import read
from tests.factories.rentals import (
    MONTH,
    MONTH_FEN,
    a_card,
    a_deposit,
    a_rental_listing,
    a_rental_order,
    deposit_statuses,
    deposits_of,
    give_back,
    rental_of,
)
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

JOB = Actor.job("tests")
FLASH, RENTAL = DepositKind.FLASH, DepositKind.RENTAL
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FRAME_NO = "LBYD26B006021"


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


def reserve(app: Flask, who: Actor, listing_id: int, **changed: object) -> int:
    wanted: dict[str, object] = {
        "listing_id": listing_id,
        "colour": COLOURS[0],
        "intent": Intent.RESERVE,
        "days": MONTH,
        "seen_fen": MONTH_FEN,
        "request_key": "the-form",
        "now": now_of(app),
    }
    return orders.reserve(actor=who, **(wanted | changed))  # type: ignore[arg-type]  # the words of a table


def hand_over(app: Flask, order_id: int, *, frame_no: str = FRAME_NO, now: datetime | None = None) -> None:
    clerk = a_member_of_staff(app)
    pickup.confirm_pickup(order_id, colour=COLOURS[0], frame_no=frame_no, actor=clerk, now=now or now_of(app))


def undo(app: Flask, order_id: int, now: datetime) -> None:
    boss = a_member_of_staff(app, role="manager")
    pickup.undo_pickup(order_id, reason="拿错车", actor=boss, now=now)


def cancel(app: Flask, order_id: int) -> None:
    boss = a_member_of_staff(app, role="manager")
    orders.cancel_order(order_id, reason="不租了", actor=boss, now=now_of(app))


def settle(app: Flask, order_id: int, who: Actor, *, reason: str = "擦伤很轻") -> None:
    """Nothing is withheld."""
    rentals.settle_damage(order_id, items=[], photo=None, reason=reason, request_key="form", actor=who, now=now_of(app))


def stock_of(app: Flask, order_id: int) -> int:
    with read(app) as session:
        return session.scalars(select(Listing.stock).join(Order).where(Order.id == order_id)).one()


def slot_state(app: Flask, order_id: int) -> SlotState | None:
    with read(app) as session:
        return session.scalars(select(NumberSlot.state).where(NumberSlot.order_id == order_id)).one_or_none()


def out_figures(app: Flask) -> int:
    with read(app) as session:
        return session.scalars(select(func.coalesce(func.sum(OrderDay.orders), 0)).where(OrderDay.out)).one()


@pytest.fixture
def renter(app: Flask) -> Actor:
    return a_customer(app)


# ---- reserving


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-4", "NUM-2", "NUM-4", "SET-2")
def test_a_rental_is_reserved_for_a_plan_and_takes_number_and_vehicle(
    context: Flask, database: Database, renter: Actor
) -> None:
    mini = a_rental_listing(database, business=Business.MINI_RENTAL)
    standard = a_rental_listing(database)
    order_id = reserve(context, renter, standard)
    assert reserve(context, renter, standard) == order_id  # the form again
    order = order_of(context, order_id)
    assert (order.number, order.days, order.amount_fen) == ("AZ0001", MONTH, MONTH_FEN)
    assert (order.rental_deposit_fen, order.flash_deposit_fen, order.occupies_rental) == (300_00, 300_00, True)
    assert stock_of(context, order_id) == STOCK - 1
    assert order_of(context, reserve(context, a_customer(context), mini)).number == "AP0001"
    assert_nothing_violated(context)


@pytest.mark.req("SET-2")
def test_what_is_not_offered_is_not_rented(context: Flask, database: Database, renter: Actor) -> None:
    listing_id = a_rental_listing(database)
    with pytest.raises(NotFound):
        reserve(context, renter, listing_id, days=MONTH + 1)
    assert refused(reserve, context, renter, listing_id, seen_fen=MONTH_FEN - 1).rule is Rule.STALE_CHOICE
    assert refused(reserve, context, renter, a_rental_listing(database, "B")).rule is Rule.OTHER_REGION
    database.execute("UPDATE plan SET shown = false")
    with pytest.raises(NotFound):
        reserve(context, renter, listing_id)
    database.execute("UPDATE plan SET shown = true")
    for _ in range(3):
        an_order(context, customer=renter)  # unpaid sales are no bar
    assert reserve(context, renter, listing_id)


# ---- one for each person


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-4")
def test_one_person_rents_one_vehicle_from_reservation_to_return(
    context: Flask, database: Database, renter: Actor
) -> None:
    mini = a_rental_listing(database, business=Business.MINI_RENTAL)
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    broken = refused(reserve, context, renter, mini)
    assert (broken.rule, broken.facts) == (Rule.ONE_RENTAL, {"order_id": order_id, "number": "AZ0001"})
    cancel(context, order_id)
    order_id = a_rental_order(context, database, customer=renter, card=False, deposit=None)
    orders.expire_order(order_id, actor=JOB, now=order_of(context, order_id).expires_at)
    order_id = a_rental_order(context, database, customer=renter, card=False, picked_up=True)
    assert refused(reserve, context, renter, mini).rule is Rule.ONE_RENTAL
    give_back(context, order_id)
    assert reserve(context, renter, mini)
    assert an_order(context, customer=renter)  # buying is another matter
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.req("FLOW-RENT-4")
@pytest.mark.parametrize("checked", [True, False], ids=["checked", "without the check"])
def test_of_two_reservations_at_once_one_is_made(
    app: Flask, database: Database, renter: Actor, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    """The twin takes the look at the person's other rental away: then the unique index alone refuses."""
    if not checked:
        monkeypatch.setattr(orders, "occupying_order", lambda *_: None)
    listings = [a_rental_listing(database, business=business) for business in (Business.RENTAL, Business.MINI_RENTAL)]
    start = Barrier(2)

    def press(listing_id: int) -> str:
        with app.app_context():
            start.wait()
            try:
                reserve(app, renter, listing_id, request_key=f"form-{listing_id}")
            except RuleBroken as broken:
                return broken.rule
            except IntegrityError as error:
                one_rental = "uq_orders_one_rental" in str(error) or "orders.customer_id" in str(error)
                return "the database" if one_rental else str(error)
        return "reserved"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(press, listings))
    assert outcomes == sorted(["reserved", Rule.ONE_RENTAL if checked else "the database"])
    assert database.count(Order) == 1
    with read(app) as session:
        assert sorted(session.scalars(select(Listing.stock).where(Listing.id.in_(listings)))) == [STOCK - 1, STOCK]
    assert_nothing_violated(app)


@pytest.mark.both_engines
@pytest.mark.races
@pytest.mark.req("FLOW-RENT-4")
def test_of_two_tabs_that_press_at_once_one_reserves(
    app: Flask, live_app: str, database: Database, renter: Actor
) -> None:
    listings = {kind: a_rental_listing(database, business=kind) for kind in (Business.RENTAL, Business.MINI_RENTAL)}
    start = Barrier(2)

    def press(business: Business) -> tuple[int, bool]:
        tab = PhoneOnTheWire(app, live_app, renter)
        start.wait()
        answer = tab.reserve(business, listings[business])
        return answer.status_code, "一个人同时只能租一辆车" in answer.text

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, listings)) == [(303, False), (422, True)]
    assert database.count(Order) == 1
    assert_nothing_violated(app)


# ---- paying and handing over


@pytest.mark.req("FLOW-RENT-2", "FLOW-RENT-3")
def test_the_number_is_entered_and_the_fee_paid_only_with_a_deposit(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    number = order_of(context, order_id).number
    broken = refused(orders.enter_number, order_id, typed=number, actor=renter, now=now_of(context))
    assert broken.rule is Rule.DEPOSIT_MISSING
    charge_id = charge_of(context, order_id)
    assert refused(payments.begin_attempt, charge_id, actor=renter, now=now_of(context)).rule is Rule.NOT_MATCHED
    database.execute("UPDATE orders SET matched_at = reserved_at")
    assert refused(payments.begin_attempt, charge_id, actor=renter, now=now_of(context)).rule is Rule.DEPOSIT_MISSING
    a_deposit(context, renter, RENTAL, order_id=order_id)
    assert orders.enter_number(order_id, typed=number, actor=renter, now=now_of(context))
    attempt = payments.begin_attempt(charge_id, actor=renter, now=now_of(context))
    assert attempt.wanted.description == "猎吧租车 租车 猎吧 S1 AZ0001"


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-3", "ORD-2", "SET-4", "SET-11")
def test_a_rental_begins_with_the_pickup_under_the_terms_of_that_day(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, paid=True)
    a_setting(context, database, RENTAL_LATE_FEE, 3_00, since=now_of(context))
    hand_over(context, order_id)
    a_setting(context, database, RENTAL_LATE_FEE, 9_00, since=now_of(context))
    a_setting(context, database, RENTAL_FREEZE_DAYS, 1, since=now_of(context))
    today = business_day(now_of(context))
    rental = rental_of(context, order_id)
    assert (rental.began_on, rental.due_on, rental.freezes_on) == (today, today + MONTH * DAY, today + 60 * DAY)
    assert (rental.free_days, rental.late_fee_fen, rental.freeze_days, rental.cap_fen) == (0, 3_00, 30, 300_00)
    assert rental.deposit_id == deposits_of(context, renter)[0].id
    order = order_of(context, order_id)
    assert (order.status, order.occupies_rental, slot_state(context, order_id)) == (
        OrderStatus.COMPLETED,
        True,
        SlotState.KEPT,
    )
    held = balances(context)
    assert (held[Account.RENTALS], held[Account.SALES], held[Account.DEPOSITS]) == (MONTH_FEN, 0, 300_00)
    assert out_figures(context) == 1
    assert_nothing_violated(context)


@pytest.mark.req("FLOW-RENT-2", "FLOW-RENT-3")
def test_a_rental_that_costs_nothing_needs_deposit_and_card_all_the_same(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, price_fen=0, card=False, deposit=None)
    broken = refused(hand_over, context, order_id)
    assert (broken.rule, broken.facts) == (Rule.DEPOSIT_MISSING, {"amount_fen": 300_00})
    card_id = a_card(context, renter, approved=False)
    a_deposit(context, renter, RENTAL, order_id=order_id)
    assert refused(hand_over, context, order_id).rule is Rule.CARD_NOT_APPROVED
    cards.approve(card_id, actor=a_member_of_staff(context), now=now_of(context))
    customers.freeze(
        person_of(context, order_id),
        reason="核实",
        actor=a_member_of_staff(context, role="manager"),
        now=now_of(context),
    )
    assert refused(hand_over, context, order_id).rule is Rule.FROZEN
    customers.unfreeze(
        person_of(context, order_id),
        reason="好了",
        actor=a_member_of_staff(context, role="manager"),
        now=now_of(context),
    )
    hand_over(context, order_id)
    give_back(context, order_id)
    assert balances(context)[Account.RENTALS] == 0
    assert [one.amount_fen for one in refunds_of(context)] == [300_00]
    assert_nothing_violated(context)


def test_an_unpaid_rental_does_not_go_out(context: Flask, database: Database) -> None:
    order_id = a_rental_order(context, database, matched=True)
    broken = refused(hand_over, context, order_id)
    assert (broken.rule, broken.facts) == (Rule.NOT_PAID, {"amount_fen": MONTH_FEN})


@pytest.mark.both_engines
def test_a_vehicle_that_is_back_goes_out_again_and_not_before(context: Flask, database: Database) -> None:
    first, second = (a_rental_order(context, database, paid=True) for _ in range(2))
    hand_over(context, first)
    assert refused(hand_over, context, second).rule is Rule.FRAME_NO_TAKEN
    give_back(context, first)
    hand_over(context, second)
    assert database.count(Order, Order.frame_no == FRAME_NO) == 2
    assert_nothing_violated(context)


# ---- taking a pickup back


@pytest.mark.both_engines
def test_an_undone_pickup_leaves_no_rental_and_the_deposit_held(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id, now = a_rental_order(context, database, customer=renter, paid=True), now_of(context)
    hand_over(context, order_id, now=now)
    undo(context, order_id, now + MINUTE)
    order = order_of(context, order_id)
    assert (order.status, order.occupies_rental, slot_state(context, order_id)) == (
        OrderStatus.RESERVED,
        True,
        SlotState.HELD,
    )
    assert (database.count(Rental), deposit_statuses(context, renter)) == (0, [DepositStatus.HELD])
    held = balances(context)
    assert (held[Account.RENTALS], held[Account.ADVANCES], out_figures(context)) == (0, MONTH_FEN, 0)
    assert_nothing_violated(context)
    hand_over(context, order_id, now=now + 2 * MINUTE)
    give_back(context, order_id, now=now + 3 * MINUTE)
    broken = refused(undo, context, order_id, now + 4 * MINUTE)
    assert broken.rule is Rule.ALREADY_RETURNED
    assert_nothing_violated(context)


def test_an_undone_pickup_can_be_cancelled_and_everything_goes_back(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    undo(context, order_id, now_of(context) + 5 * MINUTE)
    cancel(context, order_id)
    assert [one.amount_fen for one in refunds_of(context)] == [300_00, MONTH_FEN]
    assert stock_of(context, order_id) == STOCK
    assert_nothing_violated(context)


# ---- the return


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-3", "ORD-2")
@pytest.mark.parametrize(("place", "stock"), [(Place.STOCK, STOCK), (Place.REPAIR, STOCK - 1)])
def test_a_return_gives_the_vehicle_to_stock_or_repair_and_the_deposit_back(
    context: Flask, database: Database, renter: Actor, place: Place, stock: int
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    for _ in range(2):  # pressed twice
        give_back(context, order_id, place=place)
    rental, order = rental_of(context, order_id), order_of(context, order_id)
    assert (rental.returned_to, rental.condition, rental.returned_on) == (
        place,
        Condition.GOOD,
        business_day(now_of(context)),
    )
    assert rental.settled_at == rental.plate_off_at == rental.returned_at is not None
    assert (order.status, order.occupies_rental) == (OrderStatus.COMPLETED, False)
    assert (stock_of(context, order_id), out_figures(context)) == (stock, 0)
    assert deposit_statuses(context, renter) == [DepositStatus.REFUNDING]
    assert len(refunds_of(context)) == 1
    assert database.count(Audit, Audit.action == "vehicle_returned") == 1
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("NUM-4", "NUM-5", "SET-5")
@pytest.mark.parametrize(("setting", "state", "then"), [(0, SlotState.KEPT, "AZ0002"), (1, None, "AZ0001")])
def test_a_returned_vehicles_number_is_kept_or_goes_to_the_next_as_the_setting_says(
    context: Flask, database: Database, setting: int, state: SlotState | None, then: str
) -> None:
    """归还后释放租车编号. The order keeps the number that it had in its history either way."""
    order_id = a_rental_order(context, database, picked_up=True)
    a_setting(context, database, RELEASE_RENTAL_NUMBER, setting)
    give_back(context, order_id)
    assert slot_state(context, order_id) is state
    assert order_of(context, a_rental_order(context, database, deposit=None)).number == then
    assert order_of(context, order_id).number == "AZ0001"
    (told,) = database.all(select(Audit.facts).where(Audit.action == "vehicle_returned"))
    assert told["number_released"] is bool(setting)
    assert_nothing_violated(context)


@pytest.mark.req("FLOW-RENT-3")
def test_what_is_no_return(context: Flask, database: Database) -> None:
    order_id = a_rental_order(context, database, paid=True)
    for nothing_out in (order_id, an_order(context, picked_up=True)):
        assert refused(give_back, context, nothing_out).rule is Rule.NO_RENTAL
    hand_over(context, order_id)
    with pytest.raises(NotFound):
        give_back(context, order_id, region="B")

    def take(who: Actor, *, plate_off: bool) -> None:
        rentals.return_vehicle(
            order_id, condition=Condition.GOOD, place=Place.STOCK, plate_off=plate_off, actor=who, now=now_of(context)
        )

    with pytest.raises(Forbidden):
        take(a_member_of_staff(context, role="finance"), plate_off=True)
    broken = refused(take, a_member_of_staff(context), plate_off=False)
    assert (broken.rule, broken.facts) == (Rule.PLATE_ON, {"number": "AZ0001"})
    assert rental_of(context, order_id).returned_at is None


def test_damage_keeps_the_deposit_until_staff_have_settled_it(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    boss = a_member_of_staff(context, role="manager")
    assert refused(settle, context, order_id, boss).rule is Rule.NO_RENTAL
    give_back(context, order_id, condition=Condition.DAMAGED, place=Place.REPAIR)
    assert deposit_statuses(context, renter) == [DepositStatus.HELD]
    assert_nothing_violated(context)
    with pytest.raises(Forbidden):
        settle(context, order_id, a_member_of_staff(context))
    with pytest.raises(NotFound):
        settle(context, order_id, a_member_of_staff(context, role="manager", region="B"))
    assert refused(settle, context, order_id, boss, reason=" ").rule is Rule.REASON_MISSING
    reserve(context, renter, a_rental_listing(database))  # settling holds nobody up
    settle(context, order_id, boss)
    assert refused(settle, context, order_id, boss).rule is Rule.DAMAGE_SETTLED
    # The deposit has a new rental to secure meanwhile.
    assert deposit_statuses(context, renter) == [DepositStatus.HELD]
    assert_nothing_violated(context)


def test_a_vehicle_found_in_good_order_has_no_damage_to_settle(context: Flask, database: Database) -> None:
    order_id = a_rental_order(context, database, picked_up=True)
    give_back(context, order_id)
    assert refused(settle, context, order_id, a_member_of_staff(context, role="manager")).rule is Rule.DAMAGE_SETTLED


@pytest.mark.req("SET-4")
def test_a_rental_late_by_thirty_days_freezes_by_that_fact_and_its_return_frees(
    context: Flask, database: Database, renter: Actor
) -> None:
    """No job has run. Whoever is barred can still return."""
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    frozen_from = day_start(rental_of(context, order_id).due_on) + 30 * DAY
    sale = {"seen_fen": 2399_00, "days": 0}
    with read(context) as session:
        listing_id = session.scalars(
            select(Listing.id).where(Listing.region_id == a_region_id(context, "A"), Listing.business == Business.SALE)
        ).one()
    assert reserve(context, renter, listing_id, **sale, now=frozen_from - MINUTE)
    broken = refused(reserve, context, renter, listing_id, **sale, now=frozen_from, request_key="b")
    assert broken.rule is Rule.FROZEN
    assert broken.facts["since"] == frozen_from
    assert broken.facts["reason"] == "租的车 AZ0001 逾期 30 天没还"
    give_back(context, order_id, now=frozen_from + DAY)
    assert deposit_statuses(context, renter) == [DepositStatus.REFUNDING]
    assert reserve(context, renter, listing_id, **sale, now=frozen_from + DAY, request_key="b")


@pytest.mark.req("SET-5")
def test_a_return_by_somebody_frozen_by_hand_waits_with_the_deposit_alone(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    boss = a_member_of_staff(context, role="manager")
    customers.freeze(person_of(context, order_id), reason="核实身份", actor=boss, now=now_of(context))
    give_back(context, order_id)
    assert deposit_statuses(context, renter) == [DepositStatus.HELD]
    assert_nothing_violated(context)
    customers.unfreeze(person_of(context, order_id), reason="核实完了", actor=boss, now=now_of(context))
    assert deposit_statuses(context, renter) == [DepositStatus.REFUNDING]


def test_a_battery_that_is_late_holds_a_rental_deposit_back_until_it_is_returned(
    context: Flask, database: Database, renter: Actor
) -> None:
    """A frozen account's idle deposit waits, and goes by itself once the cause has ended."""
    some_batteries(database, last=1)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    give_back(context, order_id, condition=Condition.DAMAGED)
    a_member(context, customer=renter)
    use_id, now = a_use(context, renter), now_of(context)
    settled_at = now + 31 * DAY
    boss = a_member_of_staff(context, role="manager")
    rentals.settle_damage(
        order_id, items=[], photo=None, reason="擦伤很轻", request_key="form", actor=boss, now=settled_at
    )
    assert deposit_statuses(context, renter) == [DepositStatus.HELD, DepositStatus.HELD]
    take_back(context, use_id, now=settled_at + DAY)
    assert deposit_statuses(context, renter) == [DepositStatus.REFUNDING, DepositStatus.HELD]


# ---- money that comes after the order was closed


def closed_with_its_fee_under_way(app: Flask, database: Database, renter: Actor, kind: DepositKind) -> tuple[int, str]:
    order_id = a_rental_order(app, database, customer=renter, deposit=kind, matched=True)
    wanted = payments.begin_attempt(charge_of(app, order_id), actor=renter, now=now_of(app)).wanted
    cancel(app, order_id)
    return order_id, wanted.out_trade_no


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-4")
def test_late_money_revives_the_rental_of_a_member(context: Flask, database: Database, renter: Actor) -> None:
    order_id, late = closed_with_its_fee_under_way(context, database, renter, FLASH)
    pay(context, late, customer=renter, amount_fen=MONTH_FEN, now=now_of(context))
    order = order_of(context, order_id)
    assert (order.status, order.occupies_rental, order.turn) == (OrderStatus.RESERVED, True, 2)
    assert refused(reserve, context, renter, a_rental_listing(database)).rule is Rule.ONE_RENTAL
    hand_over(context, order_id)
    assert_nothing_violated(context)


def _another_rental(app: Flask, database: Database, renter: Actor, _order_id: int, _late: str) -> None:
    reserve(app, renter, a_rental_listing(database))


def _leaves(app: Flask, _database: Database, renter: Actor, _order_id: int, _late: str) -> None:
    deposits.ask_back(deposits_of(app, renter)[-1].id, actor=renter, now=now_of(app))


def _frozen(app: Flask, _database: Database, _renter: Actor, order_id: int, _late: str) -> None:
    customers.freeze(
        person_of(app, order_id), reason="核实身份", actor=a_member_of_staff(app, role="manager"), now=now_of(app)
    )


def _number_out_of_use(app: Flask, database: Database, _renter: Actor, order_id: int, late: str) -> None:
    payments.attempt_closed(late, actor=JOB, now=now_of(app))  # the number waited for it
    series = select(NumberSeries.id).join(Order, Order.region_id == NumberSeries.region_id)
    series_id = database.one(series.where(Order.id == order_id, NumberSeries.business == Business.RENTAL))
    slot_id = database.one(select(NumberSlot.id).where(NumberSlot.series_id == series_id, NumberSlot.n == 1))
    numbers.retire(slot_id, reason="车牌丢了", actor=a_member_of_staff(app, role="manager"), now=now_of(app))


def _vehicle_gone(app: Flask, database: Database, _renter: Actor, order_id: int, _late: str) -> None:
    listing_id = order_of(app, order_id).listing_id
    database.execute("UPDATE listing SET stock = 0 WHERE id = :id", id=listing_id)
    database.execute(
        "INSERT INTO stock_movement (listing_id, delta, reason, turn, at)"
        f" SELECT id, -{STOCK}, 'by_hand', 0, '2026-01-01 00:00:00' FROM listing WHERE id = :id",
        id=listing_id,
    )


def _nothing(*_: object) -> None:
    """With a rental deposit the refund has begun already: nothing secures the rental."""


@pytest.mark.parametrize(
    ("kind", "meanwhile"),
    [
        (RENTAL, _nothing),
        (FLASH, _another_rental),
        (FLASH, _leaves),
        (FLASH, _frozen),
        (FLASH, _number_out_of_use),
        (FLASH, _vehicle_gone),
    ],
)
def test_late_money_goes_back_where_a_rental_cannot_come_back(
    context: Flask,
    database: Database,
    renter: Actor,
    kind: DepositKind,
    meanwhile: Callable[[Flask, Database, Actor, int, str], None],
) -> None:
    order_id, late = closed_with_its_fee_under_way(context, database, renter, kind)
    meanwhile(context, database, renter, order_id, late)
    pay(context, late, customer=renter, amount_fen=MONTH_FEN, now=now_of(context))
    order = order_of(context, order_id)
    assert (order.status, order.occupies_rental) == (OrderStatus.CANCELLED, False)
    assert refunds_of(context)[-1].amount_fen == MONTH_FEN
    assert balances(context)[Account.ADVANCES] == 0
    assert_nothing_violated(context)
