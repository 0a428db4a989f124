"""Charges: what is owed, fixed in the database before a payment is offered, and the attempts at it (decision 16)."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charges import LIVE_PAYMENTS, OF_ORDERS, ChargeStatus, Purpose
from app.domain.outbox import Errand
from app.models.money import Charge, ChargeLine, LineKind, Payment
from app.models.orders import Order
from app.usecases import outbox


def put(
    session: Session,
    purpose: Purpose,
    line: LineKind,
    *,
    customer_id: int,
    region_id: int,
    amount_fen: int,
    now: datetime,
    order_id: int | None = None,
    deposit_id: int | None = None,
    battery_use_id: int | None = None,
    rental_id: int | None = None,
    as_of_on: date | None = None,
    expires_at: datetime | None = None,
) -> Charge:
    """Writes a charge with its line. A charge of 0 is settled at once, without WeChat. Decision 16."""
    free = amount_fen == 0
    charge = Charge(
        customer_id=customer_id,
        region_id=region_id,
        purpose=purpose,
        order_id=order_id,
        deposit_id=deposit_id,
        battery_use_id=battery_use_id,
        rental_id=rental_id,
        as_of_on=as_of_on,
        expires_at=expires_at,
        amount_fen=amount_fen,
        status=ChargeStatus.SETTLED if free else ChargeStatus.OPEN,
        settled_at=now if free else None,
    )
    session.add(charge)
    session.flush()
    session.add(ChargeLine(charge_id=charge.id, kind=line, amount_fen=amount_fen))
    return charge


def of_order(session: Session, order: Order) -> Charge:
    """What the order costs: a vehicle, or the rental of one."""
    return session.scalars(select(Charge).where(Charge.order_id == order.id, Charge.purpose.in_(OF_ORDERS))).one()


def live_attempts(session: Session, charge: Charge) -> list[Payment]:
    """Attempts of a charge that WeChat could still take money for, locked."""
    return list(
        session.scalars(
            select(Payment)
            .where(Payment.charge_id == charge.id, Payment.status.in_(LIVE_PAYMENTS))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def want_closed(session: Session, attempts: Iterable[Payment], now: datetime) -> None:
    """Has live attempts closed at WeChat, after the commit; one of which that is wanted already stays as it is."""
    for attempt in attempts:
        outbox.put_once(session, Errand.CLOSE_PAYMENT, attempt.out_trade_no, now, out_trade_no=attempt.out_trade_no)


def make_void(session: Session, charge: Charge, now: datetime) -> list[Payment]:
    """What it was for has ended: nothing is owed any more. Returns the attempts that WeChat is told to close."""
    if charge.status is ChargeStatus.OPEN:
        charge.status = ChargeStatus.VOID
    attempts = live_attempts(session, charge)
    want_closed(session, attempts, now)
    return attempts
