"""A number whose plate is lost is taken out of use, and put back when there is a plate again (decision 9)."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.permissions import Actor
from app.models.journal import Audit
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.usecases import numbers
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.orders import an_order, cancel, order_of
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.rentals import a_rental_order
from tests.fixtures.databases import Database


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def slot(app: Flask, database: Database, number: str) -> NumberSlot:
    found: NumberSlot = database.one(
        select(NumberSlot)
        .join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
        .where(
            NumberSeries.region_id == a_region_id(app, number[0]),
            NumberSeries.business == Business(number[1]),
            NumberSlot.n == int(number[2:]),
        )
    )
    return found


def retire(app: Flask, who: Actor, slot_id: int, reason: str = "车牌丢了") -> None:
    numbers.retire(slot_id, reason=reason, actor=who, now=now_of(app))


def put_back(app: Flask, who: Actor, slot_id: int, reason: str = "补做了车牌") -> None:
    numbers.put_back_in_use(slot_id, reason=reason, actor=who, now=now_of(app))


@pytest.fixture
def boss(app: Flask) -> Actor:
    return a_member_of_staff(app, role="manager")


@pytest.mark.both_engines
@pytest.mark.req("NUM-4", "NUM-5", "NUM-6")
def test_nobody_gets_a_retired_number_until_it_is_put_back(context: Flask, database: Database, boss: Actor) -> None:
    first, second = slot(context, database, "AM0001"), slot(context, database, "AZ0001")
    for _ in range(2):  # pressed twice
        retire(context, boss, first.id)
    retire(context, boss, second.id)
    assert order_of(context, an_order(context)).number == "AM0002"
    assert order_of(context, a_rental_order(context, database, deposit=None)).number == "AZ0002"
    assert_nothing_violated(context)
    put_back(context, boss, first.id)
    assert order_of(context, an_order(context)).number == "AM0001"
    assert order_of(context, an_order(context)).number == "AM0003"
    history = database.all(
        select(NumberHolding.order_id.is_(None), NumberHolding.to_seq.is_(None))
        .where(NumberHolding.slot_id == first.id)
        .order_by(NumberHolding.from_seq)
    )
    assert [tuple(row) for row in history] == [(True, False), (False, True)]  # out of use, then an order's
    acts = select(Audit.action, Audit.facts, Audit.reason).where(Audit.subject_kind == "number")
    told = database.all(acts.where(Audit.subject_id == first.id).order_by(Audit.id))
    assert [tuple(row) for row in told] == [
        ("number_retired", {"number": "AM0001"}, "车牌丢了"),
        ("number_put_back", {"number": "AM0001"}, "补做了车牌"),
    ]
    assert_nothing_violated(context)


def test_a_number_that_somebody_holds_is_not_retired_and_a_free_one_not_put_back(
    context: Flask, database: Database, boss: Actor
) -> None:
    held, kept = an_order(context), an_order(context, picked_up=True)
    for order_id in (held, kept):
        taken = slot(context, database, order_of(context, order_id).number)
        with pytest.raises(RuleBroken) as broken:
            retire(context, boss, taken.id)
        assert broken.value.rule is Rule.NUMBER_NOT_FREE
        with pytest.raises(RuleBroken) as broken:
            put_back(context, boss, taken.id)
        assert broken.value.rule is Rule.NUMBER_NOT_RETIRED
    for act in (retire, put_back):
        with pytest.raises(RuleBroken) as broken:
            act(context, boss, slot(context, database, "AM0001").id, " ")
        assert broken.value.rule is Rule.REASON_MISSING
    cancel(context, held)
    retire(context, boss, slot(context, database, "AM0001").id)  # free again: its turn
    assert slot(context, database, "AM0001").state is SlotState.RETIRED
    assert_nothing_violated(context)


def test_who_retires_numbers(context: Flask, database: Database, boss: Actor) -> None:
    slot_id = slot(context, database, "AM0001").id
    for nobody, wanted in (
        (a_member_of_staff(context, role="manager", region="B"), NotFound),  # another region's is not there
        (a_member_of_staff(context, role="technician", region=None), NotFound),
        (a_customer(context), NotFound),
        (a_member_of_staff(context), Forbidden),  # a clerk sees it, and no more
    ):
        for act in (retire, put_back):
            with pytest.raises(wanted):
                act(context, nobody, slot_id)
    with pytest.raises(NotFound):
        retire(context, boss, 10**9)
    assert slot(context, database, "AM0001").state is SlotState.FREE
