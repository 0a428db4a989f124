"""Booking: the legs of one money event, once for each entry key (decision 32)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.ledger import Leg
from app.models.money import LedgerAccount, LedgerTransfer
from app.usecases.subjects import Subject


def book(session: Session, entry_key: str, legs: Iterable[Leg], subject: Subject | None, now: datetime) -> None:
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
                customer_id=subject.customer_id if subject else None,
                order_id=subject.order_id if subject else None,
                deposit_id=subject.deposit_id if subject else None,
                region_id=subject.region_id if subject else None,
                booked_on=business_day(now),
                at=now,
            )
        )
