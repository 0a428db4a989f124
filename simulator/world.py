"""What every part of the simulator holds: keys, the clock, the store, and where the application is."""

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from flask import current_app

from simulator.clock import Clock
from simulator.keys import Keys
from simulator.store import Store

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
KEPT_REQUESTS = 1000


@dataclass(slots=True, kw_only=True)
class World:
    """One simulated WeChat."""

    keys: Keys
    clock: Clock
    store: Store
    app_url: str  # the application's origin: where OAuth may return to, whose pages may call the bridge
    speed: float  # WeChat's own waits are divided by this
    wake: threading.Event = field(default_factory=threading.Event)  # something is due for the notifier
    requests: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))

    @classmethod
    def open(cls, data_dir: Path, *, app_url: str, speed: float) -> "World":
        """Reads keys and state from DATA_DIR. Raises NoKeys."""
        return cls(
            keys=Keys.read(data_dir),
            clock=Clock(data_dir / "clock-offset"),
            store=Store(data_dir / "simulator.sqlite3"),
            app_url=app_url.rstrip("/"),
            speed=speed,
        )

    def is_app(self, url: str) -> bool:
        """Whether a URL lies on the application's origin (the domain that its owner registered with WeChat)."""
        return origin_of(url) == origin_of(self.app_url)

    def may_notify(self, url: str) -> bool:
        """Whether a notice may be sent there: to the application or to this machine, never into the world."""
        return self.is_app(url) or urlsplit(url).hostname in LOOPBACK


def origin_of(url: str) -> str | None:
    """`scheme://host:port` of a web address; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}"


def the_world() -> World:
    """The world that the running Flask application serves."""
    return cast("World", current_app.extensions["world"])
