"""What a form carries besides what a person types."""

import re

from flask import session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse


def csrf_token(client: FlaskClient) -> str:
    """A token that this browser's forms may carry, without fetching a page first."""
    with client.application.test_request_context():
        token = str(generate_csrf())
        secret = session["csrf_token"]
    with client.session_transaction() as kept:
        kept["csrf_token"] = secret
    return token


def hidden(page: TestResponse, name: str) -> str:
    """What a form carries in a hidden field."""
    found = re.search(rf'name="{name}" type="hidden" value="([^"]*)"', page.text)
    assert found, page.text[:2000]
    return found[1]


def request_key(page: TestResponse) -> str:
    """The key of a form that makes something once."""
    return hidden(page, "request_key")
