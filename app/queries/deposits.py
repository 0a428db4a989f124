"""Deposits as verbs decide on them: which is held, which secures a rental, and what one still secures (decision 25)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus, Tie
from app.domain.orders import OrderStatus
from app.domain.refunds import is_past_refunds
from app.domain.settings import FROZEN_DEPOSIT
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries import people, settings
from app.queries.late_fees import KINDS
from app.queries.people import Freeze


def all_held(session: Session, customer_id: int) -> dict[DepositKind, Deposit]:
    """What is held for a person: at most one deposit of each kind."""
    found = session.scalars(
        select(Deposit).where(Deposit.customer_id == customer_id, Deposit.status == DepositStatus.HELD)
    )
    return {deposit.kind: deposit for deposit in found}


def held(session: Session, customer_id: int, kind: DepositKind) -> Deposit | None:
    """The deposit of a kind that is held for a person."""
    return all_held(session, customer_id).get(kind)


def securing(session: Session, customer_id: int) -> Deposit | None:
    """The held deposit that a rental of the person would begin with: flash before rental. FLOW-RENT-2.

    One that was used up secures nothing any more.
    """
    standing = all_held(session, customer_id)
    for kind in (DepositKind.FLASH, DepositKind.RENTAL):
        deposit = standing.get(kind)
        if deposit is not None and not is_used_up(deposit):
            return deposit
    return None


def is_used_up(deposit: Deposit) -> bool:
    """Whether all of it was withheld."""
    return 0 < deposit.amount_fen == deposit.withheld_fen


def is_too_old(session: Session, deposit: Deposit, now: datetime) -> bool:
    """Whether WeChat would not refund any more what paid for it, and something is left of it. Decision 26."""
    if deposit.withheld_fen == deposit.amount_fen:
        return False
    paid_at = session.scalars(
        select(Payment.paid_at)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id == deposit.id, Payment.status == PaymentStatus.SETTLES)
    ).one_or_none()
    return is_past_refunds(paid_at, now)


def is_out_unsecured(session: Session, order_id: int) -> bool:
    """Whether a rented vehicle is out and its deposit was sent back early. Decision 26."""
    unsecured = exists().where(
        Rental.order_id == order_id,
        Rental.returned_at.is_(None),
        Deposit.id == Rental.deposit_id,
        Deposit.status != DepositStatus.HELD,
    )
    return bool(session.scalar(select(unsecured)))


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


def ties(session: Session, deposit: Deposit, now: datetime, *, freezes: Iterable[Freeze] | None = None) -> list[Tie]:
    """What a held deposit still secures; empty: it is refundable. Decisions 5 and 25.

    `freezes`: what bars its person, for a page that has looked already.
    """
    other = aliased(Deposit)
    rental = exists().where(Rental.deposit_id == deposit.id)
    # By the person, whose index it reads.
    use = exists().where(BatteryUse.customer_id == deposit.customer_id, BatteryUse.deposit_id == deposit.id)
    secured = {
        Tie.ORDER: exists().where(
            Order.customer_id == deposit.customer_id, Order.occupies_rental, Order.status == OrderStatus.RESERVED
        )
        & ~exists().where(
            other.customer_id == deposit.customer_id, other.kind != deposit.kind, other.status == DepositStatus.HELD
        ),
        Tie.RENTAL: rental.where(Rental.returned_at.is_(None)),
        Tie.DAMAGE: rental.where(Rental.returned_at.is_not(None), Rental.settled_at.is_(None)),
        Tie.BATTERY: use.where(BatteryUse.returned_at.is_(None)),
        Tie.DISPUTE: use.where(
            BatteryUse.returned_at.is_not(None), BatteryUse.disputed, BatteryUse.settled_at.is_(None)
        ),
    }
    row = session.execute(select(*secured.values())).one()
    found = [tie for tie, is_tied in zip(secured, row, strict=True) if is_tied]
    left_fen = deposit.amount_fen - deposit.withheld_fen
    if deposit.kind is DepositKind.FLASH and _owed_fen(session, deposit.customer_id) > left_fen:
        found.append(Tie.FEE)
    if settings.value_of(session, FROZEN_DEPOSIT, deposit.region_id, now) == 0:
        freezes = people.freezes_of(session, deposit.customer_id, now) if freezes is None else freezes
        if any(freeze.holds_deposits for freeze in freezes):
            found.append(Tie.FREEZE)
    return found


def _owed_fen(session: Session, customer_id: int) -> int:
    """Prices of battery uses and late fees of what is over that a person has not paid."""
    prices = select(func.sum(Charge.amount_fen)).where(
        Charge.customer_id == customer_id, Charge.purpose == Purpose.FLASH_FEE, Charge.status == ChargeStatus.OPEN
    )
    fees = (
        select(func.sum(kind.late_owed_fen)).where(kind.customer_id == customer_id, kind.late_owed_fen > 0)
        for kind in KINDS
    )
    parts = (func.coalesce(part.scalar_subquery(), 0) for part in (prices, *fees))
    return sum(int(fen) for fen in session.execute(select(*parts)).one())
