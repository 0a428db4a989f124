"""试算: what it says is what the jobs then do, and saying it writes nothing."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app.domain.calendar import business_day
from app.domain.reminders import Stage, Thing
from app.domain.settings import FEE_CAP_PERCENT, FLASH_FREE_DAYS, FLASH_LATE_FEE, RENTAL_LATE_FEE
from app.jobs import charge_late_fees, remind
from app.models.batteries import BatteryUse
from app.models.directory import Region
from app.models.late_fees import ClosedDay, LateFee
from app.models.people import Restriction
from app.models.work import Outbox
from app.queries.late_fee_preview import KIND, Preview, PreviewRow, Sums, preview, preview_rows
from app.queries.reminders import THING, to_remind
from app.queries.restrictions import differing
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.plans import noted, plan, scanned
from tests.factories.rentals import a_rental_order
from tests.factories.settings import a_setting
from tests.fixtures.databases import Database

THEN = datetime(2026, 3, 2, 4, tzinfo=UTC)

pytestmark = [pytest.mark.both_engines, pytest.mark.req("SET-3", "SET-4", "SET-5")]


def day(nth: int) -> datetime:
    return THEN + timedelta(days=nth)


def a_mixed_store(app: Flask, database: Database) -> None:
    """Batteries and vehicles of three regions, of several terms; some capped, some back; closed days in between."""
    a_setting(app, database, RENTAL_LATE_FEE, 10_00)
    a_setting(app, database, FLASH_LATE_FEE, 7_00, since=day(2))
    a_setting(app, database, FEE_CAP_PERCENT, 20, since=day(3))
    a_setting(app, database, FLASH_FREE_DAYS, 6, since=day(5))
    for region in "ABC":
        some_batteries(database, region, last=4)
    for nth in range(9):
        region, began = "ABC"[nth % 3], day(nth * 5 % 12)
        use_id = a_use(app, a_member(app, region=region, now=began), f"{region}{1 + nth // 3:05d}", now=began)
        if nth == 4:
            take_back(app, use_id, region=region, now=day(40))
    for region, first in (("A", 3), ("B", 7)):
        a_rental_order(app, database, region=region, picked_up=True, now=day(first))
    owner = a_member_of_staff(app, role="owner", region=None)
    for region_id, nth in ((None, 20), (a_region_id(app, "A"), 25), (a_region_id(app, "A"), 20), (None, 50)):
        database.add(
            ClosedDay(
                region_id=region_id,
                day_on=business_day(day(nth)),
                reason="盘点",
                staff_id=owner.id or 0,
                made_at=THEN,
            )
        )


def foretold(database: Database, on: date) -> tuple[Preview, dict[Thing, list[PreviewRow]]]:
    with database.read() as session:
        regions = list(session.scalars(select(Region.id).order_by(Region.id)))
        whole = preview(session, regions, on)
        rows: dict[Thing, list[PreviewRow]] = {}
        for thing in Thing:
            rows[thing], after = [], 0
            while True:
                page = preview_rows(session, thing, regions, on, after=after, before=None, size=3)
                rows[thing] += page.rows
                if page.after is None:
                    break
                after = page.after
        return whole, rows


def came_true(
    database: Database, now: datetime
) -> tuple[dict[tuple[int, Thing], Sums], int, Counter[tuple[Thing, Stage]]]:
    """What the jobs did at `now`, read from the rows alone."""
    sums: dict[tuple[int, Thing], Sums] = {}
    for thing, kind in KIND.items():
        of = LateFee.battery_use_id if kind is BatteryUse else LateFee.rental_id
        posted = (
            select(kind.region_id, func.count(of.distinct()), func.count(), func.sum(LateFee.amount_fen))
            .join(LateFee, of == kind.id)
            .where(LateFee.posted_at == now)
            .group_by(kind.region_id)
        )
        for region_id, lents, days, fen in database.all(posted):
            sums[region_id, thing] = Sums(lents, days, int(fen))
    people = len(set(database.all(select(Restriction.customer_id).where(Restriction.cause == "overdue"))))
    keys = database.all(select(Outbox.key).where(Outbox.key.startswith("remind_"), Outbox.made_at == now))
    told = Counter((Thing(key.split("_")[2].partition(":")[0]), Stage(key.split("_")[1])) for key in keys)
    return sums, people, told


@pytest.mark.parametrize(("on", "posted_on"), [(15, None), (60, None), (24, 22), (60, 22)])
def test_what_is_foretold_is_what_comes_true(
    context: Flask, database: Database, on: int, posted_on: int | None
) -> None:
    a_mixed_store(context, database)
    runtime, now = context.extensions[RUNTIME], day(on)
    known = 0
    if posted_on is not None:
        charge_late_fees.run(runtime, day(posted_on))
        remind.run(runtime, day(posted_on))
        known = came_true(database, day(posted_on))[1]
    whole, rows = foretold(database, business_day(now))
    assert charge_late_fees.run(runtime, now).trouble == ()
    assert remind.run(runtime, now).trouble == ()
    sums, people, told = came_true(database, now)
    for key, foreseen in whole.sums.items():
        assert (foreseen.lents, foreseen.days, foreseen.amount_fen) == (
            (one := sums.get(key, Sums())).lents, one.days, one.amount_fen,
        ), key  # fmt: skip
    assert whole.frozen_people == people - known
    by_stage: Counter[tuple[Thing, Stage]] = Counter()
    for (_, thing, stage), n in whole.reminders.items():
        by_stage[thing, stage] += n
    assert by_stage == told
    for thing in Thing:
        mine = [one for (_, of), one in sums.items() if of is thing]
        assert len(rows[thing]) == sum(one.lents for one in mine)
        assert sum(row.days for row in rows[thing]) == sum(one.days for one in mine)
        assert sum(row.amount_fen for row in rows[thing]) == sum(one.amount_fen for one in mine)
    again, none_left = foretold(database, business_day(now))
    assert sum(again.sums.values(), Sums()) == Sums()
    assert (again.frozen_people, again.reminders.total(), none_left) == (0, 0, {thing: [] for thing in Thing})


def test_a_row_says_number_total_cap_and_freeze(context: Flask, database: Database) -> None:
    some_batteries(database)
    a_use(context, a_member(context, now=THEN), now=THEN)
    charge_late_fees.run(context.extensions[RUNTIME], day(16))
    row = foretold(database, business_day(day(74)))[1][Thing.BATTERY][0]
    assert (row.number, row.name, row.phone) == ("A00001", "王*涵", "138****2047")
    assert (row.days, row.amount_fen, row.total_fen, row.is_capped) == (58, 290_00, 300_00, True)
    assert (row.freezes_on, row.is_frozen) == (date(2026, 4, 1), True)
    row = foretold(database, business_day(day(29)))[1][Thing.BATTERY][0]
    assert (row.days, row.amount_fen, row.total_fen, row.is_capped, row.is_frozen) == (13, 65_00, 75_00, False, False)


def test_looking_ahead_takes_as_many_statements_for_many_as_for_one(context: Flask, database: Database) -> None:
    some_batteries(database, last=12)
    counted = []
    for nth in range(1, 13):
        a_use(context, a_member(context, now=THEN), f"A{nth:05d}", now=day(nth))
        if nth in (1, 12):
            statements: list[str] = []
            listener = lambda _c, _u, statement, *_: statements.append(statement)  # noqa: B023, E731
            event.listen(database.engine, "before_cursor_execute", listener)
            foretold_once(database, business_day(day(60)))
            event.remove(database.engine, "before_cursor_execute", listener)
            counted.append(len([one for one in statements if one.startswith("SELECT")]))
    assert counted[0] == counted[1] <= 20


def foretold_once(database: Database, on: date) -> None:
    with database.read() as session:
        regions = list(session.scalars(select(Region.id).order_by(Region.id)))
        preview(session, regions, on)
        preview_rows(session, Thing.BATTERY, regions, on, after=None, before=None, size=50)


def test_neither_the_job_nor_the_preview_reads_what_is_over(context: Flask, database: Database) -> None:
    """Both know the open ones by their partial indexes, whatever has come and gone."""
    a_mixed_store(context, database)
    today = business_day(day(41))
    with noted() as statements, database.read() as session:
        regions = list(session.scalars(select(Region.id)))
        preview(session, regions, today + timedelta(days=60))
        differing(session, today, limit=500)
        for kind in THING:
            for stage in Stage:
                to_remind(session, kind, stage, regions, today)
    steps = [step for statement, values in statements for step in plan(database, statement, values)]
    whole = scanned(steps, ["battery_use", "rental", "late_fee", "outbox", "restriction"])
    assert [step for step in whole if not step.endswith(("_owing", "uq_restriction_open"))] == []


def test_it_writes_nothing(context: Flask, database: Database) -> None:
    a_mixed_store(context, database)
    before = [database.count(table) for table in (LateFee, Restriction, Outbox)]
    foretold(database, business_day(day(60)))
    assert [database.count(table) for table in (LateFee, Restriction, Outbox)] == before
