"""What statements a read runs, and how the database goes about them."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from tests.fixtures.databases import Database


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """The statements that run meanwhile, with their values."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def plan(database: Database, statement: str, parameters: Any) -> list[str]:
    """How the database would go about a statement.

    PostgreSQL would rightly read a small table from end to end; with `enable_seqscan` off it does only where no index
    fits.
    """
    with database.engine.connect() as connection:
        if database.engine_name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN" if database.engine_name == "sqlite" else "EXPLAIN"
        return [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]


def scanned(steps: Iterable[str], tables: Iterable[str]) -> list[str]:
    """The steps that read one of the tables from end to end."""
    whole = re.compile(rf"(^SCAN |Seq Scan on )({'|'.join(tables)})\b")
    return [step for step in steps if whole.search(step)]
