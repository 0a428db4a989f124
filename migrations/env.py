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
    run(connection)
