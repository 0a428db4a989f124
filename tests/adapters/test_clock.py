from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.clock import DemoClock, SystemClock

ALMOST = timedelta(seconds=5)


def test_the_system_clock_says_the_time_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < ALMOST


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0), ("0", 0), ("1296000", 1_296_000), ("-86400.5\n", -86_400.5), ("1e3", 1000)]
)
def test_the_demo_clock_is_moved_by_the_file(tmp_path: Path, text: str | None, seconds: float) -> None:
    offset_file = tmp_path / "clock-offset"
    if text is not None:
        offset_file.write_text(text)
    assert abs(DemoClock(offset_file).now() - datetime.now(UTC) - timedelta(seconds=seconds)) < ALMOST


def test_a_moved_clock_is_seen_by_all_who_read_the_file(tmp_path: Path) -> None:
    mine, theirs = DemoClock(tmp_path / "clock-offset"), DemoClock(tmp_path / "clock-offset")
    mine.move_to(timedelta(days=15))
    assert theirs.offset() == timedelta(days=15)
    mine.move_to(timedelta(days=-1, microseconds=1))
    assert theirs.offset() == timedelta(days=-1, microseconds=1)
    assert [file.name for file in tmp_path.iterdir()] == ["clock-offset"]


@pytest.mark.parametrize("text", ["", "tomorrow", "nan", "inf", "1e300"])
def test_a_file_without_a_number_of_seconds_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock-offset").write_text(text)
    with pytest.raises(ValueError, match="clock-offset must hold a decimal number of seconds"):
        DemoClock(tmp_path / "clock-offset").now()
