"""Exactly one guard for each URL; a URL without one answers nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, abort, redirect, request, url_for
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response

from app.domain.errors import Forbidden
from app.domain.permissions import ActorKind, Permission
from app.web.current import actor

View = TypeVar("View", bound=Callable[..., Any])
MOST_ROW_ID = 2**63 - 1
MOST_ID_DIGITS = len(str(MOST_ROW_ID))


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may come in: anybody, WeChat by its signature, a customer, or staff with a right."""

    kind: str  # public | wechat | customer | staff
    permission: Permission | None = None
    registered: bool = False


def _guarded(guard: Guard) -> Callable[[View], View]:
    def mark(view: View) -> View:
        if hasattr(view, "guard"):
            raise TypeError(f"{view.__name__} has two guards")
        view.guard = guard  # type: ignore[attr-defined]  # read by `install` and by the test that walks all URLs
        return view

    return mark


def public(view: View) -> View:
    """Anybody."""
    return _guarded(Guard("public"))(view)


def signed_by_wechat(view: View) -> View:
    """A callback: its signature is checked by the gateway, and it carries no CSRF token."""
    return _guarded(Guard("wechat"))(view)


def requires(permission: Permission) -> Callable[[View], View]:
    """Staff who hold the right somewhere; where is the query's and the verb's matter."""
    return _guarded(Guard("staff", permission))


def staff(view: View) -> View:
    """Any member of staff who is logged in."""
    return _guarded(Guard("staff"))(view)


def customer(*, registered: bool) -> Callable[[View], View]:
    """Somebody who came through WeChat; with `registered`, by real name."""
    return _guarded(Guard("customer", registered=registered))


def guard_of(app: Flask, endpoint: str) -> Guard | None:
    """The guard of an endpoint."""
    return getattr(app.view_functions[endpoint], "guard", None)


class RowIdConverter(IntegerConverter):
    """`<int:…>` in a URL is the id of a row; what no row can have is not found, not an error of the database."""

    regex = rf"\d{{1,{MOST_ID_DIGITS}}}"

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": MOST_ROW_ID, **options})


def row_id(text: str) -> int | None:
    """The id of a row that was sent as text; None for nothing, and for what no row can have."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_ID_DIGITS):
        return None
    return int(text) if 0 < int(text) <= MOST_ROW_ID else None


def install(app: Flask) -> None:
    """Puts the guards before every request."""
    app.url_map.converters["int"] = RowIdConverter

    @app.before_request
    def check() -> Response | None:
        if request.endpoint is None:
            return None  # 404 follows
        sent = (*request.args.items(multi=True), *request.form.items(multi=True))
        if any("\x00" in value for _, value in sent):
            abort(400)  # no person types it, and PostgreSQL cannot store it
        guard = guard_of(app, request.endpoint)
        if guard is None:
            abort(403)
        return let_in(guard)


def let_in(guard: Guard) -> Response | None:
    """None for whoever may come in, else the way to log in or register. Raises Forbidden."""
    who = actor()
    if guard.kind == "staff":
        if who.kind is not ActorKind.STAFF:
            return _to(url_for("auth.login", next=here()))
        if guard.permission is not None and not who.may(guard.permission):
            raise Forbidden(guard.permission.value)
    elif guard.kind == "customer":
        if not who.is_customer:
            return _to(url_for("mobile.login", next=here()))
        if guard.registered and not who.registered:
            return _to(url_for("mobile.register", next=here()))
    return None


def _to(url: str) -> Response:
    if request.headers.get("HX-Request"):
        answer = Response(status=204)
        answer.headers["HX-Redirect"] = url
        return answer
    return redirect(url, 303)


def here() -> str:
    """Where to come back to: this page, or the page that the form or the fragment stood on."""
    if request.headers.get("HX-Request"):
        page = request.headers.get("HX-Current-URL")
    elif request.method in ("GET", "HEAD"):
        return request.full_path.rstrip("?")
    else:
        page = request.referrer
    try:
        parts = urlsplit(page or "")
    except ValueError:  # brackets that are no address
        return "/"
    return safe_next(urlunsplit(("", "", parts.path, parts.query, "")))


def safe_next(target: str | None, otherwise: str = "/") -> str:
    """A path of ours to go to next; anything that could leave the site becomes `otherwise`."""
    text = target or ""
    plain = all("!" <= letter <= "~" and letter not in "\\@" for letter in text)
    return text if plain and text.startswith("/") and not text.startswith("//") else otherwise
