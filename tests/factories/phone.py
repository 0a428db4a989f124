"""What a person does on the phone: pressing a form's button, and going through WeChat's log-in."""

import html
import re
import secrets
from http.cookiejar import DefaultCookiePolicy

import requests
from flask import Flask
from werkzeug.test import TestResponse

from tests.factories.forms import csrf_token
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, order_of
from tests.fixtures.house_law import LawfulClient


def press(client: LawfulClient, url: str, **typed: object) -> TestResponse:
    """Sends a form."""
    return client.post(url, data={"csrf_token": csrf_token(client), **typed})


def reserve(client: LawfulClient, listing_id: int, **typed: object) -> TestResponse:
    """Presses 立即预约 on a vehicle's page; any field can be given otherwise."""
    fields: dict[str, object] = {
        "colour": COLOURS[0],
        "intent": "reserve",
        "seen_fen": PRICE_FEN,
        "request_key": secrets.token_hex(16),
        **typed,
    }
    return press(client, f"/m/vehicles/{listing_id}/reserve", **fields)


def an_order_id(client: LawfulClient, app: Flask, region: str = "A") -> int:
    """A new order of whoever is logged in, made through the pages."""
    answer = reserve(client, a_listing_id(app, region))
    assert answer.status_code == 303, answer.text
    return int(answer.location.rpartition("/")[2])


def match(client: LawfulClient, app: Flask, order_id: int) -> TestResponse:
    """Enters the right number."""
    return press(client, f"/m/orders/{order_id}/number", number=order_of(app, order_id).number)


def hidden(answer: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', answer.text)
    assert found, f"no {name} in {answer.text}"
    return html.unescape(found[1])


def words(answer: TestResponse) -> str:
    """What stands on a page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def at_wechat(url: str, openid: str) -> str:
    """Follows the way to WeChat's log-in as that person; where WeChat sends the browser back to, as a path."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        answer = browser.get(url, headers={"Cookie": f"sim_openid={openid}"}, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text
    back = answer.headers["Location"]
    return back[back.index("/m/") :]


def log_in(client: LawfulClient, openid: str, url: str = "/m/login") -> TestResponse:
    """Goes through the log-in; the answer to coming back."""
    sent = client.get(url)
    while sent.location.startswith("/"):
        sent = client.get(sent.location)
    return client.get(at_wechat(sent.location, openid))
