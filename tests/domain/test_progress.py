"""Where today stands between scan, last free day and freeze: decision 19's own example, and the edges."""

from datetime import date

import pytest

from app.domain.progress import Progress

SCANNED, FREE_UNTIL, FREEZES = date(2026, 11, 1), date(2026, 11, 15), date(2026, 12, 1)


@pytest.mark.parametrize(
    ("today", "day", "free_left", "late", "share", "frozen"),
    [
        (date(2026, 11, 1), 0, 14, 0, 0, False),
        (date(2026, 11, 14), 13, 1, 0, 43, False),
        (date(2026, 11, 15), 14, 0, 0, 46, False),
        (date(2026, 11, 16), 15, 0, 1, 50, False),
        (date(2026, 11, 30), 29, 0, 15, 96, False),
        (date(2026, 12, 1), 30, 0, 16, 100, True),
        (date(2027, 3, 1), 120, 0, 106, 100, True),
    ],
)
def test_scanned_on_1_november_free_until_the_15th_frozen_on_1_december(
    today: date, day: int, free_left: int, late: int, share: int, frozen: bool
) -> None:
    progress = Progress(SCANNED, FREE_UNTIL, FREEZES, today)
    assert (progress.day, progress.free_left, progress.days_late) == (day, free_left, late)
    assert (progress.today_share, progress.is_frozen) == (share, frozen)
    assert progress.gone_free_share + progress.gone_late_share == progress.today_share
    assert progress.free_share == 46
    assert progress.fees_from == date(2026, 11, 16)


def test_a_freeze_at_once_leaves_no_way() -> None:
    assert Progress(SCANNED, SCANNED, SCANNED, SCANNED).today_share == 100
