"""What a payment attempt needs to know of its charge."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.charges import ChargeStatus
from app.domain.errors import Rule, RuleBroken
from app.models.money import Charge


@dataclass(frozen=True, slots=True)
class Payable:
    """What the person reads on the sheet, what the attempt's number begins with, and when it must be paid by."""

    description: str
    stem: str
    ends_at: datetime | None  # None: whenever the person likes


def refuse_unless_open(charge: Charge) -> None:
    """Raises RuleBroken."""
    if charge.status is ChargeStatus.SETTLED:
        raise RuleBroken(Rule.ALREADY_PAID)
    if charge.status is ChargeStatus.VOID:
        raise RuleBroken(Rule.NOT_RESERVED)
