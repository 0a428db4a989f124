"""A browser of a colleague's that asks by HTTP, so that many press at once; it follows nothing."""

import re

import requests
from flask import Flask

from app.domain.permissions import Actor
from tests.fixtures.actors import session_cookie


class StaffOnTheWire:
    """Somebody at a desk."""

    def __init__(self, app: Flask, url: str, actor: Actor) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Connection"] = "close"  # a kept one may end just when the next press is sent
        self._http.cookies.set(*session_cookie(app, actor))
        page = self._http.get(f"{url}/orders/sales", timeout=30)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found, page.text[:400]
        self._csrf = found[1]

    def press(self, path: str, **typed: str) -> requests.Response:
        """Sends a form."""
        data = {"csrf_token": self._csrf, **typed}
        return self._http.post(self._url + path, data=data, allow_redirects=False, timeout=30)
