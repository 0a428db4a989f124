"""A rental: from the pickup to the return of the vehicle (decisions 18, 41)."""

from datetime import date, timedelta
from enum import StrEnum


class RentalStatus(StrEnum):
    """Out until the vehicle is back."""

    OUT = "out"
    RETURNED = "returned"


class Condition(StrEnum):
    """How the clerk finds a returned vehicle."""

    GOOD = "good"
    DAMAGED = "damaged"


class Place(StrEnum):
    """Where a returned vehicle or battery goes."""

    STOCK = "stock"
    REPAIR = "repair"


def due_on(picked_up_on: date, days: int) -> date:
    """The last day of the term, which runs from the pickup."""
    return picked_up_on + timedelta(days=days)


def days_left(due: date, today: date) -> int:
    """Days until the vehicle is due; 0 on the day itself, negative when late."""
    return (due - today).days


def days_late(due: date, on: date) -> int:
    """Days past the due day; never negative."""
    return max((on - due).days, 0)
