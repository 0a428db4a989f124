"""Flask-Login over our own sessions: staff and customers have a cookie each, and the path says which one counts."""

from datetime import datetime, timedelta
from typing import cast

from flask import Flask, Request, g
from flask_login import LoginManager
from werkzeug.wrappers import Response

from app.domain.permissions import Actor
from app.queries import access, people
from app.web.current import now, runtime
from app.web.reading import read_session

STAFF_IDLE = timedelta(minutes=30)

login_manager = LoginManager()


def for_customers(path: str) -> bool:
    """Whether a path belongs to the phone pages: below /m, and what a battery's QR opens (decision 44)."""
    return path == "/m" or path.startswith(("/m/", "/q/"))


def cookie_name(kind: str) -> str:
    """`__Host-` binds the cookie to this host and to https; plain http (the demo) cannot have it."""
    return f"__Host-{kind}" if runtime().secure_cookies else kind


def set_session_cookie(response: Response, kind: str, token: str, lasts: timedelta) -> None:
    """Hands the token to the browser; kind is staff | customer."""
    response.set_cookie(
        cookie_name(kind),
        token,
        max_age=int(lasts.total_seconds()),
        secure=runtime().secure_cookies,
        httponly=True,
        samesite="Strict" if kind == "staff" else "Lax",
        path="/",
    )


def drop_session_cookie(response: Response, kind: str) -> None:
    """Takes the token back."""
    response.delete_cookie(
        cookie_name(kind),
        path="/",
        secure=runtime().secure_cookies,
        httponly=True,
        samesite="Strict" if kind == "staff" else "Lax",
    )


@login_manager.request_loader  # type: ignore[untyped-decorator]  # Flask-Login has no types
def actor_of_request(asked: Request) -> Actor | None:
    """The actor of this request's cookie, or None."""
    kind = "customer" if for_customers(asked.path) else "staff"
    token = asked.cookies.get(cookie_name(kind))
    if not token:
        return None
    session = read_session()
    facts = access.living_session(session, token, now())
    if facts is None:
        return None
    g.session_seen_at = facts.seen_at
    if kind == "customer":
        return people.actor_of_customer(session, facts.customer_id, facts.id) if facts.customer_id else None
    if facts.staff_id is None or facts.seen_at + STAFF_IDLE <= now():
        return None
    return access.actor_of_staff(session, facts.staff_id, facts.id)


def session_seen_at() -> datetime | None:
    """When the session of this request was last used before it; None without a session."""
    return cast("datetime | None", g.get("session_seen_at"))


def as_nobody() -> None:
    """Answers the rest of this request as to a stranger: the page that says a failure asks nothing of the database."""
    g._login_user = Actor.visitor()  # noqa: SLF001  # where Flask-Login keeps who it found


def install(app: Flask) -> None:
    """Makes `current_user` an Actor."""
    login_manager.session_protection = None
    login_manager.anonymous_user = Actor.visitor
    login_manager.init_app(app)
