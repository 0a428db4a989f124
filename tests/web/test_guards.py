"""The guards themselves; tests/web/test_every_url.py walks every URL × role × region."""

import pytest
from flask import Flask

from app.domain.permissions import Permission
from app.web.guards import MOST_ROW_ID, guard_of, row_id
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


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("1", 1),
        ("007", 7),
        (str(MOST_ROW_ID), MOST_ROW_ID),
        (str(MOST_ROW_ID + 1), None),
        ("9" * 5_000, None),  # more digits than Python turns into a number
        ("0", None),
        ("-1", None),
        ("１", None),
        ("²", None),
        ("", None),
    ],
)
def test_what_no_row_can_have_as_its_id_is_no_id(sent: str, known: int | None) -> None:
    assert row_id(sent) == known


def test_a_page_of_an_impossible_row_is_not_found(as_staff: AsStaff) -> None:
    owner = as_staff(role="owner", region=None)
    for sent in ("0", str(MOST_ROW_ID + 1), "9" * 5_000):
        assert owner.get(f"/orders/{sent}").status_code == 404
