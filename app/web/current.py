"""The request at hand: its runtime, its one `now`, its actor."""

from datetime import datetime
from typing import cast

from flask import current_app, g
from flask_login import current_user

from app.domain.permissions import Actor
from app.runtime import Runtime

RUNTIME = "lieba.runtime"


def runtime() -> Runtime:
    """The ports of this application."""
    return cast("Runtime", current_app.extensions[RUNTIME])


def now() -> datetime:
    """One time for the whole request, UTC."""
    if "now" not in g:
        g.now = runtime().clock.now()
    return cast("datetime", g.now)


def actor() -> Actor:
    """Who asks."""
    return cast("Actor", current_user._get_current_object())  # noqa: SLF001  # Flask-Login's proxy has no other way out
