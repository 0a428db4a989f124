"""Booking: the legs of one money event, once for each entry key (decision 32)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.ledger import Leg
from app.models.money import LedgerAccount, LedgerTransfer
from app.models.orders import Order


def book(session: Session, entry_key: str, legs: Iterable[Leg], order: Order | None, now: datetime) -> None:
    """Writes the transfers of one event; a second booking under the same key is refused by the database."""
    ids = {row.code: row.id for row in session.execute(select(LedgerAccount.code, LedgerAccount.id))}
    for nth, leg in enumerate(legs):
        session.add(
            LedgerTransfer(
                entry_key=entry_key,
                leg=nth,
                debit_id=ids[leg.debit],
                credit_id=ids[leg.credit],
                amount_fen=leg.amount_fen,
                customer_id=order.customer_id if order else None,
                order_id=order.id if order else None,
                region_id=order.region_id if order else None,
                booked_on=business_day(now),
                at=now,
            )
        )
