"""Deposits that WeChat soon refunds no more: sent back to be paid anew, or paid out by the owner (decision 26).

What such a deposit secured stays open without one. Its late fees up to then are withheld, later ones stay owed by its
person, and whoever pays a deposit again secures it once more (`deposits.hold`).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.deposits import DepositStatus, Tie, is_on_horizon
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.deposits import Deposit
from app.queries import deposits as held_deposits
from app.queries import late_fees
from app.usecases import audit, deposits, messages, payouts
from app.usecases.compare_and_set import must_lock
from app.usecases.photos import NewPhoto
from app.usecases.refund_notices import lock_refund
from app.usecases.standing import lock_customer
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


@transactional
def renew(session: Session, deposit_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """退回并请用户重新缴纳: refunds less what is owed, whatever the deposit secures, and tells the person to pay again.

    From 330 days after the payment on, as long as WeChat refunds it. A second press changes nothing. Raises NotFound,
    Forbidden, RuleBroken: damage that is to be settled first.
    """
    deposit = _locked(session, deposit_id, Permission.DEPOSITS_REFUND, actor)
    if deposit.status in (DepositStatus.REFUNDING, DepositStatus.REFUNDED):
        return
    _refuse_unless_due(session, deposit, now)
    if held_deposits.is_too_old(session, deposit, now):
        raise RuleBroken(Rule.REFUND_TOO_OLD)
    reason = checked_reason(reason)
    refund = deposits.send_back_early(session, deposit, through_wechat=True, actor=actor, now=now)
    _put(session, deposit, reason, refund.amount_fen if refund else 0, actor, now)


@transactional
def pay_out(
    session: Session, deposit_id: int, *, photo: NewPhoto | None, reason: str, actor: Actor, now: datetime
) -> None:
    """线下退: the owner has paid it another way, as WeChat refunds it no more; with proof.

    A second press changes nothing. Raises NotFound, Forbidden, RuleBroken.
    """
    deposit = _locked(session, deposit_id, Permission.PAYOUT_OUTSIDE, actor)
    if deposit.status is DepositStatus.REFUNDED:
        return
    _refuse_unless_due(session, deposit, now)
    if not held_deposits.is_too_old(session, deposit, now):
        raise RuleBroken(Rule.REFUND_NOT_OLD)
    reason = checked_reason(reason)
    if photo is None:
        raise RuleBroken(Rule.PICTURE_MISSING)
    refund = deposits.send_back_early(session, deposit, through_wechat=False, actor=actor, now=now)
    _put(session, deposit, reason, refund.amount_fen if refund else 0, actor, now)
    if refund is None:
        return
    session.flush()
    locked = lock_refund(session, refund.id, actor, Permission.PAYOUT_OUTSIDE)
    payouts.record(session, locked, photo=photo, reason=reason, actor=actor, now=now)


def _locked(session: Session, deposit_id: int, permission: Permission, actor: Actor) -> Deposit:
    """Person, what is taken out of it, deposit. Raises NotFound, Forbidden."""
    found = session.get(Deposit, deposit_id)
    if found is None or not actor.may(Permission.ORDERS_VIEW, found.region_id):
        raise NotFound
    actor.require(permission, found.region_id)
    lock_customer(session, found.customer_id)
    for lent in {*late_fees.owing(session, found.customer_id), *late_fees.running(session, found)}:
        must_lock(session, type(lent), lent.id)
    return must_lock(session, Deposit, deposit_id)


def _refuse_unless_due(session: Session, deposit: Deposit, now: datetime) -> None:
    if deposit.status is not DepositStatus.HELD:
        raise RuleBroken(Rule.DEPOSIT_NOT_HELD)
    if not is_on_horizon(deposit.paid_at, now):
        raise RuleBroken(Rule.DEPOSIT_NOT_OLD)
    if held_deposits.has_damage(session, deposit):
        raise RuleBroken(Rule.DEPOSIT_TIED, ties=(Tie.DAMAGE,))


def _put(session: Session, deposit: Deposit, reason: str, amount_fen: int, actor: Actor, now: datetime) -> None:
    subject = Subject.of_deposit(deposit)
    audit.put_about(
        session,
        actor,
        "deposit_sent_back",
        subject,
        now,
        reason=reason,
        deposit_kind=deposit.kind,
        amount_fen=amount_fen,
    )
    messages.put_for(
        session,
        "deposit_sent_back",
        deposit.customer_id,
        str(deposit.id),
        now,
        page="/m/deposits",
        amount_fen=amount_fen,
    )
