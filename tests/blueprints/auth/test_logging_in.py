import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.blueprints.auth.routes import hasher
from app.factory import create_app
from app.models.access import LoginSession, RateCounter, Staff
from app.models.journal import Audit
from app.web.guards import safe_next
from config import Config
from tests.factories.forms import csrf_token
from tests.factories.people import a_member_of_staff
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock, close_connections
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

PASSWORD = "一匹安静的马站在河边"
WRONG = "登录名或密码不对，再试一次"
TOO_OFTEN = "试的次数太多了"


def token_in(answer: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found, answer.text[:500]
    return found[1]


def log_in(client: LawfulClient, login: str, password: str = PASSWORD, url: str = "/login") -> TestResponse:
    token = token_in(client.get("/login"))
    return client.post(url, data={"csrf_token": token, "login": login, "password": password})


@pytest.fixture
def shen(app: Flask, database: Database) -> str:
    """The login of somebody whose password is PASSWORD."""
    staff = a_member_of_staff(app, name="沈店员", login="shen")
    with database.write() as session:
        session.execute(update(Staff).where(Staff.id == staff.id).values(password_hash=hasher.hash(PASSWORD)))
    return "shen"


def test_the_right_password_opens_the_back_office(client: LawfulClient, shen: str, database: Database) -> None:
    answer = log_in(client, shen)
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/login").status_code == 303  # who is logged in goes on
    assert database.count(Audit, Audit.action == "staff_logged_in") == 1


def test_logging_in_leads_to_where_somebody_was_going(client: LawfulClient, shen: str) -> None:
    sent = client.get("/settings?group=orders")
    assert sent.status_code == 303
    form = client.get(sent.location)
    action = re.search(r'action="(/login[^"]*)"', form.text)
    assert action
    assert log_in(client, shen, url=action[1].replace("&amp;", "&")).location == "/settings?group=orders"


@pytest.mark.parametrize(
    ("login", "password"), [("shen", "wrong password"), ("nobody", PASSWORD), ("shen ", "another word")]
)
def test_a_wrong_password_and_an_unknown_name_get_the_same_words(
    client: LawfulClient, shen: str, login: str, password: str
) -> None:
    answer = log_in(client, login, password)
    assert answer.status_code == 422
    assert WRONG in answer.text
    assert f'value="{login.strip()}"' in answer.text
    assert password not in answer.text
    password_input = re.search(r"<input[^>]*type=\"password\"[^>]*>", answer.text)
    assert password_input
    assert 'aria-invalid="true"' in password_input[0]
    assert "autofocus" in password_input[0]


def test_an_unknown_name_takes_as_long_as_a_wrong_password(app: Flask, client: LawfulClient, shen: str) -> None:
    def seconds(login: str) -> float:
        token = token_in(client.get("/login"))
        began = time.perf_counter()
        client.post("/login", data={"csrf_token": token, "login": login, "password": "wrong password"})
        return time.perf_counter() - began

    seconds(shen)
    known = median(seconds(shen) for _ in range(5))
    unknown = median(seconds(f"nobody{n}") for n in range(5))
    assert unknown > known / 2
    assert known > unknown / 2


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"login": "", "password": ""}, "写登录名"),
        ({"login": "shen", "password": ""}, "写密码"),
        ({"login": "a" * 41, "password": "x"}, "登录名最多 40 个字符"),
        ({"login": "shen", "password": "x" * 201}, "密码最多 200 个字符"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(client: LawfulClient, typed: dict[str, str], fault: str) -> None:
    token = token_in(client.get("/login"))
    answer = client.post("/login", data={"csrf_token": token, **typed})
    assert answer.status_code == 422
    assert fault in answer.text


def test_a_nul_is_refused_before_anything_reads_it(client: LawfulClient) -> None:
    assert log_in(client, "a\x00b").status_code == 400
    assert client.get("/login?next=%00").status_code == 400


@pytest.mark.both_engines
def test_ten_tries_a_name_on_all_processes_together(
    app: Flask, config: Config, client: LawfulClient, shen: str, clock: MovedClock
) -> None:
    second = create_app(config)
    second.test_client_class = app.test_client_class
    other = second.test_client()
    assert isinstance(other, LawfulClient)
    for turn in range(10):
        assert log_in((client, other)[turn % 2], shen, "wrong password").status_code == 422
    for browser in (client, other):
        refused = log_in(browser, shen)  # even the right password
        assert refused.status_code == 429
        assert TOO_OFTEN in refused.text
    assert log_in(client, " SHEN ").status_code == 429  # the same name, otherwise written
    assert log_in(other, "somebody-else", "wrong password").status_code == 422
    clock.advance(timedelta(minutes=15, seconds=1))
    assert log_in(other, shen).status_code == 303
    close_connections(second)


def test_thirty_tries_an_address(client: LawfulClient) -> None:
    answers = [log_in(client, f"name{n}", "wrong password").status_code for n in range(31)]
    assert answers == [422] * 30 + [429]


def test_the_name_tried_is_counted_up_to_forty_letters(client: LawfulClient, database: Database) -> None:
    log_in(client, "名" * 300, "x")
    keys = database.all(select(RateCounter.key))
    assert keys
    assert max(map(len, keys)) < 200


def test_logging_out_ends_the_session_on_the_server(app: Flask, client: LawfulClient, shen: str) -> None:
    log_in(client, shen)
    cookie = client.get_cookie("staff")
    assert cookie
    answer = client.post("/logout", data={"csrf_token": csrf_token(client)})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    replay = app.test_client()
    replay.set_cookie("staff", cookie.value)
    sent = replay.get("/")
    assert sent.status_code == 303
    assert urlsplit(sent.location).path == "/login"


def test_logging_in_anew_ends_the_session_before(app: Flask, client: LawfulClient, shen: str) -> None:
    log_in(client, shen)
    before = client.get_cookie("staff")
    assert before
    token = csrf_token(client)
    client.post("/login", data={"csrf_token": token, "login": shen, "password": PASSWORD})
    after = client.get_cookie("staff")
    assert after
    assert after.value != before.value
    replay = app.test_client()
    replay.set_cookie("staff", before.value)
    assert replay.get("/").status_code == 303


def test_half_an_hour_unused_ends_a_session(as_staff: AsStaff, clock: MovedClock) -> None:
    client = as_staff("owner", None)
    clock.advance(timedelta(minutes=29))
    assert client.get("/settings").status_code == 200
    clock.advance(timedelta(minutes=29))
    assert client.get("/settings").status_code == 200
    clock.advance(timedelta(minutes=30))
    assert client.get("/settings").status_code == 303


def test_eight_hours_end_a_session_however_busy(as_staff: AsStaff, clock: MovedClock) -> None:
    client = as_staff("owner", None)
    for _ in range(23):
        clock.advance(timedelta(minutes=20))
        assert client.get("/settings").status_code == 200
    clock.advance(timedelta(minutes=20))
    assert client.get("/settings").status_code == 303


def test_a_used_session_is_written_once_a_minute(as_staff: AsStaff, database: Database, clock: MovedClock) -> None:
    client = as_staff("owner", None)
    seen = database.one(select(LoginSession.seen_at))
    client.get("/settings")
    assert database.one(select(LoginSession.seen_at)) == seen
    clock.advance(timedelta(seconds=61))
    client.get("/settings")
    assert database.one(select(LoginSession.seen_at)) > seen


def test_somebody_disabled_is_out_at_once(client: LawfulClient, shen: str, database: Database) -> None:
    log_in(client, shen)
    with database.write() as session:
        session.execute(update(Staff).values(disabled_at=Staff.link_ends_at))
    sent = client.get("/")
    assert sent.status_code == 303
    assert urlsplit(sent.location).path == "/login"
    client.delete_cookie("staff")
    assert WRONG in log_in(client, shen).text


EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:///evil.example",
    "//evil.example@127.0.0.1",
    "/@evil.example/\\..",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "evil.example",
    "evil.example/login",
    "@evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "/a\r\nSet-Cookie: staff=x",
    " //evil.example",
    "/ /evil.example",
    "//[",
    "//[::1",
    "http://[",
    "/／evil.example",
    "／／evil.example",
    "/。evil",
    "/\u2028/evil.example",
    "//eⅤil.example",
    "?next=//evil.example",
    "#//evil.example",
    "",
]


def test_nobody_is_sent_off_the_site_by_a_link(client: LawfulClient, shen: str) -> None:
    log_in(client, shen)
    for target in EVIL:
        answer = client.get("/login", query_string={"next": target})
        assert (target, answer.status_code, answer.location) == (target, 303, "/")


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_nobody_is_sent_off_the_site_after_logging_in(client: LawfulClient, shen: str, target: str) -> None:
    token = token_in(client.get("/login"))
    typed = {"csrf_token": token, "login": shen, "password": PASSWORD}
    answer = client.post("/login", query_string={"next": target}, data=typed)
    assert (answer.status_code, answer.location) == (303, "/")


@pytest.mark.parametrize(
    "target", ["/", "/settings", "/settings?group=orders", "/a/%2f%2fevil", "/orders/sales?q=%E7%8E%8B#x"]
)
def test_a_path_of_ours_is_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    ("headers", "comes_back_to"),
    [
        ({"Referer": "http://127.0.0.1/settings?group=orders"}, "/settings?group=orders"),
        ({"Referer": "https://evil.example//evil.example"}, "/"),
        ({"Referer": "http://["}, "/"),
        ({}, "/"),
    ],
)
def test_a_form_sent_too_late_leads_back_to_its_page(
    client: LawfulClient, headers: dict[str, str], comes_back_to: str
) -> None:
    client.get("/login")
    sent = client.post("/logout", data={"csrf_token": csrf_token(client)}, headers=headers)
    assert sent.status_code == 303
    assert parse_qs(urlsplit(sent.location).query) == {"next": [comes_back_to]}


def test_a_fragment_wanted_too_late_leads_back_to_the_page_it_stood_on(client: LawfulClient) -> None:
    sent = client.get(
        "/settings", headers={"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1/orders/sales?q=1"}
    )
    assert sent.status_code == 204
    assert sent.headers["HX-Redirect"] == "/login?next=/orders/sales?q%3D1"


MakeConfig = Callable[..., Config]


@pytest.mark.parametrize(
    ("public_url", "names", "secure"),
    [("http://127.0.0.1:8000", {"staff", "form"}, False), ("https://b.example", {"__Host-staff", "__Host-form"}, True)],
)
def test_the_cookies_cannot_be_read_by_scripts_or_sent_from_elsewhere(
    app: Flask,
    shen: str,
    make_config: MakeConfig,
    database_url: str,
    tmp_path: Path,
    public_url: str,
    names: set[str],
    secure: bool,
) -> None:
    other = create_app(make_config(database_url, tmp_path, PUBLIC_URL=public_url))
    other.test_client_class = app.test_client_class
    client = other.test_client()
    base_url = public_url.replace("127.0.0.1:8000", "localhost")
    token = token_in(client.get("/login", base_url=base_url))
    typed = {"csrf_token": token, "login": shen, "password": PASSWORD}
    answer = client.post("/login", data=typed, base_url=base_url)
    cookies = [cookie.split("; ") for cookie in answer.headers.getlist("Set-Cookie")]
    first = client.get("/login", base_url=base_url)
    cookies += [cookie.split("; ") for cookie in first.headers.getlist("Set-Cookie")]
    seen = {cookie[0].partition("=")[0] for cookie in cookies}
    assert {name for name in names if name.endswith("staff")} <= seen
    assert seen <= names
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "Path=/" in cookie
        assert ("Secure" in cookie) is secure
        assert not any(part.startswith("Domain") for part in cookie)
        assert ("SameSite=Strict" if cookie[0].startswith(("staff", "__Host-staff")) else "SameSite=Lax") in cookie
    close_connections(other)
