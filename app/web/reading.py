"""The one read session of a request: it cannot write, and it is let go of after a verb so that the answer is true."""

from contextlib import ExitStack

from flask import Flask, g
from sqlalchemy.orm import Session

from app.db import read_only_session


def read_session() -> Session:
    """The session for all queries of this request."""
    if "reading" not in g:
        g.reading_stack = ExitStack()
        g.reading = g.reading_stack.enter_context(read_only_session())
    session: Session = g.reading
    return session


def forget_reads(_error: BaseException | None = None) -> None:
    """Closes the read session; the next `read_session()` sees what a verb has written since."""
    if "reading" in g:
        g.pop("reading")
        g.pop("reading_stack").close()


def close_with_request(app: Flask) -> None:
    """Lets go at the end of each request."""
    app.teardown_request(forget_reads)
