"""Around every call of the application: the log, its JSON, and the faults that strike before and after it."""

import json
import socket
import time
from typing import Any

from flask import Response, g, request

from simulator import faults
from simulator.clock import rfc3339
from simulator.world import World, the_world

WECHAT_PATHS = ("/v3/", "/cgi-bin/", "/sns/", "/connect/")


def hindrance(world: World, call: str) -> int | None:
    """Waits if this call is to be slow; returns the status to answer instead of doing anything, if it is to fail."""
    g.call = call
    slow = faults.strike(world, "slow", on=call)
    if slow is not None:
        time.sleep(slow["seconds"])
    broken = faults.strike(world, "status_5xx", on=call)
    if broken is not None:
        return int(broken["status"])
    return 429 if faults.strike(world, "status_429", on=call) is not None else None


def cut() -> Response:
    """The connection ends without an answer; what was done stays done."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    g.lost = True
    return Response(status=204)


def note(response: Response) -> Response:
    """Writes the call of the application into the request log."""
    if request.path.startswith(WECHAT_PATHS):
        world = the_world()
        world.requests.append(
            {
                "at": rfc3339(world.clock.now()),
                "method": request.method,
                "path": request.path,
                "call": g.get("call"),
                "status": None if g.get("lost") else response.status_code,
            }
        )
    return response


def as_json(answer: Any, status: int = 200, *, mimetype: str = "application/json") -> Response:
    """JSON with readable Chinese and its charset."""
    body = json.dumps(answer, ensure_ascii=False).encode()
    return Response(body, status=status, content_type=f"{mimetype}; charset=utf-8")


def asked_json() -> dict[str, Any]:
    """What a handle was sent; nothing when it is no JSON object."""
    asked = request.get_json(force=True, silent=True)
    return asked if isinstance(asked, dict) else {}
