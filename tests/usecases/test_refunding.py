"""Money that staff send back: of what, how much, from which account, and what WeChat closes (decisions 14, 34)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import Purpose
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_LATE_FEE, FLASH_PRICE
from app.models.batteries import BatteryUse
from app.models.journal import Audit
from app.models.money import Charge, Refund
from app.usecases import late_fees, orders, payments, pickup, refunding
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, charge_of, pay, tell_of_refund
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.rentals import DEPOSIT_FEN, MONTH_FEN, a_rental_order
from tests.factories.settings import a_setting
from tests.factories.troubles import refund_of
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines


@pytest.fixture
def finance(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.FINANCE, region=None)


def refund(app: Flask, charge_id: int, actor: Actor, amount_fen: int, *, key: str = "form-1", note: str = "") -> int:
    now = app.extensions[RUNTIME].clock.now()
    return refunding.refund_charge(
        charge_id,
        amount_fen=amount_fen,
        reason="用户不想要了：座高不合适",
        note=note,
        request_key=key,
        actor=actor,
        now=now,
    )


def refused(app: Flask, charge_id: int, actor: Actor, amount_fen: int) -> Rule:
    with pytest.raises(RuleBroken) as broken:
        refund(app, charge_id, actor, amount_fen, key="form-refused")
    return broken.value.rule


def held(app: Flask) -> dict[Account, int]:
    return {account: amount for account, amount in balances(app).items() if amount}


@pytest.mark.req("ORD-2")
def test_a_part_of_a_sale_goes_back_after_the_pickup(context: Flask, finance: Actor) -> None:
    order_id = an_order(context, picked_up=True)
    refund(context, charge_of(context, order_id), finance, 100_00, note="当面量过，确实高")
    wanted = refund_of(context, order_id)
    assert (wanted.amount_fen, wanted.held_on, wanted.reason) == (100_00, Account.SALES, "用户不想要了：座高不合适")
    assert held(context) == {
        Account.WECHAT: PRICE_FEN,
        Account.SALES: PRICE_FEN - 100_00,
        Account.REFUNDS_PAYABLE: 100_00,
    }
    assert_nothing_violated(context)
    tell_of_refund(context, order_id, RefundStatus.DONE)
    assert held(context) == {Account.WECHAT: PRICE_FEN - 100_00, Account.SALES: PRICE_FEN - 100_00}
    assert_nothing_violated(context)


def test_colleagues_read_the_note_and_the_person_does_not(context: Flask, database: Database, finance: Actor) -> None:
    order_id = an_order(context, picked_up=True)
    refund(context, charge_of(context, order_id), finance, 1, note="当面量过，确实高")
    facts = database.one(select(Audit.facts).where(Audit.action == "refund_wanted"))
    assert facts["note"] == "当面量过，确实高"
    assert "当面" not in refund_of(context, order_id).reason


def test_a_rental_fee_goes_back_from_what_it_has_become(context: Flask, database: Database, finance: Actor) -> None:
    order_id = a_rental_order(context, database, picked_up=True)
    refund(context, charge_of(context, order_id), finance, MONTH_FEN)
    assert refund_of(context, order_id).held_on is Account.RENTALS
    assert Account.RENTALS not in held(context)
    assert held(context)[Account.DEPOSITS] == DEPOSIT_FEN
    assert_nothing_violated(context)


def test_fees_of_a_battery_use_go_back_and_are_owed_no_more(context: Flask, database: Database, finance: Actor) -> None:
    now = context.extensions[RUNTIME].clock.now()
    member = a_member(context, now=now - timedelta(days=40))
    some_batteries(database)
    a_setting(context, database, FLASH_PRICE, 3_00)
    a_setting(context, database, FLASH_LATE_FEE, 5_00)
    use_id = a_use(context, member, now=now - timedelta(days=16))
    take_back(context, use_id)
    late_fees.quote(BatteryUse, use_id, actor=member, now=now)
    for purpose, account, paid_fen in (
        (Purpose.FLASH_FEE, Account.FLASH_FEES, 3_00),
        (Purpose.LATE_FEE, Account.LATE_FEES, 10_00),
    ):
        charge_id = database.one(select(Charge.id).where(Charge.purpose == purpose))
        wanted = payments.begin_attempt(charge_id, actor=member, now=now).wanted
        pay(context, wanted.out_trade_no, customer=member, amount_fen=paid_fen, now=now)
        refund(context, charge_id, finance, 1_00, key=f"form-{purpose}")
        assert held(context)[account] == paid_fen - 1_00
    assert Account.RECEIVABLES not in held(context)
    assert database.one(select(BatteryUse.late_owed_fen)) == 0


def test_at_most_what_is_left_and_the_second_click_finds_the_first(context: Flask, finance: Actor) -> None:
    charge_id = charge_of(context, an_order(context, picked_up=True))
    first = refund(context, charge_id, finance, PRICE_FEN - 1_00)
    assert refund(context, charge_id, finance, PRICE_FEN - 1_00) == first
    assert refused(context, charge_id, finance, 1_01) is Rule.REFUND_TOO_MUCH
    assert refused(context, charge_id, finance, 0) is Rule.AMOUNT_WRONG
    refund(context, charge_id, finance, 1_00, key="form-2")
    assert refused(context, charge_id, finance, 1) is Rule.NOTHING_TO_REFUND
    assert_nothing_violated(context)


def test_what_has_a_way_of_its_own_is_not_refunded_here(context: Flask, database: Database, finance: Actor) -> None:
    reserved = an_order(context, paid=True)
    assert refused(context, charge_of(context, reserved), finance, 1) is Rule.REFUND_ELSEWHERE
    assert refused(context, charge_of(context, an_order(context)), finance, 1) is Rule.NOTHING_TO_REFUND
    a_rental_order(context, database, picked_up=True)
    deposit = database.one(select(Charge.id).where(Charge.purpose == Purpose.DEPOSIT))
    assert refused(context, deposit, finance, 1) is Rule.REFUND_ELSEWHERE


@pytest.mark.parametrize(
    ("role", "region", "error"),
    [(Role.CLERK, "A", Forbidden), (Role.MANAGER, "B", NotFound), (Role.CONSULTANT, None, NotFound)],
)
def test_who_may_not(context: Flask, role: Role, region: str | None, error: type[Exception]) -> None:
    charge_id = charge_of(context, an_order(context, picked_up=True))
    with pytest.raises(error):
        refund(context, charge_id, a_member_of_staff(context, role=role, region=region), 1)


def test_a_pickup_is_not_undone_once_something_was_refunded_after_it(context: Flask, finance: Actor) -> None:
    now = context.extensions[RUNTIME].clock.now()
    manager = a_member_of_staff(context, role=Role.MANAGER)
    order_id = an_order(context, picked_up=True)
    refund(context, charge_of(context, order_id), finance, 1_00)
    with pytest.raises(RuleBroken) as broken:
        pickup.undo_pickup(order_id, reason="点错了", actor=manager, now=now)
    assert broken.value.rule is Rule.REFUNDED_SINCE
    tell_of_refund(context, order_id, RefundStatus.REFUSED)
    pickup.undo_pickup(order_id, reason="点错了", actor=manager, now=now)
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.ADVANCES: PRICE_FEN}
    with pytest.raises(RuleBroken) as broken:
        refunding.refund_anew(refund_of(context, order_id).id, actor=finance, now=now)
    assert broken.value.rule is Rule.REFUND_ELSEWHERE
    orders.cancel_order(order_id, reason="不要了", actor=manager, now=now)
    assert_nothing_violated(context)


def test_what_wechat_closed_is_wanted_anew_once_by_a_new_number(
    context: Flask, database: Database, finance: Actor
) -> None:
    now = context.extensions[RUNTIME].clock.now()
    order_id = an_order(context, picked_up=True)
    refund(context, charge_of(context, order_id), finance, 50_00)
    closed = refund_of(context, order_id)
    tell_of_refund(context, order_id, RefundStatus.REFUSED)
    assert held(context)[Account.SALES] == PRICE_FEN
    again = refunding.refund_anew(closed.id, actor=finance, now=now)
    assert refunding.refund_anew(closed.id, actor=finance, now=now) == again
    wanted = refund_of(context, order_id)
    assert (wanted.id, wanted.amount_fen, wanted.held_on) == (again, 50_00, Account.SALES)
    assert wanted.out_refund_no != closed.out_refund_no
    assert database.count(Refund) == 2
    assert_nothing_violated(context)


def test_the_reason_fits_what_wechat_shows(context: Flask, finance: Actor) -> None:
    charge_id = charge_of(context, an_order(context, picked_up=True))
    now = context.extensions[RUNTIME].clock.now()
    for reason, rule in (("  ", Rule.REASON_MISSING), ("退" * 27, Rule.TEXT_TOO_LONG)):
        with pytest.raises(RuleBroken) as broken:
            refunding.refund_charge(
                charge_id, amount_fen=1, reason=reason, note="", request_key="r", actor=finance, now=now
            )
        assert broken.value.rule is rule


def test_a_customer_refunds_nothing(context: Flask) -> None:
    somebody = a_customer(context)
    charge_id = charge_of(context, an_order(context, customer=somebody, picked_up=True))
    with pytest.raises(NotFound):
        refund(context, charge_id, somebody, 1)
