"""Deposits: the one owner of all deposit money, from the agreement to the arrival of the refund (decision 25).

Every verb here locks the person first, so that what secures what is decided by one at a time.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.calendar import business_day
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
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.domain.settings import FLASH_DEPOSIT
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit, DepositWithholding
from app.models.directory import School
from app.models.money import Charge, LineKind, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer
from app.models.rentals import Rental
from app.queries import cards, settings
from app.queries import deposits as held_deposits
from app.queries import late_fees as owed_late_fees
from app.queries.late_fees import Lent
from app.usecases import audit, charges, late_fees, ledger, messages, outbox, refunds, restrictions
from app.usecases.compare_and_set import must_lock
from app.usecases.standing import lock_customer, lock_registered, refuse_if_frozen
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional

WITHHELD_FOR = {
    WithholdingKind.DAMAGE: Purpose.DEPOSIT,
    WithholdingKind.FLASH_FEE: Purpose.FLASH_FEE,
    WithholdingKind.LATE_FEE: Purpose.LATE_FEE,
}


@transactional
def agree(
    session: Session, kind: DepositKind, *, order_id: int | None, seen_fen: int, actor: Actor, now: datetime
) -> int:
    """The person decides for a deposit and its amount; returns the charge to pay. FLOW-RENT-2, FLOW-FLASH-1.

    Pressed again it finds the same one; another choice takes the place of the first. A rental deposit is for a
    rental order that is reserved, or is out while its deposit was sent back; a flash deposit may be on the way of one,
    whose terms it then has. Needs a student card that was sent in. Raises NotFound, Forbidden, RuleBroken.
    """
    customer = lock_registered(session, actor)
    order = _own_rental(session, order_id, actor) if order_id is not None else None
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


def _own_rental(session: Session, order_id: int, actor: Actor) -> Order:
    order = must_lock(session, Order, order_id) if session.get(Order, order_id) is not None else None
    if order is None or order.customer_id != actor.id or order.rental_deposit_fen is None:
        raise NotFound
    if not takes_deposit(session, order):
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    return order


def takes_deposit(session: Session, order: Order) -> bool:
    """Whether a deposit may be paid for a rental: while it is reserved, and while it is out and nothing secures it."""
    return order.status is OrderStatus.RESERVED or held_deposits.is_out_unsecured(session, order.id)


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
    """The deposit is paid. A flash deposit takes over what the rental deposit secured, which then goes back.

    Either takes over what is out while the deposit before it was sent back early.
    """
    deposit.status, deposit.paid_at = DepositStatus.HELD, now
    session.flush()
    audit.put_about(session, actor, "deposit_held", Subject.of_deposit(deposit), now, deposit_kind=deposit.kind, **told)
    is_flash = deposit.kind is DepositKind.FLASH
    rental = session.scalars(
        select(Rental).where(Rental.customer_id == deposit.customer_id, Rental.returned_at.is_(None))
    ).one_or_none()
    if rental is not None and (is_flash or held_deposits.is_out_unsecured(session, rental.order_id)):
        rental.deposit_id = deposit.id
    if is_flash:
        use = session.scalars(
            select(BatteryUse).where(BatteryUse.customer_id == deposit.customer_id, BatteryUse.returned_at.is_(None))
        ).one_or_none()
        if use is not None:
            use.deposit_id = deposit.id
    session.flush()
    release_idle(session, deposit.customer_id, actor, now)


def release_idle(session: Session, customer_id: int, actor: Actor, now: datetime) -> None:
    """Requests the refund of a rental deposit that secures nothing any more, by itself. The person is locked.

    Called wherever something ends that a deposit secures, or that bars its person: the record of that follows. A flash
    deposit waits for its person to ask; one that was used up ends here, so that another can be paid. One that WeChat
    would not refund any more waits for the owner (decision 26).
    """
    held = held_deposits.all_held(session, customer_id)
    deposit, flash = held.get(DepositKind.RENTAL), held.get(DepositKind.FLASH)
    if (
        deposit is not None
        and not held_deposits.ties(session, deposit, now)
        and not held_deposits.is_too_old(session, deposit, now)
    ):
        _request_refund(session, deposit, actor, now)
    if flash is not None and held_deposits.is_used_up(flash) and not held_deposits.ties(session, flash, now):
        _send_back_the_rest(session, flash, actor, now)
    restrictions.reconcile(session, customer_id, actor, now)


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

    A refund that WeChat has closed is requested anew. Raises NotFound, Forbidden, RuleBroken: what it still secures, a
    refund that waits for a person, or a payment that WeChat refunds no more, which is the owner's (decision 26).
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
    for lent in owed_late_fees.owing(session, found.customer_id):  # what is owed is taken out of it: locked before it
        must_lock(session, type(lent), lent.id)
    deposit = must_lock(session, Deposit, deposit_id)
    if deposit.status is DepositStatus.REFUNDING:
        _ask_again(session, deposit, actor, now)
        return
    if deposit.status is DepositStatus.REFUNDED:
        return
    if deposit.status is not DepositStatus.HELD:
        raise RuleBroken(Rule.DEPOSIT_NOT_HELD)
    tied = held_deposits.ties(session, deposit, now)
    if tied:
        raise RuleBroken(Rule.DEPOSIT_TIED, ties=tuple(tied))
    _refuse_too_old(session, deposit, now)
    _request_refund(session, deposit, actor, now)
    restrictions.reconcile(session, deposit.customer_id, actor, now)


def _refuse_too_old(session: Session, deposit: Deposit, now: datetime) -> None:
    if held_deposits.is_too_old(session, deposit, now):
        raise RuleBroken(Rule.REFUND_TOO_OLD)


def _ask_again(session: Session, deposit: Deposit, actor: Actor, now: datetime) -> None:
    """Only where WeChat has closed the refund; one that is under way goes on, one that is stuck needs a person."""
    newest = session.scalars(
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id == deposit.id, Payment.status == PaymentStatus.SETTLES)
        .order_by(Refund.id.desc())
        .limit(1)
    ).one()
    if newest.status is RefundStatus.REFUSED:
        _refuse_too_old(session, deposit, now)
        _send_back_the_rest(session, deposit, actor, now, instead_of=newest)
    elif newest.status is RefundStatus.ABNORMAL or outbox.is_parked(session, Errand.REFUND, newest.out_refund_no):
        raise RuleBroken(Rule.REFUND_STUCK)


def _request_refund(session: Session, deposit: Deposit, actor: Actor, now: datetime) -> None:
    """What is owed is withheld, the rest goes back (decision 21)."""
    if deposit.kind is DepositKind.FLASH:
        _withhold_fees(session, deposit, actor, now)
    _withhold_late_fees(session, deposit, actor, now)
    _send_back_the_rest(session, deposit, actor, now)


def send_back_early(
    session: Session, deposit: Deposit, *, through_wechat: bool, actor: Actor, now: datetime
) -> Refund | None:
    """Requests the refund although something is secured by the deposit; None: nothing is left of it. Decision 26.

    What is owed by today is withheld, also of what is still out: its days are posted first, and what comes later stays
    owed by its person. Person, uses, rentals and deposit are locked.
    """
    if deposit.kind is DepositKind.FLASH:
        _withhold_fees(session, deposit, actor, now)
    running = [lent for lent in owed_late_fees.running(session, deposit) if lent.fees_from <= business_day(now)]
    for lent in running:
        late_fees.post_rest(session, lent, now)
    _withhold_late_fees(session, deposit, actor, now, running=running)
    restrictions.reconcile(session, deposit.customer_id, actor, now)
    return _send_back_the_rest(session, deposit, actor, now, through_wechat=through_wechat)


def _send_back_the_rest(
    session: Session,
    deposit: Deposit,
    actor: Actor,
    now: datetime,
    *,
    instead_of: Refund | None = None,
    through_wechat: bool = True,
) -> Refund | None:
    left_fen = deposit.amount_fen - deposit.withheld_fen
    if left_fen == 0:
        deposit.status = DepositStatus.REFUNDED
        session.flush()
        audit.put_about(session, actor, "deposit_used_up", Subject.of_deposit(deposit), now, deposit_kind=deposit.kind)
        return None
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
    return refunds.want(
        session,
        payment,
        Purpose.DEPOSIT,
        subject,
        amount_fen=left_fen,
        reason=reason,
        instead_of=instead_of,
        through_wechat=through_wechat,
        actor=actor,
        now=now,
    )


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
    """Unpaid prices of battery uses are taken out of the flash deposit, each that fits into it. Decision 21."""
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
        if charge.amount_fen > deposit.amount_fen - deposit.withheld_fen:
            continue
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


def _withhold_late_fees(
    session: Session, deposit: Deposit, actor: Actor, now: datetime, *, running: Collection[Lent] = ()
) -> None:
    """Late fees of what is over are taken out of it, as far as it goes; what is left of them stays owed. Decision 21.

    Of a rental deposit those of the rentals that it secured; of a flash deposit all of its person's. `running`: what is
    still out and pays as well, by today.
    """
    by_today = owed_late_fees.accounts_of(session, running, business_day(now))
    for lent in (*owed_late_fees.owing(session, deposit.customer_id), *running):
        left_fen = deposit.amount_fen - deposit.withheld_fen
        if left_fen == 0 or (deposit.kind is DepositKind.RENTAL and lent.deposit_id != deposit.id):
            continue
        amount_fen = min(by_today[lent].owed_fen if lent in by_today else lent.late_owed_fen, left_fen)
        if amount_fen == 0:
            continue
        late_fees.drop_quote(session, lent, now)
        late_fees.reduced(session, lent, amount_fen)
        is_use = isinstance(lent, BatteryUse)
        row = DepositWithholding(
            deposit_id=deposit.id,
            kind=WithholdingKind.LATE_FEE,
            battery_use_id=lent.id if is_use else None,
            rental_id=None if is_use else lent.id,
            item="闪充逾期费" if is_use else "租车逾期费",
            amount_fen=amount_fen,
            at=now,
        )
        _withhold(session, deposit, row, actor, now)


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
    ledger.book(session, f"withheld:{row.id}", legs, subject, now, purpose=WITHHELD_FOR[row.kind])
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
