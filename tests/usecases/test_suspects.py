"""Money that does not fit: attached to the charge it was for, or sent back, and judged once (decision 16)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import DepositKind
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.work import Outbox, OutboxStatus
from app.queries.refund_list import RefundTab, refund_list
from app.usecases import suspects
from app.usecases.refund_errands import Hindrance, retry_all
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, charge_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import DEPOSIT_FEN, a_card, a_deposit
from tests.factories.troubles import (
    a_parked_closing,
    a_wrong_amount,
    closed_by_wechat,
    money_that_names_no_order,
    refund_of,
    stray_payment,
    suspect_of,
)
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines


@pytest.fixture
def finance(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.FINANCE, region=None)


def attach(app: Flask, payment_id: int, charge_id: int, actor: Actor) -> None:
    now = app.extensions[RUNTIME].clock.now()
    suspects.attach(payment_id, charge_id, reason="打过电话，是他付的", actor=actor, now=now)


def send_back(app: Flask, payment_id: int, actor: Actor, *, key: str = "form-1") -> int:
    now = app.extensions[RUNTIME].clock.now()
    return suspects.send_back(payment_id, reason="付错了", note="", request_key=key, actor=actor, now=now)


def held(app: Flask) -> dict[Account, int]:
    return {account: amount for account, amount in balances(app).items() if amount}


def test_money_that_names_no_order_pays_the_charge_it_was_for(
    context: Flask, database: Database, finance: Actor
) -> None:
    charge_id = charge_of(context, an_order(context, matched=True))
    payment_id = stray_payment(context, money_that_names_no_order(context, amount_fen=PRICE_FEN))
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.SUSPENSE: PRICE_FEN}
    attach(context, payment_id, charge_id, finance)
    attach(context, payment_id, charge_id, finance)
    assert database.one(select(Charge.status).where(Charge.id == charge_id)) is ChargeStatus.SETTLED
    assert database.one(select(Payment.status).where(Payment.id == payment_id)) is PaymentStatus.SETTLES
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.ADVANCES: PRICE_FEN}
    assert_nothing_violated(context)


def test_only_to_the_fen_and_only_what_is_open(context: Flask, finance: Actor) -> None:
    wrong = a_wrong_amount(context)
    with pytest.raises(RuleBroken) as broken:
        attach(context, suspect_of(context, wrong), charge_of(context, wrong), finance)
    assert broken.value.rule is Rule.SUSPECT_UNLIKE
    paid = charge_of(context, an_order(context, paid=True))
    stray = stray_payment(context, money_that_names_no_order(context, amount_fen=PRICE_FEN))
    with pytest.raises(RuleBroken) as broken:
        attach(context, stray, paid, finance)
    assert broken.value.rule is Rule.SUSPECT_UNLIKE


def test_all_of_it_goes_back_and_the_second_click_finds_the_first(
    context: Flask, database: Database, finance: Actor
) -> None:
    order_id = a_wrong_amount(context, amount_fen=500)
    payment_id = suspect_of(context, order_id)
    first = send_back(context, payment_id, finance)
    assert send_back(context, payment_id, finance) == first
    refund = refund_of(context, order_id)
    assert (refund.amount_fen, refund.held_on, refund.status) == (500, Account.SUSPENSE, RefundStatus.REQUESTED)
    assert held(context) == {Account.WECHAT: 500, Account.REFUNDS_PAYABLE: 500}
    for judged_again in (
        lambda: send_back(context, payment_id, finance, key="form-2"),
        lambda: attach(context, payment_id, charge_of(context, order_id), finance),
    ):
        with pytest.raises(RuleBroken) as broken:
            judged_again()
        assert broken.value.rule is Rule.SUSPECT_SETTLED
    assert_nothing_violated(context)


def test_many_at_once_judge_it_once(context: Flask, database: Database, finance: Actor) -> None:
    """Attached to one of two charges or sent back: whoever is first, and never both."""
    charges = [charge_of(context, an_order(context, matched=True)) for _ in range(2)]
    payment_id = stray_payment(context, money_that_names_no_order(context, amount_fen=PRICE_FEN))

    def judge(nth: int) -> None:
        with context.app_context(), suppress(RuleBroken):
            if nth % 3 == 2:
                send_back(context, payment_id, finance, key=f"form-{nth}")
            else:
                attach(context, payment_id, charges[nth % 3], finance)

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(judge, range(9)))
    settled = database.count(Charge, Charge.id.in_(charges), Charge.status == ChargeStatus.SETTLED)
    assert settled + database.count(Refund) == 1
    assert_nothing_violated(context)


@pytest.mark.parametrize("of", [Purpose.SALE, Purpose.DEPOSIT])
def test_what_was_attached_after_wechat_had_closed_its_refund_is_not_refunded_by_one_more_try(
    context: Flask, database: Database, finance: Actor, of: Purpose
) -> None:
    """The closed refund is over: the money has paid a charge, which has a way back of its own."""
    now = context.extensions[RUNTIME].clock.now()
    if of is Purpose.SALE:
        amount_fen, charge_id = PRICE_FEN, charge_of(context, an_order(context, matched=True))
    else:
        somebody = a_customer(context)
        a_card(context, somebody)
        amount_fen, charge_id = DEPOSIT_FEN, a_deposit(context, somebody, DepositKind.FLASH, paid=False)
    payment_id = stray_payment(context, money_that_names_no_order(context, amount_fen=amount_fen))
    closed = send_back(context, payment_id, finance)
    closed_by_wechat(context, closed)
    assert stuck(context, finance) == [closed]
    attach(context, payment_id, charge_id, finance)
    assert stuck(context, finance) == []
    before = held(context)
    (tried,) = retry_all(context.extensions[RUNTIME].till, [closed], actor=finance, now=now)
    assert (tried.status, tried.hindrance) == (RefundStatus.REFUSED, Hindrance.NOT_HERE)
    assert held(context) == before
    assert database.count(Refund) == 1
    assert_nothing_violated(context)


def stuck(app: Flask, actor: Actor) -> list[int]:
    with read(app) as session:
        now = app.extensions[RUNTIME].clock.now()
        found = refund_list(session, actor, RefundTab.STUCK, region_id=None, after=None, before=None, size=20, now=now)
        assert found.counts[RefundTab.STUCK] == len(found.page.rows)
        return [row.id for row in found.page.rows]


def test_who_may_judge_what(context: Flask) -> None:
    payment_id = suspect_of(context, a_wrong_amount(context, region="A"))
    stray = stray_payment(context, money_that_names_no_order(context))
    for role, region, of, error in (
        (Role.MANAGER, "B", payment_id, NotFound),
        (Role.CLERK, "A", payment_id, NotFound),
        (Role.MANAGER, "A", stray, NotFound),
    ):
        with pytest.raises(error):
            send_back(context, of, a_member_of_staff(context, role=role, region=region))
    somebody = a_customer(context)
    with pytest.raises((NotFound, Forbidden)):
        send_back(context, payment_id, somebody)
    send_back(context, payment_id, a_member_of_staff(context, role=Role.MANAGER, region="A"))


def test_a_parked_errand_is_due_again(context: Flask, database: Database, finance: Actor) -> None:
    now = context.extensions[RUNTIME].clock.now()
    errand_id = a_parked_closing(context, region="B")
    with pytest.raises(NotFound):
        suspects.try_again(errand_id, actor=a_member_of_staff(context, role=Role.MANAGER, region="A"), now=now)
    suspects.try_again(errand_id, actor=finance, now=now)
    row = database.one(select(Outbox).where(Outbox.id == errand_id))
    assert (row.status, row.tries, row.next_at) == (OutboxStatus.DUE, 0, now)
