"""Logging in by name and password, logging out, and setting a password through a one-time link."""

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Blueprint, Response, request, session, url_for

from app.blueprints.auth.forms import LoginForm, PasswordForm
from app.domain.permissions import ActorKind
from app.queries import access
from app.usecases import sessions
from app.web.current import actor, now
from app.web.guards import public, safe_next, staff
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.login import drop_session_cookie, session_seen_at, set_session_cookie
from app.web.reading import forget_reads, read_session

bp = Blueprint("auth", __name__)
log = structlog.get_logger()

hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's parameters for argon2id
NOBODY = hasher.hash("nobody has this password")
"""Compared with when there is no such login, so that the answer takes as long."""
MOST_LOGIN_CHARACTERS = 40


@bp.before_app_request
def keep_session_alive() -> None:
    """A session that is used does not end by idleness; written once a minute at most."""
    who = actor()
    seen_at = session_seen_at()
    if who.kind is not ActorKind.STAFF or who.session_id is None or seen_at is None:
        return
    if seen_at < now() - sessions.SEEN_EVERY:
        sessions.touch_session(who.session_id, now=now())


@bp.get("/login")
@public
def login() -> Response:
    """The form; who is logged in already goes on."""
    target = safe_next(request.args.get("next"))
    if actor().kind is ActorKind.STAFF:
        return see_other(target)
    return render("auth/login.html", form=LoginForm(), next=target, password_set=request.args.get("done") == "password")


def _name_tried() -> str:
    return f"login:{request.form.get('login', '').strip().casefold()[:MOST_LOGIN_CHARACTERS]}"


@bp.post("/login")
@public
@limiter.limit("30 per 15 minutes", methods=["POST"])
@limiter.limit("10 per 15 minutes", key_func=_name_tried, methods=["POST"])
def log_in() -> Response:
    """Compares the password. The limits hold for each name and each address, across processes; every try counts."""
    form = LoginForm()
    target = safe_next(request.args.get("next"))
    if not form.validate():
        return render("auth/login.html", form=form, next=target, password_set=False, status=422)
    facts = access.login_facts(read_session(), form.login.data)
    forget_reads()
    good = _matches(facts.password_hash if facts else None, form.password.data)
    if facts is None or not good:
        log.warning("login_refused", address=request.remote_addr)
        form.password.errors = ["登录名或密码不对，再试一次"]
        return render("auth/login.html", form=form, next=target, password_set=False, status=422)
    if actor().session_id is not None:
        sessions.close_session(actor=actor(), now=now())
    token = sessions.open_staff_session(staff_id=facts.staff_id, now=now())
    session.clear()
    response = see_other(target)
    set_session_cookie(response, "staff", token, sessions.STAFF_LASTS)
    return response


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        hasher.verify(password_hash or NOBODY, password)
    except VerificationError:
        return False
    return password_hash is not None


@bp.post("/logout")
@staff
def log_out() -> Response:
    """Ends the session on the server, then in the browser."""
    sessions.close_session(actor=actor(), now=now())
    session.clear()
    response = see_other(url_for(".login"))
    drop_session_cookie(response, "staff")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.get("/password/<token>")
@public
def new_password(token: str) -> Response:
    """The form behind a one-time link."""
    return _password_page(token, PasswordForm())


@bp.post("/password/<token>")
@public
@limiter.limit("30 per 15 minutes", methods=["POST"])
def set_password(token: str) -> Response:
    """Sets the password, uses the link up, ends the person's sessions."""
    form = PasswordForm()
    if access.link_holder(read_session(), token, now()) is None or not form.validate():
        return _password_page(token, form, status=422)
    forget_reads()
    if not sessions.set_password(link_token=token, password_hash=hasher.hash(form.password.data), now=now()):
        return _password_page(token, form, status=422)
    return see_other(url_for(".login", done="password"))


def _password_page(token: str, form: PasswordForm, status: int = 200) -> Response:
    holder = access.link_holder(read_session(), token, now())
    return render("auth/password.html", form=form, token=token, holder=holder, status=410 if holder is None else status)
