"""试算到某一天 on the screen."""

from datetime import timedelta

import pytest
from flask import Flask

from app.domain.calendar import business_day
from app.models.late_fees import LateFee
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.rentals import a_rental_order
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database

HTMX = {"HX-Request": "true"}


@pytest.fixture
def lent(app: Flask, database: Database) -> None:
    """Two batteries of A and B that are out for 13 days, a vehicle of A."""
    then = app.extensions[RUNTIME].clock.now() - timedelta(days=13)
    for region in "AB":
        some_batteries(database, region, last=1)
        a_use(app, a_member(app, region=region, now=then), f"{region}00001", now=then)
    a_rental_order(app, database, picked_up=True, now=then)


def url(app: Flask, days: int, **more: str) -> str:
    on = business_day(app.extensions[RUNTIME].clock.now()) + timedelta(days=days)
    return f"/jobs/preview?on={on}" + "".join(f"&{key}={value}" for key, value in more.items())


@pytest.mark.usefixtures("lent")
def test_sums_by_region_and_business_and_what_they_are_made_of(
    as_staff: AsStaff, app: Flask, database: Database
) -> None:
    owner = as_staff("owner", None)
    today = owner.get("/jobs/preview").text
    assert "没有要记的" in today
    page = owner.get(url(app, 5)).text  # 18 days out: four days of a late fee
    assert "2 个，8 天" in page
    assert "¥40.00" in page
    assert "A 紫金港，闪充" in page
    assert "1 块电池，4 天" in page
    assert "开始逾期 2 条" in page
    assert "王*涵" in page
    assert ">封顶<" not in page
    later = owner.get(url(app, 60)).text
    assert "冻结 3 人" in later, "the rental is 43 days late by then"
    assert ">冻结<" in later
    vehicles = owner.get(url(app, 60, what="vehicle"), headers=HTMX).text
    assert "AZ" in vehicles
    assert "<html" not in vehicles
    assert database.count(LateFee) == 0


@pytest.mark.usefixtures("lent")
def test_somebody_of_one_region_sees_that_region(as_staff: AsStaff, app: Flask) -> None:
    page = as_staff("manager", "B").get(url(app, 5)).text
    assert "B 小和山，闪充" in page
    assert "紫金港" not in page
    assert "1 个，4 天" in page
    narrowed = as_staff("owner", None).get(url(app, 5, region="B")).text
    assert "1 个，4 天" in narrowed


@pytest.mark.parametrize("on", ["2020-01-01", "9999-12-31", "morgen", "2026-02-30"])
def test_a_day_that_does_not_fit_is_said_beside_the_field(as_staff: AsStaff, on: str) -> None:
    answer = as_staff("owner", None).get(f"/jobs/preview?on={on}")
    assert answer.status_code == 422
    assert 'id="on-error"' in answer.text
    assert f'value="{on}"' in answer.text


def test_nonsense_to_page_from_is_left_aside(as_staff: AsStaff, app: Flask) -> None:
    owner = as_staff("owner", None)
    for nonsense in ({"after": "x"}, {"before": "9" * 40}, {"what": "y"}, {"region": "Q"}):
        assert owner.get(url(app, 3, **nonsense)).status_code == 200
