"""Deposits, from the agreement to the arrival of the refund: what they secure, what is withheld (decision 25)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import DamageItem, DepositKind, DepositStatus, Tie
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.domain.settings import FLASH_DEPOSIT, FLASH_PRICE, FROZEN_DEPOSIT, RENTAL_DEPOSIT
from app.models.deposits import Deposit, DepositWithholding
from app.models.money import Charge, Payment, Refund
from app.models.work import Outbox
from app.usecases import cards, customers, deposits, flash_charge, orders, payments, rentals
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of
from tests.factories.flash import a_member, a_use, held_by, some_batteries, take_back
from tests.factories.orders import an_order, order_of, park_everything, pay, person_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import (
    DEPOSIT_FEN,
    MONTH_FEN,
    a_card,
    a_deposit,
    a_photo,
    a_rental_order,
    deposit_statuses,
    deposits_of,
    give_back,
    rental_of,
    tell_of_deposit,
)
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

JOB = Actor.job("tests")
FLASH, RENTAL = DepositKind.FLASH, DepositKind.RENTAL
DUE, VOID, HELD, REFUNDING, REFUNDED = DepositStatus
MINUTE = timedelta(minutes=1)


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def agree(
    app: Flask, who: Actor, kind: DepositKind, order_id: int | None = None, *, seen_fen: int = DEPOSIT_FEN
) -> int:
    return deposits.agree(kind, order_id=order_id, seen_fen=seen_fen, actor=who, now=now_of(app))


def refused(act: Callable[..., object], *args: object, **named: object) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        act(*args, **named)
    return broken.value


def begun(app: Flask, who: Actor, charge_id: int) -> str:
    """A payment attempt that WeChat knows of: its number."""
    out_trade_no = payments.begin_attempt(charge_id, actor=who, now=now_of(app)).wanted.out_trade_no
    assert payments.attempt_prepared(out_trade_no, prepay_id="wx-prepared")
    return out_trade_no


def ask_back(app: Flask, who: Actor, deposit: Deposit) -> None:
    deposits.ask_back(deposit.id, actor=who, now=now_of(app))


def tied(app: Flask, deposit: Deposit, who: Actor) -> tuple[Tie, ...]:
    """What the deposit still secures, as its person is told."""
    broken = refused(ask_back, app, who, deposit)
    assert broken.rule is Rule.DEPOSIT_TIED
    ties: tuple[Tie, ...] = broken.facts["ties"]  # type: ignore[assignment]  # that rule's own fact
    return ties


def freeze(app: Flask, order_id: int) -> None:
    boss = a_member_of_staff(app, role="manager")
    customers.freeze(person_of(app, order_id), reason="核实身份", actor=boss, now=now_of(app))


def unfreeze(app: Flask, order_id: int) -> None:
    boss = a_member_of_staff(app, role="manager")
    customers.unfreeze(person_of(app, order_id), reason="核实完了", actor=boss, now=now_of(app))


def cancel(app: Flask, order_id: int) -> None:
    boss = a_member_of_staff(app, role="manager")
    orders.cancel_order(order_id, reason="不租了", actor=boss, now=now_of(app))


@pytest.fixture
def renter(app: Flask) -> Actor:
    return a_customer(app)


# ---- deciding for one


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-2", "SET-5", "SET-11")
def test_a_deposit_on_the_way_of_a_rental_is_what_was_agreed_with_the_reservation(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    for setting in (RENTAL_DEPOSIT, FLASH_DEPOSIT):
        a_setting(context, database, setting, 500_00, since=now_of(context))
    for kind in DepositKind:
        broken = refused(agree, context, renter, kind, order_id, seen_fen=500_00)
        assert (broken.rule, broken.facts) == (Rule.STALE_CHOICE, {"price_fen": DEPOSIT_FEN})
    assert agree(context, renter, RENTAL, order_id) == agree(context, renter, RENTAL, order_id)  # pressed twice
    assert refused(agree, context, renter, FLASH).facts == {"price_fen": 500_00}  # by itself: today's
    charge_id = agree(context, renter, FLASH, seen_fen=500_00)
    with read(context) as session:
        charge = session.get_one(Charge, charge_id)
    assert (charge.purpose, charge.amount_fen, charge.status) == (Purpose.DEPOSIT, 500_00, ChargeStatus.OPEN)
    assert [(one.kind, one.status, one.amount_fen) for one in deposits_of(context, renter)] == [
        (RENTAL, VOID, DEPOSIT_FEN),
        (FLASH, DUE, 500_00),
    ]
    assert_nothing_violated(context)


@pytest.mark.req("FLOW-RENT-1", "FLOW-RENT-2", "FLOW-FLASH-1")
def test_whoever_may_not_agree_on_a_deposit(context: Flask, database: Database, renter: Actor) -> None:
    for nobody in (a_customer(context, registered=False), a_member_of_staff(context, role="owner", region=None), JOB):
        with pytest.raises(Forbidden):
            agree(context, nobody, FLASH)
    order_id = a_rental_order(context, database, customer=renter, card=False, deposit=None)
    assert refused(agree, context, renter, RENTAL, order_id).rule is Rule.CARD_MISSING
    card_id = a_card(context, renter, approved=False)
    clerk = a_member_of_staff(context)
    cards.reject(card_id, reason="照片看不清", actor=clerk, now=now_of(context))
    assert refused(agree, context, renter, FLASH).rule is Rule.CARD_MISSING
    a_card(context, renter, approved=False)  # one that waits for its review will do
    others, sale = a_rental_order(context, database, deposit=None), an_order(context, customer=renter)
    for wrong in (None, 999, others, sale):
        with pytest.raises(NotFound):
            agree(context, renter, RENTAL, wrong)
    freeze(context, order_id)
    assert refused(agree, context, renter, RENTAL, order_id).rule is Rule.FROZEN
    unfreeze(context, order_id)
    cancel(context, order_id)
    assert refused(agree, context, renter, RENTAL, order_id).rule is Rule.NOT_RESERVED
    assert deposits_of(context, renter) == []


@pytest.mark.req("FLOW-RENT-2")
def test_each_kind_is_held_once_and_a_flash_deposit_does_for_both(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter)
    assert refused(agree, context, renter, RENTAL, order_id).rule is Rule.DEPOSIT_HELD
    a_deposit(context, renter, FLASH, order_id=order_id)
    for kind in DepositKind:
        assert refused(agree, context, renter, kind, order_id).rule is Rule.DEPOSIT_HELD
    assert deposit_statuses(context, renter) == [REFUNDING, HELD]


@pytest.mark.both_engines
def test_the_database_holds_each_kind_once_and_gives_back_no_more_than_there_is(
    context: Flask, database: Database
) -> None:
    member = a_member(context)
    copied = "customer_id, region_id, kind, amount_fen, status, made_at, paid_at, withheld_fen, refunded_fen"
    for wrong in (
        f"INSERT INTO deposit ({copied}) SELECT {copied} FROM deposit",
        "UPDATE deposit SET withheld_fen = 20000, refunded_fen = 10001",
        "UPDATE deposit SET paid_at = NULL",
    ):
        with pytest.raises(IntegrityError):
            database.execute(wrong)
    assert deposit_statuses(context, member) == [HELD]


# ---- another choice on the way


@pytest.mark.both_engines
def test_another_choice_drops_the_first_and_its_late_money_goes_back(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    dropped = begun(context, renter, agree(context, renter, RENTAL, order_id))
    charge_id = agree(context, renter, FLASH, order_id)
    assert deposit_statuses(context, renter) == [VOID, DUE]
    with read(context) as session:
        assert session.scalars(select(Outbox.key).where(Outbox.kind == Errand.CLOSE_PAYMENT)).all() == [dropped]
    pay(context, dropped, customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [VOID, DUE]
    assert [(one.amount_fen, one.reason[-4:]) for one in refunds_of(context)] == [(DEPOSIT_FEN, "自动退回")]
    assert balances(context)[Account.DEPOSITS] == 0
    pay(context, begun(context, renter, charge_id), customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [VOID, HELD]
    assert_nothing_violated(context)


@pytest.mark.parametrize("chosen_paid", [False, True])
def test_late_money_for_a_flash_deposit_is_held_and_the_other_choice_goes(
    context: Flask, database: Database, renter: Actor, *, chosen_paid: bool
) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    dropped = begun(context, renter, agree(context, renter, FLASH, order_id))
    a_deposit(context, renter, RENTAL, order_id=order_id, paid=chosen_paid)
    pay(context, dropped, customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [HELD, REFUNDING if chosen_paid else VOID]
    assert orders.enter_number(order_id, typed=order_of(context, order_id).number, actor=renter, now=now_of(context))
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_late_money_for_a_flash_deposit_goes_back_where_one_is_held(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    dropped = begun(context, renter, agree(context, renter, FLASH, order_id))
    agree(context, renter, RENTAL, order_id)
    a_deposit(context, renter, FLASH, order_id=order_id)
    pay(context, dropped, customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [VOID, VOID, HELD]
    held = balances(context)
    assert (held[Account.DEPOSITS], held[Account.REFUNDS_PAYABLE]) == (DEPOSIT_FEN, DEPOSIT_FEN)
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_two_payments_for_one_deposit_are_one_deposit(context: Flask, renter: Actor) -> None:
    a_card(context, renter)
    charge_id = agree(context, renter, FLASH)
    first = begun(context, renter, charge_id)
    payments.attempt_closed(first, actor=JOB, now=now_of(context))
    for out_trade_no in (begun(context, renter, charge_id), first):
        pay(context, out_trade_no, customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [HELD]
    with read(context) as session:
        assert sorted(session.scalars(select(Payment.status))) == [PaymentStatus.SETTLES, PaymentStatus.SURPLUS]
    assert [one.amount_fen for one in refunds_of(context)] == [DEPOSIT_FEN]
    assert_nothing_violated(context)


@pytest.mark.parametrize(("kind", "closed", "paid"), [(RENTAL, VOID, VOID), (FLASH, DUE, HELD)])
def test_an_order_that_closes_wants_its_rental_deposit_no_more_and_leaves_a_flash_deposit_alone(
    context: Flask,
    database: Database,
    renter: Actor,
    kind: DepositKind,
    closed: DepositStatus,
    paid: DepositStatus,
) -> None:
    """Money that is under way goes back for the one, and opens flash charge for the other (decision 15)."""
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    under_way = begun(context, renter, agree(context, renter, kind, order_id))
    cancel(context, order_id)
    assert deposit_statuses(context, renter) == [closed]
    with read(context) as session:
        closing = session.scalars(select(Outbox.key).where(Outbox.kind == Errand.CLOSE_PAYMENT)).all()
    assert closing == ([under_way] if kind is RENTAL else [])
    pay(context, under_way, customer=renter, amount_fen=DEPOSIT_FEN, now=now_of(context))
    assert deposit_statuses(context, renter) == [paid]
    assert [one.amount_fen for one in refunds_of(context)] == ([DEPOSIT_FEN] if kind is RENTAL else [])
    assert_nothing_violated(context)


# ---- paying it


@pytest.mark.req("FLOW-RENT-2")
def test_a_deposit_is_paid_while_its_rental_is_reserved(context: Flask, database: Database, renter: Actor) -> None:
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    expires_at = order_of(context, order_id).expires_at
    charge_id = agree(context, renter, FLASH, order_id)
    with pytest.raises(NotFound):
        payments.begin_attempt(charge_id, actor=a_customer(context), now=now_of(context))
    late = refused(payments.begin_attempt, charge_id, actor=renter, now=expires_at - 4 * MINUTE)
    assert late.rule is Rule.PAYMENT_TIME_OVER
    attempt = payments.begin_attempt(charge_id, actor=renter, now=expires_at - 6 * MINUTE)
    assert attempt.wanted.expires_at == expires_at - MINUTE
    assert (attempt.wanted.description, attempt.wanted.amount_fen) == ("猎吧租车 闪充押金", DEPOSIT_FEN)
    freeze(context, order_id)
    assert refused(begun, context, renter, charge_id).rule is Rule.FROZEN
    unfreeze(context, order_id)
    cancel(context, order_id)
    assert refused(begun, context, renter, charge_id).rule is Rule.NOT_RESERVED
    charge_id = agree(context, renter, FLASH)  # by itself it is due as long as the person likes
    payments.begin_attempt(charge_id, actor=renter, now=expires_at + timedelta(days=300))
    assert deposit_statuses(context, renter) == [VOID, DUE]


def test_a_rental_that_costs_nothing_has_no_end_that_its_deposit_could_miss(
    context: Flask, database: Database, renter: Actor
) -> None:
    """Its fee is settled from the start: the order never expires (decision 13)."""
    order_id = a_rental_order(context, database, customer=renter, price_fen=0, deposit=None)
    after = order_of(context, order_id).expires_at + timedelta(days=1)
    assert not orders.expire_order(order_id, actor=JOB, now=after)
    a_deposit(context, renter, RENTAL, order_id=order_id, now=after)
    assert deposit_statuses(context, renter) == [HELD]


def test_a_deposit_of_nothing_is_held_at_once_and_goes_without_a_refund(
    context: Flask, database: Database, renter: Actor
) -> None:
    a_setting(context, database, RENTAL_DEPOSIT, 0)
    order_id = a_rental_order(context, database, customer=renter, deposit=None)
    agree(context, renter, RENTAL, order_id, seen_fen=0)
    assert deposit_statuses(context, renter) == [HELD]
    assert orders.enter_number(order_id, typed=order_of(context, order_id).number, actor=renter, now=now_of(context))
    cancel(context, order_id)
    assert deposit_statuses(context, renter) == [REFUNDED]
    assert refunds_of(context) == []
    assert_nothing_violated(context)


# ---- what it secures


@pytest.mark.both_engines
@pytest.mark.req("FLOW-RENT-2")
def test_flash_charge_opened_while_a_vehicle_is_out_takes_its_security_over(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    cap_fen = rental_of(context, order_id).cap_fen
    a_setting(context, database, FLASH_DEPOSIT, 400_00)
    a_deposit(context, renter, FLASH, amount_fen=400_00)
    of_rental, of_flash = deposits_of(context, renter)
    assert (of_rental.status, of_flash.status) == (REFUNDING, HELD)
    rental = rental_of(context, order_id)
    assert (rental.deposit_id, rental.cap_fen) == (of_flash.id, cap_fen)  # the terms stay
    assert tied(context, of_flash, renter) == (Tie.RENTAL,)
    assert_nothing_violated(context)
    give_back(context, order_id)
    assert deposit_statuses(context, renter) == [REFUNDING, HELD]  # a flash deposit waits for its person
    ask_back(context, renter, of_flash)
    assert deposit_statuses(context, renter) == [REFUNDING, REFUNDING]
    assert_nothing_violated(context)


@pytest.mark.req("FLOW-RENT-2")
def test_flash_charge_opened_while_damage_waits_leaves_the_old_deposit_where_it_is(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    give_back(context, order_id, condition=Condition.DAMAGED)
    a_deposit(context, renter, FLASH)
    assert deposit_statuses(context, renter) == [HELD, HELD]
    assert tied(context, deposits_of(context, renter)[0], renter) == (Tie.DAMAGE,)
    ask_back(context, renter, deposits_of(context, renter)[1])  # the flash deposit secures nothing
    assert deposit_statuses(context, renter) == [HELD, REFUNDING]
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("SET-5")
def test_a_flash_deposit_stays_as_long_as_anything_leans_on_it(
    context: Flask, database: Database, renter: Actor
) -> None:
    batteries = some_batteries(database, last=2)
    order_id = a_rental_order(context, database, customer=renter, deposit=FLASH)
    (deposit,) = deposits_of(context, renter)
    assert tied(context, deposit, renter) == (Tie.ORDER,)
    use_id = a_use(context, renter, "A00001")
    assert tied(context, deposit, renter) == (Tie.ORDER, Tie.BATTERY)
    freeze(context, order_id)
    assert tied(context, deposit, renter) == (Tie.ORDER, Tie.BATTERY, Tie.FREEZE)
    cancel(context, order_id)
    clerk, boss = a_member_of_staff(context), a_member_of_staff(context, role="manager")
    flash_charge.take_in(batteries[0], bringer_use_id=None, reason="别人拿来的", actor=clerk, now=now_of(context))
    assert tied(context, deposit, renter) == (Tie.DISPUTE, Tie.FREEZE)
    flash_charge.settle_dispute(use_id, ends=True, reason="问清楚了", actor=boss, now=now_of(context))
    assert tied(context, deposit, renter) == (Tie.FREEZE,)
    unfreeze(context, order_id)
    ask_back(context, renter, deposit)
    assert deposit_statuses(context, renter) == [REFUNDING]
    assert_nothing_violated(context)


@pytest.mark.req("FLOW-FLASH-1")
def test_a_member_rents_without_another_deposit(context: Flask, database: Database, renter: Actor) -> None:
    a_member(context, customer=renter)
    order_id = a_rental_order(context, database, customer=renter, card=False, deposit=None, picked_up=True)
    (deposit,) = deposits_of(context, renter)
    assert rental_of(context, order_id).deposit_id == deposit.id
    assert tied(context, deposit, renter) == (Tie.RENTAL,)
    give_back(context, order_id, condition=Condition.DAMAGED)
    assert tied(context, deposit, renter) == (Tie.DAMAGE,)


# ---- going back by itself


@pytest.mark.both_engines
@pytest.mark.req("SET-6", "SET-7")
@pytest.mark.parametrize("end", ["cancelled", "cancelled when paid", "expired"])
def test_a_rental_deposit_goes_back_when_its_order_closes_before_the_pickup(
    context: Flask, database: Database, renter: Actor, end: str
) -> None:
    order_id = a_rental_order(context, database, customer=renter, paid=end == "cancelled when paid")
    if end == "expired":
        after = order_of(context, order_id).expires_at + MINUTE
        assert orders.expire_order(order_id, actor=JOB, now=after)
    else:
        orders.cancel_order(order_id, reason="", actor=renter, now=now_of(context))
    assert deposit_statuses(context, renter) == [REFUNDING]
    wanted = [DEPOSIT_FEN, MONTH_FEN] if end == "cancelled when paid" else [DEPOSIT_FEN]
    assert [(one.amount_fen, one.staff_id) for one in refunds_of(context)] == [(fen, None) for fen in wanted]
    assert balances(context)[Account.DEPOSITS] == 0
    tell_of_deposit(context, deposits_of(context, renter)[0], RefundStatus.DONE)
    (deposit,) = deposits_of(context, renter)
    assert (deposit.status, deposit.refunded_fen) == (REFUNDED, DEPOSIT_FEN)
    assert_nothing_violated(context)


@pytest.mark.req("SET-5")
@pytest.mark.parametrize(("setting", "after"), [(0, HELD), (1, REFUNDING)])
def test_the_deposit_of_a_frozen_account_waits_or_goes_back_as_the_setting_says(
    context: Flask, database: Database, renter: Actor, setting: int, after: DepositStatus
) -> None:
    """暂停退还, 抵扣欠费后退还. What waits goes back by itself with the unfreezing."""
    a_setting(context, database, FROZEN_DEPOSIT, setting)
    order_id = a_rental_order(context, database, customer=renter)
    freeze(context, order_id)
    cancel(context, order_id)
    assert deposit_statuses(context, renter) == [after]
    assert_nothing_violated(context)
    if after is HELD:
        assert tied(context, deposits_of(context, renter)[0], renter) == (Tie.FREEZE,)
    unfreeze(context, order_id)
    assert deposit_statuses(context, renter) == [REFUNDING]
    assert [one.amount_fen for one in refunds_of(context)] == [DEPOSIT_FEN]
    assert_nothing_violated(context)


# ---- asked back


def test_who_asks_a_deposit_back(context: Flask, database: Database) -> None:
    deposit_of = {letter: deposits_of(context, a_member(context, region=letter))[0] for letter in "AB"}
    with pytest.raises(NotFound):
        deposits.ask_back(999, actor=JOB, now=now_of(context))
    with pytest.raises(NotFound):
        ask_back(context, a_customer(context), deposit_of["A"])
    for role, region, wanted in (
        ("finance", "B", NotFound),  # another region's is not there
        ("consultant", "A", NotFound),
        ("clerk", "A", Forbidden),
    ):
        with pytest.raises(wanted):
            ask_back(context, a_member_of_staff(context, role=role, region=region), deposit_of["A"])
    finance = a_member_of_staff(context, role="finance", region="A")
    for _ in range(2):
        ask_back(context, finance, deposit_of["A"])
    (refund,) = refunds_of(context)
    assert (refund.amount_fen, refund.staff_id) == (DEPOSIT_FEN, finance.id)
    assert database.count(Deposit, Deposit.status == HELD) == 1
    assert_nothing_violated(context)


def test_what_was_never_paid_is_not_asked_back(context: Flask, renter: Actor) -> None:
    a_card(context, renter)
    agree(context, renter, FLASH)
    (deposit,) = deposits_of(context, renter)
    assert refused(ask_back, context, renter, deposit).rule is Rule.DEPOSIT_NOT_HELD


@pytest.mark.both_engines
@pytest.mark.races
def test_asked_back_twice_at_once_it_is_one_refund(app: Flask) -> None:
    member = a_member(app)
    (deposit,) = deposits_of(app, member)
    askers = [member, member, a_member_of_staff(app, role="finance")]
    start = Barrier(len(askers))

    def ask(who: Actor) -> None:
        with app.app_context():
            start.wait()
            ask_back(app, who, deposit)

    with ThreadPoolExecutor(len(askers)) as pool:
        list(pool.map(ask, askers))
    assert [one.amount_fen for one in refunds_of(app)] == [DEPOSIT_FEN]
    assert deposit_statuses(app, member) == [REFUNDING]
    assert_nothing_violated(app)


@pytest.mark.both_engines
def test_a_refund_that_wechat_refused_is_asked_for_again(context: Flask) -> None:
    member = a_member(context)
    (deposit,) = deposits_of(context, member)
    ask_back(context, member, deposit)
    tell_of_deposit(context, deposit, RefundStatus.ACCEPTED)
    ask_back(context, member, deposit)  # under way: nothing to do
    tell_of_deposit(context, deposit, RefundStatus.REFUSED)
    assert deposit_statuses(context, member) == [REFUNDING]
    assert balances(context)[Account.DEPOSITS] == DEPOSIT_FEN  # it is still ours to give back
    assert_nothing_violated(context)
    for _ in range(2):
        ask_back(context, a_member_of_staff(context, role="finance"), deposit)
    assert [one.out_refund_no[-2:] for one in refunds_of(context)] == ["-1", "-2"]
    tell_of_deposit(context, deposit, RefundStatus.ABNORMAL)
    assert refused(ask_back, context, member, deposit).rule is Rule.REFUND_STUCK  # WeChat may still deliver it
    tell_of_deposit(context, deposit, RefundStatus.DONE)
    ask_back(context, member, deposit)
    assert deposit_statuses(context, member) == [REFUNDED]
    assert len(refunds_of(context)) == 2
    assert set(balances(context).values()) == {0}
    assert_nothing_violated(context)
    a_deposit(context, member, FLASH)  # and flash charge can be opened anew
    assert deposit_statuses(context, member) == [REFUNDED, HELD]


def test_a_refund_that_could_not_be_sent_is_not_asked_for_again_in_silence(context: Flask) -> None:
    member = a_member(context)
    (deposit,) = deposits_of(context, member)
    ask_back(context, member, deposit)
    park_everything(context)
    for who in (member, a_member_of_staff(context, role="finance")):
        assert refused(ask_back, context, who, deposit).rule is Rule.REFUND_STUCK
    assert deposit_statuses(context, member) == [REFUNDING]
    assert len(refunds_of(context)) == 1
    assert_nothing_violated(context)


@pytest.mark.both_engines
@pytest.mark.req("SET-3", "SET-4")
def test_whoever_leaves_flash_charge_pays_open_fees_out_of_the_deposit(
    context: Flask, database: Database, renter: Actor
) -> None:
    some_batteries(database, last=1)
    a_setting(context, database, FLASH_PRICE, 2_00)
    a_member(context, customer=renter)
    take_back(context, a_use(context, renter))
    with read(context) as session:
        charge = session.scalars(select(Charge).where(Charge.purpose == Purpose.FLASH_FEE)).one()
    under_way = begun(context, renter, charge.id)
    (deposit,) = deposits_of(context, renter)
    ask_back(context, renter, deposit)
    (deposit,) = deposits_of(context, renter)
    assert (deposit.status, deposit.withheld_fen) == (REFUNDING, 2_00)
    with read(context) as session:
        withheld = session.scalars(select(DepositWithholding)).one()
        assert session.get_one(Charge, charge.id).status is ChargeStatus.VOID
    assert (withheld.battery_use_id, withheld.amount_fen) == (charge.battery_use_id, 2_00)
    held = balances(context)
    assert (held[Account.RECEIVABLES], held[Account.FLASH_FEES], held[Account.REFUNDS_PAYABLE]) == (0, 200, 298_00)
    assert_nothing_violated(context)
    pay(context, under_way, customer=renter, amount_fen=2_00, now=now_of(context))  # it was withheld meanwhile
    assert [one.amount_fen for one in refunds_of(context)] == [298_00, 2_00]
    assert_nothing_violated(context)


@pytest.mark.both_engines
def test_no_more_is_withheld_than_is_there(context: Flask, database: Database, renter: Actor) -> None:
    """While a fee is owed it is tied; paid, a deposit that is used up ends by itself, and another can be paid."""
    (battery_id,) = some_batteries(database, last=1)
    a_setting(context, database, FLASH_PRICE, 2_00)
    a_member(context, customer=renter)
    a_use(context, renter)
    boss = a_member_of_staff(context, role="manager")

    def report(key: str, *fens: int) -> None:
        flash_charge.report_lost(
            battery_id,
            use_id=held_by(context, battery_id),
            items=[DamageItem("电池", fen) for fen in fens],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="丢了",
            request_key=key,
            actor=boss,
            now=now_of(context),
        )

    broken = refused(report, "a", 200_00, 100_01)
    assert (broken.rule, broken.facts) == (Rule.WITHHOLD_TOO_MUCH, {"left_fen": DEPOSIT_FEN, "wanted_fen": 300_01})
    report("a", 200_00, 100_00)
    (deposit,) = deposits_of(context, renter)
    assert (deposit.status, deposit.withheld_fen) == (HELD, DEPOSIT_FEN)
    assert_nothing_violated(context)
    tied = refused(ask_back, context, renter, deposit)
    assert (tied.rule, tied.facts) == (Rule.DEPOSIT_TIED, {"ties": (Tie.FEE,)})
    with read(context) as session:
        fee_id = session.scalars(select(Charge.id).where(Charge.purpose == Purpose.FLASH_FEE)).one()
    wanted = payments.begin_attempt(fee_id, actor=renter, now=now_of(context)).wanted
    pay(context, wanted.out_trade_no, customer=renter, amount_fen=2_00, now=now_of(context))
    assert deposit_statuses(context, renter) == [REFUNDED]
    assert database.count(Refund) == 0
    held = balances(context)
    assert (held[Account.DEPOSITS], held[Account.DAMAGES], held[Account.RECEIVABLES]) == (0, DEPOSIT_FEN, 0)
    assert_nothing_violated(context)
    a_deposit(context, renter, DepositKind.FLASH)
    assert deposit_statuses(context, renter) == [REFUNDED, HELD]


# ---- damage


@pytest.mark.both_engines
def test_damage_is_withheld_item_by_item_and_the_rest_goes_back(
    context: Flask, database: Database, renter: Actor
) -> None:
    order_id = a_rental_order(context, database, customer=renter, picked_up=True)
    give_back(context, order_id, condition=Condition.DAMAGED)
    boss = a_member_of_staff(context, role="manager")

    def settle(*items: DamageItem, photo: bool = True, key: str = "form") -> None:
        rentals.settle_damage(
            order_id,
            items=list(items),
            photo=a_photo(PhotoKind.DAMAGE) if photo else None,
            reason="左边擦坏了",
            request_key=key,
            actor=boss,
            now=now_of(context),
        )

    mirror, paint = DamageItem(" 后视镜 ", 80_00), DamageItem("漆面", 30_00)
    for wrong, rule in (
        ((DamageItem(" ", 1),), Rule.ITEM_MISSING),
        ((DamageItem("长" * 41, 1),), Rule.TEXT_TOO_LONG),
        ((mirror, DamageItem("漆面", 0)), Rule.AMOUNT_WRONG),
        ((mirror, DamageItem("漆面", 220_01)), Rule.WITHHOLD_TOO_MUCH),
    ):
        assert refused(settle, *wrong).rule is rule
    assert refused(settle, mirror, photo=False).rule is Rule.PICTURE_MISSING
    assert database.count(DepositWithholding) == 0
    settle(mirror, paint)
    settle(mirror, paint)  # the same form again
    assert refused(settle, mirror, key="another").rule is Rule.DAMAGE_SETTLED
    (deposit,) = deposits_of(context, renter)
    assert (deposit.status, deposit.withheld_fen) == (REFUNDING, 110_00)
    taken = database.all(select(DepositWithholding).order_by(DepositWithholding.nth))
    assert [(one.item, one.amount_fen, one.staff_id) for one in taken] == [
        ("后视镜", 80_00, boss.id),
        ("漆面", 30_00, boss.id),
    ]
    assert [one.amount_fen for one in refunds_of(context)] == [190_00]
    tell_of_deposit(context, deposit, RefundStatus.DONE)
    held = balances(context)
    assert (held[Account.DEPOSITS], held[Account.DAMAGES], held[Account.WECHAT]) == (0, 110_00, MONTH_FEN + 110_00)
    assert_nothing_violated(context)
