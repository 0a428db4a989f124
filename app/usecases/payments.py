"""Payment attempts and the money that arrives: what is ours is settled, the rest goes back or waits for a person."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from app.domain.errors import Forbidden, NotFound
from app.domain.orders import ATTEMPT_MINUTES, attempt_expires_at, refuse_unless_time_to_pay
from app.domain.permissions import Actor
from app.domain.refunds import SURPLUS_REASON
from app.models.money import Charge, NoticeKind, Payment
from app.models.people import Customer
from app.ports import PaymentWanted, Vault
from app.usecases import audit, charges, ledger, messages, notices, refunds
from app.usecases.compare_and_set import changed_one, must_change_one, must_lock
from app.usecases.settling import Payable, settling_of
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that can be shown to the person, or (`over`) must be asked about and closed first."""

    wanted: PaymentWanted
    over: bool


@transactional
def begin_attempt(session: Session, charge_id: int, *, actor: Actor, now: datetime) -> Attempt:
    """The live attempt of a charge of the person's own, or a new one. First of the three steps of asking for a payment.

    Raises NotFound, Forbidden, RuleBroken (already paid, not payable yet, no time left). FLOW-BUY-3, decision 13.
    """
    if not actor.is_customer:
        raise Forbidden("the person alone")
    charge = session.get(Charge, charge_id)
    if charge is None or charge.customer_id != actor.id:
        raise NotFound
    settling = settling_of(charge)
    subject = settling.lock(session, charge)
    payable = settling.payable(session, charge, now)
    live = charges.live_attempts(session, charge)
    payment = live[0] if live else None
    if payment is None:
        payment = _new_attempt(session, payable, charge, now)
        audit.put_about(session, actor, "payment_begun", subject, now, out_trade_no=payment.out_trade_no)
    wanted = PaymentWanted(
        out_trade_no=payment.out_trade_no,
        description=payable.description,
        amount_fen=payment.amount_fen,
        openid=session.get_one(Customer, charge.customer_id).openid or "",
        expires_at=payment.expires_at,
    )
    return Attempt(wanted, over=payment.expires_at <= now)


def _new_attempt(session: Session, payable: Payable, charge: Charge, now: datetime) -> Payment:
    expires_at = now + timedelta(minutes=ATTEMPT_MINUTES)
    if payable.ends_at is not None:
        refuse_unless_time_to_pay(payable.ends_at, now)
        expires_at = attempt_expires_at(payable.ends_at, now)
    tried = session.scalars(select(func.count()).select_from(Payment).where(Payment.charge_id == charge.id)).one()
    payment = Payment(
        charge_id=charge.id,
        # The random end keeps the number new at WeChat, also for a database that was restored or made anew.
        out_trade_no=f"{payable.stem}-{tried + 1}-{secrets.token_hex(3)}",
        status=PaymentStatus.CREATED,
        amount_fen=charge.amount_fen,
        created_at=now,
        expires_at=expires_at,
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
        select(Payment.id, Charge)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Payment.out_trade_no == out_trade_no)
    ).one_or_none()
    if found is None:
        return
    charge: Charge = found.Charge
    settling = settling_of(charge)
    subject = settling.lock(session, charge)
    closed = changed_one(
        session,
        update(Payment)
        .where(Payment.id == found.id, Payment.status.in_(LIVE_PAYMENTS))
        .values(status=PaymentStatus.CLOSED, asked_at=now),
    )
    if closed:
        audit.put_about(session, actor, "payment_closed", subject, now, out_trade_no=out_trade_no)
        settling.attempt_over(session, charge, now)


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

    Order of locks: the person and what the charge is for, then the payment, then listing and series.
    """
    if not notices.keep_once(session, NoticeKind.PAYMENT, notice.transaction_id, notice, vault=vault, now=now):
        return Verdict.REPLAY
    found = session.execute(
        select(Payment.id, Payment.charge_id, Customer.openid)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Customer, Customer.id == Charge.customer_id)
        .where(Payment.out_trade_no == notice.out_trade_no)
    ).one_or_none()
    charge = session.get_one(Charge, found.charge_id) if found and found.charge_id else None
    subject = settling_of(charge).lock(session, charge) if charge else None
    payment = must_lock(session, Payment, found.id) if found else None
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
            _keep_suspect(session, notice, payment, charge, subject, str(judgement.misfit), actor, now)
    elif payment and charge and subject:
        if judgement.verdict is Verdict.CONFIRM:
            _settle(session, notice, payment, charge, subject, actor, now)
        elif charge.status is ChargeStatus.VOID and settling_of(charge).revived(session, charge, actor, now):
            _settle(session, notice, payment, charge, subject, actor, now)
            topic = f"{subject.kind}_revived"
            messages.put(session, topic, subject, notice.transaction_id, now, amount_fen=notice.amount_fen)
        else:
            _send_back(session, notice, payment, charge, subject, actor, now)
    return judgement.verdict


def _receive(
    session: Session,
    notice: PaymentNotice,
    payment: Payment,
    charge: Charge | None,
    subject: Subject | None,
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
    held = recipes.held_on(status, charge.purpose if charge else None)
    legs = recipes.payment_received(held, notice.amount_fen)
    purpose = charge.purpose if charge else None
    ledger.book(session, f"payment:{notice.transaction_id}", legs, subject, now, purpose=purpose)


def _settle(
    session: Session,
    notice: PaymentNotice,
    payment: Payment,
    charge: Charge,
    subject: Subject,
    actor: Actor,
    now: datetime,
) -> None:
    _receive(session, notice, payment, charge, subject, PaymentStatus.SETTLES, now)
    settle(session, payment, charge, actor, now)


def settle(session: Session, payment: Payment, charge: Charge, actor: Actor, now: datetime) -> None:
    """An open charge is paid by a payment whose money is booked for it: all that follows. Both are locked."""
    charge.status, charge.settled_at = ChargeStatus.SETTLED, now
    session.flush()
    charges.want_closed(session, charges.live_attempts(session, charge), now)
    told = {
        "amount_fen": payment.received_fen,
        "transaction_id": payment.transaction_id,
        "out_trade_no": payment.out_trade_no,
    }
    settling_of(charge).settled(session, charge, actor, now, told=told)


def _send_back(
    session: Session,
    notice: PaymentNotice,
    payment: Payment,
    charge: Charge,
    subject: Subject,
    actor: Actor,
    now: datetime,
) -> None:
    """Money that came too late or twice: recorded, and refunded in full by itself. Decision 15."""
    _receive(session, notice, payment, charge, subject, PaymentStatus.SURPLUS, now)
    audit.put_about(
        session,
        actor,
        "payment_surplus",
        subject,
        now,
        amount_fen=notice.amount_fen,
        transaction_id=notice.transaction_id,
    )
    refunds.want(
        session,
        payment,
        charge.purpose,
        subject,
        amount_fen=notice.amount_fen,
        reason=SURPLUS_REASON,
        actor=actor,
        now=now,
    )
    settling_of(charge).attempt_over(session, charge, now)
    messages.put(session, "payment_returned", subject, notice.transaction_id, now, amount_fen=notice.amount_fen)


def _keep_suspect(
    session: Session,
    notice: PaymentNotice,
    payment: Payment | None,
    charge: Charge | None,
    subject: Subject | None,
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
        legs = recipes.payment_received(recipes.held_on(PaymentStatus.SUSPECT, None), notice.amount_fen)
        purpose = charge.purpose if charge else None
        ledger.book(session, f"payment:{notice.transaction_id}", legs, subject, now, purpose=purpose)
    else:
        _receive(session, notice, payment, charge, subject, PaymentStatus.SUSPECT, now, misfit=misfit)
    if subject is not None and charge is not None:
        audit.put_about(
            session,
            actor,
            "payment_suspect",
            subject,
            now,
            misfit=misfit,
            amount_fen=notice.amount_fen,
            transaction_id=notice.transaction_id,
        )
        settling_of(charge).attempt_over(session, charge, now)
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
