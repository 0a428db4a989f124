"""Logging in through WeChat, and out."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from app.factory import create_app
from app.models.access import LoginSession
from app.models.people import Customer, CustomerStatus
from app.web.current import RUNTIME
from config import Config
from tests.factories.phone import at_wechat, log_in, press, words
from tests.fixtures.actors import AsCustomer
from tests.fixtures.apps import MovedClock, close_connections
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient
from tests.fixtures.simulators import Simulator


def state_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


@pytest.mark.req("FLOW-BUY-1")
def test_logging_in_leads_back_and_makes_a_visitor(
    client: LawfulClient, simulator: Simulator, database: Database
) -> None:
    openid = simulator.person()
    back = log_in(client, openid, "/m/orders")
    assert (back.status_code, back.location) == (303, "/m/orders")
    assert client.get("/m/orders").status_code == 200
    customer = database.one(select(Customer))
    assert (customer.openid, customer.status) == (openid, CustomerStatus.VISITOR)


def test_the_same_person_is_met_once(app: Flask, simulator: Simulator, database: Database) -> None:
    openid = simulator.person()
    for _ in range(2):
        browser = app.test_client()
        assert isinstance(browser, LawfulClient)
        assert log_in(browser, openid).status_code == 303
    assert database.count(Customer) == 1
    assert database.count(LoginSession) == 2


def test_the_way_to_wechat_is_silent_and_carries_a_long_state(client: LawfulClient) -> None:
    sent = urlsplit(client.get("/m/login?next=/m/me").location)
    asked = {name: values[0] for name, values in parse_qs(sent.query).items()}
    assert (sent.path, sent.fragment) == ("/connect/oauth2/authorize", "wechat_redirect")
    assert (asked["scope"], asked["response_type"]) == ("snsapi_base", "code")
    assert asked["redirect_uri"].endswith("/m/wechat/return")
    assert re.fullmatch(r"[0-9a-f]{32}", asked["state"])


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/settings", "/logout", "javascript:alert(1)"],
)
def test_nobody_is_led_away_from_the_phone(client: LawfulClient, simulator: Simulator, target: str) -> None:
    sent = client.get("/m/login", query_string={"next": target})
    assert client.get(at_wechat(sent.location, simulator.person())).location == "/m/"


def test_whoever_is_logged_in_goes_on(as_customer: AsCustomer) -> None:
    assert as_customer().get("/m/login?next=/m/orders").location == "/m/orders"


def test_a_state_counts_once(client: LawfulClient, simulator: Simulator, database: Database) -> None:
    openid = simulator.person()
    sent = client.get("/m/login?next=/m/me")
    first, second = (at_wechat(sent.location, openid) for _ in range(2))
    assert client.get(first).location == "/m/me"
    client.delete_cookie("customer")
    refused = client.get(second)
    assert refused.status_code == 400
    assert "登录没有完成" in refused.text
    assert "Set-Cookie" not in refused.headers or "customer=" not in refused.headers["Set-Cookie"]
    assert database.count(LoginSession) == 1


def test_reloading_the_way_back_is_no_error(client: LawfulClient, simulator: Simulator, database: Database) -> None:
    back = at_wechat(client.get("/m/login?next=/m/me").location, simulator.person())
    assert [client.get(back).location for _ in range(3)] == ["/m/me"] * 3
    assert database.count(LoginSession) == 1


def test_another_browsers_way_back_logs_nobody_in(app: Flask, simulator: Simulator, database: Database) -> None:
    """An attacker's link with their own code and state: the victim's browser did not begin it."""
    attacker, victim = app.test_client(), app.test_client()
    back = at_wechat(attacker.get("/m/login").location or "", simulator.person("坏人"))
    assert victim.get(back).status_code == 400
    assert database.count(LoginSession) == 0


def test_a_link_of_somebody_else_does_not_swap_who_is_logged_in(
    app: Flask, as_customer: AsCustomer, simulator: Simulator
) -> None:
    me, attacker = as_customer(), app.test_client()
    back = at_wechat(attacker.get("/m/login").location or "", simulator.person("坏人"))
    before = me.get_cookie("customer")
    assert me.get(back).status_code == 303
    assert me.get_cookie("customer") == before


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?code=x&state=" + "0" * 32])
def test_a_way_back_without_a_state_of_ours(client: LawfulClient, query: str, database: Database) -> None:
    refused = client.get(f"/m/wechat/return{query}")
    assert refused.status_code == 400
    assert "/m/login" in refused.text
    assert database.count(Customer) == 0


def test_a_state_grows_old(client: LawfulClient, simulator: Simulator, clock: MovedClock) -> None:
    sent = client.get("/m/login")
    clock.advance(timedelta(minutes=10, seconds=2))
    assert client.get(at_wechat(sent.location, simulator.person())).status_code == 400


def test_whoever_says_no_to_wechat_can_try_again(client: LawfulClient) -> None:
    state = state_in(client.get("/m/login?next=/m/me").location)
    refused = client.get(f"/m/wechat/return?state={state}")
    assert refused.status_code == 403
    assert "/m/login?next=/m/me" in refused.text


def test_a_code_that_wechat_does_not_know(client: LawfulClient, simulator: Simulator, database: Database) -> None:
    state = state_in(client.get("/m/login").location)
    assert client.get(f"/m/wechat/return?code=made-up&state={state}").status_code == 400
    assert database.count(Customer) == 0


def test_wechat_is_down_while_logging_in(client: LawfulClient, simulator: Simulator) -> None:
    back = at_wechat(client.get("/m/login?next=/m/me").location, simulator.person())
    simulator.misbehave("status_5xx", None, on="oauth")
    answer = client.get(back)
    assert answer.status_code == 503
    assert "/m/login?next=/m/me" in answer.text


def test_a_snapshot_visitor_is_told_and_not_logged_in(
    client: LawfulClient, simulator: Simulator, database: Database
) -> None:
    openid = simulator.post("/_sim/people", nickname="快照页访客", snapshot=True)["openid"]
    back = log_in(client, openid, "/m/me")
    assert back.status_code == 403
    assert "使用完整服务" in words(back)
    assert database.count(Customer) == 0
    assert database.count(LoginSession) == 0


def test_several_windows_log_in_side_by_side(client: LawfulClient, simulator: Simulator) -> None:
    openid = simulator.person()
    ways = [client.get(f"/m/login?next={target}").location for target in ("/m/me", "/m/orders")]
    assert [client.get(at_wechat(way, openid)).location for way in ways] == ["/m/me", "/m/orders"]


def test_logging_out_ends_the_session_on_the_server(as_customer: AsCustomer, database: Database) -> None:
    somebody = as_customer()
    cookie = somebody.get_cookie("customer")
    assert cookie
    assert press(somebody, "/m/logout").location == "/m/"
    assert somebody.get_cookie("customer") is None
    somebody.set_cookie("customer", cookie.value)
    assert somebody.get("/m/me").location.startswith("/m/login")
    assert database.one(select(LoginSession.revoked_at)) is not None


@pytest.fixture
def real_phone(make_config: Callable[..., Config], database_url: str, data_dir: Path) -> Iterator[Flask]:
    """The application without the simulator's bridge: only WeChat's browser is WeChat."""
    app = create_app(make_config(database_url, data_dir, WECHAT_BRIDGE_URL=""))
    app.testing = True
    app.test_client_class = LawfulClient
    yield app
    close_connections(app)


def test_outside_wechat_a_page_says_what_to_do(real_phone: Flask) -> None:
    browser = real_phone.test_client()
    page = browser.get("/m/login?next=/m/orders")
    assert page.status_code == 200
    assert "在微信里打开" in page.text
    assert 'src="data:image/svg+xml' in page.text
    url = real_phone.extensions[RUNTIME].public_url
    assert f">{url}/m/orders</a>" in page.text
    assert browser.get("/m/").status_code == 200  # looking around needs no WeChat


def test_inside_wechat_the_log_in_goes_on(real_phone: Flask) -> None:
    browser = real_phone.test_client()
    inside = {"User-Agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50 NetType/WIFI"}
    assert browser.get("/m/login", headers=inside).status_code == 303
