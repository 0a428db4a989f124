"""Which accounts each money event moves, in fen. A transfer has one debit and one credit: it balances by its shape."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.charges import PaymentStatus


class Account(StrEnum):
    """The accounts of the ledger. Deposits will be liabilities, never income (decision 32)."""

    WECHAT = "wechat"  # our money at WeChat Pay
    ADVANCES = "advances"  # paid, vehicle not yet handed over
    SALES = "sales"  # vehicles sold and handed over
    SURPLUS = "surplus"  # came too late or twice; goes back
    SUSPENSE = "suspense"  # does not fit; a person decides
    REFUNDS_PAYABLE = "refunds_payable"  # on its way back, not yet arrived


class AccountKind(StrEnum):
    """The side on which an account grows: assets by debit, the others by credit."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"


KINDS: dict[Account, AccountKind] = {
    Account.WECHAT: AccountKind.ASSET,
    Account.ADVANCES: AccountKind.LIABILITY,
    Account.SALES: AccountKind.INCOME,
    Account.SURPLUS: AccountKind.LIABILITY,
    Account.SUSPENSE: AccountKind.LIABILITY,
    Account.REFUNDS_PAYABLE: AccountKind.LIABILITY,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer: both accounts and the amount in fen."""

    debit: Account
    credit: Account
    amount_fen: int


HOLDS: dict[PaymentStatus, Account] = {
    PaymentStatus.SETTLES: Account.ADVANCES,
    PaymentStatus.SURPLUS: Account.SURPLUS,
    PaymentStatus.SUSPECT: Account.SUSPENSE,
}
"""Where the money of a payment stands until it is earned or goes back."""


def payment_received(status: PaymentStatus, amount_fen: int) -> tuple[Leg, ...]:
    """Money arrived at WeChat: owed for a vehicle, surplus, or suspense."""
    return (Leg(Account.WECHAT, HOLDS[status], amount_fen),)


def sale_handed_over(amount_fen: int) -> tuple[Leg, ...]:
    """The vehicle was picked up: the advance is earned."""
    return (Leg(Account.ADVANCES, Account.SALES, amount_fen),)


def pickup_undone(amount_fen: int) -> tuple[Leg, ...]:
    """The pickup was taken back: the earning is an advance again."""
    return (Leg(Account.SALES, Account.ADVANCES, amount_fen),)


def refund_wanted(status: PaymentStatus, amount_fen: int) -> tuple[Leg, ...]:
    """A refund was requested: what held the money now owes it to the person."""
    return (Leg(HOLDS[status], Account.REFUNDS_PAYABLE, amount_fen),)


def refund_arrived(amount_fen: int) -> tuple[Leg, ...]:
    """WeChat says that the refund has arrived. Decision 34."""
    return (Leg(Account.REFUNDS_PAYABLE, Account.WECHAT, amount_fen),)


def refund_refused(status: PaymentStatus, amount_fen: int) -> tuple[Leg, ...]:
    """WeChat closed the refund: the money stands where it stood before."""
    return (Leg(Account.REFUNDS_PAYABLE, HOLDS[status], amount_fen),)
