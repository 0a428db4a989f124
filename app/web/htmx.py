"""One template, two answers: the whole page, or with HX-Request the one block that changes."""

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from jinja2_fragments.flask import render_block


def is_htmx() -> bool:
    """Whether a fragment is wanted. Going back in the history asks for the whole page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """The page; for HTMX only its `block`, if one is named, which then may bring along what else has changed."""
    if block is not None and is_htmx():
        body = render_block(template, block, is_fragment=True, **context)
    else:
        body = render_template(template, is_fragment=False, **context)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def see_other(url: str) -> Response:
    """After an act: the next page, by GET. For HTMX the browser itself goes there."""
    if is_htmx():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))
