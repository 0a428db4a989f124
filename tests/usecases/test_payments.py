"""Money that arrives, in every order of events: nothing is lost, doubled or booked in the wrong place (decision 15)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.charges import ChargeStatus, PaymentNotice, PaymentStatus, Verdict
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.orders import OrderStatus
from app.domain.outbox import Errand
from app.domain.permissions import Actor
from app.models.money import Charge, WeChatNotice
from app.models.numbers import NumberSlot, SlotState
from app.models.people import Customer
from app.models.work import Outbox, OutboxStatus
from app.usecases import customers, orders, outbox, payments, pickup
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, balances, payments_of, refunds_of, statuses
from tests.factories.ground import COLOURS, PRICE_FEN, STOCK
from tests.factories.orders import a_notice, an_order, charge_of, order_of, person_of
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read

pytestmark = pytest.mark.both_engines

JOB = Actor.job("tests")
MINUTE = timedelta(minutes=1)


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def told(app: Flask, notice: PaymentNotice) -> Verdict:
    """WeChat tells of a payment; what we made of it."""
    till = app.extensions[RUNTIME].till
    return payments.take_payment_notice(
        notice, merchant=till.merchant, vault=till.vault, actor=Actor.wechat(), now=now_of(app)
    )


def openid_of(app: Flask, customer: Actor) -> str:
    with read(app) as session:
        return session.scalars(select(Customer.openid).where(Customer.id == customer.id)).one() or ""


def money(app: Flask, out_trade_no: str, customer: Actor, amount_fen: int = PRICE_FEN, **words: str) -> PaymentNotice:
    return a_notice(app, out_trade_no, openid=openid_of(app, customer), amount_fen=amount_fen, now=now_of(app), **words)


def begun(app: Flask, order_id: int, customer: Actor, *, later: timedelta = timedelta()) -> str:
    """A payment attempt that WeChat knows of: its number."""
    attempt = payments.begin_attempt(charge_of(app, order_id), actor=customer, now=now_of(app) + later)
    assert payments.attempt_prepared(attempt.wanted.out_trade_no, prepay_id="wx-prepared")
    return attempt.wanted.out_trade_no


def charge_status(app: Flask, order_id: int) -> ChargeStatus:
    with read(app) as session:
        return session.scalars(select(Charge.status).where(Charge.order_id == order_id)).one()


def slot_state(app: Flask, order_id: int) -> SlotState | None:
    with read(app) as session:
        return session.scalars(select(NumberSlot.state).where(NumberSlot.order_id == order_id)).one_or_none()


def errands(app: Flask, kind: Errand) -> list[str]:
    with read(app) as session:
        return list(session.scalars(select(Outbox.key).where(Outbox.kind == kind).order_by(Outbox.id)))


@pytest.fixture
def buyer(app: Flask) -> Actor:
    return a_customer(app)


# ---- the same money told again


def test_the_same_notice_again_posts_nothing(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    notice = money(context, begun(context, order_id, buyer), buyer)
    assert [told(context, notice) for _ in range(3)] == [Verdict.CONFIRM, Verdict.REPLAY, Verdict.REPLAY]
    assert balances(context)[Account.ADVANCES] == PRICE_FEN
    assert_nothing_violated(context)


def test_a_notice_whose_verb_failed_is_judged_when_it_comes_again(
    context: Flask, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice's row goes with the rest: the second delivery is no replay."""
    order_id = an_order(context, customer=buyer, matched=True)
    notice = money(context, begun(context, order_id, buyer), buyer)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("app.usecases.ledger.book", away)
        with pytest.raises(ConnectionError):
            told(context, notice)
    with read(context) as session:
        assert session.scalars(select(WeChatNotice)).all() == []
    assert told(context, notice) is Verdict.CONFIRM
    assert_nothing_violated(context)


# ---- an order that lives on while money is late


def test_money_for_an_older_attempt_revives_an_order_whose_newer_attempt_is_being_closed(
    context: Flask, buyer: Actor
) -> None:
    """Closing wants the newer attempt closed at WeChat; so does the settling after the revival: once is enough."""
    order_id = an_order(context, customer=buyer, matched=True)
    older = begun(context, order_id, buyer)
    payments.attempt_closed(older, actor=JOB, now=now_of(context))  # WeChat did not know of it yet
    newer = begun(context, order_id, buyer)
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    assert slot_state(context, order_id) is SlotState.WAITING
    assert told(context, money(context, older, buyer)) is Verdict.LATE
    assert order_of(context, order_id).status is OrderStatus.RESERVED
    assert charge_status(context, order_id) is ChargeStatus.SETTLED
    assert errands(context, Errand.CLOSE_PAYMENT) == [newer]
    assert_nothing_violated(context)

    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    assert slot_state(context, order_id) is SlotState.WAITING  # for the newer attempt, still
    assert [refund.amount_fen for refund in refunds_of(context)] == [PRICE_FEN]
    payments.attempt_closed(newer, actor=JOB, now=now_of(context))
    assert slot_state(context, order_id) is None
    assert_nothing_violated(context)


def test_a_paid_attempt_beside_a_live_one_has_that_one_closed(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    older = begun(context, order_id, buyer)
    payments.attempt_closed(older, actor=JOB, now=now_of(context))
    newer = begun(context, order_id, buyer)
    assert told(context, money(context, older, buyer)) is Verdict.CONFIRM
    assert errands(context, Errand.CLOSE_PAYMENT) == [newer]
    assert told(context, money(context, newer, buyer)) is Verdict.LATE
    assert statuses(context, order_id) == [PaymentStatus.SETTLES, PaymentStatus.SURPLUS]
    held = balances(context)
    assert (held[Account.ADVANCES], held[Account.REFUNDS_PAYABLE]) == (PRICE_FEN, PRICE_FEN)
    assert_nothing_violated(context)


def test_a_second_payment_after_the_vehicle_went_out_goes_back(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    older = begun(context, order_id, buyer)
    payments.attempt_closed(older, actor=JOB, now=now_of(context))
    newer = begun(context, order_id, buyer)
    told(context, money(context, newer, buyer))
    clerk = a_member_of_staff(context)
    pickup.confirm_pickup(order_id, colour=COLOURS[0], frame_no="LB12345", actor=clerk, now=now_of(context))
    assert told(context, money(context, older, buyer)) is Verdict.LATE
    held = balances(context)
    assert (held[Account.SALES], held[Account.REFUNDS_PAYABLE], held[Account.SURPLUS]) == (PRICE_FEN, PRICE_FEN, 0)
    assert order_of(context, order_id).status is OrderStatus.COMPLETED
    assert_nothing_violated(context)


def test_a_second_payment_after_a_paid_order_was_cancelled_revives_nothing(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    older = begun(context, order_id, buyer)
    payments.attempt_closed(older, actor=JOB, now=now_of(context))
    newer = begun(context, order_id, buyer)
    told(context, money(context, newer, buyer))
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    assert told(context, money(context, older, buyer)) is Verdict.LATE
    assert order_of(context, order_id).status is OrderStatus.CANCELLED
    assert [refund.amount_fen for refund in refunds_of(context)] == [PRICE_FEN, PRICE_FEN]
    assert len({refund.out_refund_no for refund in refunds_of(context)}) == 2
    assert balances(context)[Account.REFUNDS_PAYABLE] == 2 * PRICE_FEN
    assert_nothing_violated(context)


def cancelled_with_money_under_way(app: Flask, buyer: Actor) -> tuple[int, str]:
    order_id = an_order(app, customer=buyer, matched=True)
    out_trade_no = begun(app, order_id, buyer)
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(app))
    return order_id, out_trade_no


def test_late_money_does_not_revive_the_order_of_a_frozen_person(context: Flask, buyer: Actor) -> None:
    order_id, out_trade_no = cancelled_with_money_under_way(context, buyer)
    manager = a_member_of_staff(context, role="manager")
    customers.freeze(person_of(context, order_id), reason="核实身份", actor=manager, now=now_of(context))
    assert told(context, money(context, out_trade_no, buyer)) is Verdict.LATE
    assert order_of(context, order_id).status is OrderStatus.CANCELLED
    assert slot_state(context, order_id) is None
    assert statuses(context, order_id) == [PaymentStatus.SURPLUS]
    assert [refund.amount_fen for refund in refunds_of(context)] == [PRICE_FEN]
    assert_nothing_violated(context)


def test_late_money_does_not_revive_an_order_whose_vehicle_is_sold(context: Flask, buyer: Actor) -> None:
    order_id, out_trade_no = cancelled_with_money_under_way(context, buyer)
    for _ in range(STOCK):
        an_order(context)
    assert told(context, money(context, out_trade_no, buyer)) is Verdict.LATE
    assert order_of(context, order_id).status is OrderStatus.CANCELLED
    assert slot_state(context, order_id) is None
    assert_nothing_violated(context)


def test_an_order_is_cancelled_and_revived_and_undone_over_and_over(context: Flask, buyer: Actor) -> None:
    """Stock movements, holdings and transfers stay apart by the order's turn."""
    order_id, out_trade_no = cancelled_with_money_under_way(context, buyer)
    told(context, money(context, out_trade_no, buyer))
    manager = a_member_of_staff(context, role="manager")
    for nth in range(3):
        pickup.confirm_pickup(order_id, colour=COLOURS[0], frame_no=f"LB1234{nth}", actor=manager, now=now_of(context))
        assert slot_state(context, order_id) is SlotState.KEPT
        assert balances(context)[Account.SALES] == PRICE_FEN
        pickup.undo_pickup(order_id, reason="车有问题", actor=manager, now=now_of(context) + MINUTE)
        assert slot_state(context, order_id) is SlotState.HELD
        assert balances(context)[Account.SALES] == 0
    assert_nothing_violated(context)
    orders.cancel_order(order_id, reason="不要了", actor=manager, now=now_of(context) + MINUTE)
    assert order_of(context, order_id).turn == 5
    assert slot_state(context, order_id) is None
    assert order_of(context, an_order(context)).number == order_of(context, order_id).number
    assert_nothing_violated(context)


@pytest.mark.req("NUM-6")
def test_a_number_that_another_order_took_is_not_given_back(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    out_trade_no = begun(context, order_id, buyer)
    payments.attempt_closed(out_trade_no, actor=JOB, now=now_of(context))
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    taker = an_order(context)
    assert order_of(context, taker).number == order_of(context, order_id).number
    assert told(context, money(context, out_trade_no, buyer)) is Verdict.LATE
    assert statuses(context, order_id) == [PaymentStatus.SURPLUS]
    assert slot_state(context, taker) is SlotState.HELD
    assert_nothing_violated(context)


# ---- money that does not fit


def test_genuine_money_after_a_suspect_of_the_same_attempt_is_kept_beside_it(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    out_trade_no = begun(context, order_id, buyer)
    assert told(context, money(context, out_trade_no, buyer, amount_fen=100)) is Verdict.SUSPECT
    assert told(context, money(context, out_trade_no, buyer)) is Verdict.SUSPECT  # one attempt is paid once
    assert [payment.misfit for payment in payments_of(context, order_id)] == ["amount", "transaction"]
    assert balances(context)[Account.SUSPENSE] == 100 + PRICE_FEN
    assert charge_status(context, order_id) is ChargeStatus.OPEN
    assert_nothing_violated(context)


def test_another_attempt_after_a_suspect_settles_the_order(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    told(context, money(context, begun(context, order_id, buyer), buyer, currency="USD"))
    assert told(context, money(context, begun(context, order_id, buyer), buyer)) is Verdict.CONFIRM
    held = balances(context)
    assert (held[Account.SUSPENSE], held[Account.ADVANCES]) == (PRICE_FEN, PRICE_FEN)
    assert_nothing_violated(context)


def test_two_payments_under_one_unknown_number_are_both_kept(context: Flask, buyer: Actor) -> None:
    first, second = (money(context, "S000000A0000-1-abcdef", buyer, amount_fen=4200) for _ in range(2))
    assert [told(context, notice) for notice in (first, second, second)] == [
        Verdict.SUSPECT,
        Verdict.SUSPECT,
        Verdict.REPLAY,
    ]
    assert balances(context)[Account.SUSPENSE] == 8400
    assert_nothing_violated(context)


def test_a_suspect_frees_the_number_that_waited_for_it(context: Flask, buyer: Actor) -> None:
    order_id, out_trade_no = cancelled_with_money_under_way(context, buyer)
    assert told(context, money(context, out_trade_no, buyer, app_id="wx-somebody-else")) is Verdict.SUSPECT
    assert slot_state(context, order_id) is None
    assert order_of(context, order_id).status is OrderStatus.CANCELLED
    assert_nothing_violated(context)


def test_another_merchants_money_touches_nothing(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    out_trade_no = begun(context, order_id, buyer)
    assert told(context, money(context, out_trade_no, buyer, mch_id="1900000000")) is Verdict.SUSPECT
    assert statuses(context, order_id) == [PaymentStatus.PREPARED]
    assert set(balances(context).values()) == {0}
    assert_nothing_violated(context)


# ---- asking for money


@pytest.mark.req("FLOW-BUY-3")
def test_a_payment_is_offered_only_once_the_number_was_right(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer)
    with pytest.raises(RuleBroken) as refused:
        payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context))
    assert refused.value.rule is Rule.NOT_MATCHED
    assert not orders.enter_number(order_id, typed="AM0002", actor=buyer, now=now_of(context))
    assert orders.enter_number(order_id, typed="ａｍ0001", actor=buyer, now=now_of(context))
    assert (
        payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context)).wanted.amount_fen
        == PRICE_FEN
    )


def test_asking_again_is_the_same_attempt(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    first = payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context))
    again = payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context) + MINUTE)
    assert first.wanted == again.wanted
    assert not again.over
    assert payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=first.wanted.expires_at).over


@pytest.mark.req("SET-7")
def test_no_payment_is_offered_with_less_than_five_minutes_left(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    expires_at = order_of(context, order_id).expires_at
    with pytest.raises(RuleBroken) as refused:
        payments.begin_attempt(
            charge_of(context, order_id), actor=buyer, now=expires_at - 5 * MINUTE + timedelta(seconds=1)
        )
    assert refused.value.rule is Rule.PAYMENT_TIME_OVER
    attempt = payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=expires_at - 5 * MINUTE)
    assert attempt.wanted.expires_at == expires_at - MINUTE


def test_only_the_person_pays(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    with pytest.raises(NotFound):
        payments.begin_attempt(charge_of(context, order_id), actor=a_customer(context), now=now_of(context))
    for other in (a_member_of_staff(context, role="owner", region=None), JOB, Actor.visitor()):
        with pytest.raises(Forbidden):
            payments.begin_attempt(charge_of(context, order_id), actor=other, now=now_of(context))


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ({"paid": True}, Rule.ALREADY_PAID),
        ({"picked_up": True}, Rule.NOT_RESERVED),
    ],
)
def test_what_is_paid_is_not_paid_again(context: Flask, buyer: Actor, state: dict[str, bool], rule: Rule) -> None:
    order_id = an_order(context, customer=buyer, **state)  # type: ignore[arg-type]  # the table's own words
    with pytest.raises(RuleBroken) as refused:
        payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context))
    assert refused.value.rule is rule


def test_a_closed_order_is_not_paid(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    orders.cancel_order(order_id, reason="", actor=buyer, now=now_of(context))
    with pytest.raises(RuleBroken) as refused:
        payments.begin_attempt(charge_of(context, order_id), actor=buyer, now=now_of(context))
    assert refused.value.rule is Rule.NOT_RESERVED


def test_wechats_answer_comes_too_late_for_an_attempt_that_was_closed(context: Flask, buyer: Actor) -> None:
    order_id = an_order(context, customer=buyer, matched=True)
    out_trade_no = payments.begin_attempt(
        charge_of(context, order_id), actor=buyer, now=now_of(context)
    ).wanted.out_trade_no
    payments.attempt_closed(out_trade_no, actor=JOB, now=now_of(context))
    assert not payments.attempt_prepared(out_trade_no, prepay_id="wx-late")
    assert statuses(context, order_id) == [PaymentStatus.CLOSED]


def test_closing_an_attempt_that_nobody_knows_changes_nothing(context: Flask) -> None:
    payments.attempt_closed("S000000A0000-1-abcdef", actor=JOB, now=now_of(context))
    assert_nothing_violated(context)


# ---- the errands that follow


def test_an_errand_done_by_one_worker_is_not_put_off_by_another(context: Flask, buyer: Actor) -> None:
    """The first one's claim ran out while it waited for WeChat: the second one has done it meanwhile."""
    cancelled_with_money_under_way(context, buyer)
    slow = outbox.claim_next(now=now_of(context))
    later = now_of(context) + outbox.CLAIM_FOR + MINUTE
    fast = outbox.claim_next(now=later)
    assert slow is not None
    assert fast is not None
    assert slow.id == fast.id
    outbox.mark_done(fast.id)
    outbox.put_off(slow.id, error="no answer", hopeless=False, now=later)
    with read(context) as session:
        assert session.scalars(select(Outbox.status)).all() == [OutboxStatus.DONE]
