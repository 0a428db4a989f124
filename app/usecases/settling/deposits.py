"""A deposit's own payment (decision 25). The deposits verbs own what follows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import SHANGHAI
from app.domain.charges import ChargeStatus
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import Rule, RuleBroken
from app.domain.labels import DEPOSIT_KIND
from app.domain.permissions import Actor
from app.models.deposits import Deposit
from app.models.money import Charge, Refund
from app.models.orders import Order
from app.queries import cards
from app.queries import deposits as held_deposits
from app.usecases import charges, deposits
from app.usecases.compare_and_set import must_lock
from app.usecases.settling.payable import Payable, refuse_unless_open
from app.usecases.standing import lock_customer, refuse_if_frozen
from app.usecases.subjects import Subject


def lock(session: Session, charge: Charge) -> Subject:
    """Person, then deposit."""
    lock_customer(session, charge.customer_id)
    deposit = must_lock(session, Deposit, charge.deposit_id or 0)
    session.refresh(charge)
    return Subject.of_deposit(deposit)


def payable(session: Session, charge: Charge, now: datetime) -> Payable:
    """Due; on the way of a rental it ends with the reservation, which has no end once its fee is paid (decision 13)."""
    refuse_unless_open(charge)
    deposit = _deposit(session, charge)
    refuse_if_frozen(session, deposit.customer_id, now)
    if cards.standing_card(session, deposit.customer_id) is None:
        raise RuleBroken(Rule.CARD_MISSING)
    stem = f"D{now.astimezone(SHANGHAI):%y%m%d}{deposit.id:05d}"
    ends_at = None
    if deposit.order_id is not None:
        order = session.get_one(Order, deposit.order_id)
        if not deposits.takes_deposit(session, order):
            raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
        if charges.of_order(session, order).status is ChargeStatus.OPEN:
            ends_at = order.expires_at
    return Payable(f"猎吧租车 {DEPOSIT_KIND[deposit.kind]}", stem, ends_at)


def settled(session: Session, charge: Charge, actor: Actor, now: datetime, *, told: Mapping[str, Any]) -> None:
    """The money is held from now on."""
    deposits.hold(session, _deposit(session, charge), actor, now, told=told)


def revived(session: Session, charge: Charge, actor: Actor, now: datetime) -> bool:
    """Late money for a rental deposit goes back; for a flash deposit it is held, unless one is held. Decision 15."""
    deposit = _deposit(session, charge)
    if deposit.kind is not DepositKind.FLASH or deposit.status is not DepositStatus.VOID:
        return False
    if held_deposits.is_member(session, deposit.customer_id):
        return False
    deposits.drop_due(session, deposit.customer_id, actor, now)
    deposit.status, charge.status = DepositStatus.DUE, ChargeStatus.OPEN
    session.flush()
    return True


def attempt_over(_session: Session, _charge: Charge, _now: datetime) -> None:
    """Nothing waits for it."""


def refund_arrived(session: Session, charge: Charge, refund: Refund, actor: Actor, now: datetime) -> None:
    """The deposit is back with its person."""
    deposits.refund_arrived(session, _deposit(session, charge), refund, actor, now)


def _deposit(session: Session, charge: Charge) -> Deposit:
    return session.get_one(Deposit, charge.deposit_id)
