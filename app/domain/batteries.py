"""Batteries of flash charge: their states, and how a use ends (decisions 23, 24, 42)."""

from enum import StrEnum

from app.domain.errors import Rule, RuleBroken


class BatteryState(StrEnum):
    """Where a battery is."""

    IN_STOCK = "in_stock"
    IN_USE = "in_use"
    REPAIR = "repair"
    SCRAPPED = "scrapped"
    LOST = "lost"


class EndedBy(StrEnum):
    """How a use ended."""

    CLERK = "clerk"
    EXCHANGE = "exchange"
    LOST = "lost"


BY_HAND: dict[BatteryState, frozenset[BatteryState]] = {
    BatteryState.IN_STOCK: frozenset({BatteryState.REPAIR, BatteryState.SCRAPPED, BatteryState.LOST}),
    BatteryState.IN_USE: frozenset(),
    BatteryState.REPAIR: frozenset({BatteryState.IN_STOCK, BatteryState.SCRAPPED, BatteryState.LOST}),
    BatteryState.SCRAPPED: frozenset({BatteryState.IN_STOCK}),
    BatteryState.LOST: frozenset({BatteryState.IN_STOCK, BatteryState.REPAIR, BatteryState.SCRAPPED}),
}
"""Where staff may put a battery from each state; a use begins by a scan and ends by a return, never by hand."""


def checked_move(before: BatteryState, after: BatteryState) -> BatteryState:
    """The state after. Raises RuleBroken."""
    if after not in BY_HAND[before]:
        raise RuleBroken(Rule.BATTERY_MOVE_WRONG, before=before, after=after)
    return after
