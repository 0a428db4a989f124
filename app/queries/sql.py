"""SQL that the two engines say differently."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class days_between(GenericFunction[int]):  # noqa: N801  # a function of SQL
    """Days from the second date to the first."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _subtracted(element: days_between, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(CAST({later} AS DATE) - CAST({earlier} AS DATE))"


@compiles(days_between, "sqlite")
def _by_julian_days(element: days_between, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


class least(GenericFunction[int]):  # noqa: N801  # the same
    """The smallest of several numbers."""

    type = Integer()
    inherit_cache = True


@compiles(least, "sqlite")
def _smallest(element: least, compiler: Any, **options: Any) -> str:
    return f"min({', '.join(compiler.process(clause, **options) for clause in element.clauses)})"
