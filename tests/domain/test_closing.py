"""The figures of a day: what each is made of, and that they leave nothing out."""

import pytest

from app.domain import ledger as recipes
from app.domain.charges import Purpose
from app.domain.closing import EARNED, FLOWS, OUT, Figure, Sum, balances, figures, signed, total
from app.domain.ledger import KINDS, SETTLES, Account, AccountKind, Leg
from tests.factories.ledger import EVENTS


def summed(legs: tuple[Leg, ...], purpose: Purpose | None) -> list[Sum]:
    return [Sum(leg.debit, leg.credit, purpose, leg.amount_fen, 1) for leg in legs]


def test_every_purpose_of_a_charge_but_the_deposit_has_a_figure() -> None:
    assert {figure.value for figure in EARNED} == {purpose.value for purpose in Purpose} - {Purpose.DEPOSIT}


@pytest.mark.parametrize(("beginning", "recipe", "purpose"), EVENTS)
def test_what_the_account_at_wechat_grows_by_is_the_sum_of_the_columns(
    beginning: str, recipe: object, purpose: Purpose | None
) -> None:
    """净收 leaves no money out, and counts none twice, whatever the event."""
    day = figures(summed(recipe(100), purpose))  # type: ignore[operator]  # a recipe
    columns = (Figure.INCOME, Figure.UNSETTLED, Figure.DEPOSITS_IN, *OUT)
    assert day[Figure.NET] == sum(day[figure] for figure in columns), beginning
    assert day[Figure.INCOME] == sum(day[figure] for figure in EARNED)


@pytest.mark.parametrize("figure", Figure)
def test_the_flows_of_a_figure_have_nothing_in_common(figure: Figure) -> None:
    for debit in Account:
        for credit in set(Account) - {debit}:
            for purpose in (None, *Purpose):
                held = [flow for flow in FLOWS[figure] if flow.holds(debit, credit, purpose)]
                assert len(held) <= 1
                assert signed(FLOWS[figure], debit, credit, purpose) == sum(flow.sign for flow in held)


def test_a_deposit_is_no_income() -> None:
    rows = summed(recipes.payment_received(SETTLES[Purpose.DEPOSIT], 300_00), Purpose.DEPOSIT)
    day = figures(rows)
    assert (day[Figure.INCOME], day[Figure.DEPOSITS_IN], day[Figure.NET]) == (0, 300_00, 300_00)


def test_what_leaves_is_negative() -> None:
    day = figures(summed(recipes.refund_arrived(300_00), Purpose.DEPOSIT))
    assert (day[Figure.DEPOSITS_OUT], day[Figure.REFUNDS], day[Figure.NET]) == (-300_00, 0, -300_00)


def test_both_sides_are_equal_whatever_happens() -> None:
    rows = [one for _, recipe, purpose in EVENTS for one in summed(recipe(7), purpose)]
    held = balances(rows)
    sides = {kind: sum(held[account] for account in Account if KINDS[account] is kind) for kind in AccountKind}
    assert sides[AccountKind.ASSET] == sides[AccountKind.LIABILITY] + sides[AccountKind.INCOME]
    assert total(FLOWS[Figure.NET], rows) == held[Account.WECHAT]
