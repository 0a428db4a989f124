"""The server: plain werkzeug, one thread for each request, and the notifier beside it."""

import logging
from pathlib import Path
from threading import Thread
from typing import Self

from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.notifier import Notifier
from simulator.web import create_app
from simulator.world import World

_log = logging.getLogger("simulator")


class QuietRequests(WSGIRequestHandler):
    """Logs only what the simulator itself got wrong."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: the simulator has its own log of requests."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Whatever http.server complains about, at debug level: cut connections are a feature here."""
        _log.debug(format, *args)


class Simulator:
    """A running WeChat; a context manager. Port 0 takes a free one."""

    def __init__(self, data_dir: Path, *, port: int, app_url: str, speed: float) -> None:
        self.world = World.open(data_dir, app_url=app_url, speed=speed)
        self._server = make_server(
            "127.0.0.1", port, create_app(self.world), threaded=True, request_handler=QuietRequests
        )
        self._notifier = Notifier(self.world)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answers and delivers from now on."""
        self._notifier.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends; requests under way are cut, notices under way are sent again at the next start."""
        self._server.shutdown()
        self._notifier.stop()
        self._server.server_close()
        self._thread.join()
        self.world.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
