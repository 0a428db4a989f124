"""The price of one battery use: owed when it begins, paid before the next scan (decision 22)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import SHANGHAI
from app.domain.permissions import Actor
from app.models.batteries import BatteryUse
from app.models.money import Charge, Refund
from app.queries.batteries import number_of
from app.usecases import audit, deposits
from app.usecases.settling.payable import Payable, refuse_unless_open
from app.usecases.standing import lock_customer
from app.usecases.subjects import Subject


def lock(session: Session, charge: Charge) -> Subject:
    """The person alone: whether the use is over changes nothing."""
    lock_customer(session, charge.customer_id)
    session.refresh(charge)
    return Subject.of_use(_use(session, charge))


def payable(session: Session, charge: Charge, _now: datetime) -> Payable:
    """Open until it is paid or withheld."""
    refuse_unless_open(charge)
    use = _use(session, charge)
    stem = f"F{use.began_at.astimezone(SHANGHAI):%y%m%d}{use.id:06d}"
    return Payable(f"猎吧租车 闪充 {number_of(session, use.battery_id)}", stem, None)


def settled(session: Session, charge: Charge, actor: Actor, now: datetime, *, told: Mapping[str, Any]) -> None:
    """The person may scan again, and a deposit that waited for this alone may go."""
    audit.put_about(session, actor, "flash_fee_paid", Subject.of_use(_use(session, charge)), now, **told)
    deposits.release_idle(session, charge.customer_id, actor, now)


def revived(_session: Session, _charge: Charge, _actor: Actor, _now: datetime) -> bool:
    """It was withheld from the deposit meanwhile: the money goes back."""
    return False


def attempt_over(_session: Session, _charge: Charge, _now: datetime) -> None:
    """Nothing waits for it."""


def refund_arrived(_session: Session, _charge: Charge, _refund: Refund, _actor: Actor, _now: datetime) -> None:
    """Nothing follows."""


def _use(session: Session, charge: Charge) -> BatteryUse:
    return session.get_one(BatteryUse, charge.battery_use_id)
