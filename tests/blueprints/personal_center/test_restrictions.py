"""受限用户 and a person's standing: who is barred and why, from the facts; freezing by hand (decision 5)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.domain.settings import FLASH_LATE_FEE
from app.models.people import Restriction
from app.queries.late_fees import KINDS
from app.queries.paging import Key
from app.queries.restricted import RestrictedList, restricted_list
from app.usecases import customers, waivers
from tests.factories.flash import a_member, a_use, some_batteries, take_back, use_of
from tests.factories.orders import an_order
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import press, words
from tests.factories.reading import read
from tests.factories.rentals import a_rental_order
from tests.factories.settings import a_setting
from tests.fixtures.actors import AsStaff
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database

BEGAN = datetime(2026, 11, 1, 4, tzinfo=UTC)  # noon in Shanghai
DAY = timedelta(days=1)
LIST = "/personal-center/restrictions"


@pytest.fixture(autouse=True)
def november(app: Flask, clock: MovedClock, database: Database) -> None:
    clock.move_to(BEGAN)
    a_setting(app, database, FLASH_LATE_FEE, 5_00)
    some_batteries(database)
    some_batteries(database, "B")


def standing(member: Actor) -> str:
    return f"/personal-center/people/{member.id}/standing"


def tabs(text: str) -> list[str]:
    """The counts of the three tabs."""
    return re.findall(r"(?:逾期冻结|欠费|人工冻结)\D{0,200}?(\d+)", re.sub(r"<[^>]+>", " ", text))[:3]


def test_each_cause_has_a_list_of_its_own_from_the_facts_alone(
    app: Flask, as_staff: AsStaff, clock: MovedClock, database: Database
) -> None:
    overdue, owes, frozen = (a_member(app) for _ in range(3))
    elsewhere = a_member(app, region="B")
    a_use(app, overdue, "A00001")
    debt_id = a_use(app, owes, "A00002")
    a_use(app, elsewhere, "B00001")
    clock.move_to(BEGAN + 18 * DAY)
    take_back(app, debt_id)
    with app.app_context():
        boss = a_member_of_staff(app, role="manager")
        customers.freeze(frozen.id or 0, reason="证件要核对", actor=boss, now=clock.now())
    clock.move_to(BEGAN + 30 * DAY)
    assert database.count(Restriction) == 2  # the freeze by hand, and the debt: no job has run
    manager = as_staff(role="manager")
    first = manager.get(LIST)
    assert tabs(first.text) == ["1", "1", "1"]
    assert "A00001" in first.text
    assert "B00001" not in first.text
    page = words(first)
    for seen in ("用了 30 天没还", "还了自动解冻", "¥80.00", "去柜台收回"):
        assert seen in page
    debts = words(manager.get(f"{LIST}?tab=debt"))
    for seen in ("A 00002", "还了 12 天，逾期费没付清", "¥20.00", "付清就结清", "看逾期费"):
        assert seen in debts
    by_hand = words(manager.get(f"{LIST}?tab=manual"))
    assert "证件要核对" in by_hand
    assert "解冻" in by_hand
    owner = as_staff(role="owner", region=None)
    assert tabs(owner.get(LIST).text) == ["2", "1", "1"]
    assert tabs(owner.get(f"{LIST}?region=B").text) == ["1", "0", "0"]
    home = words(owner.get("/"))
    assert "逾期冻结 " in home
    assert "欠费 " in home


@pytest.mark.both_engines
def test_pages_by_key_lose_and_repeat_nothing(app: Flask, clock: MovedClock, database: Database) -> None:
    some_batteries(database, first=11, last=20)
    for n in range(1, 6):
        a_use(app, a_member(app), f"A{n:05d}", now=BEGAN + (n % 2) * DAY)
    for _ in range(3):
        a_rental_order(app, database, picked_up=True, now=BEGAN - 31 * DAY)
    now = BEGAN + 60 * DAY
    owner = a_member_of_staff(app, role="owner", region=None)

    def page(after: Key | None = None, before: Key | None = None) -> RestrictedList:
        with read(app) as session:
            return restricted_list(
                session, owner, Cause.OVERDUE, region_id=None, after=after, before=before, size=3, now=now
            )

    found, forth = page(), []
    while True:
        forth.append(found)
        assert found.first == 1 + sum(len(one.page.rows) for one in forth[:-1])
        if found.page.older is None:
            break
        found = page(after=found.page.older)
    rows = [row for one in forth for row in one.page.rows]
    assert len({(row.use_id, row.order_id) for row in rows}) == len(rows) == 8
    assert [row.since for row in rows] == sorted(row.since for row in rows)
    back = forth[-1]
    for earlier in reversed(forth[:-1]):
        back = page(before=back.page.newer)
        assert back.page.rows == earlier.page.rows


def test_the_persons_page_says_why_since_when_and_what_lifts_it(
    app: Flask, as_staff: AsStaff, clock: MovedClock
) -> None:
    member = a_member(app)
    use_id = a_use(app, member)
    clock.move_to(BEGAN + 31 * DAY)
    manager = as_staff(role="manager")
    page = words(manager.get(standing(member)))
    for seen in ("账户冻结。", "电池 A00001 用了 31 天没还", "2026-12-01 00:00", "还了电池自动解冻", "一共还欠 ¥85.00"):
        assert seen in page, page
    assert "已扣 ¥85.00" in page
    take_back(app, use_id)
    page = words(manager.get(standing(member)))
    for seen in ("欠费。", "付清 ¥85.00，或减免", "还欠"):
        assert seen in page, page
    assert "账户冻结。" not in page
    with app.app_context():
        days = {(BEGAN + n * DAY).date() for n in range(15, 32)}
        waivers.waive(KINDS[0], use_id, days=days, reason="住院", request_key="w", actor=manager.actor, now=clock.now())
    page = words(manager.get(standing(member)))
    for seen in ("正常。", "没有限制", "没有逾期没还的，也没有欠费"):
        assert seen in page, page
    assert use_of(app, use_id).late_owed_fen == 0
    assert "欠费" in page  # the record remembers


def test_a_manager_freezes_and_unfreezes_on_the_persons_page(app: Flask, as_staff: AsStaff, database: Database) -> None:
    somebody = a_customer(app, name="王晓涵")
    manager = as_staff(role="manager")
    url = f"/personal-center/people/{somebody.id}"
    assert "冻结账户" in manager.get(standing(somebody)).text
    empty = press(manager, f"{url}/freeze", reason=" ")
    assert empty.status_code == 422
    assert "写一句原因" in empty.text
    assert press(manager, f"{url}/freeze", reason="证件要核对").status_code == 303
    page = words(manager.get(standing(somebody)))
    for seen in ("人工冻结 证件要核对", "主管解冻", "王*涵"):
        assert seen in page, page
    assert "证件要核对" in manager.get(f"{url}/unfreeze").text
    assert press(manager, f"{url}/unfreeze", reason="核对过了").status_code == 303
    row = database.one(select(Restriction))
    assert row.lifted_at is not None
    page = words(manager.get(standing(somebody)))
    assert "正常。" in page
    assert "解冻" not in page.replace("冻结和解冻", "")
    again = press(manager, f"{url}/unfreeze", reason="再按一次")
    assert again.status_code == 422
    assert "没有冻结" in again.text


def test_the_record_says_who_froze_and_who_lifted_it(app: Flask, as_staff: AsStaff, clock: MovedClock) -> None:
    somebody = a_customer(app)
    one, two = (a_member_of_staff(app, role="manager", name=name) for name in ("林主管", "周主管"))
    with app.app_context():
        customers.freeze(somebody.id or 0, reason="证件要核对", actor=one, now=clock.now())
        clock.advance(DAY)
        customers.unfreeze(somebody.id or 0, reason="核对过了", actor=two, now=clock.now())
    page = words(as_staff().get(standing(somebody)))
    assert "林主管" in page
    assert "周主管" in page


def test_who_may_see_and_who_may_act(app: Flask, as_staff: AsStaff) -> None:
    somebody = a_customer(app)
    freeze = f"/personal-center/people/{somebody.id}/freeze"
    for role, region, sees, acts in (
        ("clerk", "A", 200, 403),
        ("finance", None, 200, 403),
        ("manager", "A", 200, 200),
        ("manager", "B", 404, 404),
        ("technician", "A", 403, 403),
    ):
        client = as_staff(role=role, region=region)
        assert client.open_lawless(standing(somebody)).status_code == sees
        assert client.open_lawless(freeze).status_code == acts
    visitor = a_customer(app, registered=False)
    assert as_staff(role="owner", region=None).open_lawless(standing(visitor)).status_code == 404


def test_a_debt_is_no_freeze_on_the_order_in_the_list_and_at_the_counter(
    app: Flask, as_staff: AsStaff, clock: MovedClock
) -> None:
    member = a_member(app)
    use_id = a_use(app, member)
    clock.move_to(BEGAN + 18 * DAY)
    order_id = an_order(app, customer=member, paid=True)
    take_back(app, use_id)
    manager = as_staff(role="manager")
    page = words(manager.get(f"/orders/{order_id}"))
    for seen in ("用户欠费：", "付清以后才能提车", "欠费"):
        assert seen in page, page
    assert "账户冻结" not in page
    assert "用户欠费" in words(manager.get("/orders/sales"))
    counter = words(manager.get(f"/pickup/orders/{order_id}"))
    for seen in ("不能提车：用户欠费", "先付欠费，再提车", "看账户"):
        assert seen in counter, counter
    assert "欠费" in words(manager.get("/flash-charge/uses"))
