"""The finance section: who finds it in the menu, and its tabs."""

import pytest

from app.domain.permissions import Role
from tests.fixtures.actors import AsStaff


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.FINANCE])
def test_who_may_see_the_ledger_finds_finance_in_the_menu(as_staff: AsStaff, role: Role) -> None:
    page = as_staff(role=role).get("/finance")
    assert page.status_code == 200
    assert '<a href="/finance" aria-current="page">' in page.text


@pytest.mark.parametrize("role", [Role.CLERK, Role.TECHNICIAN, Role.CONSULTANT])
def test_others_do_not(as_staff: AsStaff, role: Role) -> None:
    client = as_staff(role=role)
    assert "/finance" not in client.get("/").text
    assert client.get("/finance").status_code == 403
