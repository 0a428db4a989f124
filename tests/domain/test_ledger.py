"""Which accounts each money event moves, and that whole stories end at nought (decisions 32, 34)."""

from collections import Counter
from collections.abc import Iterable

import pytest

from app.domain import ledger
from app.domain.charges import PaymentStatus, Purpose
from app.domain.ledger import KINDS, Account, AccountKind, Leg, held_on

PRICE = 239900
SALE = held_on(PaymentStatus.SETTLES, Purpose.SALE)
FEE = held_on(PaymentStatus.SETTLES, Purpose.RENTAL_FEE)
DEPOSIT = held_on(PaymentStatus.SETTLES, Purpose.DEPOSIT)
FLASH_FEE = held_on(PaymentStatus.SETTLES, Purpose.FLASH_FEE)
SURPLUS = held_on(PaymentStatus.SURPLUS, Purpose.DEPOSIT)
SUSPECT = held_on(PaymentStatus.SUSPECT, None)


@pytest.mark.parametrize(
    ("legs", "debit", "credit"),
    [
        (ledger.payment_received(SALE, PRICE), Account.WECHAT, Account.ADVANCES),
        (ledger.payment_received(SURPLUS, PRICE), Account.WECHAT, Account.SURPLUS),
        (ledger.payment_received(SUSPECT, PRICE), Account.WECHAT, Account.SUSPENSE),
        (ledger.handed_over(Purpose.SALE, PRICE), Account.ADVANCES, Account.SALES),
        (ledger.pickup_undone(Purpose.SALE, PRICE), Account.SALES, Account.ADVANCES),
        (ledger.payment_received(FEE, PRICE), Account.WECHAT, Account.ADVANCES),
        (ledger.handed_over(Purpose.RENTAL_FEE, PRICE), Account.ADVANCES, Account.RENTALS),
        (ledger.payment_received(DEPOSIT, PRICE), Account.WECHAT, Account.DEPOSITS),
        (ledger.refund_wanted(DEPOSIT, PRICE), Account.DEPOSITS, Account.REFUNDS_PAYABLE),
        (ledger.damage_withheld(PRICE), Account.DEPOSITS, Account.DAMAGES),
        (ledger.flash_fee_owed(PRICE), Account.RECEIVABLES, Account.FLASH_FEES),
        (ledger.payment_received(FLASH_FEE, PRICE), Account.WECHAT, Account.RECEIVABLES),
        (ledger.fee_withheld(PRICE), Account.DEPOSITS, Account.RECEIVABLES),
        (ledger.refund_wanted(SALE, PRICE), Account.ADVANCES, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(SURPLUS, PRICE), Account.SURPLUS, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(SUSPECT, PRICE), Account.SUSPENSE, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(ledger.EARNED[Purpose.SALE], PRICE), Account.SALES, Account.REFUNDS_PAYABLE),
        (ledger.refund_wanted(ledger.EARNED[Purpose.LATE_FEE], PRICE), Account.LATE_FEES, Account.REFUNDS_PAYABLE),
        (ledger.attached(Purpose.SALE, PRICE), Account.SUSPENSE, Account.ADVANCES),
        (ledger.attached(Purpose.FLASH_FEE, PRICE), Account.SUSPENSE, Account.RECEIVABLES),
        (ledger.refund_paid_outside(PRICE), Account.REFUNDS_PAYABLE, Account.OUTSIDE),
        (ledger.refund_arrived(PRICE), Account.REFUNDS_PAYABLE, Account.WECHAT),
        (ledger.refund_refused(SALE, PRICE), Account.REFUNDS_PAYABLE, Account.ADVANCES),
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
        ([ledger.payment_received(SALE, PRICE)], {Account.WECHAT: PRICE, Account.ADVANCES: PRICE}),
        (
            [ledger.payment_received(SALE, PRICE), ledger.handed_over(Purpose.SALE, PRICE)],
            {Account.WECHAT: PRICE, Account.SALES: PRICE},
        ),
        (
            [
                ledger.payment_received(SALE, PRICE),
                ledger.handed_over(Purpose.SALE, PRICE),
                ledger.pickup_undone(Purpose.SALE, PRICE),
                ledger.refund_wanted(SALE, PRICE),
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
                ledger.payment_received(SALE, PRICE),
                ledger.refund_wanted(SALE, PRICE),
                ledger.refund_refused(SALE, PRICE),
            ],
            {Account.WECHAT: PRICE, Account.ADVANCES: PRICE},
        ),
    ],
)
def test_how_a_story_ends(story: list[tuple[Leg, ...]], left: dict[Account, int]) -> None:
    assert balances(*story) == left


def test_a_deposit_is_never_income() -> None:
    assert KINDS[DEPOSIT] is AccountKind.LIABILITY
    into_income = [legs for legs in EVENTS_OF_DEPOSITS for leg in legs if KINDS[leg.credit] is AccountKind.INCOME]
    assert into_income == [ledger.damage_withheld(PRICE)]


EVENTS_OF_DEPOSITS = (
    ledger.payment_received(DEPOSIT, PRICE),
    ledger.fee_withheld(PRICE),
    ledger.damage_withheld(PRICE),
    ledger.refund_wanted(DEPOSIT, PRICE),
    ledger.refund_refused(DEPOSIT, PRICE),
    ledger.refund_arrived(PRICE),
)


def test_only_what_was_handed_over_begun_or_broken_is_income() -> None:
    assert {account for account, kind in KINDS.items() if kind is AccountKind.INCOME} == {
        Account.SALES,
        Account.RENTALS,
        Account.FLASH_FEES,
        Account.LATE_FEES,
        Account.DAMAGES,
    }
    assert set(KINDS) == set(Account)
    assert all(KINDS[account] is not AccountKind.INCOME for account in ledger.SETTLES.values())
