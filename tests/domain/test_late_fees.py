"""Late fees in the business's words: two weeks free, then every day that has begun; a rental from its last day on."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.calendar import business_day
from app.domain.late_fees import DayReason, LateDay, late_days, late_fee_fen
from app.domain.terms import Terms, fees_from, freezes_on

FLASH = Terms(free_days=14, late_fee_fen=5_00, freeze_days=30, cap_fen=300_00)
RENTAL = Terms(free_days=0, late_fee_fen=8_00, freeze_days=30, cap_fen=300_00)
RENTAL_AS_DELIVERED = Terms(free_days=0, late_fee_fen=0, freeze_days=30, cap_fen=300_00)
FEE, CLOSED, CAPPED, FREE = DayReason
A_DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.req("SET-4", "SET-11")
@pytest.mark.parametrize(
    ("what", "terms", "counted_from", "back_on", "days", "fen"),
    [
        ("a battery of 1 November, back the same day", FLASH, "2026-11-01", "2026-11-01", 0, 0),
        ("back on day 14, the last free one", FLASH, "2026-11-01", "2026-11-15", 0, 0),
        ("back on day 15", FLASH, "2026-11-01", "2026-11-16", 1, 5_00),
        ("back on day 16", FLASH, "2026-11-01", "2026-11-17", 2, 10_00),
        ("back on day 30, when the account is frozen", FLASH, "2026-11-01", "2026-12-01", 16, 80_00),
        ("fees go on after the freeze", FLASH, "2026-11-01", "2026-12-02", 17, 85_00),
        ("over the end of the year", FLASH, "2026-12-17", "2027-01-01", 1, 5_00),
        ("over the end of the year, longer", FLASH, "2026-12-10", "2027-01-02", 9, 45_00),
        ("29 February is a day", FLASH, "2028-02-14", "2028-02-29", 1, 5_00),
        ("and 1 March the next", FLASH, "2028-02-14", "2028-03-01", 2, 10_00),
        ("in a year without it", FLASH, "2027-02-14", "2027-03-01", 1, 5_00),
        ("the cap is the deposit: day 74 reaches it exactly", FLASH, "2026-01-01", "2026-03-16", 60, 300_00),
        ("day 75 costs nothing", FLASH, "2026-01-01", "2026-03-17", 61, 300_00),
        ("a vehicle back on its last day", RENTAL, "2026-12-24", "2026-12-24", 0, 0),
        ("a vehicle back before it", RENTAL, "2026-12-24", "2026-12-20", 0, 0),
        ("a vehicle a day late", RENTAL, "2026-12-24", "2026-12-25", 1, 8_00),
        ("a vehicle 14 days late", RENTAL, "2026-12-24", "2027-01-07", 14, 112_00),
        ("a vehicle 15 days late", RENTAL, "2026-12-24", "2027-01-08", 15, 120_00),
        ("a vehicle 30 days late, frozen", RENTAL, "2026-12-24", "2027-01-23", 30, 240_00),
        ("37 days are 296 yuan", RENTAL, "2026-12-24", "2027-01-30", 37, 296_00),
        ("the 38th takes the 4 yuan that are left", RENTAL, "2026-12-24", "2027-01-31", 38, 300_00),
        ("late rentals cost nothing until the owner says so", RENTAL_AS_DELIVERED, "2026-12-24", "2027-01-08", 15, 0),
    ],
)
def test_what_being_late_costs(what: str, terms: Terms, counted_from: str, back_on: str, days: int, fen: int) -> None:
    since, back = date.fromisoformat(counted_from), date.fromisoformat(back_on)
    late = list(late_days(terms, since, back))
    assert (len(late), sum(day.amount_fen for day in late)) == (days, fen), what
    assert late_fee_fen(terms, since, back) == fen
    assert [day.on for day in late] == [fees_from(since, terms) + n * A_DAY for n in range(days)]


@pytest.mark.req("SET-4")
@pytest.mark.parametrize(
    ("scanned", "back", "fen"),
    [
        # 23:59 in Shanghai is 15:59 in UTC; a minute later it is the next day there, and not yet in UTC
        ("2026-11-01T15:59", "2026-11-15T15:59", 0),
        ("2026-11-01T15:59", "2026-11-15T16:00", 5_00),
        ("2026-11-01T16:00", "2026-11-16T15:59", 0),
        ("2026-11-01T16:00", "2026-11-16T16:00", 5_00),
        ("2026-12-16T15:59", "2026-12-31T15:59", 5_00),  # New Year's Eve in both
        ("2026-12-16T15:59", "2026-12-31T16:00", 10_00),  # New Year in Shanghai
        ("2028-02-13T16:00", "2028-02-28T16:00", 5_00),  # 29 February in Shanghai
    ],
)
def test_a_day_begins_at_midnight_in_shanghai(scanned: str, back: str, fen: int) -> None:
    assert late_fee_fen(FLASH, business_day(utc(scanned)), business_day(utc(back))) == fen


@pytest.mark.req("SET-4")
@pytest.mark.parametrize(("terms", "freezes"), [(FLASH, "2026-12-01"), (RENTAL, "2026-12-01")])
def test_the_freeze_comes_on_day_30_whatever_days_were_closed(terms: Terms, freezes: str) -> None:
    assert freezes_on(date(2026, 11, 1), terms) == date.fromisoformat(freezes)


def test_a_closed_day_costs_nothing_and_moves_neither_the_free_days_nor_the_cap() -> None:
    since, first = date(2026, 11, 1), date(2026, 11, 16)
    closed = {date(2026, 11, 3), first, date(2026, 11, 18)}
    assert list(late_days(FLASH, since, date(2026, 11, 19), closed)) == [
        LateDay(first, 0, CLOSED),  # the first day that would cost
        LateDay(date(2026, 11, 17), 5_00, FEE),
        LateDay(date(2026, 11, 18), 0, CLOSED),
        LateDay(date(2026, 11, 19), 5_00, FEE),
    ]
    late = list(late_days(FLASH, since, date(2027, 3, 31), closed))
    assert Counter(day.reason for day in late) == {FEE: 60, CLOSED: 2, CAPPED: len(late) - 62}
    assert sum(day.amount_fen for day in late) == FLASH.cap_fen


def test_the_day_that_reaches_the_cap_takes_what_is_left_of_it_and_the_next_ones_say_why_they_cost_nothing() -> None:
    terms = Terms(free_days=14, late_fee_fen=7_00, freeze_days=30, cap_fen=20_00)
    late = list(late_days(terms, date(2026, 11, 1), date(2026, 11, 20), {date(2026, 11, 20)}))
    assert [(day.amount_fen, day.reason) for day in late] == [
        (7_00, FEE),
        (7_00, FEE),
        (6_00, FEE),
        (0, CAPPED),
        (0, CLOSED),
    ]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(14, 0, 30, 300_00), FREE),
        (Terms(14, 0, 30, 0), FREE),
        (Terms(14, 5_00, 30, 0), CAPPED),  # nothing was paid in: nothing can be asked for
    ],
)
def test_where_nothing_is_asked_for_each_day_says_why(terms: Terms, reason: DayReason) -> None:
    late = list(late_days(terms, date(2026, 11, 1), date(2026, 11, 18)))
    assert [(day.amount_fen, day.reason) for day in late] == [(0, reason)] * 3


@pytest.mark.parametrize("until", [date(2026, 11, 16) + n * A_DAY for n in (0, 1, 14, 15, 59, 60, 61, 200)])
def test_a_day_more_leaves_the_days_before_it_as_they_were(until: date) -> None:
    closed = {date(2026, 11, 17), date(2027, 1, 1)}
    assert list(late_days(FLASH, date(2026, 11, 1), until + A_DAY, closed))[:-1] == list(
        late_days(FLASH, date(2026, 11, 1), until, closed)
    )
