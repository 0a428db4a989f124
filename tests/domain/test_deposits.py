"""What is shown of a deposit, and what may be taken out of it (decisions 21, 41)."""

import pytest

from app.domain.deposits import MOST_ITEM, Amounts, DamageItem, checked_items
from app.domain.errors import Rule, RuleBroken

LEFT = 300_00


@pytest.mark.req("SET-4")
def test_what_goes_back_is_what_was_not_withheld() -> None:
    assert Amounts(300_00, 0).refundable_fen == 300_00
    assert Amounts(300_00, 300_00).refundable_fen == 0
    assert Amounts(300_00, 80_50, 219_50).refundable_fen == 0


def test_items_are_trimmed_and_may_take_all_that_is_left() -> None:
    items = [DamageItem(" 后视镜 ", 80_00), DamageItem("长" * MOST_ITEM, 220_00)]
    assert checked_items(items, left_fen=LEFT)[0] == DamageItem("后视镜", 80_00)


@pytest.mark.parametrize(
    ("items", "rule"),
    [
        ([], Rule.ITEM_MISSING),
        ([DamageItem("后视镜", 1), DamageItem(" ", 1)], Rule.ITEM_MISSING),
        ([DamageItem("长" * (MOST_ITEM + 1), 1)], Rule.TEXT_TOO_LONG),
        ([DamageItem("后视镜", 0)], Rule.AMOUNT_WRONG),
        ([DamageItem("后视镜", 400_00), DamageItem("退一点", -100_00)], Rule.AMOUNT_WRONG),
        ([DamageItem("后视镜", LEFT), DamageItem("漆面", 1)], Rule.WITHHOLD_TOO_MUCH),
    ],
)
def test_what_is_no_list_of_damage(items: list[DamageItem], rule: Rule) -> None:
    with pytest.raises(RuleBroken) as broken:
        checked_items(items, left_fen=LEFT)
    assert broken.value.rule is rule
