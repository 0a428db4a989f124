"""The flash-charge section at 200,000 uses: each read by an index, on both engines, in a fixed number of statements."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.batteries import BatteryState
from app.domain.permissions import Permission, Role
from app.models.batteries import BatteryUse
from app.queries import battery_list, battery_page, directory, flash_charge, number_series
from app.queries.flash_charge import HISTORY_DAYS, Span
from app.web.current import RUNTIME
from tests.factories.flash_bulk import many_uses
from tests.factories.people import a_member_of_staff
from tests.factories.plans import noted, plan, scanned
from tests.factories.reading import read
from tests.fixtures.databases import Database

USES = 200_000
LARGE = ("battery_use", "battery", "battery_person", "deposit", "customer", "identity", "audit", "number_slot")
MOST_FOR_FIGURES = 6
"""Open uses, people (for who sees some regions also all of them), members, stock, disputed."""
MOST_FOR_A_LIST = 4
"""How many there are, the page, its rows, its place."""
MOST_FOR_A_BATTERY = 11
"""Four of them: what late fees take from the deposit of whoever has it."""


OF_ALL_USES = ("ix_battery_use_region_id", "ix_battery_use_began_at")
"""The indexes of every use there ever was: what asks for open or disputed ones must go by those of these alone."""


@pytest.mark.both_engines
@pytest.mark.req("FLA-1", "FLA-2", "FLA-3")
@pytest.mark.timeout(180)
def test_every_read_of_the_section_goes_by_an_index(app: Flask, database: Database) -> None:
    now = app.extensions[RUNTIME].clock.now()
    many_uses(database, USES, now=now)
    if database.engine_name == "postgresql":
        database.execute("ANALYZE")
    disputed = database.all(select(BatteryUse.battery_id).where(BatteryUse.disputed).limit(1))[0]
    everywhere = a_member_of_staff(app, role=Role.OWNER, region=None)
    page = {"size": 50, "now": now, "after": None, "before": None}
    of_few: list[tuple[str, Any]] = []
    others: list[tuple[str, Any]] = []
    for actor in (everywhere, a_member_of_staff(app, role=Role.CLERK, region="B")):
        with read(app) as session:
            regions = [row.id for row in directory.regions_of(session, actor, Permission.FLASH_VIEW)]
            with noted() as statements:
                figures = flash_charge.overview(session, actor, regions, None, now)
            assert len(statements) <= MOST_FOR_FIGURES
            of_few += statements
            for span in Span:
                with noted() as statements:
                    found = flash_charge.open_uses(session, regions, span, total=figures.by_span[span], **page)
                    asked = page | {"after": found.page.older}
                    flash_charge.open_uses(session, regions, span, total=figures.by_span[span], **asked)
                assert found.total > 0, span
                assert len(statements) <= 2 * MOST_FOR_A_LIST
                of_few += statements
            for days in HISTORY_DAYS:
                with noted() as statements:
                    newest = flash_charge.past_uses(session, regions, days, **page)
                    older = flash_charge.past_uses(session, regions, days, **page | {"after": newest.page.older})
                    back = flash_charge.past_uses(session, regions, days, **page | {"before": older.page.newer})
                assert [row.id for row in back.page.rows] == [row.id for row in newest.page.rows]
                assert len(statements) <= 3 * MOST_FOR_A_LIST
                others += statements
            with noted() as statements:
                battery_page.battery_page(session, everywhere, disputed, 90, now)
            assert len(statements) <= MOST_FOR_A_BATTERY
            others += statements
            with noted() as statements:
                for state in (None, *BatteryState):
                    battery_list.battery_list(session, regions[0], state, after=500, before=None, size=50)
                number_series.series_rows(session, actor, None)
            others += statements
    for statement, parameters in (*of_few, *others):
        assert not scanned(plan(database, statement, parameters), LARGE), statement
    for statement, parameters in of_few:
        steps = plan(database, statement, parameters)
        assert not [step for step in steps if any(index in step for index in OF_ALL_USES)], statement


@pytest.mark.both_engines
def test_a_read_without_an_index_would_be_seen(database: Database) -> None:
    with noted() as statements:
        database.all(select(BatteryUse.id).where(BatteryUse.price_fen == 1))
    ((statement, parameters),) = statements
    assert scanned(plan(database, statement, parameters), LARGE)
