import re

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import labels
from app.domain.directory import ContactFacts, StoreFacts
from app.domain.errors import Forbidden, NotFound, RuleBroken
from app.domain.numbering import LAST_NUMBER, Business
from app.domain.permissions import Actor, Role
from app.models.directory import Contact, Region, School, Store
from app.models.journal import Audit
from app.models.numbers import NumberSeries, NumberSlot
from app.usecases import directory, orders
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.factories.ground import SCHOOL_OF
from tests.factories.orders import an_order
from tests.factories.people import a_customer
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

HTMX = {"HX-Request": "true"}
REGIONS = "/settings/regions"


def send(client: LawfulClient, url: str, /, **fields: str) -> TestResponse:
    return client.post(url, data={"csrf_token": csrf_token(client), **fields})


def last_audit(database: Database) -> Audit:
    found = database.all(select(Audit).order_by(Audit.id.desc()))[0]
    assert isinstance(found, Audit)
    return found


def school_id(database: Database, name: str) -> int:
    return int(database.one(select(School.id).where(School.name == name)))


@pytest.mark.req("NUM-1", "SET-10")
def test_a_new_region_comes_with_its_store_and_its_numbers(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    assert 'value="D"' in owner.get(f"{REGIONS}/new").text  # the first free letter is filled in
    fields = {"letter": "d", "name": "下沙", "store_name": "下沙店", "store_address": "学林街 1 号", "store_hours": ""}
    answer = send(owner, f"{REGIONS}/new", **fields)
    assert (answer.status_code, answer.location) == (303, REGIONS)
    region = database.one(select(Region).where(Region.letter == "D"))
    assert database.one(select(Store.name).where(Store.region_id == region.id)) == "下沙店"
    series = database.all(select(NumberSeries).where(NumberSeries.region_id == region.id))
    assert {one.business for one in series} == set(Business)
    for one in series:
        assert database.count(NumberSlot, NumberSlot.series_id == one.id) == LAST_NUMBER
    page = owner.get(REGIONS).text
    assert "D 下沙" in page
    assert "加好了区域 D 下沙" in page
    assert last_audit(database).facts["after"]["letter"] == "D"
    assert send(owner, f"{REGIONS}/D/schools", name="中国计量大学").status_code == 303


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"letter": "A"}, "字母 A 已经是"),
        ({"letter": ""}, "编号字母是 A 到 Z 里的一个"),
        ({"letter": "DD"}, "编号字母是 A 到 Z 里的一个"),
        ({"letter": "7"}, "编号字母是 A 到 Z 里的一个"),
        ({"letter": "Ｅ"}, "编号字母是 A 到 Z 里的一个"),
        ({"name": ""}, "名字要写，最多 20 个字"),
        ({"name": "小和山"}, "已经有「小和山」了"),
        ({"store_name": ""}, "名字要写，最多 20 个字"),
        ({"store_address": "路" * 121}, "最多 120 个字"),
        ({"store_hours": "点" * 41}, "最多 40 个字"),
    ],
)
def test_a_region_that_cannot_be_is_refused_beside_the_field(
    as_staff: AsStaff, database: Database, fields: dict[str, str], sentence: str
) -> None:
    owner = as_staff("owner", None)
    usual = {"letter": "D", "name": "下沙", "store_name": "下沙店", "store_address": "", "store_hours": ""}
    answer = send(owner, f"{REGIONS}/new", **{**usual, **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    (field,) = fields
    assert f'id="region-new-{field}-error"' in answer.text
    assert database.count(Region) == 3


@pytest.mark.parametrize(
    ("part", "fields", "before", "after"),
    [
        ("name", {"name": "紫金港西"}, "紫金港", "紫金港西"),
        (
            "store",
            {"name": "西门店", "address": "余杭塘路 866 号", "hours": "10:00–19:00"},
            None,
            {"name": "西门店", "address": "余杭塘路 866 号", "hours": "10:00–19:00"},
        ),
        (
            "repair",
            {"phone": " 0571-8827 3344", "wechat": "lieba_repair", "hours": "全天"},
            None,
            {"phone": "0571-88273344", "wechat": "lieba_repair", "hours": "全天"},
        ),
        ("customer_service", {"phone": "", "wechat": "", "hours": ""}, None, {"phone": "", "wechat": "", "hours": ""}),
    ],
)
@pytest.mark.req("SET-10")
def test_each_part_of_a_region_can_be_changed(
    as_staff: AsStaff, database: Database, part: str, fields: dict[str, str], before: object, after: object
) -> None:
    manager = as_staff("manager", "A")
    url = f"{REGIONS}/A/{part}"
    assert manager.get(url, headers=HTMX).text.lstrip().startswith('<div class="setting setting-open"')
    assert "<h1>" in manager.get(url).text
    assert send(manager, url, **fields).status_code == 303
    row = last_audit(database)
    assert row.facts["after"] == after
    assert before is None or row.facts["before"] == before
    audits = database.count(Audit)
    assert send(manager, url, **fields).status_code == 303  # the same again changes nothing
    assert database.count(Audit) == audits


@pytest.mark.parametrize(
    ("page", "row", "wrong"),
    [
        ("new", "region-new", {"letter": "7", "name": "", "store_name": "", "store_hours": "时" * 41}),
        ("A/store", "region-A-store", {"name": "", "address": "路" * 121, "hours": "时" * 41}),
        ("A/repair", "region-A-repair", {"phone": "1", "wechat": "x", "hours": "时" * 41}),
    ],
)
def test_all_that_does_not_fit_is_said_at_once(as_staff: AsStaff, page: str, row: str, wrong: dict[str, str]) -> None:
    answer = send(as_staff("owner", None), f"{REGIONS}/{page}", **wrong)
    assert answer.status_code == 422
    for field in wrong:
        assert f'id="{row}-{field}-error"' in answer.text


def test_a_contact_that_was_never_set_can_be_set(as_staff: AsStaff, database: Database) -> None:
    database.execute("DELETE FROM contact")
    owner = as_staff("owner", None)
    assert "还没填" in owner.get(REGIONS).text
    assert send(owner, f"{REGIONS}/C/repair", phone="13812342047", wechat="", hours="").status_code == 303
    assert database.one(select(Contact.phone)) == "13812342047"


@pytest.mark.parametrize(
    "phone",
    ["13812342047", "138 1234 2047", "0571-88273344", "057188273344", "010-62751234", "400-820-8820", "4008208820", ""],
)
def test_phones_that_people_call(phone: str) -> None:
    assert " " not in ContactFacts(phone, "", "").checked().phone


@pytest.mark.parametrize(
    "phone", ["1381234204", "12812342047", "88273344", "0571", "phone", "138123420477", "+8613812342047", "110"]
)
def test_phones_that_nobody_can_call(phone: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        ContactFacts(phone, "", "").checked()
    assert "0571-88273344" in labels.refusal(broken.value)


@pytest.mark.parametrize("wechat", ["五号", "ab", "7lieba", "lie ba", "a" * 21])
def test_wechat_ids_that_cannot_be(wechat: str) -> None:
    with pytest.raises(RuleBroken):
        ContactFacts("", wechat, "").checked()


def test_what_does_not_fit_stays_typed(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    typed = {"csrf_token": csrf_token(owner), "phone": "123", "wechat": "lieba", "hours": "9:00"}
    for headers in ({}, HTMX):
        answer = owner.post(f"{REGIONS}/B/repair", data=typed, headers=headers)
        assert answer.status_code == 422
        assert 'value="123"' in answer.text
        assert "带区号的座机" in answer.text
        assert answer.text.count('aria-invalid="true"') == 2  # the WeChat id is too short as well


def test_two_open_rows_do_not_share_ids(as_staff: AsStaff) -> None:
    owner = as_staff("owner", None)
    rows = [owner.get(f"{REGIONS}/{letter}/store", headers=HTMX).text for letter in "AB"]
    ids = [set(re.findall(r' id="([^"]+)"', row)) for row in rows]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_school_is_added_renamed_moved_and_removed(as_staff: AsStaff, database: Database) -> None:
    owner = as_staff("owner", None)
    assert send(owner, f"{REGIONS}/A/schools", name="浙江传媒学院").status_code == 303
    added = school_id(database, "浙江传媒学院")
    assert "浙江传媒学院" in owner.get(f"/settings/schools/{added}").text
    assert send(owner, f"/settings/schools/{added}", name="浙江传媒大学", region="B").status_code == 303
    row = last_audit(database)
    assert (row.facts["before"]["name"], row.facts["after"]["name"]) == ("浙江传媒学院", "浙江传媒大学")
    assert row.facts["before"]["region_id"] != row.facts["after"]["region_id"]
    assert send(owner, f"/settings/schools/{added}/remove").status_code == 303
    assert database.count(School, School.id == added) == 0
    assert last_audit(database).facts["before"] == "浙江传媒大学"
    assert send(owner, f"/settings/schools/{added}/remove").status_code == 404


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "名字要写"), ("\u200b\u200b", "名字要写"), ("浙江大学", "已经有「浙江大学」了"), ("校" * 41, "最多 40")],
)
def test_a_school_needs_a_name_of_its_own(as_staff: AsStaff, name: str, sentence: str) -> None:
    answer = send(as_staff("owner", None), f"{REGIONS}/B/schools", name=name)
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.req("NUM-1")
def test_a_school_whose_people_have_open_orders_stays_in_its_region(
    app: Flask, as_staff: AsStaff, database: Database
) -> None:
    person = a_customer(app, region="A")
    order = an_order(app, customer=person)
    school = school_id(database, SCHOOL_OF["A"])
    owner = as_staff("owner", None)
    url = f"/settings/schools/{school}"
    assert "有 1 个已预约的订单" in owner.get(url).text
    refused = send(owner, url, name=SCHOOL_OF["A"], region="C")
    assert refused.status_code == 422
    assert f"{SCHOOL_OF['A']}的用户有 1 个已预约的订单" in refused.text
    assert send(owner, url, name="浙江大学紫金港", region="A").status_code == 303  # a new name is no matter
    with app.app_context():
        now = app.extensions[RUNTIME].clock.now()
        orders.cancel_order(order, reason="不要了", actor=person, now=now)
    assert send(owner, url, name="浙江大学紫金港", region="C").status_code == 303
    letter = select(Region.letter).join(School, School.region_id == Region.id).where(School.id == school)
    assert database.one(letter) == "C"


def test_a_school_with_people_is_not_removed(app: Flask, as_staff: AsStaff, database: Database) -> None:
    a_customer(app, region="A")
    school = school_id(database, SCHOOL_OF["A"])
    owner = as_staff("owner", None)
    page = owner.get(f"/settings/schools/{school}").text
    button = re.search(r"<button[^>]*formaction[^>]*>", page)
    assert button
    assert "disabled" in button[0]
    assert "有 1 个用户，不能移除" in page
    refused = send(owner, f"/settings/schools/{school}/remove")
    assert refused.status_code == 422
    assert "有 1 个已实名的用户，不能移除" in refused.text
    assert database.count(School, School.id == school) == 1


def test_a_manager_sees_and_changes_the_own_region_only(as_staff: AsStaff, database: Database) -> None:
    manager = as_staff("manager", "B")
    page = manager.get(REGIONS).text
    assert "B 小和山" in page
    assert "紫金港" not in page
    assert "加一个区域" not in page
    others = school_id(database, SCHOOL_OF["A"])
    own = school_id(database, SCHOOL_OF["B"])
    assert manager.get(f"{REGIONS}/A/store").status_code == 404
    assert send(manager, f"{REGIONS}/A/name", name="我的").status_code == 404
    assert send(manager, f"{REGIONS}/A/schools", name="我的大学").status_code == 404
    assert send(manager, f"/settings/schools/{others}", name="我的大学").status_code == 404
    assert send(manager, f"/settings/schools/{others}/remove").status_code == 404
    assert 'name="region"' not in manager.get(f"/settings/schools/{own}").text
    assert send(manager, f"/settings/schools/{own}", name="浙工大", region="A").status_code == 303
    of_b = select(Region.letter).join(School, School.region_id == Region.id).where(School.id == own)
    assert database.one(of_b) == "B"
    new = {"letter": "D", "name": "下沙", "store_name": "下沙店"}
    assert send(manager, f"{REGIONS}/new", **new).status_code == 403
    assert manager.get(f"{REGIONS}/new").status_code == 403
    assert database.count(Region) == 3


@pytest.mark.parametrize("part", ["", "colour", "store2", "NAME"])
def test_a_part_that_is_none_is_not_found(as_staff: AsStaff, part: str) -> None:
    assert as_staff("owner", None).get(f"{REGIONS}/A/{part}").status_code == 404


def test_the_verbs_ask_for_the_right_themselves(context: Flask, database: Database) -> None:
    now = context.extensions[RUNTIME].clock.now()
    region_id = database.one(select(Region.id).where(Region.letter == "A"))
    clerk = Actor.staff(1, "陈店员", [(Role.CLERK, region_id)])
    with pytest.raises(NotFound):
        directory.rename_region(region_id, name="我的", actor=clerk, now=now)
    manager = Actor.staff(1, "王主管", [(Role.MANAGER, region_id)])
    with pytest.raises(Forbidden):
        directory.add_region(letter="D", name="下沙", store=StoreFacts("店", "", ""), actor=manager, now=now)
