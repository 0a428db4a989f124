"""`flask check`: every invariant as a query."""

import sys

import click
from flask.cli import with_appcontext

from app.db import read_only_session
from app.queries.invariants import INVARIANTS
from app.web.current import runtime


@click.command("check")
@with_appcontext
def check() -> None:
    """Prints each row that violates an invariant; exits 1 if there is one."""
    now = runtime().clock.now()
    broken = rows = 0
    for invariant in INVARIANTS.values():
        with read_only_session() as session:
            violations = list(invariant.violations(session, now))
        if violations:
            broken, rows = broken + 1, rows + len(violations)
            click.secho(f"✗ {invariant.name} ({invariant.key})", fg="red")
            for violation in violations:
                click.echo(f"    {violation}")
    click.echo(f"{len(INVARIANTS)} invariants, {broken} broken, {rows} rows")
    sys.exit(1 if broken else 0)
