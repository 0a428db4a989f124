"""How long to wait before WeChat is asked again."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.asking import attempt_is_young, attempt_question_due, refund_question_due

BEGAN_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
ENDS_AT = BEGAN_AT + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("asked", "now", "due"),
    [
        (None, 0.9, False),  # its notice still has time
        (None, 1, True),
        (1, 1.4, False),  # half a minute at least
        (1, 1.5, True),
        (8, 9.9, False),  # a quarter of its age
        (8, 10, True),
        (14.9, 15, True),  # its end makes it due at once,
        (15, 15.1, False),  # one time
        (15, 18.75, True),
        (600, 609, False),  # WeChat is away: ten minutes at most
        (600, 610, True),
    ],
)
def test_when_a_payment_is_asked_about(asked: float | None, now: float, due: bool) -> None:
    """Minutes since it began."""
    asked_at = None if asked is None else BEGAN_AT + timedelta(minutes=asked)
    at = BEGAN_AT + timedelta(minutes=now)
    assert attempt_question_due(BEGAN_AT, ENDS_AT, asked_at, at, first_after=timedelta(minutes=1)) is due


@pytest.mark.parametrize(
    ("asked", "now", "due"),
    [
        (None, 0.9, False),
        (None, 1, True),
        (1, 1.9, False),  # a minute at least
        (1, 2, True),
        (60, 74, False),
        (60, 75, True),
        (6000, 6719, False),  # twice a day at least
        (6000, 6720, True),
    ],
)
def test_when_a_refund_is_asked_about(asked: float | None, now: float, due: bool) -> None:
    """Minutes since it began."""
    asked_at = None if asked is None else BEGAN_AT + timedelta(minutes=asked)
    assert refund_question_due(BEGAN_AT, asked_at, BEGAN_AT + timedelta(minutes=now)) is due


def test_a_payment_is_young_for_five_minutes() -> None:
    assert attempt_is_young(BEGAN_AT, BEGAN_AT + timedelta(minutes=4, seconds=59))
    assert not attempt_is_young(BEGAN_AT, BEGAN_AT + timedelta(minutes=5))
