"""Deposits: money held for a person, what it secures, and what keeps it from going back (decision 25)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from app.domain.calendar import business_day
from app.domain.errors import Rule, RuleBroken

FLASH_KEPT_REASON = "闪充押金退还"
RENTAL_KEPT_REASON = "租车押金退还"
"""What the person reads beside the refund in WeChat."""
HORIZON_DAYS = 330
"""From so many days after the payment on somebody decides about a deposit: WeChat refunds it for 365. Decision 26."""
MOST_ITEM = 40
"""Characters of one item of damage."""


class DepositKind(StrEnum):
    """Each is held at most once for a person; a held flash deposit secures a rental too."""

    RENTAL = "rental"
    FLASH = "flash"


class DepositStatus(StrEnum):
    """Due until paid or void; held until its refund is requested; refunded once it has arrived."""

    DUE = "due"
    VOID = "void"
    HELD = "held"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class WithholdingKind(StrEnum):
    """Why a part of a deposit does not go back."""

    FLASH_FEE = "flash_fee"
    LATE_FEE = "late_fee"
    DAMAGE = "damage"


class Tie(StrEnum):
    """What a held deposit still secures: as long as there is one, it is not refundable."""

    ORDER = "order"  # a rental order that is reserved
    RENTAL = "rental"  # a vehicle that is out
    DAMAGE = "damage"  # a returned vehicle whose damage is not settled
    BATTERY = "battery"  # a battery that is out
    DISPUTE = "dispute"  # a use that staff have not cleared up
    FEE = "fee"  # prices of battery uses that are unpaid, and more than what is left of it
    FREEZE = "freeze"  # the account is frozen, and the setting says that deposits wait


@dataclass(frozen=True, slots=True)
class Amounts:
    """押金 / 已扣 / 可退, in fen: always shown together, in this order. What went back is no longer 可退."""

    amount_fen: int
    withheld_fen: int  # 已扣: what was taken out of it, and the late fees that are still to be
    refunded_fen: int = 0

    @classmethod
    def of(cls, amount_fen: int, withheld_fen: int, refunded_fen: int = 0, *, owed_fen: int = 0) -> Self:
        """With late fees that what it secures owes by now: they take from it what is left. Decision 21."""
        left_fen = amount_fen - withheld_fen - refunded_fen
        return cls(amount_fen, withheld_fen + min(owed_fen, left_fen), refunded_fen)

    @property
    def refundable_fen(self) -> int:
        """What goes back, once nothing is secured by it."""
        return self.amount_fen - self.withheld_fen - self.refunded_fen


def age_of(paid_at: datetime, now: datetime) -> int:
    """Shanghai days since a deposit was paid."""
    return (business_day(now) - business_day(paid_at)).days


def is_on_horizon(paid_at: datetime | None, now: datetime) -> bool:
    """Whether WeChat soon refunds it no more, or does not already. Decision 26."""
    return paid_at is not None and age_of(paid_at, now) >= HORIZON_DAYS


@dataclass(frozen=True, slots=True)
class DamageItem:
    """One thing that was damaged or is missing, and what it costs."""

    item: str
    amount_fen: int


def checked_items(items: list[DamageItem], *, left_fen: int) -> list[DamageItem]:
    """The items, trimmed; together at most what is left of the deposit. Raises RuleBroken. Decision 41."""
    checked = [DamageItem(one.item.strip(), one.amount_fen) for one in items]
    if not checked:
        raise RuleBroken(Rule.ITEM_MISSING)
    for one in checked:
        if not one.item:
            raise RuleBroken(Rule.ITEM_MISSING)
        if len(one.item) > MOST_ITEM:
            raise RuleBroken(Rule.TEXT_TOO_LONG, most=MOST_ITEM)
        if one.amount_fen <= 0:
            raise RuleBroken(Rule.AMOUNT_WRONG)
    total_fen = sum(one.amount_fen for one in checked)
    if total_fen > left_fen:
        raise RuleBroken(Rule.WITHHOLD_TOO_MUCH, left_fen=left_fen, wanted_fen=total_fen)
    return checked
