"""Real-name registration on the phone."""

import html
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.domain.identity import CONSENT_ID_NUMBER
from app.models.directory import Contact, School
from app.models.people import Consent, ConsentText, Customer, CustomerStatus, Identity
from app.web.current import RUNTIME
from tests.factories.ground import SCHOOL_OF
from tests.factories.people import a_customer, an_id_number
from tests.factories.phone import hidden, press
from tests.fixtures.actors import AsCustomer
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

TYPED = {"name": "韩博", "phone": "13300004415"}


def school_id(database: Database, region: str = "A") -> int:
    return int(database.one(select(School.id).where(School.name == SCHOOL_OF[region])))


def send(client: LawfulClient, database: Database, *, url: str = "/m/register", **typed: Any) -> TestResponse:
    fields: dict[str, object] = {
        **TYPED,
        "id_number": an_id_number(),
        "school": school_id(database),
        "consent": "y",
        "consent_text": hidden(client.get("/m/register"), "consent_text"),
        **typed,
    }
    return press(client, url, **{name: value for name, value in fields.items() if value is not None})


@pytest.mark.req("FLOW-BUY-1")
def test_registering_leads_back_and_keeps_what_was_agreed(
    as_customer: AsCustomer, app: Flask, database: Database
) -> None:
    somebody, id_number = as_customer(registered=False), an_id_number()
    done = send(somebody, database, url="/m/register?next=/m/orders", id_number=f" {id_number.lower()} ")
    assert (done.status_code, done.location) == (303, "/m/orders")
    customer = database.one(select(Customer))
    assert (customer.status, customer.school_id) == (CustomerStatus.REGISTERED, school_id(database))
    identity = database.one(select(Identity))
    vault = app.extensions[RUNTIME].vault
    sealed = vault.unseal(identity.id_number, table="identity", column="id_number", row=str(customer.id))
    assert (identity.name, identity.phone, sealed) == ("韩博", "13300004415", id_number)
    assert database.count(Consent, Consent.kind == CONSENT_ID_NUMBER) == 1
    assert somebody.get("/m/register").location == "/m/"


def test_the_schools_stand_below_their_stores(as_customer: AsCustomer) -> None:
    page = as_customer(registered=False).get("/m/register").text
    groups = re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', page, flags=re.DOTALL)
    assert groups[0][0].startswith("紫金港")
    assert "浙江大学" in groups[0][1]
    assert [text.count("<option") for _, text in groups] == [1, 3, 2]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "写证件上的姓名"),
        ("name", "9527", "姓名要和证件上的一样"),
        ("id_number", "", "写身份证号"),
        ("id_number", "33010620050312441", "身份证号是 18 位"),
        ("id_number", "330106200503124413", "身份证号最后一位对不上"),
        ("phone", "", "写手机号"),
        ("phone", "1330000441", "手机号是 1 开头的 11 位数字"),
        ("school", "", "选一个学校"),
        ("school", "99999", "选一个学校"),
        ("consent", None, "勾选后才能注册"),
    ],
)
def test_each_field_is_checked_beside_itself(
    as_customer: AsCustomer, database: Database, field: str, typed: str | None, said: str
) -> None:
    somebody = as_customer(registered=False)
    wrong: dict[str, Any] = {field: typed}
    refused = send(somebody, database, **wrong)
    assert refused.status_code == 422
    found = re.search(rf'id="{field}-error".*?<span>([^<]+)</span>', refused.text, flags=re.DOTALL)
    assert found
    assert said in found[1]
    assert refused.text.count('aria-invalid="true"') == 1
    for kept in {*TYPED} - {field}:
        assert f'value="{TYPED[kept]}"' in refused.text
    assert database.count(Identity) == 0


def test_under_14_is_refused(as_customer: AsCustomer, database: Database) -> None:
    from stdnum.iso7064 import mod_11_2

    body = "33010620200501001"
    refused = send(as_customer(registered=False), database, id_number=body + mod_11_2.calc_check_digit(body))
    assert "未满 14 周岁不能注册" in refused.text


def test_one_id_number_is_one_account(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    """The second is told whom to call, and the number itself stands in no address."""
    id_number = an_id_number()
    assert send(as_customer(registered=False), database, id_number=id_number).status_code == 303
    phone = database.one(select(Contact.phone).limit(1))
    refused = send(as_customer(registered=False), database, id_number=id_number)
    assert refused.status_code == 422
    assert "这个身份证号已经在另一个微信上注册过了" in refused.text
    assert f'href="tel:{phone}"' in refused.text
    assert database.count(Identity) == 1


def test_all_that_does_not_fit_is_said_at_once(as_customer: AsCustomer, database: Database) -> None:
    wrong: dict[str, Any] = {"name": "9527", "id_number": "33010620", "phone": "1", "school": "", "consent": None}
    refused = send(as_customer(registered=False), database, **wrong)
    for field in wrong:
        assert f'id="{field}-error"' in refused.text


def test_whether_an_id_number_is_known_is_told_last(as_customer: AsCustomer, database: Database) -> None:
    """Not before the person agreed to its being looked at: nor can numbers be tried out without registering one."""
    id_number = an_id_number()
    send(as_customer(registered=False), database, id_number=id_number)
    for missing in ("consent", "phone", "school"):
        lacking: dict[str, Any] = {"id_number": id_number, missing: None}
        refused = send(as_customer(registered=False), database, **lacking)
        assert refused.status_code == 422
        assert "已经在另一个微信上注册过了" not in refused.text


def test_a_text_that_changed_meanwhile_is_read_again(as_customer: AsCustomer, database: Database) -> None:
    somebody = as_customer(registered=False)
    old = hidden(somebody.get("/m/register"), "consent_text")
    version = database.one(select(ConsentText.version).order_by(ConsentText.version.desc()).limit(1))
    database.add(ConsentText(kind=CONSENT_ID_NUMBER, version=version + 1, body="新的说明。"))
    refused = send(somebody, database, consent_text=old)
    assert refused.status_code == 422
    assert "这段说明刚刚更新过" in refused.text
    assert "新的说明。" in refused.text
    assert send(somebody, database).status_code == 303


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/settings"])
def test_registering_leads_nowhere_else(as_customer: AsCustomer, database: Database, target: str) -> None:
    somebody = as_customer(registered=False)
    page = somebody.get("/m/register", query_string={"next": target}).text
    action = re.search(r'action="([^"]*)"', page)
    assert action
    assert html.unescape(action[1]) == "/m/register?next=/m/"
    assert send(somebody, database, url=f"/m/register?next={target}").location == "/m/"


def test_registering_twice_changes_nothing(as_customer: AsCustomer, app: Flask, database: Database) -> None:
    somebody = as_customer(a_customer(app))
    again = press(somebody, "/m/register?next=/m/me", **TYPED, id_number=an_id_number())
    assert (again.status_code, again.location) == (303, "/m/me")
    assert database.count(Identity) == 1


def test_a_stranger_is_sent_to_log_in(client: LawfulClient) -> None:
    assert client.get("/m/register?next=/m/me").location.startswith("/m/login?next=")
    assert press(client, "/m/register").location.startswith("/m/login")


def test_guessing_id_numbers_ends(as_customer: AsCustomer, database: Database) -> None:
    somebody = as_customer(registered=False)
    answers = [press(somebody, "/m/register", name="x").status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]


def test_without_a_contact_the_page_still_says_what_to_do(as_customer: AsCustomer, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Contact).values(phone="", wechat=""))
    id_number = an_id_number()
    send(as_customer(registered=False), database, id_number=id_number)
    assert "直接到店问店员" in send(as_customer(registered=False), database, id_number=id_number).text
