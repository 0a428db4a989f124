"""Reminders: each once, in time, through the outbox alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.outbox import Errand
from app.domain.reminders import Stage
from app.domain.settings import RENTAL_LATE_FEE
from app.jobs import remind, send_outbox
from app.jobs._report import Report
from app.models.batteries import BatteryUse
from app.models.late_fees import LateFee
from app.models.work import Outbox, OutboxStatus
from app.ports import GatewayRefused
from app.usecases import reminders as verbs
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.rentals import a_rental_order
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

THEN = datetime(2026, 3, 2, 4, tzinfo=UTC)  # noon in Shanghai

pytestmark = [pytest.mark.both_engines, pytest.mark.req("SET-4", "SET-5")]


def day(nth: int) -> datetime:
    return THEN + timedelta(days=nth)


def run(app: Flask, nth: int) -> Report:
    return remind.run(app.extensions[RUNTIME], day(nth))


def topics(database: Database) -> list[str]:
    told = select(Outbox.key).where(Outbox.kind == Errand.MESSAGE, Outbox.key.startswith("remind_"))
    return [key.partition(":")[0] for key in database.all(told.order_by(Outbox.id))]


def a_battery_out(app: Flask, database: Database) -> int:
    some_batteries(database)
    return a_use(app, a_member(app, now=THEN), now=THEN)


def test_each_stage_is_told_once_however_often_the_job_runs(context: Flask, database: Database) -> None:
    a_battery_out(context, database)
    told = {nth: sum(run(context, nth).rows for _ in range(2)) for nth in range(35)}
    assert [nth for nth, rows in told.items() if rows] == [11, 13, 15, 27]
    assert topics(database) == [f"remind_{stage}_battery" for stage in Stage]


def test_of_what_was_missed_only_what_is_still_true_is_told(context: Flask, database: Database) -> None:
    a_battery_out(context, database)
    assert run(context, 12).rows == 1
    assert run(context, 16).rows == 1, "the fees began yesterday; that they were about to is no news"
    assert run(context, 31).rows == 0, "the freeze tells itself"
    assert topics(database) == ["remind_soon_battery", "remind_late_battery"]


def test_a_rented_vehicle_is_reminded_of_with_its_own_terms(context: Flask, database: Database) -> None:
    a_setting(context, database, RENTAL_LATE_FEE, 10_00)
    order_id = a_rental_order(context, database, picked_up=True, now=THEN)
    a_setting(context, database, RENTAL_LATE_FEE, 99_00, since=day(1))
    assert [nth for nth in range(65) if run(context, nth).rows] == [27, 29, 31, 57]
    assert topics(database) == [f"remind_{stage}_vehicle" for stage in Stage]
    first = database.all(select(Outbox.payload).where(Outbox.key.startswith("remind_")).order_by(Outbox.id))[0]
    assert first["facts"] == {"number": "AZ0001", "on": "2026-04-01", "fee_fen": 10_00}
    assert first["page"] == f"/m/orders/{order_id}"


def test_what_is_back_is_not_reminded_of(context: Flask, database: Database) -> None:
    use_id = a_battery_out(context, database)
    take_back(context, use_id, now=day(10))
    assert [nth for nth in range(10, 40) if run(context, nth).rows] == []
    assert not verbs.remind(BatteryUse, use_id, Stage.SOON, now=day(11)), "it came back between the search and the act"


def test_the_words_of_a_stage_that_is_over_are_not_sent(context: Flask, database: Database) -> None:
    use_id = a_battery_out(context, database)
    assert not verbs.remind(BatteryUse, use_id, Stage.SOON, now=day(13))
    assert topics(database) == []


def test_an_unfollowed_person_changes_nothing_else(context: Flask, database: Database) -> None:
    some_batteries(database)
    for number in ("A00001", "A00002"):
        a_use(context, a_member(context, now=THEN), number, now=THEN)
    sent: list[Any] = []

    class RefusesTheFirst:
        def send(self, *words: object) -> None:
            sent.append(words)
            if len(sent) == 1:
                raise GatewayRefused("43004", "unfollowed")

    assert run(context, 11).rows == 2
    report = send_outbox.run(replace(context.extensions[RUNTIME], messenger=RefusesTheFirst()), day(11))
    assert (report.put_off, len(sent)) == (1, 2)
    assert database.count(Outbox, Outbox.status == OutboxStatus.PARKED) == 1
    assert run(context, 12).rows == 0, "a parked message is not made anew"
    assert run(context, 13).rows == 2
    assert database.count(LateFee) == 0


def test_one_that_fails_holds_up_no_other(context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    some_batteries(database)
    uses = [a_use(context, a_member(context, now=THEN), f"A{nth:05d}", now=THEN) for nth in range(1, 4)]

    def broken_for_one(kind: Any, lent_id: int, stage: Stage, *, now: datetime) -> bool:
        if lent_id == uses[1]:
            raise ZeroDivisionError
        return verbs.remind(kind, lent_id, stage, now=now)

    monkeypatch.setattr(remind, "remind", broken_for_one)
    report = run(context, 11)
    assert (report.rows, report.trouble) == (2, (f"battery_use {uses[1]}: ZeroDivisionError()",))
    monkeypatch.undo()
    assert run(context, 12).rows == 1
