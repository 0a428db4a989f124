"""The tables: columns and the constraints that carry the invariants. Importing this package fills `Base.metadata`."""

from app.models import (
    access,
    batteries,
    cards,
    closing,
    deposits,
    directory,
    journal,
    late_fees,
    money,
    numbers,
    orders,
    people,
    rentals,
    vehicles,
    work,
)
from app.models.base import Base

__all__ = [
    "Base",
    "access",
    "batteries",
    "cards",
    "closing",
    "deposits",
    "directory",
    "journal",
    "late_fees",
    "money",
    "numbers",
    "orders",
    "people",
    "rentals",
    "vehicles",
    "work",
]
