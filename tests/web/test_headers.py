"""The headers of every kind of answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.factory import create_app
from config import Config
from tests.factories.forms import csrf_token
from tests.factories.people import a_member_of_staff
from tests.fixtures.actors import AsCustomer, AsStaff, client_of
from tests.fixtures.apps import close_connections
from tests.fixtures.house_law import LawfulClient, policy

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def breaking() -> str:
    raise ZeroDivisionError("secret words of a stack trace")


@pytest.fixture
def answers(app: Flask, as_staff: AsStaff, as_customer: AsCustomer) -> dict[str, TestResponse]:
    """One answer of each kind."""
    breaking.guard = app.view_functions["auth.login"].guard  # type: ignore[attr-defined, union-attr]
    app.add_url_rule("/breaks", "breaks", breaking)
    app.add_url_rule("/m/breaks", "m_breaks", breaking)
    stranger, owner, customer = app.test_client(), as_staff("owner", None), as_customer()
    assert isinstance(stranger, LawfulClient)
    bad = {"csrf_token": csrf_token(owner), "step": "save"}
    return {
        "200": stranger.get("/login"),
        "200 of staff": owner.get("/settings"),
        "200 of a customer": customer.get("/m/me"),
        "a fragment": owner.get("/settings", headers={"HX-Request": "true"}),
        "303": stranger.get("/"),
        "303 of a customer": stranger.get("/m/me"),
        "400": stranger.post("/login"),
        "401": stranger.post("/wechat/pay/payments"),
        "403": as_staff("clerk", "A").get("/settings"),
        "404": stranger.get("/nothing/here"),
        "404 of a customer": customer.get("/m/nothing/here"),
        "405": stranger.delete("/login"),
        "413": stranger.post("/login", data={"login": "x" * 100_000}),
        "422": owner.post("/settings/reservation_hours", data=bad),
        "500": stranger.get("/breaks"),
        "500 of a customer": stranger.get("/m/breaks"),
        "500 of staff": owner.get("/breaks"),
    }


def test_every_answer_carries_them(answers: dict[str, TestResponse]) -> None:
    for kind, answer in answers.items():
        assert f"{kind.partition(' ')[0]}" in (str(answer.status_code), "a")
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, kind
        told = policy(answer.headers["Content-Security-Policy"])
        assert told["default-src"] == told["object-src"] == told["base-uri"] == told["frame-ancestors"] == ["'none'"]
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & set(told["script-src"] + told["style-src"]), (
            kind
        )
        assert "no-store" in answer.headers["Cache-Control"], kind
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers  # plain http
        assert answer.headers.get("Content-Type", "text/html; charset=utf-8").endswith("charset=utf-8")


def test_every_answer_has_a_nonce_of_its_own(answers: dict[str, TestResponse], client: LawfulClient) -> None:
    every = [*answers.values(), *(client.get("/login") for _ in range(20))]
    nonces = {answer.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0] for answer in every}
    assert len(nonces) == len(every)
    assert min(map(len, nonces)) >= 22  # 128 bits


def test_a_failure_tells_an_id_and_nothing_else(
    answers: dict[str, TestResponse], capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("500", "500 of a customer", "500 of staff"):
        text = answers[kind].text
        assert "ZeroDivisionError" not in text
        assert "secret words" not in text
        assert "反复出现就报编号" in text
    assert "反复出现就报编号" not in answers["404"].text


def test_a_wrong_method_says_which_are_right(answers: dict[str, TestResponse]) -> None:
    assert {"GET", "POST"} <= set(answers["405"].headers["Allow"].split(", "))


def test_a_page_of_a_failure_does_not_need_the_database(app: Flask) -> None:
    client = client_of(app, a_member_of_staff(app, role="owner", region=None))
    with app.app_context():
        from app.db import db

        with db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE login_session RENAME TO gone")
    for path in ("/", "/m/me"):
        client.set_cookie("customer", "x")
        answer = client.get(path)
        assert answer.status_code == 500
        assert "反复出现就报编号" in answer.text


@pytest.mark.parametrize(
    ("status", "what"), [(404, "/orders/999999999"), (404, "/settings/nothing"), (400, "/settings?region=%00")]
)
def test_a_refusal_to_htmx_is_shown_in_its_place(as_staff: AsStaff, status: int, what: str) -> None:
    answer = as_staff("owner", None).get(what, headers={"HX-Request": "true"})
    assert answer.status_code == status
    assert "data-error-state" in answer.text
    assert "<html" not in answer.text
    assert "HX-Retarget" not in answer.headers


def test_static_files_are_kept_for_a_year_and_run_nothing(app: Flask, client: LawfulClient) -> None:
    with app.test_request_context():
        from app.web.assets import asset

        url = asset("app.css")
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer.close()
    assert client.get("/static/nothing.css").status_code == 404
    assert client.get("/static/../../config.py").status_code == 404


def test_over_https_nobody_comes_back_without_it(
    app: Flask, make_config: Callable[..., Config], database_url: str, tmp_path: Path
) -> None:
    secure = create_app(make_config(database_url, tmp_path, PUBLIC_URL="https://b.example"))
    secure.test_client_class = app.test_client_class
    client = secure.test_client()
    for path in ("/login", "/", "/nothing", "/m/", "/static/app.css", "/static/favicon.svg"):
        answer = client.get(path, base_url="https://b.example")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path
        answer.close()
    close_connections(secure)
