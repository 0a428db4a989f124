"""Money through the real simulator: asking, paying, doing the jobs' work, and comparing both sides' books."""

import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from flask import Flask
from sqlalchemy import select

from app.domain.charges import PaymentStatus
from app.domain.ledger import Account
from app.domain.permissions import Actor
from app.domain.refunds import RefundStatus
from app.models.money import Charge, LedgerAccount, LedgerTransfer, Payment, Refund
from app.models.people import Customer
from app.usecases import checkout
from app.usecases.checkout import PaymentSheet
from app.web.current import RUNTIME
from tests.factories.orders import charge_of
from tests.factories.people import a_customer
from tests.factories.reading import read
from tests.fixtures.simulators import Simulator

PATIENCE_SECONDS = 20.0


def eventually(true: Callable[[], object]) -> None:
    """Polls until `true()` holds. Raises AssertionError with what it said last."""
    ends = time.monotonic() + PATIENCE_SECONDS
    said = true()
    while not said and time.monotonic() < ends:
        time.sleep(0.02)  # between two looks, not instead of one
        said = true()
    assert said


def a_payer(app: Flask, simulator: Simulator, region: str = "A") -> Actor:
    """A registered person whom the simulator knows."""
    return a_customer(app, openid=simulator.person(), region=region)


def sheet_of(app: Flask, order_id: int, customer: Actor) -> PaymentSheet | None:
    """Asks WeChat for a payment of the order."""
    runtime = app.extensions[RUNTIME]
    with app.app_context():
        return checkout.ask_for_payment(runtime.till, charge_of(app, order_id), actor=customer, now=runtime.clock.now())


def prepay_id(sheet: PaymentSheet | None) -> str:
    """The prepay_id on a sheet."""
    assert sheet is not None
    return sheet.arguments["package"].removeprefix("prepay_id=")


def run_job(app: Flask, name: str, *, after: timedelta = timedelta()) -> object:
    """One run of one job, as the timetable does it; `after`: as if that much later."""
    runtime = app.extensions[RUNTIME]
    with app.app_context():
        return import_module(f"app.jobs.{name}").run(runtime, runtime.clock.now() + after)


def payments_of(app: Flask, order_id: int) -> list[Payment]:
    """The attempts of an order, oldest first."""
    with read(app) as session:
        wanted = select(Payment).join(Charge).where(Charge.order_id == order_id).order_by(Payment.id)
        return list(session.scalars(wanted))


def statuses(app: Flask, order_id: int) -> list[PaymentStatus]:
    """Their states."""
    return [payment.status for payment in payments_of(app, order_id)]


def refunds_of(app: Flask) -> list[Refund]:
    """All refunds, oldest first."""
    with read(app) as session:
        return list(session.scalars(select(Refund).order_by(Refund.id)))


def until_refunds_arrive(app: Flask) -> None:
    """Sends what is due and waits for WeChat's notices, until no refund is under way."""

    def arrived() -> bool:
        run_job(app, "send_outbox")
        return all(refund.status is RefundStatus.DONE for refund in refunds_of(app))

    eventually(arrived)


def balances(app: Flask) -> dict[Account, int]:
    """What each account holds, fen, on its own side; by a sum of our own over the transfers."""
    with read(app) as session:
        codes = {account.id: account.code for account in session.scalars(select(LedgerAccount))}
        held = dict.fromkeys(codes.values(), 0)
        for transfer in session.scalars(select(LedgerTransfer)):
            held[codes[transfer.debit_id]] += transfer.amount_fen
            held[codes[transfer.credit_id]] -= transfer.amount_fen
    return {code: amount if code is Account.WECHAT else -amount for code, amount in held.items()}


def assert_books_agree(app: Flask, simulator: Simulator) -> None:
    """Each payment and refund of WeChat's books is in ours, and nothing else, to the fen; no invariant is broken."""
    books = simulator.books()
    theirs = {
        (entry["transaction_id"], entry["amount"], entry["openid"])
        for entry in books["payments"]
        if entry["state"] in ("SUCCESS", "REFUND")
    }
    with read(app) as session:
        received = session.execute(
            select(Payment.transaction_id, Payment.received_fen, Payment.misfit, Customer.openid)
            .outerjoin(Charge, Charge.id == Payment.charge_id)
            .outerjoin(Customer, Customer.id == Charge.customer_id)
            .where(Payment.received_fen.is_not(None))
        ).all()
        refunded = set(
            session.execute(select(Refund.out_refund_no, Refund.amount_fen).where(Refund.status == RefundStatus.DONE))
        )
    assert {(row.transaction_id, row.received_fen) for row in received} == {entry[:2] for entry in theirs}
    strangers = {(row.transaction_id, row.misfit) for row in received if row.openid not in {e[2] for e in theirs}}
    assert all(misfit in ("payer", "order") for _, misfit in strangers)
    back = {(entry["out_refund_no"], entry["amount"]) for entry in books["refunds"] if entry["status"] == "SUCCESS"}
    assert refunded == back
    assert balances(app)[Account.WECHAT] == sum(e[1] for e in theirs) - sum(amount for _, amount in back)
    assert_nothing_violated(app)


def assert_nothing_violated(app: Flask) -> None:
    """`flask check` is silent."""
    checked = app.test_cli_runner().invoke(args=["check"])
    assert checked.exit_code == 0, checked.output or repr(checked.exception)
