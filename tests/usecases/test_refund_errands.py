"""One more try of refunds that have not arrived, each with a result of its own (decision 34)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.jobs import send_outbox
from app.models.money import Refund
from app.models.work import Outbox, OutboxStatus
from app.ports import GatewayRefused, OutcomeUnknown, RefundWanted
from app.runtime import Runtime
from app.usecases import deposits, payments, refund_notices, refunding, suspects
from app.usecases.compare_and_set import must_lock
from app.usecases.refund_errands import Hindrance, Tried, retry_all
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated, refunds_of
from tests.factories.flash import a_member
from tests.factories.gateway import Gateway, a_refund_notice, with_gateway
from tests.factories.ground import PRICE_FEN
from tests.factories.orders import an_order, cancel, charge_of, tell_of_deposit_refund
from tests.factories.people import a_member_of_staff
from tests.factories.rentals import deposits_of
from tests.factories.troubles import (
    a_failed_refund,
    closed_by_wechat,
    money_that_names_no_order,
    park,
    refund_of,
    stray_payment,
)
from tests.fixtures.databases import Database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def finance(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.FINANCE, region=None)


def retry(app: Flask, runtime: Runtime, actor: Actor, *refunds: Refund, after: timedelta = timedelta()) -> list[Tried]:
    now = app.extensions[RUNTIME].clock.now() + after
    return retry_all(runtime.till, [one.id for one in refunds], actor=actor, now=now)


def a_requested_refund(app: Flask) -> Refund:
    order_id = an_order(app, paid=True)
    cancel(app, order_id)
    return refund_of(app, order_id)


def errand_of(database: Database, refund: Refund) -> Outbox:
    errand: Outbox = database.one(select(Outbox).where(Outbox.key == refund.out_refund_no))
    return errand


def test_one_that_was_parked_is_asked_for_again_by_its_number(
    context: Flask, database: Database, finance: Actor
) -> None:
    refund = a_requested_refund(context)
    park(context, errand_of(database, refund).id)
    gateway = Gateway()
    (tried,) = retry(context, with_gateway(context, gateway), finance, refund)
    assert (tried.status, tried.hindrance) == (RefundStatus.ACCEPTED, None)
    assert gateway.asked == [f"refund {refund.out_refund_no}"]
    assert errand_of(database, refund).status is OutboxStatus.DONE


def test_one_that_wechat_has_is_asked_about(context: Flask, finance: Actor) -> None:
    refund = refund_of(context, a_failed_refund(context))
    arrived = a_refund_notice(refund.out_refund_no, "", refund.amount_fen, RefundStatus.DONE)
    gateway = Gateway(on_query_refund=lambda _: arrived)
    (tried,) = retry(context, with_gateway(context, gateway), finance, refund)
    assert (tried.status, tried.hindrance) == (RefundStatus.DONE, None)
    assert gateway.asked == [f"query_refund {refund.out_refund_no}"]


def test_one_that_wechat_closed_is_wanted_anew_and_the_outbox_sends_it(context: Flask, finance: Actor) -> None:
    closed = refund_of(context, a_failed_refund(context, status=RefundStatus.REFUSED))
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    for _ in range(2):
        (tried,) = retry(context, runtime, finance, closed)
        assert (tried.status, tried.hindrance) == (RefundStatus.REQUESTED, None)
    (_, again) = refunds_of(context)
    send_outbox.run(runtime, context.extensions[RUNTIME].clock.now() + 2 * MINUTE)
    assert gateway.asked == [f"refund {again.out_refund_no}"]


def test_a_closed_refund_of_a_deposit_goes_the_deposits_way(context: Flask, finance: Actor) -> None:
    member = a_member(context)
    (deposit,) = deposits_of(context, member)
    deposits.ask_back(deposit.id, actor=member, now=context.extensions[RUNTIME].clock.now())
    tell_of_deposit_refund(context, deposit.id, RefundStatus.REFUSED)
    (closed,) = refunds_of(context)
    retry(context, with_gateway(context, Gateway()), finance, closed)
    (_, again) = refunds_of(context)
    assert (again.instead_of_id, again.amount_fen, again.status) == (
        closed.id,
        closed.amount_fen,
        RefundStatus.REQUESTED,
    )


def test_each_has_a_result_of_its_own(context: Flask, database: Database, finance: Actor) -> None:
    refused, silent, fine = (a_requested_refund(context) for _ in range(3))

    def answer(wanted: RefundWanted) -> object:
        if wanted.out_refund_no == refused.out_refund_no:
            raise GatewayRefused("NOT_ENOUGH", "基本账户余额不足")
        if wanted.out_refund_no == silent.out_refund_no:
            raise OutcomeUnknown("no answer")
        return a_refund_notice(wanted.out_refund_no, "", wanted.amount_fen, RefundStatus.ACCEPTED)

    runtime = with_gateway(context, Gateway(on_refund=answer))  # type: ignore[arg-type]  # it answers with a notice
    tried = retry(context, runtime, finance, refused, silent, fine)
    assert [one.hindrance for one in tried] == [Hindrance.REFUSED, Hindrance.SILENT, None]
    assert tried[0].said == "NOT_ENOUGH: 基本账户余额不足"
    assert errand_of(database, refused).error == "NOT_ENOUGH: 基本账户余额不足"
    assert errand_of(database, silent).status is OutboxStatus.DUE


def test_while_wechat_is_silent_the_rest_is_left(context: Flask, finance: Actor) -> None:
    refunds = [a_requested_refund(context) for _ in range(5)]

    def silence(_wanted: RefundWanted) -> object:
        raise OutcomeUnknown("no answer")

    gateway = Gateway(on_refund=silence)  # type: ignore[arg-type]  # it never answers
    tried = retry(context, with_gateway(context, gateway), finance, *refunds)
    assert [one.hindrance for one in tried] == [Hindrance.SILENT] * 3 + [Hindrance.LEFT] * 2
    assert len(gateway.asked) == 3


def test_two_refunds_of_one_payment_go_a_minute_apart(context: Flask, finance: Actor) -> None:
    """Whoever sends them: the outbox, or somebody who presses again."""
    now = context.extensions[RUNTIME].clock.now()
    charge_id = charge_of(context, an_order(context, picked_up=True))
    for key in ("one", "two"):
        refunding.refund_charge(
            charge_id, amount_fen=1_00, reason="多收", note="", request_key=key, actor=finance, now=now
        )
    first, second = refunds_of(context)
    gateway = Gateway()
    runtime = with_gateway(context, gateway)
    tried = retry(context, runtime, finance, first, second)
    assert [one.status for one in tried] == [RefundStatus.ACCEPTED, RefundStatus.REQUESTED]
    send_outbox.run(runtime, now + timedelta(seconds=30))
    assert len(gateway.asked) == 1
    send_outbox.run(runtime, now + 2 * MINUTE)
    assert gateway.asked == [f"refund {first.out_refund_no}", f"refund {second.out_refund_no}"]


@pytest.mark.postgres
def test_one_more_try_while_the_money_is_attached_to_a_charge_finds_it_gone(
    context: Flask, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = context.extensions[RUNTIME].clock.now()
    charge_id = charge_of(context, an_order(context, matched=True))
    payment_id = stray_payment(context, money_that_names_no_order(context, amount_fen=PRICE_FEN))
    closed = suspects.send_back(payment_id, reason="付错了", note="", request_key="form", actor=finance, now=now)
    closed_by_wechat(context, closed)
    attached, waits = Event(), Event()
    really_settle = payments.settle

    def settle_later(*args: Any) -> None:
        attached.set()
        assert waits.wait(10)
        really_settle(*args)

    def lock(*args: Any) -> Any:
        waits.set()  # the refund and what it was for are read
        return must_lock(*args)

    monkeypatch.setattr(payments, "settle", settle_later)
    monkeypatch.setattr(refund_notices, "must_lock", lock)

    def attach_it() -> None:
        with context.app_context():
            suspects.attach(payment_id, charge_id, reason="是他付的", actor=finance, now=now)

    with ThreadPoolExecutor(1) as pool:
        attaching = pool.submit(attach_it)
        assert attached.wait(10)
        with pytest.raises(RuleBroken) as broken:
            refunding.refund_anew(closed, actor=finance, now=now)
        attaching.result(10)
    assert broken.value.rule is Rule.REFUND_ELSEWHERE
    assert len(refunds_of(context)) == 1
    assert_nothing_violated(context)


@pytest.mark.parametrize(("role", "region"), [(Role.MANAGER, "B"), (Role.CLERK, "A")])
def test_who_may_not(context: Flask, role: Role, region: str) -> None:
    refund = a_requested_refund(context)
    gateway = Gateway()
    with pytest.raises(NotFound):
        retry(context, with_gateway(context, gateway), a_member_of_staff(context, role=role, region=region), refund)
    assert gateway.asked == []
