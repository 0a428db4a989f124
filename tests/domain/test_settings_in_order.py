"""A late fee could begin before an account is frozen: the two settings stand in order everywhere, always (SET-4)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.settings import FLASH_FREE_DAYS, FLASH_FREEZE_DAYS, IN_ORDER, Clash, Course, Version, first_clash

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
YESTERDAY, TOMORROW, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1), NOW + timedelta(days=2)
A, B = 1, 2

Versions = list[tuple[int | None, int | None, datetime]]


def courses(free: Versions, freeze: Versions) -> tuple[Course, Course]:
    def course(nth: int, versions: Versions) -> Course:
        return Course.of(IN_ORDER[nth], (Version(n, *version) for n, version in enumerate(versions, 1)))

    return course(0, free), course(1, freeze)


@pytest.mark.parametrize(
    ("free", "freeze", "clash"),
    [
        ([], [], None),
        ([(None, 29, NOW)], [], None),
        ([(None, 30, NOW)], [], Clash(None, NOW, 30, 30)),  # the same day is not later
        ([], [(None, 14, NOW)], Clash(None, NOW, 14, 14)),
        ([(None, 40, TOMORROW)], [], Clash(None, TOMORROW, 40, 30)),  # planned
        ([(None, 40, TOMORROW)], [(None, 60, TOMORROW)], None),  # both at once
        ([(None, 40, TOMORROW)], [(None, 60, LATER)], Clash(None, TOMORROW, 40, 30)),  # one day too early
        ([(A, 40, NOW)], [(None, 60, NOW)], None),
        ([(A, 40, NOW)], [(A, 60, NOW), (A, None, LATER)], Clash(A, LATER, 40, 30)),  # as all regions again
        ([(B, 20, NOW)], [(None, 20, NOW)], Clash(B, NOW, 20, 20)),  # a region of its own
        ([(None, 40, NOW)], [(A, 60, NOW), (B, 60, NOW)], Clash(None, NOW, 40, 30)),  # a region to come
        ([(None, 40, YESTERDAY), (None, 14, NOW)], [], None),  # what was before is over
    ],
)
@pytest.mark.req("SET-4")
def test_where_they_would_clash(free: Versions, freeze: Versions, clash: Clash | None) -> None:
    assert first_clash(*courses(free, freeze), [A, B], NOW) == clash


def test_the_defaults_stand_in_order() -> None:
    assert IN_ORDER == (FLASH_FREE_DAYS, FLASH_FREEZE_DAYS)
    assert first_clash(*courses([], []), [], NOW) is None


def test_one_more_change_is_the_last_one_made() -> None:
    course, _ = courses([(None, 20, NOW), (A, 25, TOMORROW)], [])
    assert course.changed(None, 10, NOW).value(B, NOW) == 10
    assert course.changed(A, 10, TOMORROW).value(A, TOMORROW) == 10
    assert course.value(B, NOW) == 20
