"""What must always be true, each as a query for the rows that make it false (`flask check`)."""

from app.queries.invariants import bills, closing, deposits, late_fees, ledger, numbers, payments, records, stock
from app.queries.invariants._registry import INVARIANTS, Invariant

__all__ = [
    "INVARIANTS",
    "Invariant",
    "bills",
    "closing",
    "deposits",
    "late_fees",
    "ledger",
    "numbers",
    "payments",
    "records",
    "stock",
]
