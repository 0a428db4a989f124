"""A session that reads, whether or not a context is pushed."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy.orm import Session

from app.db import read_only_session


@contextmanager
def read(app: Flask) -> Iterator[Session]:
    """A read session of the application's database."""
    with app.app_context(), read_only_session() as session:
        yield session
