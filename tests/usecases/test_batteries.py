"""Batteries: made in stretches of numbers, moved by hand, never while somebody uses them (NUM-9, decision 23)."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.batteries import BatteryState
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.permissions import Actor
from app.models.batteries import Battery
from app.models.journal import Audit
from app.usecases import batteries
from app.web.current import RUNTIME
from tests.factories.counting_house import assert_nothing_violated
from tests.factories.flash import a_member, a_use, battery_state, some_batteries
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.fixtures.databases import Database

IN_STOCK, IN_USE, REPAIR, SCRAPPED, LOST = BatteryState


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def make(app: Flask, who: Actor, first: int, last: int, region: str = "A") -> int:
    return batteries.make(a_region_id(app, region), first=first, last=last, actor=who, now=now_of(app))


def move(app: Flask, who: Actor, battery_id: int, state: BatteryState, reason: str = "外壳裂了") -> None:
    batteries.move(battery_id, state=state, reason=reason, actor=who, now=now_of(app))


@pytest.fixture
def clerk(app: Flask) -> Actor:
    return a_member_of_staff(app)


@pytest.mark.both_engines
@pytest.mark.req("NUM-3", "NUM-9")
def test_a_stretch_of_numbers_becomes_batteries_in_stock(context: Flask, database: Database, clerk: Actor) -> None:
    assert make(context, clerk, 1, 500) == 500
    assert make(context, clerk, 99_999, 99_999) == 1
    assert make(context, a_member_of_staff(context, region="B"), 1, 2, "B") == 2  # each region counts by itself
    assert database.count(Battery, Battery.state == IN_STOCK) == 503
    told = database.all(select(Audit.facts).where(Audit.action == "batteries_made").order_by(Audit.id))
    assert told[0] == {"first": "A00001", "last": "A00500"}
    for first, last in ((0, 5), (5, 4), (99_999, 100_000), (501, 5_501)):
        with pytest.raises(RuleBroken) as broken:
            make(context, clerk, first, last)
        assert (broken.value.rule, broken.value.facts) == (Rule.BATTERY_RANGE_WRONG, {"most": 5_000})
    for first, last, number in ((1, 500, "A00001"), (300, 600, "A00300"), (501, 501, None)):
        if number is None:
            assert make(context, clerk, first, last) == 1
            continue
        with pytest.raises(RuleBroken) as broken:
            make(context, clerk, first, last)
        assert (broken.value.rule, broken.value.facts) == (Rule.BATTERIES_EXIST, {"number": number})
    with pytest.raises(IntegrityError):  # nor does the database know two of one number
        database.execute("UPDATE battery SET n = 1")
    assert_nothing_violated(context)


def test_staff_move_what_nobody_uses(context: Flask, database: Database, clerk: Actor) -> None:
    (battery_id,) = some_batteries(database, last=1)
    for state in (REPAIR, REPAIR, IN_STOCK, LOST, REPAIR, SCRAPPED, IN_STOCK):
        move(context, clerk, battery_id, state)
        assert battery_state(context, battery_id) is state
    assert database.count(Audit, Audit.action == "battery_moved") == 6  # pressed twice is once
    with pytest.raises(RuleBroken) as broken:
        move(context, clerk, battery_id, REPAIR, " ")
    assert broken.value.rule is Rule.REASON_MISSING
    move(context, clerk, battery_id, SCRAPPED)
    for state in (IN_USE, REPAIR):
        with pytest.raises(RuleBroken) as broken:
            move(context, clerk, battery_id, state)
        assert (broken.value.rule, broken.value.facts) == (
            Rule.BATTERY_MOVE_WRONG,
            {"before": SCRAPPED, "after": state},
        )
    assert_nothing_violated(context)


def test_a_battery_in_use_is_moved_by_nobody(context: Flask, database: Database, clerk: Actor) -> None:
    (battery_id,) = some_batteries(database, last=1)
    a_use(context, a_member(context))
    for state in (IN_STOCK, REPAIR, SCRAPPED, LOST):
        with pytest.raises(RuleBroken) as broken:
            move(context, clerk, battery_id, state)
        assert broken.value.rule is Rule.BATTERY_MOVE_WRONG
    assert battery_state(context, battery_id) is IN_USE
    assert_nothing_violated(context)


def test_who_makes_and_moves_batteries(context: Flask, database: Database, clerk: Actor) -> None:
    (battery_id,) = some_batteries(database, last=1)
    for nobody, wanted in (
        (a_member_of_staff(context, region="B"), NotFound),  # another region's is not there
        (a_member_of_staff(context, role="technician", region=None), NotFound),
        (a_customer(context), NotFound),
        (a_member_of_staff(context, role="finance"), Forbidden),  # sees it, and no more
    ):
        with pytest.raises(wanted):
            make(context, nobody, 2, 3)
        with pytest.raises(wanted):
            move(context, nobody, battery_id, REPAIR)
    with pytest.raises(NotFound):
        move(context, clerk, 999, REPAIR)
    with pytest.raises(NotFound):
        batteries.make(
            999, first=1, last=2, actor=a_member_of_staff(context, role="owner", region=None), now=now_of(context)
        )
    assert database.count(Battery) == 1
