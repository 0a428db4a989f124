"""Deposits near the end of what WeChat refunds: sent back to be paid anew, or paid out by the owner (decision 26)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.deposits import DepositKind, DepositStatus, Tie
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundChannel, RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import FLASH_LATE_FEE, RENTAL_LATE_FEE
from app.models.deposits import Deposit
from app.models.money import Refund
from app.models.work import Outbox
from app.queries.deposit_horizon import HorizonRow, horizon
from app.usecases import deposit_horizon, deposits
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.flash import a_member, a_use, some_batteries, take_back, use_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import (
    DEPOSIT_FEN,
    a_deposit,
    a_photo,
    a_rental_order,
    deposits_of,
    give_back,
    rental_of,
)
from tests.factories.settings import a_setting
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

BEGAN = datetime(2026, 3, 1, 4, tzinfo=UTC)  # noon in Shanghai
DAY = timedelta(days=1)
FLASH, RENTAL = DepositKind.FLASH, DepositKind.RENTAL


@pytest.fixture(autouse=True)
def march(clock: MovedClock) -> None:
    clock.move_to(BEGAN)


@pytest.fixture
def owner(context: Flask) -> Actor:
    return a_member_of_staff(context, role="owner", region=None)


@pytest.fixture
def finance(context: Flask) -> Actor:
    return a_member_of_staff(context, role="finance", region=None)


def held(app: Flask, who: Actor) -> Deposit:
    return deposits_of(app, who)[0]


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


def silent(app: Flask, clock: MovedClock, now: datetime) -> None:
    """`flask check`, asked then, finds nothing."""
    clock.move_to(now)
    assert_nothing_violated(app)


def made_old(database: Database) -> None:
    """As if the deposits were paid 340 days ago."""
    with database.write() as session:
        session.execute(update(Deposit).values(paid_at=BEGAN - 340 * DAY))


def renew(deposit_id: int, actor: Actor, now: datetime) -> None:
    deposit_horizon.renew(deposit_id, reason="快满一年", actor=actor, now=now)


def pay_out(deposit_id: int, actor: Actor, now: datetime) -> None:
    photo = a_photo(PhotoKind.PAYOUT)
    deposit_horizon.pay_out(deposit_id, photo=photo, reason="微信转账", actor=actor, now=now)


def listed(app: Flask, actor: Actor, now: datetime) -> list[HorizonRow]:
    with read(app) as session:
        found = horizon(session, actor, region_id=None, after=None, before=None, size=20, now=now)
    assert found.total == len(found.page.rows)
    return list(found.page.rows)


def refunds(app: Flask) -> list[Refund]:
    with read(app) as session:
        return list(session.scalars(select(Refund).order_by(Refund.id)))


@pytest.mark.parametrize(
    ("days", "is_listed", "left", "renewing", "paying_out", "asking"),
    [
        (329, False, None, Rule.DEPOSIT_NOT_OLD, Rule.DEPOSIT_NOT_OLD, None),
        (330, True, 35, None, Rule.REFUND_NOT_OLD, None),
        (364, True, 1, None, Rule.REFUND_NOT_OLD, None),
        (365, True, 0, None, Rule.REFUND_NOT_OLD, None),
        (366, True, 0, Rule.REFUND_TOO_OLD, None, Rule.REFUND_TOO_OLD),
    ],
)
def test_by_its_age_in_days(
    context: Flask,
    clock: MovedClock,
    owner: Actor,
    days: int,
    is_listed: bool,
    left: int | None,
    renewing: Rule | None,
    paying_out: Rule | None,
    asking: Rule | None,
) -> None:
    """One person for each act; the same time of day as the payment."""
    one, two, three = (a_member(context) for _ in range(3))
    now = BEGAN + days * DAY
    rows = listed(context, owner, now)
    assert len(rows) == (3 if is_listed else 0)
    if is_listed:
        assert {(row.days_left, row.is_past, row.may_renew, row.may_pay_out) for row in rows} == {
            (left, days > 365, renewing is None, paying_out is None)
        }
    for who, act, rule in ((one, renew, renewing), (two, pay_out, paying_out), (three, ask_back, asking)):
        deposit_id = held(context, who).id
        if rule is not None:
            assert refused(act, deposit_id, owner, now).rule is rule
            assert held(context, who).status is DepositStatus.HELD
        else:
            act(deposit_id, owner, now)
            assert held(context, who).status is not DepositStatus.HELD
    silent(context, clock, now)


def ask_back(deposit_id: int, actor: Actor, now: datetime) -> None:
    deposits.ask_back(deposit_id, actor=actor, now=now)


def test_a_minute_past_365_days_wechat_is_asked_for_nothing(context: Flask, owner: Actor) -> None:
    member = a_member(context)
    paid = BEGAN + timedelta(seconds=20)
    deposit = held(context, member)
    for who in (owner, member):
        assert refused(ask_back, deposit.id, who, paid + 365 * DAY + timedelta(minutes=1)).rule is Rule.REFUND_TOO_OLD
    assert refunds(context) == []
    ask_back(deposit.id, member, paid + 364 * DAY)
    assert [refund.channel for refund in refunds(context)] == [RefundChannel.WECHAT]


@pytest.mark.both_engines
def test_a_battery_in_use_stays_out_unsecured_and_the_next_deposit_takes_it_over(
    context: Flask, clock: MovedClock, database: Database, owner: Actor
) -> None:
    a_setting(context, database, FLASH_LATE_FEE, 5_00)
    some_batteries(database)
    member = a_member(context)
    use_id = a_use(context, member, now=BEGAN + 314 * DAY)
    now = BEGAN + 331 * DAY  # day 17 of the use: three days late
    deposit = held(context, member)
    assert listed(context, owner, now)[0].amounts.withheld_fen == 15_00
    renew(deposit.id, owner, now)
    renew(deposit.id, owner, now)  # pressed twice
    (refund,) = refunds(context)
    assert (refund.amount_fen, refund.channel, refund.status) == (
        DEPOSIT_FEN - 15_00,
        RefundChannel.WECHAT,
        RefundStatus.REQUESTED,
    )
    assert held(context, member).status is DepositStatus.REFUNDING
    assert use_of(context, use_id).returned_at is None
    silent(context, clock, now)
    assert "deposit_sent_back" in {row.payload.get("topic") for row in database.all(select(Outbox))}

    again = now + DAY
    a_deposit(context, member, FLASH, now=again)
    assert use_of(context, use_id).deposit_id == deposits_of(context, member)[-1].id != deposit.id
    take_back(context, use_id, now=again + DAY)
    assert use_of(context, use_id).late_owed_fen == 2 * 5_00  # the two days since the deposit went back
    silent(context, clock, again + DAY)


@pytest.mark.both_engines
def test_a_vehicle_that_is_out_takes_the_rental_deposit_that_is_paid_anew(
    context: Flask, clock: MovedClock, database: Database, finance: Actor
) -> None:
    a_setting(context, database, RENTAL_LATE_FEE, 8_00)
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    rental = rental_of(context, order_id)
    now = BEGAN + 340 * DAY
    renew(rental.deposit_id, finance, now)
    old = held(context, renter)
    assert old.withheld_fen == min(rental.cap_fen, DEPOSIT_FEN)
    assert rental_of(context, order_id).deposit_id == old.id
    silent(context, clock, now)


def test_what_is_out_and_not_late_is_sent_back_whole_and_secured_anew(
    context: Flask, clock: MovedClock, database: Database, finance: Actor
) -> None:
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    made_old(database)
    old, now = held(context, renter), BEGAN + DAY
    renew(old.id, finance, now)
    assert refunds(context)[-1].amount_fen == DEPOSIT_FEN
    a_deposit(context, renter, RENTAL, order_id=order_id, now=now + DAY)
    new = next(one for one in deposits_of(context, renter) if one.id != old.id)
    assert (new.status, rental_of(context, order_id).deposit_id) == (DepositStatus.HELD, new.id)
    give_back(context, order_id, now=now + 2 * DAY)
    assert {one.status for one in deposits_of(context, renter)} == {DepositStatus.REFUNDING}
    silent(context, clock, now + 2 * DAY)


def test_a_deposit_that_was_chosen_anew_and_not_paid_is_dropped_with_the_return(
    context: Flask, database: Database, finance: Actor
) -> None:
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    made_old(database)
    renew(held(context, renter).id, finance, BEGAN + DAY)
    a_deposit(context, renter, RENTAL, order_id=order_id, paid=False, now=BEGAN + DAY)
    give_back(context, order_id, now=BEGAN + 2 * DAY)
    assert {one.status for one in deposits_of(context, renter)} == {DepositStatus.REFUNDING, DepositStatus.VOID}


@pytest.mark.both_engines
def test_past_365_days_the_owner_pays_it_out_with_proof(
    context: Flask, clock: MovedClock, database: Database, owner: Actor
) -> None:
    a_setting(context, database, FLASH_LATE_FEE, 5_00)
    some_batteries(database)
    member = a_member(context)
    use_id = a_use(context, member, now=BEGAN + 350 * DAY)
    now = BEGAN + 370 * DAY  # day 20: six days late
    deposit_id = held(context, member).id
    pay_out(deposit_id, owner, now)
    pay_out(deposit_id, owner, now)  # pressed twice
    (refund,) = refunds(context)
    assert (refund.channel, refund.status, refund.amount_fen) == (
        RefundChannel.OUTSIDE,
        RefundStatus.DONE,
        DEPOSIT_FEN - 30_00,
    )
    assert refund.proof_photo_id is not None
    deposit = held(context, member)
    assert (deposit.status, deposit.refunded_fen) == (DepositStatus.REFUNDED, DEPOSIT_FEN - 30_00)
    money = balances(context)
    assert (money[Account.DEPOSITS], money[Account.REFUNDS_PAYABLE]) == (0, 0)
    assert {row.kind for row in database.all(select(Outbox))} == {"message"}  # WeChat is asked for nothing
    take_back(context, use_id, now=now + DAY)
    assert use_of(context, use_id).late_owed_fen == 5_00
    silent(context, clock, now + DAY)


def test_who_may_not(context: Flask, owner: Actor, finance: Actor) -> None:
    deposit_id = held(context, a_member(context)).id
    late = BEGAN + 370 * DAY
    clerk, elsewhere = a_member_of_staff(context), a_member_of_staff(context, role="manager", region="B")
    for act, actor, error in (
        (renew, clerk, Forbidden),
        (renew, elsewhere, NotFound),
        (pay_out, finance, Forbidden),
        (pay_out, elsewhere, NotFound),
        (renew, a_member(context), NotFound),
    ):
        with pytest.raises(error):
            act(deposit_id, actor, late)
    with pytest.raises(NotFound):
        renew(999, owner, late)
    assert refused(deposit_horizon.pay_out, deposit_id, photo=None, reason="转账", actor=owner, now=late).rule is (
        Rule.PICTURE_MISSING
    )
    assert refused(deposit_horizon.renew, deposit_id, reason=" ", actor=owner, now=BEGAN + 340 * DAY).rule is (
        Rule.REASON_MISSING
    )


def test_damage_is_settled_first(context: Flask, database: Database, owner: Actor) -> None:
    order_id = a_rental_order(context, database, picked_up=True)
    give_back(context, order_id, condition=Condition.DAMAGED, now=BEGAN + 3 * DAY)
    now, deposit_id = BEGAN + 340 * DAY, rental_of(context, order_id).deposit_id
    (row,) = listed(context, owner, now)
    assert (row.ties, row.may_renew) == ((Tie.DAMAGE,), False)
    broken = refused(renew, deposit_id, owner, now)
    assert (broken.rule, broken.facts["ties"]) == (Rule.DEPOSIT_TIED, (Tie.DAMAGE,))


def test_a_rental_deposit_past_365_days_waits_for_the_owner_at_the_return(
    context: Flask, clock: MovedClock, database: Database, owner: Actor
) -> None:
    renter = a_customer(context)
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    now = BEGAN + 380 * DAY
    give_back(context, order_id, now=now)
    assert (held(context, renter).status, refunds(context)) == (DepositStatus.HELD, [])
    silent(context, clock, now)
    (row,) = listed(context, owner, now)
    assert (row.is_past, row.may_pay_out, row.ties) == (True, True, ())
    pay_out(row.id, owner, now)
    assert held(context, renter).status is DepositStatus.REFUNDED
