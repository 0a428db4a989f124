"""How long to wait before WeChat is asked again: soon at first, then ever more rarely."""

from datetime import datetime, timedelta

from app.domain.orders import YOUNG_ATTEMPT_MINUTES

FIRST_QUESTION_AFTER = timedelta(minutes=1)
"""A payment or a refund without a notice is asked about after this (WeChat's own advice)."""
BETWEEN_REFUNDS = timedelta(minutes=1)
"""WeChat's least pause between two refunds of one order."""
OUTBOX_HAS = timedelta(minutes=10)
"""How long a refund that WeChat may not have heard of is the outbox's matter alone."""

_SHORTEST = timedelta(seconds=30)
_LONGEST_FOR_PAYMENT = timedelta(minutes=10)
_LONGEST_FOR_REFUND = timedelta(hours=12)


def _again_at(began_at: datetime, asked_at: datetime, longest: timedelta) -> datetime:
    """A quarter of the age that it had at the last question, within bounds."""
    return asked_at + min(max((asked_at - began_at) / 4, _SHORTEST), longest)


def attempt_is_young(created_at: datetime, now: datetime) -> bool:
    """Whether an attempt may not be closed at WeChat yet."""
    return now < attempt_grown_at(created_at)


def attempt_grown_at(created_at: datetime) -> datetime:
    """From when on an attempt may be closed at WeChat."""
    return created_at + timedelta(minutes=YOUNG_ATTEMPT_MINUTES)


def attempt_question_due(
    created_at: datetime,
    ended_at: datetime,
    asked_at: datetime | None,
    now: datetime,
    *,
    first_after: timedelta = FIRST_QUESTION_AFTER,
) -> bool:
    """Whether to ask about a live attempt now; at once when `ended_at` (its own end, or its order's) is just past."""
    if now < created_at + first_after:
        return False
    if asked_at is None or asked_at < ended_at <= now:
        return True
    return now >= _again_at(created_at, asked_at, _LONGEST_FOR_PAYMENT)


def refund_question_due(began_at: datetime, asked_at: datetime | None, now: datetime) -> bool:
    """Whether to ask about a refund that is on its way now."""
    if asked_at is None:
        return now >= began_at + FIRST_QUESTION_AFTER
    return now >= max(_again_at(began_at, asked_at, _LONGEST_FOR_REFUND), asked_at + FIRST_QUESTION_AFTER)
