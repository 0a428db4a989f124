import logging
import time

import pytest
import requests

import app.adapters.wechat  # noqa: F401  # sets the loggers
from app.adapters.wechat.http import HostRefused, Outgoing, RedirectRefused, ReplyTooLong, TimeLimits, answered
from app.ports import OutcomeUnknown
from tests.adapters.there import Reply, There

LIMITS = TimeLimits(connect=0.2, read=0.2)
SOON = 1.5  # seconds: far below a hang, far above the limits


def test_a_reply_is_whole(there: There) -> None:
    there.answer = lambda _: Reply(200, b"x" * 200_000)
    with Outgoing(there.url, limits=LIMITS) as http:
        assert http.get(there.url).content == b"x" * 200_000


@pytest.mark.parametrize("reply", [Reply(hangs=True), Reply(body=b"x" * 1000, drips=0.05)])
def test_neither_silence_nor_a_trickle_outlasts_the_time_limits(there: There, reply: Reply) -> None:
    there.answer = lambda _: reply
    began = time.monotonic()
    with Outgoing(there.url, limits=LIMITS) as http, pytest.raises(OutcomeUnknown):
        answered(lambda: http.get(there.url, timeout=None))
    assert time.monotonic() - began < SOON


def test_a_flood_is_cut_off(there: There) -> None:
    there.answer = lambda _: Reply(body=b"x" * (1 << 21))
    with Outgoing(there.url, limits=LIMITS) as http, pytest.raises(ReplyTooLong):
        http.get(there.url)


def test_the_default_limits_are_two_and_eight_seconds() -> None:
    assert TimeLimits() == (2, 8)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_even_to_the_same_host(there: There, status: int) -> None:
    there.answer = lambda _: Reply(status, headers={"Location": f"{there.url}/elsewhere"})
    with Outgoing(there.url, limits=LIMITS) as http, pytest.raises(RedirectRefused):
        http.get(there.url, allow_redirects=True)
    assert there.paths() == [""] or there.paths() == ["/"]


@pytest.mark.parametrize(
    "url", ["http://localhost:{port}/", "https://127.0.0.1:{port}/", "http://127.0.0.1:1/", "http://127.0.0.1@evil/"]
)
def test_another_host_port_or_scheme_is_never_called(there: There, url: str) -> None:
    with Outgoing(there.url, limits=LIMITS) as http, pytest.raises(HostRefused):
        http.get(url.format(port=there.url.rpartition(":")[2]))
    assert there.seen == []


def test_proxies_of_the_environment_are_not_used(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    there.answer = lambda _: Reply(200, b"direct")
    with Outgoing(there.url, limits=LIMITS) as http:
        assert http.get(there.url).content == b"direct"


def test_no_cookie_is_kept(there: There) -> None:
    there.answer = lambda _: Reply(200, headers={"Set-Cookie": "who=1; Path=/"})
    with Outgoing(there.url, limits=LIMITS) as http:
        http.get(there.url)
        http.get(there.url)
    assert "Cookie" not in there.seen[1].headers


def test_a_failure_does_not_tell_the_url() -> None:
    url = "http://127.0.0.1:1"
    with Outgoing(url, limits=LIMITS) as http, pytest.raises(OutcomeUnknown) as caught:
        answered(lambda: http.get(f"{url}/sns/oauth2/access_token", params={"secret": "hush"}))
    error: BaseException | None = caught.value
    while error is not None:
        assert "hush" not in str(error)
        assert not isinstance(error, requests.RequestException)
        error = error.__context__


@pytest.mark.parametrize("name", ["wechatpy.client.base", "wechatpy.oauth", "wechatpayv3", "urllib3.connectionpool"])
def test_the_libraries_write_no_bodies_and_no_urls(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
