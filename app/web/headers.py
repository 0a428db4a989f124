"""The headers of every answer: a strict policy with a fresh nonce, and no caching of what is behind a log-in."""

import secrets

from flask import Flask, Response, g
from flask_login import current_user

from app.web.current import runtime

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000; includeSubDomains"


def csp_nonce() -> str:
    """The nonce of this answer; every script and stylesheet carries it."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    return str(g.csp_nonce)


def allow_camera() -> None:
    """This answer is a page that scans; no other may use the camera."""
    g.camera = True


def policy(nonce: str, *, bridge_origin: str, login_origin: str) -> str:
    """The content security policy. `bridge_origin` is the simulator's, empty in production.

    A form may lead to WeChat's log-in at `login_origin`: a browser holds redirects after a form to `form-action` too.
    """
    bridge = f" {bridge_origin}" if bridge_origin else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'{bridge}",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self'{bridge}",
            "manifest-src 'self'",
            "media-src 'self' blob:",
            f"form-action 'self' {login_origin}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


def install(app: Flask, *, bridge_origin: str, login_origin: str) -> None:
    """Puts the headers on every answer, errors and callbacks too."""

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(_ALWAYS)
        camera = "(self)" if "camera" in g else "()"
        response.headers["Permissions-Policy"] = f"camera={camera}, geolocation=(self), microphone=(), payment=()"
        response.headers.setdefault(
            "Content-Security-Policy",
            policy(csp_nonce(), bridge_origin=bridge_origin, login_origin=login_origin),
        )
        if runtime().secure_cookies:
            response.headers["Strict-Transport-Security"] = HSTS
        if current_user.is_authenticated or "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
