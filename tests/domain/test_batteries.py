"""Where staff may put a battery by hand: a use begins by a scan and ends by a return, never so (decision 23)."""

from itertools import product

import pytest

from app.domain.batteries import BY_HAND, BatteryState, checked_move
from app.domain.errors import Rule, RuleBroken

IN_STOCK, IN_USE, REPAIR, SCRAPPED, LOST = BatteryState
ALLOWED = {
    (IN_STOCK, REPAIR), (IN_STOCK, SCRAPPED), (IN_STOCK, LOST),
    (REPAIR, IN_STOCK), (REPAIR, SCRAPPED), (REPAIR, LOST),
    (SCRAPPED, IN_STOCK),
    (LOST, IN_STOCK), (LOST, REPAIR), (LOST, SCRAPPED),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [*product(BatteryState, repeat=2)])
def test_which_moves_there_are(before: BatteryState, after: BatteryState) -> None:
    if (before, after) in ALLOWED:
        assert checked_move(before, after) is after
        return
    with pytest.raises(RuleBroken) as broken:
        checked_move(before, after)
    assert (broken.value.rule, broken.value.facts) == (Rule.BATTERY_MOVE_WRONG, {"before": before, "after": after})


def test_nothing_is_moved_into_use_or_out_of_it() -> None:
    assert not BY_HAND[IN_USE]
    assert all(IN_USE not in moves for moves in BY_HAND.values())
