"""Which accounts each money event moves, and that whole stories end at nought (decisions 32, 34)."""

from collections import Counter
from collections.abc import Iterable

import pytest

from app.domain import ledger
from app.domain.charges import PaymentStatus
from app.domain.ledger import HOLDS, KINDS, Account, AccountKind, Leg

PRICE = 239900
SETTLES, SURPLUS, SUSPECT = PaymentStatus.SETTLES, PaymentStatus.SURPLUS, PaymentStatus.SUSPECT


@pytest.mark.parametrize(
    ("legs", "debit", "credit"),
    [
        (ledger.payment_received(SETTLES, PRICE), Account.WECHAT, Account.ADVANCES),
        (ledger.payment_received(SURPLUS, PRICE), Account.WECHAT, Account.SURPLUS),
        (ledger.payment_received(SUSPECT, PRICE), Account.WECHAT, Account.SUSPENSE),
        (ledger.sale_handed_over(PRICE), Account.ADVANCES, Account.SALES),
        (ledger.pickup_undone(PRICE), Account.SALES, Account.ADVANCES),
        (ledger.refund_wanted(SETTLES, PRICE), Account.ADVANCES, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(SURPLUS, PRICE), Account.SURPLUS, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(SUSPECT, PRICE), Account.SUSPENSE, Account.REFUNDS_PAYABLE),
        (ledger.refund_arrived(PRICE), Account.REFUNDS_PAYABLE, Account.WECHAT),
        (ledger.refund_refused(SETTLES, PRICE), Account.REFUNDS_PAYABLE, Account.ADVANCES),
        (ledger.refund_refused(SURPLUS, PRICE), Account.REFUNDS_PAYABLE, Account.SURPLUS),
    ],
)
def test_an_event_moves_one_amount_between_two_accounts(legs: tuple[Leg, ...], debit: Account, credit: Account) -> None:
    assert legs == (Leg(debit, credit, PRICE),)


def balances(*events: Iterable[Leg]) -> dict[Account, int]:
    """What each account holds on its own side, without those at nought."""
    held: Counter[Account] = Counter()
    for leg in (leg for event in events for leg in event):
        held[leg.debit] += leg.amount_fen
        held[leg.credit] -= leg.amount_fen
    return {
        account: amount if KINDS[account] is AccountKind.ASSET else -amount
        for account, amount in held.items()
        if amount
    }


@pytest.mark.parametrize(
    ("story", "left"),
    [
        ([ledger.payment_received(SETTLES, PRICE)], {Account.WECHAT: PRICE, Account.ADVANCES: PRICE}),
        (
            [ledger.payment_received(SETTLES, PRICE), ledger.sale_handed_over(PRICE)],
            {Account.WECHAT: PRICE, Account.SALES: PRICE},
        ),
        (
            [
                ledger.payment_received(SETTLES, PRICE),
                ledger.sale_handed_over(PRICE),
                ledger.pickup_undone(PRICE),
                ledger.refund_wanted(SETTLES, PRICE),
            ],
            {Account.WECHAT: PRICE, Account.REFUNDS_PAYABLE: PRICE},
        ),
        (
            [
                ledger.payment_received(SURPLUS, PRICE),
                ledger.refund_wanted(SURPLUS, PRICE),
                ledger.refund_arrived(PRICE),
            ],
            {},
        ),
        (
            [
                ledger.payment_received(SETTLES, PRICE),
                ledger.refund_wanted(SETTLES, PRICE),
                ledger.refund_refused(SETTLES, PRICE),
            ],
            {Account.WECHAT: PRICE, Account.ADVANCES: PRICE},
        ),
    ],
)
def test_how_a_story_ends(story: list[tuple[Leg, ...]], left: dict[Account, int]) -> None:
    assert balances(*story) == left


def test_only_what_was_handed_over_is_income() -> None:
    assert [account for account, kind in KINDS.items() if kind is AccountKind.INCOME] == [Account.SALES]
    assert set(KINDS) == set(Account)
    assert Account.SALES not in HOLDS.values()
