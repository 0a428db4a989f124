"""The Flask application: blueprints, headers, who may call from where."""

import logging

from flask import Flask, Response, request, send_from_directory
from werkzeug.exceptions import HTTPException

from simulator import bill_api, bridge, control, handles, oauth, official_account, pay_api
from simulator.calls import as_json, note
from simulator.world import World, origin_of, the_world

MOST_BYTES = 64 * 1024
BRIDGE_PATHS = ("/_sim/bridge", "/_sim/pay/")
SAFE = ("GET", "HEAD", "OPTIONS")
_log = logging.getLogger("simulator")


def create_app(world: World) -> Flask:
    """One simulated WeChat over HTTP."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.extensions["world"] = world
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.before_request(_refuse_strangers)
    app.after_request(note)
    app.after_request(_headers)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    app.add_url_rule("/favicon.ico", "favicon", _favicon)
    for part in (oauth, official_account, pay_api, bill_api, bridge, handles, control):
        app.register_blueprint(part.bp)
    return app


def _refuse_strangers() -> Response | None:
    """A page of another site may not act here through somebody's browser."""
    origin = request.headers.get("Origin")
    if request.method in SAFE or origin is None:
        return None
    known = origin_of(origin) in (origin_of(request.host_url), origin_of(the_world().app_url))
    return None if known else as_json({"error": "another site may not call this"}, 403)


def _headers(response: Response) -> Response:
    app_url = the_world().app_url
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action 'self' {app_url}",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    origin = request.headers.get("Origin")
    if origin and request.path.startswith(BRIDGE_PATHS) and origin_of(origin) == origin_of(app_url):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
        response.vary.add("Origin")
    return response


def _http_error(error: HTTPException) -> Response:
    return as_json({"error": error.name}, error.code or 500)


def _failure(error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return as_json({"error": "the simulator itself failed; see its log"}, 500)


def _favicon() -> Response:
    return send_from_directory("static", "favicon.svg", mimetype="image/svg+xml", max_age=86_400)
