"""The review of student cards: the queue, the photo beside what it is compared with, the two answers, the next one."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.cards import CardStatus
from app.models.cards import Photo, StudentCard
from app.models.work import Outbox
from app.usecases import cards
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.pictures import a_photo
from tests.factories.reading import read
from tests.factories.rentals import a_card, a_rental_order
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/personal-center/cards"
MOST_STATEMENTS = 14


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def listed(answer: TestResponse) -> list[int]:
    """The ids of the rows, in order."""
    return [int(found) for found in re.findall(rf'<td class="c-who">\s*<a href="{URL}/(\d+)"', answer.text)]


def tabs(answer: TestResponse) -> dict[str, int]:
    line = re.search(r'<nav class="state-tabs".*?</nav>', answer.text, re.DOTALL)
    assert line
    return {word: int(count) for word, count in re.findall(r">(\S+) <b>(\d+)</b>", line[0])}


def a_waiting_card(app: Flask, region: str = "A", *, name: str = "王晓涵", photo: bool = True) -> int:
    """A card that somebody sent in, with its photo in the store."""
    card_id = a_card(app, a_customer(app, region=region, name=name), approved=False, region=region)
    if photo:
        app.extensions[RUNTIME].photos.put(photo_of(app, card_id).key, a_photo(size=(600, 400)))
    return card_id


def photo_of(app: Flask, card_id: int) -> Photo:
    with read(app) as session:
        return session.scalars(
            select(Photo).join(StudentCard, StudentCard.photo_id == Photo.id).where(StudentCard.id == card_id)
        ).one()


def status_of(database: Database, card_id: int) -> CardStatus:
    status: CardStatus = database.one(select(StudentCard.status).where(StudentCard.id == card_id))
    return status


def decide(client: LawfulClient, card_id: int, answer: str, **typed: str) -> TestResponse:
    return client.post(f"{URL}/{card_id}/{answer}", data={"csrf_token": csrf_token(client), **typed})


@pytest.fixture
def clerk(as_staff: AsStaff) -> LawfulClient:
    client = as_staff("clerk")
    client.statements_allowed = MOST_STATEMENTS
    return client


@pytest.mark.req("FLOW-RENT-1", "FLOW-FLASH-1")
def test_the_queue_begins_with_whoever_waits_longest(app: Flask, clerk: LawfulClient, as_staff: AsStaff) -> None:
    assert "没有要审核的学生证" in clerk.get(URL).text
    made = [a_waiting_card(app) for _ in range(3)]
    elsewhere = a_waiting_card(app, "B")
    answer = clerk.get(URL)
    assert listed(answer) == made
    assert tabs(answer) == {"待审核": 3, "已通过": 0, "未通过": 0}
    assert f'href="{URL}/{made[0]}"' in answer.text.partition("title-acts")[2].partition("</div>")[0]
    assert "王*涵 138****2047" in words_of(answer.text)
    assert "王晓涵" not in answer.text
    assert listed(as_staff("owner", region=None).get(URL)) == [*made, elsewhere]
    assert listed(as_staff("owner", region=None).get(f"{URL}?region=B")) == [elsewhere]


def test_the_photo_stands_beside_what_it_is_compared_with(app: Flask, database: Database, clerk: LawfulClient) -> None:
    renter = a_customer(app, name="欧阳菁菁", phone="15912349876")
    order_id = a_rental_order(app, database, customer=renter, card=False, deposit=None)
    card_id = a_card(app, renter, approved=False)
    a_waiting_card(app)
    page = clerk.get(f"{URL}/{card_id}")
    said = words_of(page.text)
    for part in ("欧**菁 待审核", "姓名 欧阳菁菁", "A 浙江大学", "手机尾号 9876", "共 2 张待审核", "通过1", "未通过2"):
        assert part in said, part
    number = re.search(r"学号 (\*+)(\d{4})", said)
    assert number
    assert len(number[1]) == 6  # as many digits as there are, the last four shown
    assert f'src="{URL}/{card_id}/photo"' in page.text
    assert f'href="/orders/{order_id}"' in page.text
    assert "15912349876" not in page.text
    assert "欧阳菁菁" not in page.text.partition("</title>")[0]  # no history of a browser keeps it
    decide(clerk, card_id, "approve")
    decided = clerk.get(f"{URL}/{card_id}").text
    assert "欧**菁" in decided
    assert "欧阳菁菁" not in decided  # nothing is compared any more


@pytest.mark.req("FLOW-RENT-1", "FLOW-FLASH-1")
def test_passing_one_leads_to_the_next_and_the_person_is_told(
    app: Flask, database: Database, clerk: LawfulClient
) -> None:
    first, second = a_waiting_card(app), a_waiting_card(app)
    answer = decide(clerk, first, "approve")
    assert (answer.status_code, answer.location) == (303, f"{URL}/{second}")
    assert status_of(database, first) is CardStatus.APPROVED
    assert "card_approved" in [row.payload["topic"] for row in database.all(select(Outbox))]
    assert "已通过：王*涵" in clerk.get(answer.location).text
    assert "已通过：王*涵" not in clerk.get(answer.location).text  # it is said once
    answer = decide(clerk, second, "reject", why="照片不清楚", more="姓名看不清")
    assert (answer.status_code, answer.location) == (303, URL)
    assert database.one(select(StudentCard.reason).where(StudentCard.id == second)) == "照片不清楚，姓名看不清"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "选一个原因"),
        ({"why": "不喜欢"}, "选一个原因"),
        ({"why": "其他"}, "选了「其他」，写一句是什么原因"),
        ({"why": "其他", "more": "   "}, "选了「其他」，写一句是什么原因"),
        ({"why": "已过期", "more": "字" * 101}, "最多 100 个字"),
    ],
)
def test_a_refusal_needs_a_reason_and_keeps_what_was_typed(
    app: Flask, database: Database, clerk: LawfulClient, typed: dict[str, str], said: str
) -> None:
    card_id = a_waiting_card(app)
    answer = decide(clerk, card_id, "reject", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert typed.get("more", "").strip() in answer.text
    if typed.get("why") in ("其他", "已过期"):
        assert re.search(rf'<input checked[^>]*value="{typed["why"]}"', answer.text)
    assert status_of(database, card_id) is CardStatus.PENDING
    assert decide(clerk, card_id, "reject", why="其他", more="是校园卡，不是学生证").status_code == 303
    assert database.one(select(StudentCard.reason)) == "是校园卡，不是学生证"


@pytest.mark.parametrize("answer", ["approve", "reject"])
@pytest.mark.parametrize("before", [CardStatus.APPROVED, CardStatus.REJECTED])
def test_what_a_colleague_has_decided_says_who_and_stays(
    app: Flask, database: Database, clerk: LawfulClient, answer: str, before: CardStatus
) -> None:
    card_id, following = a_waiting_card(app), a_waiting_card(app)
    colleague = a_member_of_staff(app, name="沈店员")
    now = app.extensions[RUNTIME].clock.now()
    with app.app_context():
        if before is CardStatus.APPROVED:
            cards.approve(card_id, actor=colleague, now=now)
        else:
            cards.reject(card_id, reason="已过期", actor=colleague, now=now)
    page = decide(clerk, card_id, answer, why="照片不清楚")
    assert page.status_code == 422
    assert "沈店员审核" in words_of(page.text)
    assert f'href="{URL}/{following}"' in page.text
    assert "/approve" not in page.text
    assert status_of(database, card_id) is before


def test_a_card_that_was_replaced_meanwhile_is_not_decided(app: Flask, database: Database, clerk: LawfulClient) -> None:
    student = a_customer(app)
    card_id = a_card(app, student, approved=False)
    a_card(app, student, approved=False)
    page = decide(clerk, card_id, "approve")
    assert page.status_code == 422
    assert "已替换" in page.text
    assert "这张照片已经删除" in page.text
    assert status_of(database, card_id) is CardStatus.WITHDRAWN
    assert len(listed(clerk.get(URL))) == 1


def test_the_next_after_the_last_is_the_one_that_was_passed_over(app: Flask, clerk: LawfulClient) -> None:
    first, second = a_waiting_card(app), a_waiting_card(app)
    assert f'href="{URL}/{second}"' in clerk.get(f"{URL}/{first}").text
    assert decide(clerk, second, "approve").location == f"{URL}/{first}"


def test_what_was_decided_of_the_last_days_is_listed(app: Flask, database: Database, as_staff: AsStaff) -> None:
    now = app.extensions[RUNTIME].clock.now()
    passed, refused, old = (a_waiting_card(app) for _ in range(3))
    clerk = as_staff("clerk")
    decide(clerk, passed, "approve")
    decide(clerk, refused, "reject", why="不是学生证")
    decide(clerk, old, "approve")
    with database.write() as session:
        session.get_one(StudentCard, old).submitted_at = now - timedelta(days=20)
    answer = clerk.get(f"{URL}?tab=approved")
    assert listed(answer) == [passed]
    assert tabs(answer) == {"待审核": 0, "已通过": 1, "未通过": 1}
    assert listed(clerk.get(f"{URL}?tab=approved&days=30")) == [passed, old]
    answer = clerk.get(f"{URL}?tab=rejected&days=90")
    assert listed(answer) == [refused]
    assert "不是学生证" in answer.text
    assert "陈店员" in answer.text
    for query in ("tab=x&days=9&size=1", "after=x&before=1", "region=Q"):
        assert clerk.get(f"{URL}?{query}").status_code == 200


def test_pages_by_key_walk_on_from_the_oldest(app: Flask, as_staff: AsStaff) -> None:
    made = [a_waiting_card(app, photo=False) for _ in range(21)]
    clerk = as_staff("clerk")
    first = clerk.get(f"{URL}?size=20")
    assert listed(first) == made[:20]
    following = re.search(r'href="([^"]*)"\s+rel="next"', first.text)
    assert following
    second = clerk.get(following[1].replace("&amp;", "&"))
    assert listed(second) == made[20:]
    assert "第 21–21 张，共 21 张" in second.text
    before = re.search(r'href="([^"]*)"\s+rel="prev"', second.text)
    assert before
    assert listed(clerk.get(before[1].replace("&amp;", "&"))) == made[:20]


def test_the_photo_is_for_who_reviews_it_and_for_no_cache(
    app: Flask, database: Database, client: LawfulClient, as_staff: AsStaff, clerk: LawfulClient
) -> None:
    card_id = a_waiting_card(app)
    url = f"{URL}/{card_id}/photo"
    shown = clerk.get(url)
    assert (shown.status_code, shown.mimetype, shown.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert shown.data.startswith(b"\xff\xd8")
    assert clerk.get(url, headers={"Sec-Fetch-Dest": "document"}).status_code == 404
    assert client.get(url).location.startswith("/login")
    assert as_staff("finance", region=None).get(url).status_code == 403
    assert as_staff("clerk", region="B").get(url).status_code == 404
    assert clerk.get(f"{URL}/999/photo").status_code == 404
    no_file = a_waiting_card(app, photo=False)
    assert clerk.get(f"{URL}/{no_file}/photo").status_code == 404
    with database.write() as session:
        card = session.get_one(StudentCard, card_id)
        session.get_one(Photo, card.photo_id).erased_at = card.submitted_at
    assert clerk.get(url).status_code == 404


def test_who_may_not_review_is_refused(app: Flask, database: Database, client: LawfulClient, as_staff: AsStaff) -> None:
    card_id = a_waiting_card(app)
    app.config["WTF_CSRF_ENABLED"] = False
    page = f"{URL}/{card_id}"
    for url in (URL, page):
        assert client.get(url).location.startswith("/login")
        assert as_staff("finance", region=None).get(url).status_code == 403
    elsewhere = as_staff("clerk", region="B")
    assert elsewhere.get(page).status_code == 404
    for act in ("approve", "reject"):
        typed = {"why": "已过期"}
        assert client.post(f"{page}/{act}", data=typed).location.startswith("/login")
        assert as_staff("technician").post(f"{page}/{act}", data=typed).status_code == 403
        assert elsewhere.post(f"{page}/{act}", data=typed).status_code == 404
        assert as_staff("clerk").post(f"{URL}/999/{act}", data=typed).status_code == 404
    assert status_of(database, card_id) is CardStatus.PENDING
