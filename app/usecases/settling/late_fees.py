"""Late fees of one use or rental as of a day: quoted to the person, paid within a quarter of an hour (decision 21)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.models.batteries import BatteryUse
from app.models.money import Charge, Refund
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.batteries import number_of
from app.queries.late_fees import Lent
from app.usecases import audit, deposits, late_fees
from app.usecases.settling.payable import Payable, refuse_unless_open
from app.usecases.standing import lock_customer
from app.usecases.subjects import Subject


def lock(session: Session, charge: Charge) -> Subject:
    """Person, then use or rental."""
    lock_customer(session, charge.customer_id)
    lent = late_fees.lock_lent(session, *_named(charge))
    session.refresh(charge)
    return late_fees.subject_of(session, lent)


def payable(session: Session, charge: Charge, _now: datetime) -> Payable:
    """Open, until the quote ends."""
    refuse_unless_open(charge)
    lent = _lent(session, charge)
    if isinstance(lent, BatteryUse):
        number = str(number_of(session, lent.battery_id))
    else:
        number = session.get_one(Order, lent.order_id).number
    on = charge.as_of_on or lent.fees_from
    stem = f"L{on:%y%m%d}{charge.id:06d}"
    return Payable(f"猎吧租车 逾期费 {number}", stem, charge.expires_at)


def settled(session: Session, charge: Charge, actor: Actor, now: datetime, *, told: Mapping[str, Any]) -> None:
    """That much less is owed; what waited for it alone goes on."""
    lent = _lent(session, charge)
    late_fees.reduced(session, lent, charge.amount_fen)
    audit.put_about(session, actor, "late_fee_paid", late_fees.subject_of(session, lent), now, **told)
    deposits.release_idle(session, charge.customer_id, actor, now)


def revived(_session: Session, _charge: Charge, _actor: Actor, _now: datetime) -> bool:
    """It was withheld, waived or asked for anew meanwhile: the money goes back."""
    return False


def attempt_over(_session: Session, _charge: Charge, _now: datetime) -> None:
    """Nothing waits for it."""


def refund_arrived(_session: Session, _charge: Charge, _refund: Refund, _actor: Actor, _now: datetime) -> None:
    """Nothing follows."""


def _named(charge: Charge) -> tuple[type[Lent], int]:
    return (BatteryUse, charge.battery_use_id) if charge.battery_use_id is not None else (Rental, charge.rental_id or 0)


def _lent(session: Session, charge: Charge) -> Lent:
    kind, lent_id = _named(charge)
    return cast("Lent", session.get_one(kind, lent_id))
