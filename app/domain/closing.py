"""The figures of a day: what came in and went back through WeChat, by what it was for (decisions 32, 33).

Each figure is a sum of transfers between two accounts for some purposes. The page, the list that a figure opens and the
closed day are made of the same `Flow`s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.charges import Purpose
from app.domain.ledger import KINDS, SETTLES, Account, AccountKind


class Figure(StrEnum):
    """What a day is told in."""

    SALE = "sale"
    RENTAL_FEE = "rental_fee"
    FLASH_FEE = "flash_fee"
    LATE_FEE = "late_fee"
    INCOME = "income"  # these together
    UNSETTLED = "unsettled"  # came late, twice, or does not fit
    DEPOSITS_IN = "deposits_in"
    DEPOSITS_OUT = "deposits_out"
    REFUNDS = "refunds"
    NET = "net"  # by how much our money at WeChat grew
    PAID_OUTSIDE = "paid_outside"
    LATE_POSTED = "late_posted"
    LATE_WAIVED = "late_waived"
    LATE_WITHHELD = "late_withheld"


EARNED = (Figure.SALE, Figure.RENTAL_FEE, Figure.FLASH_FEE, Figure.LATE_FEE)
"""A figure for each purpose of a charge but the deposit, which is a liability."""
OUT = (Figure.DEPOSITS_OUT, Figure.REFUNDS)
"""What left our money at WeChat: negative."""
LATE = (Figure.LATE_POSTED, Figure.LATE_WAIVED, Figure.LATE_WITHHELD)
"""What became of late fees beside their payment."""
STANDING = (Account.DEPOSITS, Account.REFUNDS_PAYABLE)
"""The accounts whose balance at the end of a day is told with it: 在册押金, 应退."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Transfers of one direction; None stands for any account or purpose."""

    debit: Account | None
    credit: Account | None
    purposes: frozenset[Purpose | None] | None = None
    sign: int = 1

    def holds(self, debit: Account, credit: Account, purpose: Purpose | None) -> bool:
        """Whether a transfer belongs to it."""
        return (
            self.debit in (None, debit)
            and self.credit in (None, credit)
            and (self.purposes is None or purpose in self.purposes)
        )


def through(account: Account) -> tuple[Flow, ...]:
    """All that moves an account; it grows by debit if it is an asset, else by credit."""
    grows = 1 if KINDS[account] is AccountKind.ASSET else -1
    return Flow(account, None, sign=grows), Flow(None, account, sign=-grows)


_DEPOSIT = frozenset({Purpose.DEPOSIT})
_OTHER: frozenset[Purpose | None] = frozenset({None, *Purpose}) - _DEPOSIT
_RECEIVED = {figure: Flow(Account.WECHAT, SETTLES[Purpose(figure)], frozenset({Purpose(figure)})) for figure in EARNED}
FLOWS: Mapping[Figure, tuple[Flow, ...]] = {
    **{figure: (flow,) for figure, flow in _RECEIVED.items()},
    Figure.INCOME: tuple(_RECEIVED.values()),
    Figure.UNSETTLED: (Flow(Account.WECHAT, Account.SURPLUS), Flow(Account.WECHAT, Account.SUSPENSE)),
    Figure.DEPOSITS_IN: (Flow(Account.WECHAT, Account.DEPOSITS),),
    Figure.DEPOSITS_OUT: (Flow(Account.REFUNDS_PAYABLE, Account.WECHAT, _DEPOSIT, sign=-1),),
    Figure.REFUNDS: (Flow(Account.REFUNDS_PAYABLE, Account.WECHAT, _OTHER, sign=-1),),
    Figure.NET: through(Account.WECHAT),
    Figure.PAID_OUTSIDE: (Flow(None, Account.OUTSIDE),),
    Figure.LATE_POSTED: (Flow(Account.RECEIVABLES, Account.LATE_FEES),),
    Figure.LATE_WAIVED: (Flow(Account.LATE_FEES, Account.RECEIVABLES),),
    Figure.LATE_WITHHELD: (Flow(Account.DEPOSITS, Account.RECEIVABLES, frozenset({Purpose.LATE_FEE})),),
}
"""What each figure is made of. The flows of one figure have no transfer in common."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Transfers that are alike, added up: fen, and how many."""

    debit: Account
    credit: Account
    purpose: Purpose | None
    amount_fen: int
    transfers: int


def signed(flows: tuple[Flow, ...], debit: Account, credit: Account, purpose: Purpose | None) -> int:
    """1 or −1 for a transfer that counts, 0 for one that does not."""
    return next((flow.sign for flow in flows if flow.holds(debit, credit, purpose)), 0)


def total(flows: tuple[Flow, ...], sums: Iterable[Sum]) -> int:
    """Fen, with their signs."""
    return sum(signed(flows, one.debit, one.credit, one.purpose) * one.amount_fen for one in sums)


def figures(sums: Iterable[Sum]) -> dict[Figure, int]:
    """All figures of a day, fen."""
    rows = list(sums)
    return {figure: total(flows, rows) for figure, flows in FLOWS.items()}


def balances(sums: Iterable[Sum]) -> dict[Account, int]:
    """What each account holds on its own side, fen."""
    rows = list(sums)
    return {account: total(through(account), rows) for account in Account}
