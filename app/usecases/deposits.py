"""Deposits: the one owner of all deposit money, from the agreement to the arrival of the refund (decision 25).

Every verb here locks the person first, so that what secures what is decided by one at a time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import ChargeStatus, PaymentStatus, Purpose
from app.domain.deposits import (
    FLASH_KEPT_REASON,
    RENTAL_KEPT_REASON,
    DamageItem,
    DepositKind,
    DepositStatus,
    Tie,
    WithholdingKind,
    checked_items,
)
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_DEPOSIT
from app.models.deposits import Deposit, DepositWithholding
from app.models.directory import School
from app.models.money import Charge, LineKind, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.models.rentals import Rental
from app.queries import cards, settings
from app.queries import deposits as held_deposits
from app.usecases import audit, charges, ledger, messages, refunds
from app.usecases.compare_and_set import must_lock
from app.usecases.standing import lock_customer, lock_registered, refuse_if_frozen
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


@transactional
def agree(
    session: Session, kind: DepositKind, *, order_id: int | None, seen_fen: int, actor: Actor, now: datetime
) -> int:
    """The person decides for a deposit and its amount; returns the charge to pay. FLOW-RENT-2, FLOW-FLASH-1.

    Pressed again it finds the same one; another choice takes the place of the first. A rental deposit is for a
    reserved rental order; a flash deposit may be on the way of one, whose terms it then has. Needs a student card that
    was sent in. Raises NotFound, Forbidden, RuleBroken.
    """
    customer = lock_registered(session, actor)
    order = _own_reserved_rental(session, order_id, actor) if order_id is not None else None
    if kind is DepositKind.RENTAL and order is None:
        raise NotFound
    refuse_if_frozen(session, customer.id, now)
    if cards.standing_card(session, customer.id) is None:
        raise RuleBroken(Rule.CARD_MISSING)
    if held_deposits.held(session, customer.id, kind) or held_deposits.is_member(session, customer.id):
        raise RuleBroken(Rule.DEPOSIT_HELD)
    region_id = order.region_id if order else _region_of(session, customer)
    amount_fen = _agreed_fen(session, kind, order, region_id, now)
    if amount_fen != seen_fen:
        raise RuleBroken(Rule.STALE_CHOICE, price_fen=amount_fen)
    due = _due(session, customer.id)
    if due is not None:
        if (due.kind, due.order_id, due.amount_fen) == (kind, order_id, amount_fen):
            return charge_of(session, due).id
        drop_due(session, customer.id, actor, now)
    deposit = Deposit(
        customer_id=customer.id,
        region_id=region_id,
        kind=kind,
        order_id=order_id,
        amount_fen=amount_fen,
        status=DepositStatus.DUE,
        made_at=now,
        withheld_fen=0,
        refunded_fen=0,
    )
    session.add(deposit)
    session.flush()
    charge = charges.put(
        session,
        Purpose.DEPOSIT,
        LineKind.DEPOSIT,
        customer_id=customer.id,
        region_id=region_id,
        amount_fen=amount_fen,
        now=now,
        deposit_id=deposit.id,
    )
    audit.put_about(
        session, actor, "deposit_agreed", Subject.of_deposit(deposit), now, deposit_kind=kind, amount_fen=amount_fen
    )
    if charge.status is ChargeStatus.SETTLED:
        hold(session, deposit, actor, now, told={"amount_fen": 0})
    return charge.id


def _own_reserved_rental(session: Session, order_id: int, actor: Actor) -> Order:
    order = must_lock(session, Order, order_id) if session.get(Order, order_id) is not None else None
    if order is None or order.customer_id != actor.id or order.rental_deposit_fen is None:
        raise NotFound
    if order.status is not OrderStatus.RESERVED:
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    return order


def _region_of(session: Session, customer: Customer) -> int:
    return session.scalars(select(School.region_id).where(School.id == customer.school_id)).one()


def _agreed_fen(session: Session, kind: DepositKind, order: Order | None, region_id: int, now: datetime) -> int:
    """What was agreed with the reservation, else today's setting. SET-5, SET-11."""
    agreed = None
    if order is not None:
        agreed = order.rental_deposit_fen if kind is DepositKind.RENTAL else order.flash_deposit_fen
    return settings.value_of(session, FLASH_DEPOSIT, region_id, now) if agreed is None else agreed


def _due(session: Session, customer_id: int) -> Deposit | None:
    """At most one is due for a person: agreeing on another drops it."""
    return session.scalars(
        select(Deposit).where(Deposit.customer_id == customer_id, Deposit.status == DepositStatus.DUE)
    ).one_or_none()


def charge_of(session: Session, deposit: Deposit) -> Charge:
    """What is paid for the deposit."""
    return session.scalars(select(Charge).where(Charge.deposit_id == deposit.id)).one()


def drop_due(session: Session, customer_id: int, actor: Actor, now: datetime, *, order_id: int | None = None) -> None:
    """A deposit that was agreed and not paid is wanted no more (with `order_id`: if it was agreed for that order)."""
    due = _due(session, customer_id)
    if due is None or (order_id is not None and (due.order_id, due.kind) != (order_id, DepositKind.RENTAL)):
        return
    due.status = DepositStatus.VOID
    session.flush()
    charges.make_void(session, charge_of(session, due), now)
    audit.put_about(session, actor, "deposit_dropped", Subject.of_deposit(due), now, deposit_kind=due.kind)


def hold(session: Session, deposit: Deposit, actor: Actor, now: datetime, *, told: Mapping[str, Any]) -> None:
    """The deposit is paid. A flash deposit takes over what the rental deposit secured, which then goes back."""
    deposit.status, deposit.paid_at = DepositStatus.HELD, now
    session.flush()
    audit.put_about(session, actor, "deposit_held", Subject.of_deposit(deposit), now, deposit_kind=deposit.kind, **told)
    if deposit.kind is DepositKind.FLASH:
        out = session.scalars(
            select(Rental).where(Rental.customer_id == deposit.customer_id, Rental.returned_at.is_(None))
        ).one_or_none()
        if out is not None:
            out.deposit_id = deposit.id
            session.flush()
        release_idle(session, deposit.customer_id, actor, now)


def release_idle(session: Session, customer_id: int, actor: Actor, now: datetime) -> None:
    """Requests the refund of a rental deposit that secures nothing any more, by itself. The person is locked.

    Called wherever something ends that a deposit secures. A flash deposit waits for its person to ask; one
    that was used up ends here, so that another can be paid.
    """
    deposit = held_deposits.held(session, customer_id, DepositKind.RENTAL)
    if deposit is not None and not held_deposits.ties(session, deposit, now):
        _request_refund(session, deposit, actor, now)
    flash = held_deposits.held(session, customer_id, DepositKind.FLASH)
    if flash is not None and held_deposits.is_used_up(flash) and not held_deposits.ties(session, flash, now):
        _send_back_the_rest(session, flash, actor, now)


def securing_deposit(session: Session, order: Order) -> Deposit:
    """The deposit that a rental begins with. Raises RuleBroken: none, or one that damage is to be taken out of."""
    deposit = held_deposits.securing(session, order.customer_id)
    if deposit is None:
        raise RuleBroken(Rule.DEPOSIT_MISSING, amount_fen=order.rental_deposit_fen)
    if held_deposits.has_damage(session, deposit):
        raise RuleBroken(Rule.DEPOSIT_TIED, ties=(Tie.DAMAGE,))
    return deposit


@transactional
def ask_back(session: Session, deposit_id: int, *, actor: Actor, now: datetime) -> None:
    """The person leaves flash charge, or staff send a deposit back that secures nothing. Pressed twice: one refund.

    A refund that WeChat has closed is requested anew. Raises NotFound, Forbidden, RuleBroken (what it still secures).
    """
    found = session.get(Deposit, deposit_id)
    if found is None:
        raise NotFound
    if actor.is_customer:
        if found.customer_id != actor.id:
            raise NotFound
    else:
        if not actor.may(Permission.ORDERS_VIEW, found.region_id):
            raise NotFound
        actor.require(Permission.DEPOSITS_REFUND, found.region_id)
    lock_customer(session, found.customer_id)
    deposit = must_lock(session, Deposit, deposit_id)
    if deposit.status is DepositStatus.REFUNDING and _refund_was_refused(session, deposit):
        _send_back_the_rest(session, deposit, actor, now)
        return
    if deposit.status in (DepositStatus.REFUNDING, DepositStatus.REFUNDED):
        return
    if deposit.status is not DepositStatus.HELD:
        raise RuleBroken(Rule.DEPOSIT_NOT_HELD)
    tied = held_deposits.ties(session, deposit, now)
    if tied:
        raise RuleBroken(Rule.DEPOSIT_TIED, ties=tuple(tied))
    _request_refund(session, deposit, actor, now)


def _refund_was_refused(session: Session, deposit: Deposit) -> bool:
    newest = session.scalars(
        select(Refund.status)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id == deposit.id, Payment.status == PaymentStatus.SETTLES)
        .order_by(Refund.id.desc())
        .limit(1)
    ).one_or_none()
    return newest is RefundStatus.REFUSED


def _request_refund(session: Session, deposit: Deposit, actor: Actor, now: datetime) -> None:
    """What is owed is withheld, the rest goes back (decision 21)."""
    if deposit.kind is DepositKind.FLASH:
        _withhold_fees(session, deposit, actor, now)
    _send_back_the_rest(session, deposit, actor, now)


def _send_back_the_rest(session: Session, deposit: Deposit, actor: Actor, now: datetime) -> None:
    left_fen = deposit.amount_fen - deposit.withheld_fen
    if left_fen == 0:
        deposit.status = DepositStatus.REFUNDED
        session.flush()
        audit.put_about(session, actor, "deposit_used_up", Subject.of_deposit(deposit), now, deposit_kind=deposit.kind)
        return
    deposit.status = DepositStatus.REFUNDING
    session.flush()
    payment = session.scalars(
        select(Payment)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id == deposit.id, Payment.status == PaymentStatus.SETTLES)
        .with_for_update(key_share=True, of=Payment)
        .execution_options(populate_existing=True)
    ).one()
    reason = FLASH_KEPT_REASON if deposit.kind is DepositKind.FLASH else RENTAL_KEPT_REASON
    subject = Subject.of_deposit(deposit)
    refunds.want(session, payment, Purpose.DEPOSIT, subject, amount_fen=left_fen, reason=reason, actor=actor, now=now)


def refund_arrived(session: Session, deposit: Deposit, refund: Refund, actor: Actor, now: datetime) -> None:
    """WeChat says that the refund has arrived: the liability is gone."""
    deposit.refunded_fen += refund.amount_fen
    deposit.status = DepositStatus.REFUNDED
    session.flush()
    audit.put_about(
        session,
        actor,
        "deposit_refunded",
        Subject.of_deposit(deposit),
        now,
        deposit_kind=deposit.kind,
        amount_fen=refund.amount_fen,
    )


def _withhold_fees(session: Session, deposit: Deposit, actor: Actor, now: datetime) -> None:
    """Unpaid prices of battery uses are taken out of the flash deposit; they fit, or it would be tied. Decision 21."""
    unpaid = session.scalars(
        select(Charge)
        .where(
            Charge.customer_id == deposit.customer_id,
            Charge.purpose == Purpose.FLASH_FEE,
            Charge.status == ChargeStatus.OPEN,
        )
        .order_by(Charge.id)
    )
    for charge in unpaid:
        charges.make_void(session, charge, now)
        _withhold(
            session,
            deposit,
            DepositWithholding(
                deposit_id=deposit.id,
                kind=WithholdingKind.FLASH_FEE,
                battery_use_id=charge.battery_use_id,
                item="闪充使用费",
                amount_fen=charge.amount_fen,
                at=now,
            ),
            actor,
            now,
        )


def withhold_damage(
    session: Session,
    deposit: Deposit,
    items: list[DamageItem],
    *,
    photo_id: int,
    rental_id: int | None = None,
    battery_use_id: int | None = None,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Takes damage out of a held deposit, item by item, at most what is left. The person is locked. Decision 41.

    Raises RuleBroken.
    """
    if deposit.status is not DepositStatus.HELD:
        raise RuleBroken(Rule.DEPOSIT_NOT_HELD)
    for nth, one in enumerate(checked_items(items, left_fen=deposit.amount_fen - deposit.withheld_fen)):
        _withhold(
            session,
            deposit,
            DepositWithholding(
                deposit_id=deposit.id,
                kind=WithholdingKind.DAMAGE,
                rental_id=rental_id,
                battery_use_id=battery_use_id,
                item=one.item,
                amount_fen=one.amount_fen,
                photo_id=photo_id,
                request_key=request_key,
                nth=nth,
                staff_id=actor.id,
                at=now,
            ),
            actor,
            now,
        )


def is_withheld(session: Session, request_key: str) -> bool:
    """Whether the damage of a form has been withheld already."""
    there = select(DepositWithholding.id).where(DepositWithholding.request_key == request_key).limit(1)
    return session.scalars(there).one_or_none() is not None


def _withhold(session: Session, deposit: Deposit, row: DepositWithholding, actor: Actor, now: datetime) -> None:
    session.add(row)
    deposit.withheld_fen += row.amount_fen
    session.flush()
    is_damage = row.kind is WithholdingKind.DAMAGE
    legs = recipes.damage_withheld(row.amount_fen) if is_damage else recipes.fee_withheld(row.amount_fen)
    subject = Subject.of_deposit(deposit)
    ledger.book(session, f"withheld:{row.id}", legs, subject, now)
    audit.put_about(
        session,
        actor,
        "deposit_withheld",
        subject,
        now,
        deposit_kind=deposit.kind,
        item=row.item,
        amount_fen=row.amount_fen,
    )
    messages.put(session, "deposit_withheld", subject, str(row.id), now, item=row.item, amount_fen=row.amount_fen)
