"""What a person does on the phone: pressing a form's button, and going through WeChat's log-in."""

import html
import re
import secrets
from http.cookiejar import DefaultCookiePolicy

import requests
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.numbering import Business
from app.domain.permissions import Actor
from tests.factories.forms import csrf_token
from tests.factories.ground import COLOURS, PRICE_FEN
from tests.factories.orders import a_listing_id, order_of
from tests.factories.rentals import MONTH, MONTH_FEN
from tests.fixtures.actors import session_cookie
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


class PhoneOnTheWire:
    """A browser of a person's that asks by HTTP, so that many press at once; it follows nothing."""

    def __init__(self, app: Flask, url: str, customer: Actor) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set(*session_cookie(app, customer))
        page = self._http.get(f"{url}/m/", timeout=30)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found, page.text[:400]
        self._csrf = found[1]

    def press(self, path: str, **typed: object) -> requests.Response:
        """Sends a form."""
        data = {"csrf_token": self._csrf, **typed}
        return self._http.post(self._url + path, data=data, allow_redirects=False, timeout=30)

    def reserve(self, business: Business, listing_id: int) -> requests.Response:
        """Presses 立即预约 on a vehicle's page; of one for rent, for a month."""
        if business is Business.SALE:
            path, price = f"/m/vehicles/{listing_id}/reserve", {"seen_fen": str(PRICE_FEN)}
        else:
            path, price = f"/m/rent/{listing_id}/reserve", {"plan": f"{MONTH}:{MONTH_FEN}"}
        return self.press(path, colour=COLOURS[0], intent="reserve", request_key=secrets.token_hex(16), **price)


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
