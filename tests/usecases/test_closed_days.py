"""Closed days: declared and taken back before they begin, where the right is held."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import business_day
from app.domain.closed_days import MOST_DAYS
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.late_fees import DayReason
from app.domain.permissions import Actor, Role
from app.jobs import charge_late_fees
from app.models.batteries import BatteryUse
from app.models.journal import Audit
from app.models.late_fees import ClosedDay, LateFee
from app.queries.closed_days import spans
from app.usecases import closed_days
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.people import a_member_of_staff, a_region_id
from tests.fixtures.databases import Database

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)  # noon of the 2nd in Shanghai
TOMORROW = date(2026, 3, 3)

pytestmark = [pytest.mark.both_engines, pytest.mark.req("SET-3")]


@pytest.fixture
def owner(context: Flask) -> Actor:
    return a_member_of_staff(context, role=Role.OWNER, region=None)


def declare(
    actor: Actor, first: date, last: date | None = None, *, region_id: int | None = None, now: datetime = NOW
) -> int:
    return closed_days.declare(
        region_id=region_id, first=first, last=last or first, reason="寒假", actor=actor, now=now
    )


def refused(actor: Actor, first: date, last: date | None = None, *, now: datetime = NOW) -> Rule:
    with pytest.raises(RuleBroken) as broken:
        declare(actor, first, last, now=now)
    return broken.value.rule


def test_days_are_closed_for_all_or_for_one_region(context: Flask, database: Database, owner: Actor) -> None:
    region_id = a_region_id(context, "A")
    assert declare(owner, TOMORROW, TOMORROW + timedelta(days=2)) == 3
    assert declare(owner, TOMORROW + timedelta(days=1), TOMORROW + timedelta(days=4), region_id=region_id) == 2
    assert refused(owner, TOMORROW) is Rule.CLOSED_DAYS_KNOWN
    assert database.count(ClosedDay) == 5
    told = database.all(select(Audit.facts).where(Audit.action == "closed_days_declared").order_by(Audit.id))
    assert told[0] == {"first": "2026-03-03", "last": "2026-03-05"}


def test_only_a_day_that_has_not_begun(context: Flask, owner: Actor) -> None:
    assert refused(owner, business_day(NOW)) is Rule.CLOSED_DAYS_BEGUN
    assert refused(owner, date(2025, 1, 1), date(2027, 1, 1)) is Rule.CLOSED_DAYS_BEGUN
    assert refused(owner, TOMORROW, business_day(NOW)) is Rule.CLOSED_DAYS_WRONG
    assert refused(owner, TOMORROW, TOMORROW + timedelta(days=MOST_DAYS)) is Rule.CLOSED_DAYS_WRONG
    last_minutes = datetime(2026, 3, 2, 15, 56, tzinfo=UTC)
    assert refused(owner, TOMORROW, now=last_minutes) is Rule.CLOSED_DAYS_BEGUN, "midnight could come before the commit"
    assert declare(owner, TOMORROW, now=last_minutes - timedelta(minutes=2)) == 1


def test_a_day_of_which_something_is_posted_has_begun_whatever_the_clock_says(
    context: Flask, database: Database, owner: Actor
) -> None:
    """The demo's clock was moved on and back."""
    some_batteries(database)
    a_use(context, a_member(context, now=NOW), now=NOW)
    charge_late_fees.run(context.extensions[RUNTIME], NOW + timedelta(days=20))
    assert refused(owner, TOMORROW + timedelta(days=19)) is Rule.CLOSED_DAYS_BEGUN
    assert declare(owner, TOMORROW + timedelta(days=20)) == 1


def test_a_coming_day_is_taken_back_and_a_past_one_is_not(context: Flask, database: Database, owner: Actor) -> None:
    declare(owner, TOMORROW, TOMORROW + timedelta(days=9))
    later = NOW + timedelta(days=4)
    opened = closed_days.withdraw(
        region_id=None, first=TOMORROW, last=TOMORROW + timedelta(days=9), actor=owner, now=later
    )
    assert opened == 6
    assert max(database.all(select(ClosedDay.day_on))) == business_day(later)
    with pytest.raises(RuleBroken):
        closed_days.withdraw(region_id=None, first=TOMORROW, last=TOMORROW, actor=owner, now=later)
    with pytest.raises(RuleBroken):
        closed_days.withdraw(
            region_id=a_region_id(context, "A"), first=TOMORROW, last=date(2026, 4, 1), actor=owner, now=NOW
        )
    assert database.count(Audit, Audit.action == "closed_days_withdrawn") == 1


def test_the_right_is_for_a_region(context: Flask, database: Database) -> None:
    mine, other = a_region_id(context, "A"), a_region_id(context, "B")
    manager = a_member_of_staff(context, role=Role.MANAGER, region="A")
    assert declare(manager, TOMORROW, region_id=mine) == 1
    with pytest.raises(NotFound):
        declare(manager, TOMORROW, region_id=other)
    with pytest.raises(Forbidden):
        declare(manager, TOMORROW)
    with pytest.raises(Forbidden):
        closed_days.withdraw(region_id=None, first=TOMORROW, last=TOMORROW, actor=manager, now=NOW)
    for actor in (a_member_of_staff(context, role=Role.CLERK), a_member_of_staff(context, role=Role.FINANCE)):
        with pytest.raises((NotFound, Forbidden)):
            declare(actor, TOMORROW, region_id=mine)
    assert database.count(ClosedDay) == 1


def test_days_that_were_declared_together_are_shown_together(context: Flask, database: Database, owner: Actor) -> None:
    mine = a_region_id(context, "A")
    declare(owner, TOMORROW, TOMORROW + timedelta(days=5))
    declare(owner, TOMORROW + timedelta(days=9), region_id=mine)
    declare(owner, TOMORROW + timedelta(days=10), region_id=mine, now=NOW + timedelta(minutes=1))
    manager = a_member_of_staff(context, role=Role.MANAGER, region="A")

    def shown(actor: Actor, now: datetime) -> list[tuple[str, int, bool, bool]]:
        with database.read() as session:
            found = spans(session, actor, [mine], now)
        return [(one.first.isoformat()[5:], one.days, one.is_coming, one.may_withdraw) for one in found]

    assert shown(owner, NOW) == [("03-03", 6, True, True), ("03-12", 1, True, True), ("03-13", 1, True, True)]
    assert shown(manager, NOW)[:2] == [("03-03", 6, True, False), ("03-12", 1, True, True)]
    later = NOW + timedelta(days=3)
    assert shown(owner, later)[0] == ("03-06", 3, True, True)
    assert shown(owner, later)[-1] == ("03-03", 3, False, False)
    with database.read() as session:
        assert len(spans(session, owner, [a_region_id(context, "B")], NOW)) == 1, (
            "what is of another region is not shown"
        )


def test_a_closed_day_costs_nothing_and_moves_nothing(context: Flask, database: Database, owner: Actor) -> None:
    """Decision 20: neither the free days nor the freeze."""
    some_batteries(database)
    use_id = a_use(context, a_member(context, now=NOW), now=NOW)
    with database.read() as session:
        before = session.get_one(BatteryUse, use_id).freezes_on
    declare(owner, TOMORROW, TOMORROW + timedelta(days=2))
    declare(owner, date(2026, 3, 18))
    charge_late_fees.run(context.extensions[RUNTIME], NOW + timedelta(days=17))
    days = database.all(select(LateFee.day_on, LateFee.amount_fen, LateFee.reason).order_by(LateFee.day_on))
    assert [tuple(day) for day in days] == [
        (date(2026, 3, 17), 5_00, DayReason.FEE),
        (date(2026, 3, 18), 0, DayReason.CLOSED),
        (date(2026, 3, 19), 5_00, DayReason.FEE),
    ]
    with database.read() as session:
        assert session.get_one(BatteryUse, use_id).freezes_on == before
