"""The counter over HTTP: scanning, and reading the answer as a person does."""

import re
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.deposits import DepositKind
from app.domain.permissions import Actor
from app.models.cards import Photo, StudentCard
from app.usecases import orders, payments
from app.web.current import RUNTIME
from tests.factories.forms import csrf_token
from tests.factories.orders import charge_of, order_of, pay
from tests.factories.people import a_customer
from tests.factories.pictures import a_photo
from tests.factories.reading import read
from tests.factories.rentals import MONTH_FEN, a_card, a_deposit, a_rental_order
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

FRAME_NO = "LBYD26B006021"
HTMX = {"HX-Request": "true"}
RED, GREEN, BLUE, DONE = "answer-refused", "answer-ready", "answer-choose", "answer-done"


def scan(client: LawfulClient, typed: str, *, region: str = "B", htmx: bool = True, **fields: object) -> TestResponse:
    """What the box sends."""
    return send(client, f"/pickup?region={region}", htmx=htmx, entry=typed, **fields)


def send(client: LawfulClient, path: str, *, htmx: bool = True, **fields: object) -> TestResponse:
    """A form of the counter."""
    return client.post(path, data={"csrf_token": csrf_token(client), **fields}, headers=HTMX if htmx else {})


def words(answer: TestResponse) -> str:
    """What a person reads, without tags and spaces."""
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.text))


def band(answer: TestResponse) -> str:
    """The colour of the verdict."""
    found = re.search(r'class="answer (answer-\w+)"', answer.text)
    assert found, answer.text[:400]
    return found[1]


def a_rental_without_approval(app: Flask, database: Database, *, region: str = "B", now: datetime) -> tuple[int, int]:
    """A rental that is paid whole, and whose card nobody has looked at: order and card."""
    customer = a_customer(app, region=region, name="秦朗朗", phone="13812342013")
    order_id = a_rental_order(app, database, customer=customer, region=region, card=False, deposit=None, now=now)
    card_id = a_card(app, customer, approved=False, region=region)
    a_deposit(app, customer, DepositKind.RENTAL, order_id=order_id, now=now)
    pay_rental(app, order_id, customer, now=now)
    return order_id, card_id


def pay_rental(app: Flask, order_id: int, customer: Actor, *, now: datetime) -> None:
    """The person enters the number and pays the rent."""
    with app.app_context():
        assert orders.enter_number(order_id, typed=order_of(app, order_id).number, actor=customer, now=now)
        wanted = payments.begin_attempt(charge_of(app, order_id), actor=customer, now=now).wanted
    pay(app, wanted.out_trade_no, customer=customer, amount_fen=MONTH_FEN, now=now + timedelta(seconds=30))


def put_photo_behind(app: Flask, card_id: int) -> bytes:
    """The file of a card's photo."""
    jpeg = a_photo()
    with read(app) as session:
        key = session.scalars(
            select(Photo.key).join(StudentCard, StudentCard.photo_id == Photo.id).where(StudentCard.id == card_id)
        ).one()
    app.extensions[RUNTIME].photos.put(key, jpeg)
    return jpeg
