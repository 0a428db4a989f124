"""The guards themselves; tests/web/test_every_url.py walks every URL × role × region."""

from flask import Flask

from app.domain.permissions import Permission
from app.web.guards import guard_of
from tests.fixtures.actors import AsStaff
from tests.fixtures.house_law import LawfulClient

ASKED_BY_VERBS = {Permission.PAYMENTS_VIEW, Permission.PICKUP_UNDO, Permission.PEOPLE_FREEZE}


def test_a_url_without_a_guard_answers_nobody(app: Flask, as_staff: AsStaff) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert as_staff(role="owner", region=None).get("/forgotten").status_code == 403


def test_htmx_is_told_where_to_log_in(client: LawfulClient) -> None:
    """A 303 would be followed by HTMX and the log-in page swapped into the middle of a page."""
    for path, login in (("/orders/sales", "/login"), ("/m/orders", "/m/login")):
        answer = client.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 204
        assert answer.headers["HX-Redirect"].startswith(f"{login}?next=")


def test_every_right_guards_something(app: Flask) -> None:
    """A right that neither a URL nor a verb asks for should go."""
    guards = [guard_of(app, endpoint) for endpoint in app.view_functions]
    assert set(Permission) - {guard.permission for guard in guards if guard} <= ASKED_BY_VERBS
