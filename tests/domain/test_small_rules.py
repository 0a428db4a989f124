"""Small rules: business days, reasons, pauses of the outbox."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.calendar import business_day, day_end, day_start
from app.domain.errors import Rule, RuleBroken
from app.domain.outbox import wait_after
from app.domain.reasons import MOST_REASON, checked_reason


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), date(2026, 11, 25)),  # midnight in Shanghai
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(1991, 9, 14, 15, 30, tzinfo=UTC), date(1991, 9, 15)),  # the last summer time
    ],
)
def test_a_business_day_is_shanghais(moment: datetime, day: date) -> None:
    assert business_day(moment) == day
    assert day_start(day) <= moment < day_end(day)


def test_a_day_ends_where_the_next_one_starts() -> None:
    assert day_end(date(2026, 11, 24)) == day_start(date(2026, 11, 25)) == datetime(2026, 11, 24, 16, tzinfo=UTC)


@pytest.mark.parametrize(("typed", "reason"), [(" 没有货 ", "没有货"), ("好" * MOST_REASON, "好" * MOST_REASON)])
def test_a_reason(typed: str, reason: str) -> None:
    assert checked_reason(typed) == reason


@pytest.mark.parametrize(
    ("typed", "rule"),
    [("", Rule.REASON_MISSING), (" \n", Rule.REASON_MISSING), ("好" * (MOST_REASON + 1), Rule.TEXT_TOO_LONG)],
)
def test_what_is_no_reason(typed: str, rule: Rule) -> None:
    with pytest.raises(RuleBroken) as refused:
        checked_reason(typed)
    assert refused.value.rule is rule


@pytest.mark.parametrize(("tries", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)])
def test_an_errand_waits_ever_longer_up_to_an_hour(tries: int, minutes: int) -> None:
    assert wait_after(tries) == timedelta(minutes=minutes)
