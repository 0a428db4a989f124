"""押金到期 over HTTP: the list, sending one back to be paid anew, and what the owner paid out (decision 26)."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import update

from app.domain.deposits import DepositKind, DepositStatus
from app.models.deposits import Deposit
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.people import a_customer
from tests.factories.phone import press, words
from tests.factories.pictures import a_photo
from tests.factories.rentals import a_deposit, a_rental_order, deposits_of
from tests.fixtures.actors import AsCustomer, AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

BEGAN = datetime(2026, 3, 1, 4, tzinfo=UTC)  # noon in Shanghai
DAY = timedelta(days=1)
HORIZON = "/finance/horizon"


@pytest.fixture(autouse=True)
def march(clock: MovedClock) -> None:
    clock.move_to(BEGAN)


def test_the_list_and_the_home_page_from_day_330_on(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    member = a_member(app)
    (deposit,) = deposits_of(app, member)
    a_member(app, region="B")
    clock.move_to(BEGAN + 329 * DAY)
    owner = as_staff(role="owner", region=None)
    assert "没有快到期的押金" in owner.get(HORIZON).text
    assert "押金快到期" not in owner.get("/").text
    clock.move_to(BEGAN + 330 * DAY)
    owner = as_staff(role="owner", region=None)
    page = words(owner.get(HORIZON))
    for seen in ("35 天，到 03-01", "闪充押金", "没有占用", "退回重缴", "共 2 笔"):
        assert seen in page, page
    assert "共 1 笔" in words(owner.get(f"{HORIZON}?region=B"))
    assert "押金快到期" in owner.get("/").text
    assert f"{HORIZON}/{deposit.id}/renew" in owner.get(HORIZON, query_string={"region": "A"}).text


def test_days_are_those_of_shanghai(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    (deposit,) = deposits_of(app, a_member(app, now=BEGAN + timedelta(hours=13)))  # an hour past midnight there
    clock.move_to(BEGAN + 340 * DAY)
    finance = as_staff(role="finance", region=None)
    for page in (HORIZON, f"{HORIZON}/{deposit.id}/renew"):
        assert "2026-03-02" in finance.get(page).text, page


def test_finance_sends_one_back_and_the_person_pays_again(
    app: Flask, as_staff: AsStaff, as_customer: AsCustomer, clock: MovedClock, database: Database
) -> None:
    some_batteries(database)
    member = a_member(app)
    use_id = a_use(app, member, now=BEGAN + 330 * DAY)
    (deposit,) = deposits_of(app, member)
    clock.move_to(BEGAN + 333 * DAY)
    finance = as_staff(role="finance", region=None)
    assert "电池" in words(finance.get(HORIZON))
    url = f"{HORIZON}/{deposit.id}/renew"
    sheet = words(finance.get(url))
    for seen in ("退给用户 ¥300.00", "退回 ¥300.00", "未缴押金"):
        assert seen in sheet, sheet
    assert press(finance, url, reason="").status_code == 422
    assert press(finance, url, reason="快满一年").location.endswith(f"/orders/deposits/{deposit.id}")
    assert "到期退回" in words(finance.get(f"/orders/deposits/{deposit.id}"))
    assert "退款中" in words(finance.get(HORIZON))
    assert finance.get(url).status_code == 422
    for page in (f"/flash-charge/uses/{use_id}", "/flash-charge", "/flash-charge/batteries/1"):
        assert "未缴押金" in finance.get(page).text, page
    phone = as_customer(member)
    for page in ("/m/flash", "/m/deposits", "/m/me", "/m/flash/uses"):
        assert phone.get(page).status_code == 200, page
    a_deposit(app, member, DepositKind.FLASH)
    assert "未缴押金" not in finance.get(f"/flash-charge/uses/{use_id}").text


def test_a_renter_pays_again_on_the_phone_for_the_vehicle_that_is_out(
    app: Flask, as_staff: AsStaff, as_customer: AsCustomer, clock: MovedClock, database: Database
) -> None:
    renter = a_customer(app)
    order_id = a_rental_order(app, database, customer=renter, picked_up=True)
    with database.write() as session:
        session.execute(update(Deposit).values(paid_at=BEGAN - 340 * DAY))
    (deposit,) = deposits_of(app, renter)
    finance, phone = as_staff(role="finance", region=None), as_customer(renter)
    assert "未缴押金" not in phone.get("/m/deposits").text
    assert press(finance, f"{HORIZON}/{deposit.id}/renew", reason="快满一年").status_code == 303
    assert "未缴押金。" in words(finance.get(f"/orders/{order_id}"))
    assert "重新付租车押金 ¥300.00" in phone.get("/m/deposits").text
    assert phone.get(f"/m/orders/{order_id}").status_code == 200
    url = f"/m/orders/{order_id}/deposit"
    assert press(phone, url, kind="rental", rental_fen="1", flash_fen="1").status_code == 422
    stale = press(phone, url, kind="rental", rental_fen="30000")
    assert stale.status_code == 422
    paying = press(phone, url, kind="rental", rental_fen="30000", flash_fen="30000")
    assert paying.status_code == 303
    assert "¥300.00" in phone.get(paying.location).text
    a_deposit(app, renter, DepositKind.RENTAL, order_id=order_id, now=clock.now())
    assert "未缴押金" not in phone.get("/m/deposits").text
    assert "未缴押金" not in finance.get(f"/orders/{order_id}").text


def test_past_365_days_it_is_the_owners_with_a_photo(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    (deposit,) = deposits_of(app, member := a_member(app))
    clock.move_to(BEGAN + 366 * DAY)
    finance = as_staff(role="finance", region=None)
    page = words(finance.get(HORIZON))
    for seen in ("过了，不能再退", "等店主线下退"):
        assert seen in page, page
    assert finance.open_lawless(f"{HORIZON}/{deposit.id}/outside").status_code == 403
    assert "由店主线下退" in words(finance.get(f"/orders/deposits/{deposit.id}"))
    back = press(finance, f"/orders/deposits/{deposit.id}/refund")
    assert back.status_code == 422
    assert "微信只退 365 天内付的款" in back.text
    owner = as_staff(role="owner", region=None)
    url = f"{HORIZON}/{deposit.id}/outside"
    assert "已经退了 ¥300.00" in words(owner.get(url))
    assert press(owner, f"{url}/photo", reason="微信转账").status_code == 422
    proof = (BytesIO(a_photo(size=(400, 300))), "proof.jpg", "image/jpeg")
    done = press(owner, f"{url}/photo", reason="微信转账", photo=proof)
    assert done.status_code == 303, done.text
    assert deposits_of(app, member)[0].status is DepositStatus.REFUNDED
    assert "没有快到期的押金" in owner.get(HORIZON).text
