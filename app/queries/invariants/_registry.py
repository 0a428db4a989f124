"""How an invariant is written: a name in one line, and a query for the rows that violate it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

Violations = Iterable[str]
Wanted = Select[*tuple[Any, ...]]
Check = Callable[[Session, datetime], Violations]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One truth, and the check that yields a line for each row that violates it; no line: it holds."""

    name: str
    key: str
    violations: Check


INVARIANTS: dict[str, Invariant] = {}


def invariant(name: str) -> Callable[[Check], Check]:
    """Registers a check under the name of its function."""

    def register(check: Check) -> Check:
        INVARIANTS[check.__name__] = Invariant(name, check.__name__, check)
        return check

    return register


def told(session: Session, wanted: Wanted) -> Iterator[str]:
    """Each row as `column=value …`."""
    for row in session.execute(wanted).mappings():
        yield " ".join(f"{name}={value}" for name, value in row.items())
