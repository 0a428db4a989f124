"""Every unsafe route wants a token of this very browser; only WeChat's signed callbacks carry none."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.web.guards import guard_of
from tests.factories.forms import csrf_token
from tests.fixtures.actors import AsCustomer, AsStaff
from tests.fixtures.house_law import LawfulClient

SAFE = {"GET", "HEAD", "OPTIONS"}
EIGHT_HOURS = 8 * 3600


def acts(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(guard, method, path) of every route that changes something."""
    for rule in app.url_map.iter_rules():
        guard = guard_of(app, rule.endpoint)
        assert guard
        for method in (rule.methods or set()) - SAFE:
            yield guard.kind, method, "".join("1" if dynamic else text for dynamic, text in rule._trace).lstrip("|")


@pytest.fixture
def browsers(client: LawfulClient, as_staff: AsStaff, as_customer: AsCustomer) -> dict[str, LawfulClient]:
    """Who may do the acts of each guard."""
    return {"public": client, "staff": as_staff("owner", None), "customer": as_customer()}


def test_the_routes_are_found(app: Flask) -> None:
    paths = {path for _, _, path in acts(app)}
    assert {"/login", "/logout", "/settings/1", "/wechat/pay/payments"} <= paths


@pytest.mark.parametrize("sent_as", ["form", "header"])
def test_no_wrong_or_strange_token_is_accepted(
    app: Flask, browsers: dict[str, LawfulClient], as_staff: AsStaff, sent_as: str
) -> None:
    others = csrf_token(as_staff("owner", None))
    accepted = []
    for kind, method, path in acts(app):
        if kind == "wechat":
            continue
        browser = browsers[kind]
        own = csrf_token(browser)
        tokens = {
            "none": "",
            "wrong": "wrong",
            "another browser's": others,
            "bent": ("A" if own[0] != "A" else "B") + own[1:],
        }
        for name, token in tokens.items():
            if sent_as == "form":
                answer = browser.open_lawless(path, method=method, data={"csrf_token": token})
            else:
                answer = browser.open_lawless(path, method=method, headers={"X-CSRFToken": token, "HX-Request": "true"})
            if answer.status_code != 400:
                accepted.append(f"{method} {path} with {name}: {answer.status}")
    assert accepted == []


def test_a_token_of_yesterday_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch, client: LawfulClient) -> None:
    token = csrf_token(client)
    app.config["WTF_CSRF_TIME_LIMIT"] = -1
    assert client.post("/login", data={"csrf_token": token}).status_code == 400
    app.config["WTF_CSRF_TIME_LIMIT"] = EIGHT_HOURS
    assert client.post("/login", data={"csrf_token": token}).status_code == 422


def test_wechats_callbacks_need_a_signature_instead(app: Flask, client: LawfulClient) -> None:
    callbacks = [(method, path) for kind, method, path in acts(app) if kind == "wechat"]
    assert callbacks
    assert {client.open_lawless(path, method=method).status_code for method, path in callbacks} == {401}
