"""Which accounts each money event moves, in fen. A transfer has one debit and one credit: it balances by its shape."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.charges import PaymentStatus, Purpose


class Account(StrEnum):
    """The accounts of the ledger. Deposits are a liability, never income (decision 32)."""

    WECHAT = "wechat"  # our money at WeChat Pay
    ADVANCES = "advances"  # paid, vehicle not yet handed over
    SALES = "sales"  # vehicles sold and handed over
    RENTALS = "rentals"  # rental fees of vehicles handed over
    FLASH_FEES = "flash_fees"  # prices of battery uses that began
    LATE_FEES = "late_fees"  # days beyond the free days of battery uses and rentals
    DAMAGES = "damages"  # withheld from deposits for what was broken or lost
    DEPOSITS = "deposits"  # held for people
    RECEIVABLES = "receivables"  # owed to us by people, not yet paid
    SURPLUS = "surplus"  # came too late or twice; goes back
    SUSPENSE = "suspense"  # does not fit; a person decides
    REFUNDS_PAYABLE = "refunds_payable"  # on its way back, not yet arrived
    OUTSIDE = "outside"  # paid to people by the owner, outside WeChat


class AccountKind(StrEnum):
    """The side on which an account grows: assets by debit, the others by credit."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"


KINDS: dict[Account, AccountKind] = {
    Account.WECHAT: AccountKind.ASSET,
    Account.ADVANCES: AccountKind.LIABILITY,
    Account.SALES: AccountKind.INCOME,
    Account.RENTALS: AccountKind.INCOME,
    Account.FLASH_FEES: AccountKind.INCOME,
    Account.LATE_FEES: AccountKind.INCOME,
    Account.DAMAGES: AccountKind.INCOME,
    Account.DEPOSITS: AccountKind.LIABILITY,
    Account.RECEIVABLES: AccountKind.ASSET,
    Account.SURPLUS: AccountKind.LIABILITY,
    Account.SUSPENSE: AccountKind.LIABILITY,
    Account.REFUNDS_PAYABLE: AccountKind.LIABILITY,
    Account.OUTSIDE: AccountKind.LIABILITY,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer: both accounts and the amount in fen."""

    debit: Account
    credit: Account
    amount_fen: int


SETTLES: dict[Purpose, Account] = {
    Purpose.SALE: Account.ADVANCES,
    Purpose.RENTAL_FEE: Account.ADVANCES,
    Purpose.DEPOSIT: Account.DEPOSITS,
    Purpose.FLASH_FEE: Account.RECEIVABLES,
    Purpose.LATE_FEE: Account.RECEIVABLES,
}
"""Where the money of a payment that settles its charge stands, by what the charge is for."""
EARNED: dict[Purpose, Account] = {
    Purpose.SALE: Account.SALES,
    Purpose.RENTAL_FEE: Account.RENTALS,
    Purpose.FLASH_FEE: Account.FLASH_FEES,
    Purpose.LATE_FEE: Account.LATE_FEES,
}
"""What the money of a charge has become: of an order when the vehicle is handed over, of a fee when it is owed."""


def held_on(status: PaymentStatus, purpose: Purpose | None) -> Account:
    """The account on which the money of a payment stands until it is earned or goes back."""
    if status is PaymentStatus.SURPLUS:
        return Account.SURPLUS
    if status is PaymentStatus.SETTLES and purpose is not None:
        return SETTLES[purpose]
    return Account.SUSPENSE


def payment_received(held: Account, amount_fen: int) -> tuple[Leg, ...]:
    """Money arrived at WeChat; `held` says for what (`held_on`)."""
    return (Leg(Account.WECHAT, held, amount_fen),)


def handed_over(purpose: Purpose, amount_fen: int) -> tuple[Leg, ...]:
    """The vehicle was picked up: the advance is earned."""
    return (Leg(Account.ADVANCES, EARNED[purpose], amount_fen),)


def pickup_undone(purpose: Purpose, amount_fen: int) -> tuple[Leg, ...]:
    """The pickup was taken back: the earning is an advance again."""
    return (Leg(EARNED[purpose], Account.ADVANCES, amount_fen),)


def flash_fee_owed(amount_fen: int) -> tuple[Leg, ...]:
    """A battery use with a price began. Decision 22."""
    return (Leg(Account.RECEIVABLES, Account.FLASH_FEES, amount_fen),)


def late_fee_owed(amount_fen: int) -> tuple[Leg, ...]:
    """A day beyond the free days has begun. Decision 20."""
    return (Leg(Account.RECEIVABLES, Account.LATE_FEES, amount_fen),)


def late_fee_waived(amount_fen: int) -> tuple[Leg, ...]:
    """Staff let a day go. Decision 20."""
    return (Leg(Account.LATE_FEES, Account.RECEIVABLES, amount_fen),)


def fee_withheld(amount_fen: int) -> tuple[Leg, ...]:
    """What a person owes was taken out of their deposit. Decision 21."""
    return (Leg(Account.DEPOSITS, Account.RECEIVABLES, amount_fen),)


def damage_withheld(amount_fen: int) -> tuple[Leg, ...]:
    """Damage was taken out of a deposit. Decision 41."""
    return (Leg(Account.DEPOSITS, Account.DAMAGES, amount_fen),)


def attached(purpose: Purpose, amount_fen: int) -> tuple[Leg, ...]:
    """Staff found what money in suspense was for: it settles a charge. Decision 16."""
    return (Leg(Account.SUSPENSE, SETTLES[purpose], amount_fen),)


def refund_wanted(held: Account, amount_fen: int) -> tuple[Leg, ...]:
    """A refund was requested: what held the money now owes it to the person."""
    return (Leg(held, Account.REFUNDS_PAYABLE, amount_fen),)


def refund_arrived(amount_fen: int) -> tuple[Leg, ...]:
    """WeChat says that the refund has arrived. Decision 34."""
    return (Leg(Account.REFUNDS_PAYABLE, Account.WECHAT, amount_fen),)


def refund_paid_outside(amount_fen: int) -> tuple[Leg, ...]:
    """The owner paid it another way, with proof. Decision 26."""
    return (Leg(Account.REFUNDS_PAYABLE, Account.OUTSIDE, amount_fen),)


def refund_refused(held: Account, amount_fen: int) -> tuple[Leg, ...]:
    """WeChat closed the refund: the money stands where it stood before."""
    return (Leg(Account.REFUNDS_PAYABLE, held, amount_fen),)
