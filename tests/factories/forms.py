"""What a form carries besides what a person types."""

from flask import session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf


def csrf_token(client: FlaskClient) -> str:
    """A token that this browser's forms may carry, without fetching a page first."""
    with client.application.test_request_context():
        token = str(generate_csrf())
        secret = session["csrf_token"]
    with client.session_transaction() as kept:
        kept["csrf_token"] = secret
    return token
