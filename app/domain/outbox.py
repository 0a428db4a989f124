"""What WeChat is told or asked, and how long to wait after each failure."""

from datetime import timedelta
from enum import StrEnum


class Errand(StrEnum):
    """The kinds of outbox rows."""

    REFUND = "refund"
    CLOSE_PAYMENT = "close_payment"
    MESSAGE = "message"


MOST_TRIES: dict[Errand, int | None] = {Errand.REFUND: None, Errand.CLOSE_PAYMENT: None, Errand.MESSAGE: 8}
"""Money is tried for ever; a message that cannot be delivered is parked."""


def wait_after(tries: int) -> timedelta:
    """The pause after the n-th failed try: a minute (WeChat's least between two refunds), doubling to an hour."""
    return timedelta(minutes=min(2 ** max(tries - 1, 0), 60))
