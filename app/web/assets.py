"""Static files with their content's hash in the URL: cached for a year, never stale."""

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import quote
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise

STATIC = Path(__file__).parent.parent / "static"
A_YEAR = 365 * 24 * 3600


@cache
def _hash_of(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The URL of a file in `static`. Raises FileNotFoundError for a file that is not there."""
    return f"/static/{quote(name)}?v={_hash_of(name)}"


def install(app: Flask, hsts: str | None) -> None:
    """Serves `static` in front of the application."""

    def add_headers(headers: Headers, _path: str, _url: str) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        if hsts:
            headers["Strict-Transport-Security"] = hsts

    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]  # Flask's own way to put something in front
        app.wsgi_app,
        root=str(STATIC),
        prefix="static/",
        max_age=A_YEAR,
        allow_all_origins=False,
        add_headers_function=add_headers,
    )
