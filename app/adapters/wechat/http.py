"""The one way out to WeChat: bounded in time and size, to the configured hosts alone, never redirected or proxied."""

import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from app.ports import OutcomeUnknown

LARGEST_REPLY = 1 << 20  # bytes
CHUNK = 1 << 16  # bytes
T = TypeVar("T")
DEFAULT_PORTS = {"http": 80, "https": 443}


class TimeLimits(NamedTuple):
    """Seconds: to connect, and to wait for a piece of the reply. After their sum no further piece is waited for."""

    connect: float = 2.0
    read: float = 8.0


class HostRefused(requests.RequestException):
    """A request to a host that is not in the configuration: it was not sent."""


class RedirectRefused(requests.RequestException):
    """WeChat's interfaces never redirect; whoever does is not followed."""


class ReplyTooLong(requests.RequestException):
    """The reply took too long or is too large."""


class Outgoing(requests.Session):
    """A session that cannot hang, wander or remember: time limits, allowed hosts, no redirects, no cookies.

    The environment (proxies, .netrc, CA bundle) is not looked at. Both libraries are handed this session.
    """

    def __init__(self, *allowed_urls: str, limits: TimeLimits | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._origins = {_origin(url) for url in allowed_urls}
        self._limits = limits or TimeLimits()

    def send(
        self, request: requests.PreparedRequest, *, largest: int = LARGEST_REPLY, **kwargs: Any
    ) -> requests.Response:
        """Sends one request; its reply is whole when this returns. Raises requests.RequestException.

        `largest`: bytes; a longer reply is ReplyTooLong.
        """
        origin = _origin(request.url or "")
        if origin not in self._origins:
            raise HostRefused(f"{origin} is not a host of the configuration")
        ends_at = time.monotonic() + sum(self._limits)
        kwargs |= {"timeout": tuple(self._limits), "allow_redirects": False, "stream": True}
        with super().send(request, **kwargs) as response:
            body = _whole_body(response, ends_at, largest)
        if response.status_code // 100 == 3:  # noqa: PLR2004  # every 3xx
            raise RedirectRefused(str(response.status_code))
        response._content = body  # noqa: SLF001  # as requests does
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001  # not in its types
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: requests would read the body of a redirect without a limit to look for the next one."""


def answered(call: Callable[[], T]) -> T:
    """The call's answer; without one, OutcomeUnknown.

    The network's own error is not chained: its message holds the URL, and the URL holds the secret or the token.
    """
    try:
        return call()
    except requests.RequestException as error:
        failure = type(error).__name__
    raise OutcomeUnknown(failure)


def _whole_body(response: requests.Response, ends_at: float, largest: int) -> bytes:
    """Reads what is there until the end, the time limit or the size limit (the library's limit is for each piece)."""
    body = bytearray()
    while piece := _piece(response):
        body += piece
        if len(body) > largest or time.monotonic() > ends_at:
            raise ReplyTooLong
    return bytes(body)


def _piece(response: requests.Response) -> bytes:
    try:
        return bytes(response.raw.read1(CHUNK, decode_content=True))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.ConnectionError(type(error).__name__) from None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)
