from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.permissions import Actor, Role
from app.models.access import Staff
from app.models.journal import Audit
from app.usecases.staff import LINK_LASTS, create_staff
from tests.factories.forms import csrf_token
from tests.fixtures.actors import client_of
from tests.fixtures.apps import MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

PASSWORD = "一匹安静的马站在河边"


@pytest.fixture
def link(app: Flask, clock: MovedClock) -> str:
    """The one-time link of somebody new."""
    with app.app_context():
        actor = Actor.job("tests")
        roles = [(Role.OWNER, None)]
        token = create_staff(login="lin", name="林店员", roles=roles, actor=actor, now=clock.now())
    return f"/password/{token}"


def send(client: LawfulClient, link: str, password: str = PASSWORD, again: str = PASSWORD) -> int:
    typed = {"csrf_token": csrf_token(client), "password": password, "again": again}
    return client.post(link, data=typed).status_code


def log_in(client: LawfulClient, password: str = PASSWORD) -> int:
    typed = {"csrf_token": csrf_token(client), "login": "lin", "password": password}
    return client.post("/login", data=typed).status_code


def test_a_link_sets_the_password_once(client: LawfulClient, link: str, database: Database) -> None:
    assert "林店员，设一个密码" in client.get(link).text
    assert log_in(client, "") == 422  # nobody comes in without a password
    typed = {"csrf_token": csrf_token(client), "password": PASSWORD, "again": PASSWORD}
    done = client.post(link, data=typed)
    assert done.status_code == 303
    assert "密码设好了" in client.get(done.location).text
    assert send(client, link, "另一句很长的密码啊啊", "另一句很长的密码啊啊") == 410
    assert "用过了，或过期了" in client.get(link).text
    assert log_in(client) == 303
    assert PASSWORD not in database.one(select(Staff.password_hash).where(Staff.login == "lin"))
    assert database.count(Audit, Audit.action == "password_set") == 1


def test_a_link_lasts_half_an_hour(client: LawfulClient, link: str, clock: MovedClock) -> None:
    clock.advance(LINK_LASTS - timedelta(seconds=30))
    assert client.get(link).status_code == 200
    clock.advance(timedelta(seconds=31))
    assert client.get(link).status_code == 410
    assert send(client, link) == 410
    assert log_in(client) == 422


def test_a_new_password_ends_the_sessions_before(
    app: Flask, client: LawfulClient, link: str, database: Database
) -> None:
    staff_id = database.one(select(Staff.id).where(Staff.login == "lin"))
    before = client_of(app, Actor.staff(staff_id, "林店员", [(Role.OWNER, None)]))
    assert before.get("/settings").status_code == 200
    assert send(client, link) == 303
    assert before.get("/settings").status_code == 303


@pytest.mark.parametrize("link", ["/password/none", "/password/" + "x" * 500, "/password/%00"])
def test_a_link_of_nobody_is_dead(client: LawfulClient, link: str) -> None:
    assert client.get(link).status_code == 410
    assert send(client, link) == 410


def test_somebody_disabled_has_no_link(client: LawfulClient, link: str, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Staff).values(disabled_at=Staff.link_ends_at))
    assert client.get(link).status_code == 410
    assert send(client, link) == 410


TOO_SHORT = "密码要 10 到 128 个字符"
TOO_EASY = "太好猜了"
PASSWORDS = [
    ("", "写新密码"),
    ("九个字符的密码abc"[:9], TOO_SHORT),
    ("密" * 129, TOO_SHORT),
    ("13812342047", TOO_EASY),
    ("20041224122420", TOO_EASY),
    ("aaaaaaaaaaaa", TOO_EASY),
    ("abababababab", TOO_EASY),
    ("１２３４５６７８９０", TOO_EASY),
]
FINE = [
    "correct horse battery",
    "一匹安静的马站在河边",
    " 前后有空格的密码 ",
    "🐎🐎🐎🐎🐎安静的小马",
    "x1" * 2 + "-_-abcdefgh",
    "长" * 100 + "一二三四五六",
]


def test_what_is_too_short_or_guessed_first_is_refused(client: LawfulClient, link: str) -> None:
    for password, sentence in PASSWORDS:
        typed = {"csrf_token": csrf_token(client), "password": password, "again": password}
        answer = client.post(link, data=typed)
        assert (password, answer.status_code) == (password, 422)
        assert sentence in answer.text
        assert password == "" or password not in answer.text
    typed = {"csrf_token": csrf_token(client), "password": PASSWORD, "again": PASSWORD + "x"}
    assert "两遍不一样" in client.post(link, data=typed).text


@pytest.mark.parametrize("password", FINE)
def test_any_sentence_of_ones_own_is_fine_and_used_whole(client: LawfulClient, link: str, password: str) -> None:
    assert send(client, link, password, password) == 303
    assert log_in(client, password[:-1]) == 422
    assert log_in(client, password) == 303
