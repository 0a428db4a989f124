"""One number, one live holder: the database itself refuses another; how a number waits and comes back (decision 8)."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import writing_session
from app.domain.errors import LostRace
from app.domain.numbering import Business, VehicleNumber, loggable
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.usecases import numbers
from app.usecases.transaction import transactional
from app.web.current import RUNTIME
from tests.factories.orders import an_order, order_of
from tests.factories.people import a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def slot(app: Flask, number: str) -> NumberSlot:
    with read(app) as session:
        return session.scalars(
            select(NumberSlot)
            .join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
            .where(
                NumberSeries.region_id == a_region_id(app, number[0]),
                NumberSeries.business == Business(number[1]),
                NumberSlot.n == int(number[2:]),
            )
        ).one()


@pytest.mark.both_engines
@pytest.mark.req("NUM-6")
def test_the_database_refuses_a_second_live_holder(context: Flask, database: Database) -> None:
    first, second = an_order(context), an_order(context)
    taken = slot(context, "AM0001")
    again = insert(NumberHolding).values(
        slot_id=taken.id, order_id=second, from_seq=99, from_at=now_of(context), revived=False
    )
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(again)
    with pytest.raises(IntegrityError):  # nor does one order hold two numbers
        database.execute(
            "UPDATE number_slot SET state = 'held', order_id = :first WHERE n = 9 AND series_id = :series",
            first=first,
            series=taken.series_id,
        )
    with pytest.raises(IntegrityError):  # nor is a number taken by nobody
        database.execute(
            "UPDATE number_slot SET state = 'held' WHERE n = 9 AND series_id = :series", series=taken.series_id
        )
    with pytest.raises(IntegrityError):  # nor is there a number beyond the last
        database.execute("UPDATE number_slot SET n = 10000 WHERE n = 9 AND series_id = :series", series=taken.series_id)


@pytest.mark.both_engines
@pytest.mark.req("NUM-6")
def test_a_claim_of_a_number_that_is_gone_is_a_lost_race(context: Flask) -> None:
    first, second = an_order(context), an_order(context, region="B")
    taken = slot(context, "AM0001")
    claim = numbers.Claim(taken.id, 99, VehicleNumber.parse("AM0001"))
    with writing_session() as session, pytest.raises(LostRace):
        numbers.hold(session, claim, second, now_of(context))
    assert slot(context, "AM0001").order_id == first


@transactional
def hold_again(session: Session, region_id: int, number: str, order_id: int, now: datetime) -> bool:
    return numbers.hold_again(session, region_id, VehicleNumber.parse(number), order_id, now)


@transactional
def let_wait(session: Session, order_id: int) -> None:
    numbers.let_wait(session, order_id)


@transactional
def release(session: Session, region_id: int, order_id: int, now: datetime) -> bool:
    return numbers.release(session, region_id, Business.SALE, order_id, now)


@pytest.mark.both_engines
@pytest.mark.req("NUM-5", "NUM-6")
def test_a_number_waits_is_held_again_and_is_freed(context: Flask) -> None:
    order_id, region_id, now = an_order(context), a_region_id(context, "A"), now_of(context)
    let_wait(order_id)
    assert slot(context, "AM0001").state is SlotState.WAITING
    assert order_of(context, an_order(context)).number == "AM0002"  # nobody gets a number that waits
    assert hold_again(region_id, "AM0001", order_id, now)
    assert slot(context, "AM0001").state is SlotState.HELD
    assert release(region_id, order_id, now)
    assert not release(region_id, order_id, now)
    assert slot(context, "AM0001").order_id is None
    assert hold_again(region_id, "AM0001", order_id, now)  # free: taken again, out of turn
    with read(context) as session:
        history = session.execute(
            select(NumberHolding.revived, NumberHolding.to_seq.is_(None)).where(NumberHolding.order_id == order_id)
        )
        assert [tuple(row) for row in history] == [(False, False), (True, True)]
    assert release(region_id, order_id, now)
    taker = an_order(context)
    assert order_of(context, taker).number == "AM0001"
    assert not hold_again(region_id, "AM0001", order_id, now)  # somebody has it
    assert slot(context, "AM0001").order_id == taker


@pytest.mark.req("NUM-1", "NUM-3")
def test_the_letters_and_numbers_of_the_ground(context: Flask) -> None:
    with read(context) as session:
        slots = session.execute(
            text(
                "SELECT letter, min(n), max(n), count(*) FROM number_slot"
                " JOIN number_series ON number_series.id = series_id JOIN region ON region.id = region_id"
                " WHERE business = 'M' GROUP BY letter ORDER BY letter"
            )
        )
        assert [tuple(row) for row in slots] == [(letter, 1, 9999, 9999) for letter in "ABC"]
        schools = session.execute(text("SELECT letter, school.name FROM school JOIN region ON region.id = region_id"))
        assert {(letter, name) for letter, name in schools} == {
            ("A", "浙江大学"),
            ("B", "浙江工业大学"),
            ("B", "万向职业技术学院"),
            ("B", "浙江外国语学院"),
            ("C", "浙江科技学院"),
            ("C", "长征职业技术学院"),
        }


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ａｍ0001", "AM0001"),
        ("0001", "0001"),
        ("13812342047", None),  # a phone
        ("王晓涵", None),
        ("33010620040501001X", None),
        ("", None),
    ],
)
def test_what_of_a_typed_text_is_logged(typed: str, kept: str | None) -> None:
    assert loggable(typed) == kept
