"""What money does once it has arrived, by what its charge is for: one module for each subject, all of one shape."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.domain.charges import Purpose
from app.domain.permissions import Actor
from app.models.money import Charge, Refund
from app.usecases.settling import deposits, flash_fees, late_fees, order_prices
from app.usecases.settling.payable import Payable
from app.usecases.subjects import Subject

__all__ = ["SETTLING", "Payable", "Settling", "settling_of"]


class Settling(Protocol):
    """How the charges of one purpose are paid. Every function is called in a verb's transaction."""

    def lock(self, session: Session, charge: Charge) -> Subject:
        """Locks what the charge is for, in the order of locks, and reads the charge anew."""

    def payable(self, session: Session, charge: Charge, now: datetime) -> Payable:
        """What a payment attempt says and until when. Raises RuleBroken when none may be offered."""

    def settled(
        self, session: Session, charge: Charge, actor: Actor, now: datetime, *, told: Mapping[str, Any]
    ) -> None:
        """The charge is settled: what follows. `told` are the facts of the payment for the story."""

    def revived(self, session: Session, charge: Charge, actor: Actor, now: datetime) -> bool:
        """Money came for a void charge: opens it again and returns True, or False when the money goes back."""

    def attempt_over(self, session: Session, charge: Charge, now: datetime) -> None:
        """An attempt can no longer be paid."""

    def refund_arrived(self, session: Session, charge: Charge, refund: Refund, actor: Actor, now: datetime) -> None:
        """What settled the charge, or a part of it, is back with the person."""


SETTLING: Mapping[Purpose, Settling] = MappingProxyType(
    {
        Purpose.SALE: order_prices,
        Purpose.RENTAL_FEE: order_prices,
        Purpose.DEPOSIT: deposits,
        Purpose.FLASH_FEE: flash_fees,
        Purpose.LATE_FEE: late_fees,
    }
)


def settling_of(charge: Charge) -> Settling:
    """How a charge is paid."""
    return SETTLING[charge.purpose]
