"""Two runs of one job at the same time do each thing once (the lease is a convenience, not the guard)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import ModuleType

import pytest
from flask import Flask

from app.domain.orders import OrderStatus
from app.domain.refunds import RefundStatus
from app.jobs import expire_orders, query_refunds, send_outbox
from app.models.numbers import NumberSlot, SlotState
from app.models.orders import Order
from app.models.work import Outbox, OutboxStatus
from app.queries.invariants import INVARIANTS
from app.runtime import Runtime
from app.usecases import orders
from tests.factories.counting_house import refunds_of
from tests.factories.gateway import Gateway, Post, a_refund_notice, with_gateway
from tests.factories.orders import an_order
from tests.factories.people import a_customer
from tests.fixtures.databases import Database

THEN = datetime(2026, 3, 2, 4, tzinfo=UTC)
ORDERS, RUNS = 6, 3

pytestmark = [pytest.mark.both_engines, pytest.mark.races]


def at_once(app: Flask, job: ModuleType, runtime: Runtime, now: datetime) -> int:
    """Runs a job in several threads at the same moment; how many things they say they did."""
    barrier = Barrier(RUNS)

    def run(_nth: int) -> int:
        barrier.wait(20)
        with app.app_context():
            report = job.run(runtime, now)
            assert report.trouble == ()
            return int(report.rows)

    with ThreadPoolExecutor(RUNS) as pool:
        return sum(pool.map(run, range(RUNS)))


def violations(database: Database, now: datetime) -> list[str]:
    with database.read() as session:
        return [f"{key}: {row}" for key, one in INVARIANTS.items() for row in one.violations(session, now)]


def test_each_order_expires_once(app: Flask, database: Database) -> None:
    for _ in range(ORDERS):
        an_order(app, now=THEN)
    now = THEN + timedelta(hours=73)
    assert at_once(app, expire_orders, with_gateway(app, Gateway()), now) == ORDERS
    assert database.count(Order, Order.status == OrderStatus.EXPIRED) == ORDERS
    assert database.count(NumberSlot, NumberSlot.state != SlotState.FREE) == 0
    assert violations(database, now) == []


def test_each_errand_is_done_once_and_each_refund_arrives_once(app: Flask, database: Database) -> None:
    for _ in range(ORDERS):
        customer = a_customer(app)
        order_id = an_order(app, customer=customer, now=THEN, paid=True)
        with app.app_context():
            orders.cancel_order(order_id, reason="", actor=customer, now=THEN)
    gateway, post = Gateway(), Post()
    runtime = with_gateway(app, gateway, post)
    assert at_once(app, send_outbox, runtime, THEN) == ORDERS
    assert set(Counter(gateway.asked).values()) == {1}
    amounts = {refund.out_refund_no: refund.amount_fen for refund in refunds_of(app)}
    gateway.on_query_refund = lambda number: a_refund_notice(number, "", amounts[number], RefundStatus.DONE)
    later = THEN + timedelta(minutes=5)
    at_once(app, query_refunds, runtime, later)
    assert {refund.status for refund in refunds_of(app)} == {RefundStatus.DONE}
    at_once(app, send_outbox, runtime, later)
    assert len(post.sent) == ORDERS
    assert database.count(Outbox, Outbox.status != OutboxStatus.DONE) == 0
    assert violations(database, later) == []
