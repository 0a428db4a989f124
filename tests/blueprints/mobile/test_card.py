"""The student card on the phone: sent in, reviewed, refused, sent again; its photo is its person's alone."""

import re
import secrets
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import labels
from app.domain.cards import CONSENT_STUDENT_CARD, CardStatus
from app.domain.permissions import Actor
from app.domain.pictures import PictureFault
from app.models.cards import Photo, StudentCard
from app.models.people import Consent, ConsentText, Identity
from app.ports import FileGone
from app.usecases import cards
from app.web.current import RUNTIME
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import hidden, press, words
from tests.factories.pictures import a_photo, exif
from tests.fixtures.actors import AsCustomer
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

STUDENT_NO = "3240100123"


@pytest.fixture
def student(app: Flask) -> Actor:
    return a_customer(app)


@pytest.fixture
def phone(as_customer: AsCustomer, student: Actor) -> LawfulClient:
    return as_customer(student)


def send(client: LawfulClient, *, next_url: str = "", picture: bytes = b"", **typed: Any) -> TestResponse:
    """Fills the form in and presses 提交; a field that is None is left out."""
    page = client.get("/m/card?again=1")
    fields: dict[str, Any] = {
        "student_no": STUDENT_NO,
        "photo": (BytesIO(picture or a_photo()), "card.jpg"),
        "consent": "y",
        "consent_text": hidden(page, "consent_text"),
        "request_key": hidden(page, "request_key"),
        **typed,
    }
    url = f"/m/card/photo?next={next_url}" if next_url else "/m/card/photo"
    return press(client, url, **{name: value for name, value in fields.items() if value is not None})


def newest(database: Database) -> StudentCard:
    card: StudentCard = database.all(select(StudentCard).order_by(StudentCard.id.desc()))[0]
    return card


def review(app: Flask, database: Database, *, reason: str = "") -> None:
    """A clerk lets the newest card pass, or refuses it for a reason."""
    clerk, now, card_id = a_member_of_staff(app), app.extensions[RUNTIME].clock.now(), newest(database).id
    with app.app_context():
        if reason:
            cards.reject(card_id, reason=reason, actor=clerk, now=now)
        else:
            cards.approve(card_id, actor=clerk, now=now)


def said_beside(answer: TestResponse, field: str) -> str:
    found = re.search(rf'id="{field}-error".*?<span>([^<]+)</span>', answer.text, flags=re.DOTALL)
    assert found, answer.text
    return found[1]


@pytest.mark.req("FLOW-RENT-1", "FLOW-FLASH-1")
def test_a_card_is_sent_in_with_a_consent_of_its_own(
    phone: LawfulClient, app: Flask, student: Actor, database: Database
) -> None:
    asked = phone.get("/m/card")
    assert "我同意收集" in asked.text
    assert "只有审核的店员能看" in asked.text
    done = send(phone, student_no=" ３２４０１-00123 ")
    assert (done.status_code, done.location) == (303, "/m/card")
    assert newest(database).status is CardStatus.PENDING
    assert database.count(Consent, Consent.kind == CONSENT_STUDENT_CARD) == 1
    sealed = database.one(select(Identity.student_no))
    vault = app.extensions[RUNTIME].vault
    assert vault.unseal(sealed, table="identity", column="student_no", row=str(student.id)) == STUDENT_NO
    page = words(phone.get("/m/card"))
    assert "待审核" in page
    assert "到店里也可以当面看" in page
    assert "换一张" in page


@pytest.mark.parametrize("target", ["/m/flash", "/m/orders"])
def test_it_leads_back_to_where_the_person_came_from(phone: LawfulClient, target: str) -> None:
    assert f"next={target}" in phone.get(f"/m/card?next={target}").text
    assert send(phone, next_url=target).location == target
    assert f'href="{target}"' in phone.get(f"/m/card?next={target}").text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/settings"])
def test_it_leads_nowhere_else(phone: LawfulClient, target: str) -> None:
    assert send(phone, next_url=target).location == "/m/card"
    assert "接着办" not in phone.get(f"/m/card?next={target}").text


def test_refused_it_says_why_and_another_can_be_sent(phone: LawfulClient, app: Flask, database: Database) -> None:
    send(phone)
    review(app, database, reason="照片看不清姓名")
    page = phone.get("/m/card")
    for said in ("未通过", "照片看不清姓名", "重新提交"):
        assert said in words(page)
    assert f'value="{STUDENT_NO}"' in page.text  # not typed again
    assert send(phone).status_code == 303
    assert database.count(StudentCard) == 2
    assert newest(database).status is CardStatus.PENDING
    review(app, database)
    assert "已通过" in words(phone.get("/m/card"))


def test_the_file_of_the_photo_before_is_gone_at_once(phone: LawfulClient, app: Flask, database: Database) -> None:
    store = app.extensions[RUNTIME].photos
    send(phone)
    before = database.one(select(Photo.key))
    send(phone, student_no="浙大")  # refused: the first stands
    assert store.get(before)
    send(phone)
    after = database.one(select(Photo.key).where(Photo.erased_at.is_(None)))
    assert store.get(after)
    with pytest.raises(FileGone):
        store.get(before)


def test_replacing_an_approved_card_warns_and_is_reviewed_anew(
    phone: LawfulClient, app: Flask, database: Database
) -> None:
    send(phone)
    review(app, database)
    page = phone.get("/m/card")
    assert "enctype" not in page.text
    assert "要再审核一次" in words(phone.get("/m/card?again=1"))
    assert send(phone).status_code == 303
    assert [card.status for card in database.all(select(StudentCard).order_by(StudentCard.id))] == [
        CardStatus.WITHDRAWN,
        CardStatus.PENDING,
    ]
    assert database.count(Photo, Photo.erased_at.is_not(None)) == 1


def test_pressing_twice_sends_one(phone: LawfulClient, database: Database) -> None:
    key = secrets.token_hex(16)
    for _ in range(2):
        assert send(phone, request_key=key).status_code == 303
    assert database.count(StudentCard) == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("student_no", "", "学号是 4 到 20 位"),
        ("student_no", "张三", "学号是 4 到 20 位"),
        ("photo", None, "拍一张学生证"),
        ("photo", (BytesIO(b"%PDF-1.7 not a picture"), "card.jpg"), labels.PICTURE_FAULTS[PictureFault.WRONG_TYPE]),
        ("consent", None, "勾选后才能提交"),
        ("consent_text", "999", "这段说明刚刚更新过"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    phone: LawfulClient, database: Database, field: str, typed: Any, said: str
) -> None:
    wrong: dict[str, Any] = {field: typed}
    refused = send(phone, **wrong)
    assert refused.status_code == 422
    assert said in said_beside(refused, "consent" if field == "consent_text" else field)
    if field != "student_no":
        assert f'value="{STUDENT_NO}"' in refused.text
    good = re.search(r'id="photo-hint">([^<]+)<', refused.text)
    assert good
    assert (good[1] == "照片是好的，改好别的以后再选一次") is (field != "photo")
    assert ("photo-error" in refused.text) is (field == "photo")
    assert database.count(StudentCard) == 0


def test_a_text_that_changed_meanwhile_is_read_again(phone: LawfulClient, database: Database) -> None:
    old = hidden(phone.get("/m/card"), "consent_text")
    database.add(ConsentText(kind=CONSENT_STUDENT_CARD, version=2, body="新的说明。"))
    refused = send(phone, consent_text=old)
    assert "这段说明刚刚更新过" in said_beside(refused, "consent")
    assert "新的说明。" in refused.text
    assert send(phone).status_code == 303


def test_the_photo_is_clean_and_its_persons_alone(phone: LawfulClient, as_customer: AsCustomer) -> None:
    assert phone.get("/m/card/photo").location == "/m/card"
    send(phone, picture=a_photo(exif=exif(gps=True)))
    assert "/m/card/photo" in phone.get("/m/card").text
    shown = phone.get("/m/card/photo")
    assert (shown.status_code, shown.mimetype, shown.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert b"Exif" not in shown.data
    assert phone.get("/m/card/photo", headers={"Sec-Fetch-Dest": "document"}).location == "/m/card"
    assert as_customer().get("/m/card/photo").location == "/m/card"


def test_a_photo_whose_file_is_gone_leads_to_the_page(phone: LawfulClient, app: Flask, database: Database) -> None:
    send(phone)
    app.extensions[RUNTIME].photos.erase(database.one(select(Photo.key)))
    assert phone.get("/m/card/photo").location == "/m/card"


def test_without_a_name_the_way_leads_through_registration(as_customer: AsCustomer, client: LawfulClient) -> None:
    assert as_customer(registered=False).get("/m/card").location == "/m/register?next=/m/card"
    assert client.get("/m/card").location.startswith("/m/login?next=")
    assert press(client, "/m/card/photo").location.startswith("/m/login")


def test_sending_again_and_again_ends(phone: LawfulClient) -> None:
    answers = [press(phone, "/m/card/photo").status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]


def test_the_privacy_page_tells_of_both_consents(phone: LawfulClient) -> None:
    send(phone)
    page = words(phone.get("/m/privacy"))
    assert "收集身份证号，第 1 版说明" in page
    assert "收集学生证照片和学号，第 1 版说明" in page
