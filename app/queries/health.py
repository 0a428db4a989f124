"""Whether the database answers, and how far it is migrated."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def schema_revision(session: Session) -> str | None:
    """The migration that the database has reached. Raises when it does not answer or was never migrated."""
    revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if revision is None else str(revision)
