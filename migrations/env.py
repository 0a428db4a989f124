"""Runs the migrations on the application's own database (Flask-Migrate)."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from app.db import db


def run(connection: Connection) -> None:
    """All steps in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need the database: they fill in reference data")

with db.engine.connect() as connection:
    on_sqlite = connection.dialect.name == "sqlite"
    plain = connection.connection.dbapi_connection
    if on_sqlite and plain is not None:
        # A table that is built anew is dropped in between, with rows of others pointing to it. Before any transaction.
        plain.execute("PRAGMA foreign_keys=OFF")  # type: ignore[attr-defined]  # SQLite's own connection
    run(connection)
    if on_sqlite and plain is not None:
        plain.execute("PRAGMA foreign_keys=ON")  # type: ignore[attr-defined]  # the same
        if plain.execute("PRAGMA foreign_key_check").fetchall():  # type: ignore[attr-defined]  # the same
            raise SystemExit("the migration left rows that point nowhere: restore the backup")
