"""Deposits as verbs decide on them: which is held, which secures a rental, and what one still secures (decision 25)."""

from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus, Tie
from app.domain.orders import OrderStatus
from app.domain.settings import FROZEN_DEPOSIT
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries import people, settings


def held(session: Session, customer_id: int, kind: DepositKind) -> Deposit | None:
    """The deposit of a kind that is held for a person."""
    return session.scalars(
        select(Deposit).where(
            Deposit.customer_id == customer_id, Deposit.kind == kind, Deposit.status == DepositStatus.HELD
        )
    ).one_or_none()


def securing(session: Session, customer_id: int) -> Deposit | None:
    """The held deposit that a rental of the person would begin with: flash before rental. FLOW-RENT-2.

    One that was used up secures nothing any more.
    """
    for kind in (DepositKind.FLASH, DepositKind.RENTAL):
        deposit = held(session, customer_id, kind)
        if deposit is not None and not is_used_up(deposit):
            return deposit
    return None


def is_used_up(deposit: Deposit) -> bool:
    """Whether all of it was withheld."""
    return 0 < deposit.amount_fen == deposit.withheld_fen


def has_damage(session: Session, deposit: Deposit) -> bool:
    """Whether a returned vehicle's damage may still be taken out of it."""
    waiting = exists().where(
        Rental.deposit_id == deposit.id, Rental.returned_at.is_not(None), Rental.settled_at.is_(None)
    )
    return bool(session.scalar(select(waiting)))


def is_secured(customer_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """The same as a column of another read: whether any deposit is held for the person of its row."""
    return exists().where(
        Deposit.customer_id == customer_id,
        Deposit.status == DepositStatus.HELD,
        or_(Deposit.amount_fen == 0, Deposit.withheld_fen < Deposit.amount_fen),
    )


def is_member(session: Session, customer_id: int) -> bool:
    """Whether flash charge is opened: its deposit is held."""
    return held(session, customer_id, DepositKind.FLASH) is not None


def ties(session: Session, deposit: Deposit, now: datetime, *, frozen: bool | None = None) -> list[Tie]:
    """What a held deposit still secures; empty: it is refundable. Decisions 5 and 25.

    `frozen`: whether its person is, for a page that has looked already.
    """
    found: list[Tie] = []
    other = DepositKind.RENTAL if deposit.kind is DepositKind.FLASH else DepositKind.FLASH
    reserved = select(Order.id).where(
        Order.customer_id == deposit.customer_id, Order.occupies_rental, Order.status == OrderStatus.RESERVED
    )
    if session.scalars(reserved).first() is not None and held(session, deposit.customer_id, other) is None:
        found.append(Tie.ORDER)
    rentals = session.execute(
        select(Rental.returned_at).where(
            Rental.deposit_id == deposit.id, or_(Rental.returned_at.is_(None), Rental.settled_at.is_(None))
        )
    )
    found += sorted({Tie.RENTAL if row.returned_at is None else Tie.DAMAGE for row in rentals})
    uses = session.execute(
        select(BatteryUse.returned_at).where(
            BatteryUse.customer_id == deposit.customer_id,  # whose index it reads
            BatteryUse.deposit_id == deposit.id,
            or_(BatteryUse.returned_at.is_(None), BatteryUse.disputed & BatteryUse.settled_at.is_(None)),
        )
    )
    found += sorted({Tie.BATTERY if row.returned_at is None else Tie.DISPUTE for row in uses})
    if deposit.kind is DepositKind.FLASH:
        owed = session.scalar(
            select(func.coalesce(func.sum(Charge.amount_fen), 0)).where(
                Charge.customer_id == deposit.customer_id,
                Charge.purpose == Purpose.FLASH_FEE,
                Charge.status == ChargeStatus.OPEN,
            )
        )
        if (owed or 0) > deposit.amount_fen - deposit.withheld_fen:
            found.append(Tie.FEE)
    deposits_wait = settings.value_of(session, FROZEN_DEPOSIT, deposit.region_id, now) == 0
    if deposits_wait and frozen is None:
        frozen = people.freeze_of(session, deposit.customer_id, now) is not None
    if deposits_wait and frozen:
        found.append(Tie.FREEZE)
    return found
