"""Payment attempts and the money that arrives: what is ours is settled, the rest goes back or waits for a person."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import (
    LIVE_PAYMENTS,
    ChargeStatus,
    Expected,
    PaymentNotice,
    PaymentStatus,
    Verdict,
    judge,
)
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import VehicleNumber
from app.domain.orders import OrderEvent, OrderStatus, attempt_expires_at, refuse_unless_time_to_pay
from app.domain.permissions import Actor
from app.domain.refunds import SURPLUS_REASON
from app.models.money import Charge, NoticeKind, Payment
from app.models.orders import Order
from app.models.people import Customer
from app.models.vehicles import Listing, VehicleModel
from app.ports import PaymentWanted, Vault
from app.queries import people
from app.usecases import audit, ledger, messages, notices, numbers, refunds, stock
from app.usecases.compare_and_set import changed_one, must_change_one, must_lock
from app.usecases.orders import (
    free_number_if_over,
    live_attempts,
    lock_own_order,
    move_order,
    sale_charge,
    want_closed,
)
from app.usecases.transaction import transactional


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of the order that can be shown to the person, or (`over`) must be asked about and closed first."""

    wanted: PaymentWanted
    over: bool


@transactional
def begin_attempt(session: Session, order_id: int, *, actor: Actor, now: datetime) -> Attempt:
    """The live attempt of the order's charge, or a new one. First of the three steps of asking for a payment.

    Raises NotFound, Forbidden, RuleBroken (already paid, number not entered, no time left). FLOW-BUY-3, decision 13.
    """
    order = lock_own_order(session, order_id, actor)
    charge = sale_charge(session, order)
    if order.status is not OrderStatus.RESERVED:
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    if charge.status is ChargeStatus.SETTLED:
        raise RuleBroken(Rule.ALREADY_PAID)
    if order.matched_at is None:
        raise RuleBroken(Rule.NOT_MATCHED)
    customer = session.get_one(Customer, order.customer_id)
    model = session.scalars(
        select(VehicleModel.name)
        .join(Listing, Listing.model_id == VehicleModel.id)
        .where(Listing.id == order.listing_id)
    ).one()
    live = live_attempts(session, charge)
    payment = live[0] if live else None
    if payment is None:
        refuse_unless_time_to_pay(order.expires_at, now)
        payment = _new_attempt(session, order, charge, now)
        audit.put_for_order(session, actor, "payment_begun", order, now, out_trade_no=payment.out_trade_no)
    wanted = PaymentWanted(
        out_trade_no=payment.out_trade_no,
        description=f"猎吧租车 {model} {order.number}",
        amount_fen=payment.amount_fen,
        openid=customer.openid or "",
        expires_at=payment.expires_at,
    )
    return Attempt(wanted, over=payment.expires_at <= now)


def _new_attempt(session: Session, order: Order, charge: Charge, now: datetime) -> Payment:
    tried = session.scalars(select(func.count()).select_from(Payment).where(Payment.charge_id == charge.id)).one()
    payment = Payment(
        charge_id=charge.id,
        # The random end keeps the number new at WeChat, also for a database that was restored or made anew.
        out_trade_no=f"{order.order_no}-{tried + 1}-{secrets.token_hex(3)}",
        status=PaymentStatus.CREATED,
        amount_fen=charge.amount_fen,
        created_at=now,
        expires_at=attempt_expires_at(order.expires_at, now),
    )
    session.add(payment)
    session.flush()
    return payment


@transactional
def attempt_prepared(session: Session, out_trade_no: str, *, prepay_id: str) -> bool:
    """WeChat knows of the attempt; last of the three steps. False if it was closed or paid meanwhile."""
    return changed_one(
        session,
        update(Payment)
        .where(Payment.out_trade_no == out_trade_no, Payment.status.in_(LIVE_PAYMENTS))
        .values(status=PaymentStatus.PREPARED, prepay_id=prepay_id),
    )


@transactional
def attempt_closed(session: Session, out_trade_no: str, *, actor: Actor, now: datetime) -> None:
    """WeChat says that the attempt can never be paid; a number that waited for this is freed. Decision 8."""
    found = session.execute(
        select(Payment.id, Charge.order_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Payment.out_trade_no == out_trade_no)
    ).one_or_none()
    if found is None:
        return
    order = must_lock(session, Order, found.order_id)
    closed = changed_one(
        session,
        update(Payment)
        .where(Payment.id == found.id, Payment.status.in_(LIVE_PAYMENTS))
        .values(status=PaymentStatus.CLOSED, asked_at=now),
    )
    if closed:
        audit.put_for_order(session, actor, "payment_closed", order, now, out_trade_no=out_trade_no)
        free_number_if_over(session, order, sale_charge(session, order), now)


@transactional
def mark_attempt_asked(session: Session, out_trade_no: str, *, now: datetime) -> None:
    """WeChat was asked about an attempt and it is still open there."""
    changed_one(session, update(Payment).where(Payment.out_trade_no == out_trade_no).values(asked_at=now))


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who we are at WeChat."""

    app_id: str
    mch_id: str


@transactional
def take_payment_notice(
    session: Session, notice: PaymentNotice, *, merchant: Merchant, vault: Vault, actor: Actor, now: datetime
) -> Verdict:
    """Judges money that WeChat says arrived, in a callback or when asked; each transaction once. Decisions 15, 16.

    Order of locks: the person is read unlocked, then order, payment, listing, series.
    """
    if not notices.keep_once(session, NoticeKind.PAYMENT, notice.transaction_id, notice, vault=vault, now=now):
        return Verdict.REPLAY
    found = session.execute(
        select(Payment.id, Charge.order_id, Customer.openid)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Customer, Customer.id == Charge.customer_id)
        .where(Payment.out_trade_no == notice.out_trade_no)
    ).one_or_none()
    order = must_lock(session, Order, found.order_id) if found and found.order_id else None
    payment = must_lock(session, Payment, found.id) if found else None
    charge = session.get_one(Charge, payment.charge_id) if payment and order else None
    expected = None
    if found and payment and charge:
        expected = Expected(
            app_id=merchant.app_id,
            openid=found.openid or "",
            amount_fen=payment.amount_fen,
            transaction_id=payment.transaction_id,
            charge_status=charge.status,
        )
    judgement = judge(notice, expected, our_mch_id=merchant.mch_id)
    notices.note_verdict(
        session,
        NoticeKind.PAYMENT,
        notice.transaction_id,
        f"{judgement.verdict}:{judgement.misfit}" if judgement.misfit else judgement.verdict,
    )
    if judgement.verdict is Verdict.SUSPECT:
        if judgement.misfit != "merchant":
            _keep_suspect(session, notice, payment, order, str(judgement.misfit), actor, now)
    elif payment and charge and order:
        if judgement.verdict is Verdict.CONFIRM:
            _settle(session, notice, payment, charge, order, actor, now)
        elif charge.status is ChargeStatus.VOID and _revive(session, order, charge, actor, now):
            _settle(session, notice, payment, charge, order, actor, now)
            messages.put(session, "order_revived", order, notice.transaction_id, now, amount_fen=notice.amount_fen)
        else:
            _send_back(session, notice, payment, order, actor, now)
    return judgement.verdict


def _receive(
    session: Session,
    notice: PaymentNotice,
    payment: Payment,
    order: Order | None,
    status: PaymentStatus,
    now: datetime,
    **columns: object,
) -> None:
    """The attempt now carries WeChat's money; the ledger says where it stands."""
    must_change_one(
        session,
        update(Payment)
        .where(Payment.id == payment.id, Payment.status == payment.status, Payment.transaction_id.is_(None))
        .values(
            status=status,
            transaction_id=notice.transaction_id,
            received_fen=notice.amount_fen,
            paid_at=notice.paid_at,
            **columns,
        ),
    )
    session.refresh(payment)
    legs = recipes.payment_received(status, notice.amount_fen)
    ledger.book(session, f"payment:{notice.transaction_id}", legs, order, now)


def _settle(
    session: Session,
    notice: PaymentNotice,
    payment: Payment,
    charge: Charge,
    order: Order,
    actor: Actor,
    now: datetime,
) -> None:
    _receive(session, notice, payment, order, PaymentStatus.SETTLES, now)
    charge.status, charge.settled_at = ChargeStatus.SETTLED, now
    want_closed(session, live_attempts(session, charge), now)
    audit.put_for_order(
        session,
        actor,
        "order_paid",
        order,
        now,
        amount_fen=notice.amount_fen,
        transaction_id=notice.transaction_id,
        out_trade_no=notice.out_trade_no,
    )


def _send_back(
    session: Session, notice: PaymentNotice, payment: Payment, order: Order, actor: Actor, now: datetime
) -> None:
    """Money that came too late or twice: recorded, and refunded in full by itself. Decision 15."""
    _receive(session, notice, payment, order, PaymentStatus.SURPLUS, now)
    audit.put_for_order(
        session,
        actor,
        "payment_surplus",
        order,
        now,
        amount_fen=notice.amount_fen,
        transaction_id=notice.transaction_id,
    )
    refunds.want(session, payment, order, amount_fen=notice.amount_fen, reason=SURPLUS_REASON, actor=actor, now=now)
    free_number_if_over(session, order, sale_charge(session, order), now)
    messages.put(session, "payment_returned", order, notice.transaction_id, now, amount_fen=notice.amount_fen)


def _revive(session: Session, order: Order, charge: Charge, actor: Actor, now: datetime) -> bool:
    """Opens a closed order again for money that came late: same number, stock, and a person in good standing."""
    if order.status not in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return False
    if people.freeze_of(session, order.customer_id) is not None:
        return False
    try:
        stock.take(session, order.listing_id)
    except RuleBroken:
        return False
    if not numbers.hold_again(session, order.region_id, VehicleNumber.parse(order.number), order.id, now):
        stock.put_back(session, order.listing_id)
        return False
    closed_as = order.status
    move_order(session, order, OrderEvent.REVIVE, turn=order.turn + 1, closed_at=None, close_reason=None)
    stock.record_taken(session, order, now)
    charge.status = ChargeStatus.OPEN
    session.flush()
    audit.put_for_order(session, actor, "order_revived", order, now, number=order.number, closed_as=closed_as)
    return True


def _keep_suspect(
    session: Session,
    notice: PaymentNotice,
    payment: Payment | None,
    order: Order | None,
    misfit: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Money that does not fit: into suspense, for a person to judge; it fulfils nothing. Decision 16."""
    if payment is None or payment.transaction_id is not None:
        payment = Payment(
            charge_id=payment.charge_id if payment else None,
            # A second transaction under one number cannot take that number again: it stands under its own.
            out_trade_no=notice.out_trade_no if payment is None else notice.transaction_id,
            status=PaymentStatus.SUSPECT,
            transaction_id=notice.transaction_id,
            amount_fen=notice.amount_fen,
            received_fen=notice.amount_fen,
            created_at=now,
            expires_at=now,
            paid_at=notice.paid_at,
            misfit=misfit,
        )
        session.add(payment)
        legs = recipes.payment_received(PaymentStatus.SUSPECT, notice.amount_fen)
        ledger.book(session, f"payment:{notice.transaction_id}", legs, order, now)
    else:
        _receive(session, notice, payment, order, PaymentStatus.SUSPECT, now, misfit=misfit)
    if order is not None:
        audit.put_for_order(
            session,
            actor,
            "payment_suspect",
            order,
            now,
            misfit=misfit,
            amount_fen=notice.amount_fen,
            transaction_id=notice.transaction_id,
        )
        free_number_if_over(session, order, sale_charge(session, order), now)
    else:
        audit.put(
            session,
            actor,
            "payment_suspect",
            now,
            subject=("payment", None),
            misfit=misfit,
            amount_fen=notice.amount_fen,
            transaction_id=notice.transaction_id,
        )
