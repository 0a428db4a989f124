"""What must be true of deposits, rentals and battery uses."""

from datetime import datetime

from sqlalchemy import Exists, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.batteries import BatteryState
from app.domain.cards import CardStatus
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus, WithholdingKind
from app.domain.orders import OrderStatus
from app.domain.refunds import WECHAT_REFUNDS_FOR
from app.domain.restrictions import Cause
from app.models.batteries import Battery, BatteryPerson, BatteryUse
from app.models.cards import Photo, StudentCard
from app.models.deposits import Deposit, DepositWithholding
from app.models.journal import Audit
from app.models.money import Charge
from app.models.orders import Order
from app.models.people import Restriction
from app.models.rentals import Rental
from app.queries.invariants._registry import Violations, invariant, told
from app.queries.sql import days_between

PAID = (DepositStatus.HELD, DepositStatus.REFUNDING, DepositStatus.REFUNDED)


@invariant("A deposit stands as its charge does: due open, void void, paid settled, of the same amount")
def deposits_fit_charges(session: Session, _now: datetime) -> Violations:
    """Decision 25."""
    fits = or_(
        and_(Deposit.status == DepositStatus.DUE, Charge.status == ChargeStatus.OPEN),
        and_(Deposit.status == DepositStatus.VOID, Charge.status == ChargeStatus.VOID),
        and_(Deposit.status.in_(PAID), Charge.status == ChargeStatus.SETTLED),
    )
    return told(
        session,
        select(Deposit.id.label("deposit"), Deposit.status, Charge.id.label("charge"), Charge.status.label("owed"))
        .outerjoin(Charge, Charge.deposit_id == Deposit.id)
        .where(or_(Charge.id.is_(None), ~fits, Charge.amount_fen != Deposit.amount_fen)),
    )


@invariant("What is withheld from a deposit is the sum of its items")
def withholdings_add_up(session: Session, _now: datetime) -> Violations:
    """Decision 41."""
    total = func.coalesce(func.sum(DepositWithholding.amount_fen), 0)
    return told(
        session,
        select(Deposit.id.label("deposit"), Deposit.withheld_fen, total.label("items"))
        .outerjoin(DepositWithholding, DepositWithholding.deposit_id == Deposit.id)
        .group_by(Deposit.id, Deposit.withheld_fen)
        .having(total != Deposit.withheld_fen),
    )


@invariant("A refunded deposit has given back all that was not withheld; one that is held has given back nothing")
def refunded_deposits_are_back(session: Session, _now: datetime) -> Violations:
    """Decision 25."""
    left = Deposit.amount_fen - Deposit.withheld_fen - Deposit.refunded_fen
    return told(
        session,
        select(Deposit.id.label("deposit"), Deposit.status, Deposit.withheld_fen, Deposit.refunded_fen).where(
            or_(
                and_(Deposit.status == DepositStatus.REFUNDED, left != 0),
                and_(Deposit.status != DepositStatus.REFUNDED, Deposit.refunded_fen != 0),
            )
        ),
    )


@invariant("No rental deposit is held that nothing needs, unless its person is barred or WeChat refunds it no more")
def rental_deposits_are_needed(session: Session, now: datetime) -> Violations:
    """Decisions 25 and 26: its refund is requested by itself."""
    flash = aliased(Deposit)
    by_flash = exists().where(
        flash.customer_id == Deposit.customer_id,
        flash.kind == DepositKind.FLASH,
        flash.status == DepositStatus.HELD,
        or_(flash.amount_fen == 0, flash.withheld_fen < flash.amount_fen),
    )
    needed = or_(
        and_(exists().where(Order.customer_id == Deposit.customer_id, Order.occupies_rental), ~by_flash),
        exists().where(Rental.deposit_id == Deposit.id, Rental.returned_at.is_not(None), Rental.settled_at.is_(None)),
    )
    may_be_late = exists().where(BatteryUse.customer_id == Deposit.customer_id, BatteryUse.returned_at.is_(None))
    return told(
        session,
        select(Deposit.id.label("deposit"), Deposit.customer_id).where(
            Deposit.kind == DepositKind.RENTAL,
            Deposit.status == DepositStatus.HELD,
            Deposit.paid_at >= now - WECHAT_REFUNDS_FOR,
            ~needed,
            ~may_be_late,
            ~_is_frozen_by_hand(),
        ),
    )


def _is_frozen_by_hand() -> Exists:
    return exists().where(
        Restriction.customer_id == Deposit.customer_id,
        Restriction.cause == Cause.MANUAL,
        Restriction.lifted_at.is_(None),
    )


@invariant("A completed rental order has one rental; it occupies its person until the return, and no closed one does")
def rentals_fit_orders(session: Session, _now: datetime) -> Violations:
    """FLOW-RENT-4."""
    is_rental = Order.days > 0
    fits = or_(
        and_(Order.status == OrderStatus.RESERVED, Order.occupies_rental, Rental.id.is_(None)),
        and_(Order.status == OrderStatus.COMPLETED, Order.occupies_rental, Rental.returned_at.is_(None)),
        and_(Order.status == OrderStatus.COMPLETED, ~Order.occupies_rental, Rental.returned_at.is_not(None)),
        and_(Order.closed_at.is_not(None), ~Order.occupies_rental, Rental.id.is_(None)),
    )
    yield from told(
        session,
        select(Order.id.label("order"), Order.status, Order.occupies_rental, Rental.id.label("rental"))
        .outerjoin(Rental, Rental.order_id == Order.id)
        .where(is_rental, ~fits),
    )
    yield from told(
        session,
        select(Order.id.label("order"), Order.status)
        .outerjoin(Rental, Rental.order_id == Order.id)
        .where(Order.status == OrderStatus.COMPLETED, is_rental, Rental.id.is_(None)),
    )


@invariant(
    "What is out, a vehicle or a battery, is secured by a held deposit, or by one that staff sent back for its age"
)
def what_is_out_is_secured(session: Session, _now: datetime) -> Violations:
    """FLOW-RENT-2, FLOW-FLASH-1, decision 26."""
    sent_back = exists().where(
        Audit.subject_kind == "deposit", Audit.subject_id == Deposit.id, Audit.action == "deposit_sent_back"
    )
    for out, returned_at in ((Rental, Rental.returned_at), (BatteryUse, BatteryUse.returned_at)):
        yield from told(
            session,
            select(out.id.label(out.__tablename__), Deposit.id.label("deposit"), Deposit.status)
            .join(Deposit, Deposit.id == out.deposit_id)
            .where(
                returned_at.is_(None),
                or_((Deposit.status != DepositStatus.HELD) & ~sent_back, Deposit.customer_id != out.customer_id),
            ),
        )


@invariant("A battery is in use exactly while it has an open use")
def batteries_fit_uses(session: Session, _now: datetime) -> Violations:
    """Decision 23."""
    open_use = exists().where(BatteryUse.battery_id == Battery.id, BatteryUse.returned_at.is_(None))
    return told(
        session,
        select(Battery.id.label("battery"), Battery.state).where(
            or_(
                and_(Battery.state == BatteryState.IN_USE, ~open_use),
                and_(Battery.state != BatteryState.IN_USE, open_use),
            )
        ),
    )


@invariant("Whoever ever used a battery is counted once in its region, and once in all")
def people_are_counted(session: Session, _now: datetime) -> Violations:
    """FLA-1."""
    counted = exists().where(
        BatteryPerson.customer_id == BatteryUse.customer_id, BatteryPerson.region_id == BatteryUse.region_id
    )
    yield from told(session, select(BatteryUse.id.label("use"), BatteryUse.customer_id).where(~counted))
    firsts = func.sum(case((BatteryPerson.first, 1), else_=0))
    yield from told(
        session,
        select(BatteryPerson.customer_id, firsts.label("firsts"))
        .group_by(BatteryPerson.customer_id)
        .having(firsts != 1),
    )


@invariant("A battery use with a price has a charge of that amount, open, paid or withheld")
def uses_are_charged(session: Session, _now: datetime) -> Violations:
    """Decision 22."""
    withheld = exists().where(
        DepositWithholding.battery_use_id == BatteryUse.id, DepositWithholding.kind == WithholdingKind.FLASH_FEE
    )
    return told(
        session,
        select(BatteryUse.id.label("use"), BatteryUse.price_fen, Charge.amount_fen, Charge.status)
        .outerjoin(Charge, and_(Charge.battery_use_id == BatteryUse.id, Charge.purpose == Purpose.FLASH_FEE))
        .where(
            or_(
                func.coalesce(Charge.amount_fen, 0) != BatteryUse.price_fen,
                and_(Charge.status == ChargeStatus.VOID, ~withheld),
            )
        ),
    )


@invariant("A card that stands has its photo; a photo that was replaced is erased")
def cards_have_photos(session: Session, _now: datetime) -> Violations:
    """Decisions 4 and 43."""
    return told(
        session,
        select(StudentCard.id.label("card"), StudentCard.status, Photo.erased_at)
        .join(Photo, Photo.id == StudentCard.photo_id)
        .where(
            or_(
                and_(StudentCard.status.in_((CardStatus.PENDING, CardStatus.APPROVED)), Photo.erased_at.is_not(None)),
                and_(StudentCard.status == CardStatus.WITHDRAWN, Photo.erased_at.is_(None)),
            )
        ),
    )


@invariant("First fee day and freeze day of a use or rental follow from the terms that it began with")
def freeze_days_follow_terms(session: Session, _now: datetime) -> Violations:
    """SET-4, SET-11."""
    for kind, since in ((BatteryUse, BatteryUse.began_on), (Rental, Rental.due_on)):
        fits = and_(
            days_between(kind.fees_from, since) == kind.free_days + 1,
            days_between(kind.freezes_on, since) == kind.freeze_days,
        )
        yield from told(
            session,
            select(kind.id.label(kind.__tablename__), kind.fees_from, kind.freezes_on).where(
                kind.returned_on.is_(None), ~fits
            ),
        )
