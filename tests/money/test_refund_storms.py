"""Refund storms: many press, many send, WeChat misbehaves; each payment goes back once, and both sides' books agree.

The payments are known to the real simulator; its books are the oracle for ours.
"""

import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.domain.charges import PaymentStatus, Purpose
from app.domain.errors import Rule, RuleBroken
from app.domain.ledger import Account
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Role
from app.domain.refunds import RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.usecases import refunding
from app.usecases.refund_errands import retry_all
from app.web.current import RUNTIME
from simulator import trades
from simulator.world import World
from tests.factories.bulk import many_orders
from tests.factories.counting_house import assert_nothing_violated, balances, eventually, refunds_of, run_job
from tests.factories.people import a_member_of_staff
from tests.factories.reading import read
from tests.factories.wire import StaffOnTheWire
from tests.fixtures.apps import MovedClock, Serve
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

WORKERS, PAYMENTS = 16, 200
DONE, ABNORMAL, REFUSED = RefundStatus.DONE, RefundStatus.ABNORMAL, RefundStatus.REFUSED
MINUTE = timedelta(minutes=1)

pytestmark = [pytest.mark.both_engines, pytest.mark.races, pytest.mark.timeout(240)]


@dataclass(frozen=True, slots=True)
class Paid:
    """A charge of a vehicle that was handed over, and what was paid for it."""

    charge_id: int
    amount_fen: int


def paid_charges(app: Flask, simulator: Simulator, how_many: int) -> list[Paid]:
    """Sales that were paid and collected, and whose payments WeChat knows."""
    many_orders(app, how_many * 2 + 20)
    with read(app) as session:
        rows = session.execute(
            select(Charge.id, Payment.out_trade_no, Payment.received_fen)
            .join(Payment, Payment.charge_id == Charge.id)
            .join(Order, Order.id == Charge.order_id)
            .where(Order.status == OrderStatus.COMPLETED, Payment.status == PaymentStatus.SETTLES)
            .limit(how_many)
        ).all()
    assert len(rows) == how_many
    world = World.open(simulator.folder, app_url="http://127.0.0.1", speed=1)
    payer = simulator.person()
    for row in rows:
        trades.stray_payment(world, row.out_trade_no, payer, row.received_fen, "")
    return [Paid(row.id, row.received_fen) for row in rows]


def refund(app: Flask, paid: Paid, actor: Actor, key: str, amount_fen: int | None = None) -> Rule | None:
    """Somebody refunds all of it; the rule that refuses them, or None."""
    with app.app_context():
        try:
            refunding.refund_charge(
                paid.charge_id,
                amount_fen=amount_fen or paid.amount_fen,
                reason="车辆有问题",
                note="",
                request_key=key,
                actor=actor,
                now=app.extensions[RUNTIME].clock.now(),
            )
        except RuleBroken as broken:
            return broken.rule
    return None


def storm(app: Flask, charges: list[Paid], *, workers: int = WORKERS, own_forms: bool = False) -> Counter[Rule | None]:
    """Every worker refunds every charge, all at the same time; what each was told."""
    staff = [a_member_of_staff(app, role=Role.FINANCE, region=None) for _ in range(4)]

    def work(nth: int) -> list[Rule | None]:
        mine = f"{nth}" if own_forms else ""
        return [refund(app, paid, staff[nth % len(staff)], f"form-{paid.charge_id}-{mine}") for paid in charges]

    with ThreadPoolExecutor(workers) as pool:
        return Counter(told for answers in pool.map(work, range(workers)) for told in answers)


def send_all(app: Flask, database: Database, clock: MovedClock, *, senders: int = 4) -> None:
    """Several send and ask at once, minute after minute, until WeChat has the last word on every refund.

    Nobody is told of it: the seeded people are no followers of ours.
    """

    def send(_nth: int) -> None:
        run_job(app, "send_outbox")

    def told() -> bool:
        with ThreadPoolExecutor(senders) as pool:
            list(pool.map(send, range(senders)))
        if {one.status for one in refunds_of(app)} <= {DONE, ABNORMAL, REFUSED}:
            return True
        database.execute("DELETE FROM outbox WHERE kind = 'message'")
        clock.advance(2 * MINUTE)  # whatever was put off is due again
        run_job(app, "query_refunds")
        return False

    eventually(told)


def assert_ledger_is_wechats(app: Flask, simulator: Simulator, before_fen: int) -> None:
    """What left our account in the books is what WeChat says it sent, refund by refund, to the fen."""
    theirs = {
        (one["out_refund_no"], one["amount"]) for one in simulator.books()["refunds"] if one["status"] == "SUCCESS"
    }
    ours = {(one.out_refund_no, one.amount_fen) for one in storm_refunds(app) if one.status is DONE}
    assert ours == theirs
    assert before_fen - balances(app)[Account.WECHAT] == sum(amount for _, amount in theirs)
    assert_nothing_violated(app)


def storm_refunds(app: Flask) -> list[Refund]:
    """Those that the storm wanted; the seeded ones are WeChat's past."""
    with read(app) as session:
        return list(session.scalars(select(Refund).where(Refund.held_on == Account.SALES).order_by(Refund.id)))


def back_fen(app: Flask) -> dict[int, int]:
    """What arrived back of each charge."""
    with read(app) as session:
        rows = session.execute(
            select(Charge.id, func.sum(Refund.amount_fen))
            .join(Payment, Payment.charge_id == Charge.id)
            .join(Refund, Refund.payment_id == Payment.id)
            .where(Refund.held_on == Account.SALES, Refund.status == DONE, Charge.purpose == Purpose.SALE)
            .group_by(Charge.id)
        )
        return {row[0]: int(row[1]) for row in rows}


def test_sixteen_workers_refund_the_same_two_hundred_payments(
    app: Flask, live_app: str, database: Database, simulator: Simulator, clock: MovedClock
) -> None:
    """WeChat loses replies, answers 5xx, delivers nothing and closes: 200 back, none twice, nobody met an error."""
    charges = paid_charges(app, simulator, PAYMENTS)
    before_fen = balances(app)[Account.WECHAT]
    assert storm(app, charges) == Counter({None: WORKERS * PAYMENTS})
    assert len(storm_refunds(app)) == PAYMENTS

    simulator.misbehave("reply_lost", times=10, on="refund")
    simulator.misbehave("status_5xx", times=5, on="refund")
    simulator.misbehave("bad_reply_signature", times=5, on="refund")
    simulator.misbehave("duplicate", times=5, kind="refund", extra=2, mode="concurrent")
    simulator.misbehave("refund_abnormal", times=8)
    simulator.misbehave("refund_closed", times=8)
    send_all(app, database, clock)
    ends = Counter(one.status for one in storm_refunds(app))
    assert ends == Counter({DONE: PAYMENTS - 16, ABNORMAL: 8, REFUSED: 8})
    assert_ledger_is_wechats(app, simulator, before_fen)

    finish_by_hand(app, database, simulator, clock)
    assert back_fen(app) == {paid.charge_id: paid.amount_fen for paid in charges}
    assert_ledger_is_wechats(app, simulator, before_fen)


def finish_by_hand(app: Flask, database: Database, simulator: Simulator, clock: MovedClock) -> None:
    """The abnormal ones are dealt with at WeChat; those that it closed are tried again, by several people at once."""
    stuck = [one for one in storm_refunds(app) if one.status in (ABNORMAL, REFUSED)]
    for one in stuck:
        if one.status is ABNORMAL:
            simulator.post(f"/_sim/refunds/{one.out_refund_no}", status="SUCCESS")
    runtime = app.extensions[RUNTIME]
    finance = a_member_of_staff(app, role=Role.FINANCE, region=None)

    def press(_nth: int) -> None:
        with app.app_context():
            retry_all(runtime.till, [one.id for one in stuck], actor=finance, now=runtime.clock.now())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(press, range(4)))
    send_all(app, database, clock)
    assert Counter(one.status for one in storm_refunds(app)) == Counter({DONE: PAYMENTS, REFUSED: 8})


def test_forms_of_their_own_share_what_is_left(app: Flask, simulator: Simulator) -> None:
    """Each has opened the sheet before the others pressed: one refund of all of it, the others read why not."""
    charges = paid_charges(app, simulator, 20)
    told = storm(app, charges, own_forms=True)
    assert told == Counter({None: 20, Rule.NOTHING_TO_REFUND: (WORKERS - 1) * 20})
    assert len(storm_refunds(app)) == 20
    assert_nothing_violated(app)


def test_sixteen_people_press_on_their_screens(app: Flask, serve: Serve, simulator: Simulator) -> None:
    """Twice each, as a double click does: every answer is a page that says what is so."""
    charges = paid_charges(app, simulator, 4)
    staff = [a_member_of_staff(app, role=Role.FINANCE, region=None) for _ in range(WORKERS)]
    with serve(workers=2, threads=8) as url:
        people = [StaffOnTheWire(app, url, one) for one in staff]

        def work(person: StaffOnTheWire) -> Counter[int]:
            answers: Counter[int] = Counter()
            for paid in charges:
                form = {"amount": str(paid.amount_fen / 100), "seen": "0", "why": "车辆有问题"}
                form["request_key"] = secrets.token_hex(16)
                for _click in range(2):
                    answer = person.press(f"/orders/charges/{paid.charge_id}/refund", **form)
                    assert answer.status_code in (303, 422), answer.text[:400]
                    assert answer.status_code == 303 or "这笔钱已经全部退了" in answer.text, answer.text[:2000]
                    answers[answer.status_code] += 1
            return answers

        with ThreadPoolExecutor(WORKERS) as pool:
            told = sum(pool.map(work, people), Counter())
    assert told == Counter({303: 2 * 4, 422: 2 * 4 * (WORKERS - 1)})
    assert sorted(one.amount_fen for one in storm_refunds(app)) == sorted(paid.amount_fen for paid in charges)
    assert_nothing_violated(app)


def test_the_twin_without_the_look_at_what_is_left(
    app: Flask, database: Database, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database alone refuses, with an error; and once it looks away too, money goes back twice."""
    charges = paid_charges(app, simulator, 2)
    monkeypatch.setattr(refunding, "checked_amount", lambda amount_fen, _left_fen: amount_fen)
    with pytest.raises(Exception, match="refunded_at_most_received"):
        storm(app, charges, workers=2, own_forms=True)
    if database.engine_name == "postgresql":
        database.execute("ALTER TABLE payment DROP CONSTRAINT ck_payment_refunded_at_most_received")
        storm(app, charges, workers=4, own_forms=True)
        assert len(storm_refunds(app)) > len(charges)
        with pytest.raises(AssertionError, match="never more than was received"):
            assert_nothing_violated(app)
