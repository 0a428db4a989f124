"""What must always be true, each as a query for the rows that make it false (`flask check`)."""

from app.queries.invariants import deposits, ledger, numbers, payments, records, stock
from app.queries.invariants._registry import INVARIANTS, Invariant

__all__ = ["INVARIANTS", "Invariant", "deposits", "ledger", "numbers", "payments", "records", "stock"]
