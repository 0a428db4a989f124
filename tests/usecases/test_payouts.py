"""What the owner pays outside WeChat, with proof: when, where the money stands, and that it is paid once."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Role
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundChannel, RefundStatus
from app.models.cards import Photo
from app.models.money import Refund, WeChatNotice
from app.models.work import Outbox
from app.usecases import deposits, payouts, suspects
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, refunds_of
from tests.factories.flash import a_member
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, cancel, tell_of_deposit_refund, tell_of_refund
from tests.factories.people import a_member_of_staff
from tests.factories.rentals import DEPOSIT_FEN, a_photo, deposits_of
from tests.factories.troubles import a_failed_refund, money_that_names_no_order, park, refund_of, stray_payment
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines
MINUTE = timedelta(minutes=1)


@pytest.fixture
def owner(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.OWNER, region=None)


def pay_outside(app: Flask, refund_id: int, actor: Actor, *, after: timedelta = timedelta()) -> None:
    payouts.pay_outside(
        refund_id,
        photo=a_photo(PhotoKind.PAYOUT),
        reason="银行卡销户了，转账给本人",
        request_key=f"payout-{refund_id}",
        actor=actor,
        now=app.extensions[RUNTIME].clock.now() + after,
    )


def held(app: Flask) -> dict[Account, int]:
    return {account: amount for account, amount in balances(app).items() if amount}


def test_one_that_wechat_could_not_deliver_is_paid_with_proof_and_once(
    context: Flask, database: Database, owner: Actor
) -> None:
    order_id = a_failed_refund(context)
    refund = refund_of(context, order_id)
    pay_outside(context, refund.id, owner)
    pay_outside(context, refund.id, owner)
    paid = refund_of(context, order_id)
    assert (paid.id, paid.status, paid.channel) == (refund.id, RefundStatus.DONE, RefundChannel.OUTSIDE)
    assert database.count(Photo, Photo.id == paid.proof_photo_id) == 1
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.OUTSIDE: PRICE_FEN}
    assert_nothing_violated(context)


def test_one_that_wechat_closed_is_wanted_anew_and_paid_at_once(
    context: Flask, database: Database, owner: Actor
) -> None:
    order_id = a_failed_refund(context, status=RefundStatus.REFUSED)
    closed = refund_of(context, order_id)
    pay_outside(context, closed.id, owner)
    pay_outside(context, closed.id, owner)
    paid = refund_of(context, order_id)
    assert (paid.instead_of_id, paid.status, paid.channel) == (closed.id, RefundStatus.DONE, RefundChannel.OUTSIDE)
    assert database.count(Refund) == 2
    assert database.count(Outbox, Outbox.kind == Errand.REFUND, Outbox.key == paid.out_refund_no) == 0
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.OUTSIDE: PRICE_FEN}
    assert_nothing_violated(context)


def test_a_deposit_follows_as_when_its_refund_arrives(context: Flask, owner: Actor) -> None:
    member = a_member(context)
    (deposit,) = deposits_of(context, member)
    deposits.ask_back(deposit.id, actor=member, now=context.extensions[RUNTIME].clock.now())
    tell_of_deposit_refund(context, deposit.id, RefundStatus.ABNORMAL)
    (refund_id,) = (one.id for one in refunds_of(context))
    pay_outside(context, refund_id, owner)
    (deposit,) = deposits_of(context, member)
    assert (deposit.status, deposit.refunded_fen, deposit.kind) == (
        DepositStatus.REFUNDED,
        DEPOSIT_FEN,
        DepositKind.FLASH,
    )
    assert held(context) == {Account.WECHAT: DEPOSIT_FEN, Account.OUTSIDE: DEPOSIT_FEN}
    assert_nothing_violated(context)


def test_nothing_that_wechat_may_still_deliver_is_paid_outside(
    context: Flask, database: Database, owner: Actor
) -> None:
    order_id = an_order(context, paid=True)
    cancel(context, order_id)
    refund = refund_of(context, order_id)
    assert _refused(context, refund.id, owner) is Rule.REFUND_NOT_STUCK
    tell_of_refund(context, order_id, RefundStatus.ACCEPTED)
    assert _refused(context, refund.id, owner, after=timedelta(days=400)) is Rule.REFUND_NOT_STUCK


def test_one_that_wechat_refused_to_take_is_paid_unless_somebody_asks_again_right_now(
    context: Flask, database: Database, owner: Actor
) -> None:
    now = context.extensions[RUNTIME].clock.now()
    order_id = an_order(context, paid=True)
    cancel(context, order_id)
    refund = refund_of(context, order_id)
    park(context, database.one(select(Outbox.id).where(Outbox.key == refund.out_refund_no)))
    with database.write() as session:
        session.get_one(Refund, refund.id).asked_at = now - MINUTE
    assert _refused(context, refund.id, owner) is Rule.REFUND_NOT_STUCK
    pay_outside(context, refund.id, owner, after=2 * MINUTE)
    assert refund_of(context, order_id).channel is RefundChannel.OUTSIDE


def test_what_was_paid_a_year_ago_wechat_never_takes(context: Flask, owner: Actor) -> None:
    order_id = an_order(context, paid=True)
    cancel(context, order_id)
    pay_outside(context, refund_of(context, order_id).id, owner, after=timedelta(days=366))
    assert refund_of(context, order_id).status is RefundStatus.DONE


def test_it_needs_a_photo_a_reason_and_the_owner(context: Flask, owner: Actor) -> None:
    refund_id = refund_of(context, a_failed_refund(context)).id
    now = context.extensions[RUNTIME].clock.now()
    for photo, reason, rule in (
        (None, "转账", Rule.PICTURE_MISSING),
        (a_photo(PhotoKind.PAYOUT), " ", Rule.REASON_MISSING),
    ):
        with pytest.raises(RuleBroken) as broken:
            payouts.pay_outside(refund_id, photo=photo, reason=reason, request_key="k", actor=owner, now=now)
        assert broken.value.rule is rule
    for role in (Role.MANAGER, Role.FINANCE):
        with pytest.raises(Forbidden):
            pay_outside(context, refund_id, a_member_of_staff(context, role=role, region=None))


def test_money_of_nobody_cannot_be_paid_to_anybody(context: Flask, database: Database, owner: Actor) -> None:
    payment_id = stray_payment(context, money_that_names_no_order(context))
    now = context.extensions[RUNTIME].clock.now()
    refund_id = suspects.send_back(payment_id, reason="退回", note="", request_key="s", actor=owner, now=now)
    database.execute("UPDATE refund SET status = 'abnormal' WHERE id = :id", id=refund_id)
    assert _refused(context, refund_id, owner) is Rule.REFUND_NOT_STUCK


def test_wechat_delivering_it_after_all_is_kept_as_something_to_look_at(
    context: Flask, database: Database, owner: Actor
) -> None:
    order_id = a_failed_refund(context)
    pay_outside(context, refund_of(context, order_id).id, owner)
    tell_of_refund(context, order_id, RefundStatus.DONE)
    assert refund_of(context, order_id).channel is RefundChannel.OUTSIDE
    assert "suspect:outside" in database.all(select(WeChatNotice.verdict))
    assert held(context) == {Account.WECHAT: PRICE_FEN, Account.OUTSIDE: PRICE_FEN}


def _refused(app: Flask, refund_id: int, actor: Actor, *, after: timedelta = timedelta()) -> Rule:
    with pytest.raises(RuleBroken) as broken:
        pay_outside(app, refund_id, actor, after=after)
    return broken.value.rule
