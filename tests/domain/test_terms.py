"""The days of a use and of a rental: when it is due, what costs, when the account freezes (decisions 18, 19, 21)."""

from datetime import date, timedelta

import pytest

from app.domain.rentals import days_late, days_left, due_on
from app.domain.terms import Terms, cap_of, days_out, fees_from, freezes_on

SCANNED = date(2026, 11, 1)
FLASH = Terms(free_days=14, late_fee_fen=5_00, freeze_days=30, cap_fen=300_00)
RENTAL = Terms(free_days=0, late_fee_fen=0, freeze_days=30, cap_fen=300_00)


@pytest.mark.req("SET-4")
def test_scanned_on_the_first_of_november_it_costs_from_the_sixteenth_and_freezes_on_the_first_of_december() -> None:
    assert days_out(SCANNED, date(2026, 11, 15)) == FLASH.free_days
    assert fees_from(SCANNED, FLASH) == date(2026, 11, 16)
    assert freezes_on(SCANNED, FLASH) == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("picked_up", "days", "due"),
    [
        (date(2026, 11, 24), 30, date(2026, 12, 24)),  # the term runs from the pickup
        (date(2026, 11, 24), 1, date(2026, 11, 25)),
        (date(2028, 2, 28), 1, date(2028, 2, 29)),
        (date(2026, 9, 1), 150, date(2027, 1, 29)),
    ],
)
def test_when_a_rental_is_due(picked_up: date, days: int, due: date) -> None:
    assert due_on(picked_up, days) == due


@pytest.mark.parametrize(("after", "left", "late"), [(-1, 1, 0), (0, 0, 0), (1, -1, 1), (30, -30, 30)])
def test_a_vehicle_is_late_from_the_day_after_it_was_due(after: int, left: int, late: int) -> None:
    due = due_on(SCANNED, 30)
    on = due + timedelta(days=after)
    assert (days_left(due, on), days_late(due, on)) == (left, late)
    assert (on >= fees_from(due, RENTAL)) == (late > 0)
    assert (on >= freezes_on(due, RENTAL)) == (late >= 30)


@pytest.mark.parametrize(
    ("deposit_fen", "percent", "cap_fen"), [(300_00, 100, 300_00), (300_00, 0, 0), (299_99, 50, 149_99), (0, 100, 0)]
)
def test_late_fees_come_to_a_part_of_the_deposit_at_most(deposit_fen: int, percent: int, cap_fen: int) -> None:
    assert cap_of(deposit_fen, percent) == cap_fen
