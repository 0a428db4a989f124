"""The nightly posting: every region, then everybody whose record of restrictions differs from the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.batteries import EndedBy
from app.domain.calendar import business_day
from app.domain.rentals import Condition, Place
from app.domain.restrictions import Cause
from app.domain.settings import RENTAL_LATE_FEE
from app.jobs import charge_late_fees, send_outbox
from app.jobs._report import Report
from app.models.batteries import BatteryUse
from app.models.late_fees import LateFee
from app.models.people import Restriction
from app.models.rentals import Rental
from app.models.work import Outbox, OutboxStatus
from app.ports import GatewayRefused
from app.queries import restrictions
from app.queries.people import facts_of
from app.usecases import late_fees
from app.usecases import restrictions as verbs
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.people import a_customer
from tests.factories.rentals import a_rental_order
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

THEN = datetime(2026, 3, 2, 4, tzinfo=UTC)  # noon in Shanghai
FROZEN_ON = THEN + timedelta(days=30)

pytestmark = pytest.mark.both_engines


def run(app: Flask, now: datetime) -> Report:
    return charge_late_fees.run(app.extensions[RUNTIME], now)


def two_in_two_regions(app: Flask, database: Database) -> None:
    """A battery in A and a rented vehicle in B, both out since `THEN`."""
    some_batteries(database, "A", last=2)
    a_use(app, a_member(app, now=THEN), now=THEN)
    a_setting(app, database, RENTAL_LATE_FEE, 10_00)
    a_rental_order(app, database, region="B", picked_up=True, now=THEN)


@pytest.mark.req("SET-4", "SET-5", "CARD-4")
def test_fees_are_posted_and_whoever_is_past_the_freeze_day_is_frozen_once(context: Flask, database: Database) -> None:
    two_in_two_regions(context, database)
    assert run(context, THEN + timedelta(days=14)).rows == 0
    assert run(context, THEN + timedelta(days=16)).rows == 2, "the 15th and the 16th day of the battery"
    report = run(context, FROZEN_ON)
    assert (report.rows, report.trouble) == (14 + 1, ()), "14 days more of the battery, and one person frozen"
    assert database.all(select(Restriction.cause)) == [Cause.OVERDUE]
    assert run(context, FROZEN_ON).rows == 0
    report = run(context, FROZEN_ON + timedelta(days=30))
    assert (report.rows, report.trouble) == (30 + 30 + 1, ())
    assert database.count(Restriction) == 2
    of_rental = select(LateFee.amount_fen).where(LateFee.rental_id.is_not(None))
    assert sum(database.all(of_rental)) == 30 * 10_00


def test_a_freeze_does_not_depend_on_a_message(context: Flask, database: Database) -> None:
    """The person has unfollowed: the message is parked, and nothing else is any different."""
    two_in_two_regions(context, database)

    class Refuses:
        def send(self, *_: object) -> None:
            raise GatewayRefused("43004", "unfollowed")

    runtime = context.extensions[RUNTIME]
    run(context, FROZEN_ON)
    report = send_outbox.run(replace(runtime, messenger=Refuses()), FROZEN_ON)
    assert report.put_off >= 1
    topics = select(Outbox.key).where(Outbox.status == OutboxStatus.PARKED)
    assert [key for key in database.all(topics) if key.startswith("restriction_began_overdue")] != []
    assert database.count(Restriction, Restriction.lifted_at.is_(None)) == 1
    assert run(context, FROZEN_ON).rows == 0


def test_a_region_that_fails_holds_up_no_other(
    context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_in_two_regions(context, database)
    post_days = late_fees.post_days

    def broken_for_batteries(kind: Any, region_id: int, *, now: datetime) -> int:
        if kind is not Rental:
            raise ZeroDivisionError
        return post_days(kind, region_id, now=now)

    monkeypatch.setattr(late_fees, "post_days", broken_for_batteries)
    report = run(context, THEN + timedelta(days=60))
    assert len(report.trouble) == 3, "batteries of A, B and C"
    assert database.count(LateFee, LateFee.rental_id.is_not(None)) == 30
    assert database.count(Restriction) == 2, "the record follows the facts, not the rows"


def test_a_person_that_fails_holds_up_no_other(
    context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_batteries(database, last=3)
    people = [a_member(context, now=THEN) for _ in range(3)]
    for nth, person in enumerate(people, 1):
        a_use(context, person, f"A{nth:05d}", now=THEN)

    def broken_for_one(customer_id: int, **asked: Any) -> None:
        if customer_id == people[1].id:
            raise ZeroDivisionError
        verbs.reconcile_person(customer_id, **asked)

    monkeypatch.setattr(charge_late_fees, "reconcile_person", broken_for_one)
    report = run(context, FROZEN_ON)
    assert report.trouble == (f"customer {people[1].id}: ZeroDivisionError()",)
    assert database.count(Restriction) == 2
    monkeypatch.undo()
    assert run(context, FROZEN_ON).rows == 1
    assert database.count(Restriction) == 3


def test_whom_the_job_asks_is_whose_rows_differ_from_the_facts(context: Flask, database: Database) -> None:
    """The condition on many and the facts of one say the same, in every state that people can be in."""
    some_batteries(database, last=9)
    a_setting(context, database, RENTAL_LATE_FEE, 10_00)
    people = [a_customer(context) for _ in range(6)]
    over, frozen, known, fresh, gone, owes = people
    for nth, person in enumerate((frozen, known, over, owes), 1):
        a_member(context, customer=person, now=THEN)
        a_use(context, person, f"A{nth:05d}", now=THEN)
    a_rental_order(context, database, customer=gone, picked_up=True, now=THEN)
    a_member(context, customer=fresh, now=THEN)
    a_use(context, fresh, "A00007", now=FROZEN_ON - timedelta(days=3))
    now = FROZEN_ON + timedelta(days=40)
    for person in (known, gone):
        verbs.reconcile_person(person.id or 0, actor=charge_late_fees.ACTOR, now=now)
    take_back(
        context,
        database.one(select(BatteryUse.id).where(BatteryUse.customer_id == over.id)),
        now=THEN + timedelta(days=3),
    )
    with database.write() as session:  # past the verbs, which would have made the rows follow
        rental = session.scalars(select(Rental).where(Rental.customer_id == gone.id)).one()
        use = session.scalars(select(BatteryUse).where(BatteryUse.customer_id == owes.id)).one()
        rental.condition, rental.returned_to = Condition.GOOD, Place.STOCK
        use.ended_by, use.late_owed_fen = EndedBy.CLERK, 5_00
        for lent in (rental, use):
            lent.returned_at, lent.returned_on = now, business_day(now)
    today = business_day(now)
    with database.read() as session:
        open_rows = select(Restriction.customer_id, Restriction.cause, Restriction.subject_kind, Restriction.subject_id)
        kept = {tuple(row) for row in session.execute(open_rows.where(Restriction.lifted_at.is_(None)))}
        differ = set()
        for person in people:
            facts = facts_of(session, person.id or 0, now)
            mine = {(person.id, fact.cause, fact.subject_kind, fact.subject_id) for fact in facts}
            if mine != {row for row in kept if row[0] == person.id}:
                differ.add(person.id)
        assert differ == {frozen.id, gone.id, owes.id, fresh.id}
        assert set(restrictions.differing(session, today, limit=99)) == differ
        paged = list(restrictions.differing(session, today, limit=2))
        paged += restrictions.differing(session, today, after=paged[-1], limit=2)
        assert paged == sorted(one for one in differ if one)
    run(context, now)
    with database.read() as session:
        assert restrictions.differing(session, today, limit=99) == []
