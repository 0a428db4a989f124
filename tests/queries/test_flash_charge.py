"""The figures of flash charge, and who had which battery when (FLA-1 to FLA-3)."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission, Role
from app.queries import directory, flash_charge
from app.queries.battery_page import battery_page, find_battery
from app.queries.flash_charge import Figures, Overview, Span
from app.usecases import flash_charge as verbs
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.people import a_customer, a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database


class Town:
    """Batteries in A and B, and people who use them."""

    def __init__(self, app: Flask, database: Database) -> None:
        self.app = app
        self.now = app.extensions[RUNTIME].clock.now()
        self.ids = {region: some_batteries(database, region, last=8) for region in "AB"}

    def use(self, number: str, *, days_ago: int, member: Actor | None = None) -> int:
        member = member or a_member(self.app, region=number[0])
        return a_use(self.app, member, number, now=self.now - timedelta(days=days_ago))

    def overview(self, actor: Actor, chosen: str | None = None) -> Overview:
        with read(self.app) as session:
            regions = [row.id for row in directory.regions_of(session, actor, Permission.FLASH_VIEW)]
            chosen_id = a_region_id(self.app, chosen) if chosen else None
            return flash_charge.overview(session, actor, regions, chosen_id, self.now)

    def open_uses(self, actor: Actor, span: Span, **page: Any) -> flash_charge.UseList:
        with read(self.app) as session:
            regions = [row.id for row in directory.regions_of(session, actor, Permission.FLASH_VIEW)]
            total = flash_charge.overview(session, actor, regions, None, self.now).by_span[span]
            asked = {"after": None, "before": None, "size": 50, "now": self.now} | page
            return flash_charge.open_uses(session, regions, span, total=total, **asked)

    def past_uses(self, actor: Actor, days: int, **page: Any) -> flash_charge.UseList:
        with read(self.app) as session:
            regions = [row.id for row in directory.regions_of(session, actor, Permission.FLASH_VIEW)]
            asked = {"after": None, "before": None, "size": 50, "now": self.now} | page
            return flash_charge.past_uses(session, regions, days, **asked)


@pytest.fixture
def town(app: Flask, database: Database) -> Town:
    return Town(app, database)


@pytest.fixture
def owner(app: Flask) -> Actor:
    return a_member_of_staff(app, role=Role.OWNER, region=None)


@pytest.mark.both_engines
@pytest.mark.req("FLA-1")
def test_somebody_of_two_regions_counts_in_each_and_once_in_all(app: Flask, town: Town, owner: Actor) -> None:
    traveller = a_member(app, region="A")
    take_back(app, town.use("A00001", days_ago=40, member=traveller), now=town.now - timedelta(days=35))
    take_back(
        app, town.use("A00001", days_ago=30, member=traveller), now=town.now - timedelta(days=20)
    )  # again: still one person
    town.use("B00001", days_ago=3, member=traveller)
    town.use("A00002", days_ago=20)
    a_member(app, region="B")  # a member who never used one
    found = town.overview(owner)
    a, b, c = (found.by_region[a_region_id(app, letter)] for letter in "ABC")
    assert found.total == Figures(people=2, using=2, members=3, in_stock=14, late=1, frozen=0)
    assert a == Figures(people=2, using=1, members=2, in_stock=7, late=1, frozen=0)
    assert b == Figures(people=1, using=1, members=1, in_stock=7, late=0, frozen=0)
    assert c == Figures(people=0, using=0, members=0, in_stock=0, late=0, frozen=0)
    assert (a.used_percent, c.used_percent) == (12, 0)
    assert a.people + b.people > found.total.people


@pytest.mark.both_engines
@pytest.mark.req("FLA-1")
def test_whoever_sees_some_regions_counts_the_people_of_these(app: Flask, town: Town) -> None:
    traveller = a_member(app, region="B")
    take_back(app, town.use("B00001", days_ago=9, member=traveller))  # first in B
    take_back(app, town.use("A00001", days_ago=5, member=traveller))
    clerk = a_member_of_staff(app, region="A")
    assert town.overview(clerk).total.people == 1
    both = Actor.staff(clerk.id or 0, "陈店员", [(Role.CLERK, a_region_id(app, letter)) for letter in "AB"])
    assert town.overview(both).total.people == 1


@pytest.mark.both_engines
@pytest.mark.req("FLA-1", "FLA-3")
def test_open_uses_by_days_by_wish_and_by_doubt(app: Flask, town: Town, owner: Actor) -> None:
    uses = {days: town.use(f"A0000{n}", days_ago=days) for n, days in enumerate((0, 14, 15, 29, 30), start=1)}
    asks = a_member(app, region="B")
    asked = town.use("B00001", days_ago=2, member=asks)
    with app.app_context():
        verbs.ask_return(actor=asks, now=town.now)
        clerk = a_member_of_staff(app, region="A")
        verbs.take_in(town.ids["A"][1], bringer_use_id=None, reason="别人拿来的", actor=clerk, now=town.now)
    by_span = {span: [row.id for row in town.open_uses(owner, span).page.rows] for span in Span}
    assert by_span == {
        Span.ALL: [uses[0], asked, uses[15], uses[29], uses[30]],
        Span.LATE: [uses[15], uses[29], uses[30]],
        Span.SHORT: [uses[0], asked],
        Span.LONG: [uses[15], uses[29]],
        Span.LONGEST: [uses[30]],
        Span.ASKED: [asked],
        Span.DISPUTED: [uses[14]],
    }
    assert town.overview(owner).by_span == {span: len(ids) for span, ids in by_span.items()}
    assert town.overview(owner, "B").by_span[Span.ALL] == 1
    badges = {row.id: [badge.word for badge in row.badges] for row in town.open_uses(owner, Span.ALL).page.rows}
    assert badges[uses[0]] == ["使用中"]
    assert badges[asked] == ["已申请归还"]
    assert badges[uses[15]] == ["逾期 1 天"]
    assert badges[uses[30]] == ["逾期 16 天", "冻结"]
    (disputed,) = town.open_uses(owner, Span.DISPUTED).page.rows
    assert [badge.word for badge in disputed.badges] == ["已归还", "待核实"]


@pytest.mark.both_engines
@pytest.mark.req("FLA-3")
def test_history_of_7_30_and_90_days_goes_page_by_page_and_back(app: Flask, town: Town, owner: Actor) -> None:
    member = a_member(app, region="A")
    for days in (89, 60, 29, 10, 6, 3):
        use = town.use("A00001", days_ago=days, member=member)
        take_back(app, use, now=town.now - timedelta(days=days - 1))
    town.use("B00001", days_ago=1)
    totals = {days: town.past_uses(owner, days).total for days in (7, 30, 90)}
    assert totals == {7: 3, 30: 5, 90: 7}
    first = town.past_uses(owner, 90, size=3)
    second = town.past_uses(owner, 90, size=3, after=first.page.older)
    third = town.past_uses(owner, 90, size=3, after=second.page.older)
    assert [(one.first, one.last) for one in (first, second, third)] == [(1, 3), (4, 6), (7, 7)]
    assert [len(one.page.rows) for one in (first, second, third)] == [3, 3, 1]
    assert town.past_uses(owner, 90, size=3, before=third.page.newer).page.rows == second.page.rows
    assert town.past_uses(owner, 90, size=3, before=second.page.newer).page == first.page
    ids = [row.id for one in (first, second, third) for row in one.page.rows]
    assert len(set(ids)) == 7
    clerk = a_member_of_staff(app, region="B")
    assert town.past_uses(clerk, 90).total == 1


@pytest.mark.both_engines
@pytest.mark.req("FLA-2", "FLA-3")
def test_a_battery_says_who_has_it_and_who_had_it(app: Flask, town: Town, owner: Actor) -> None:
    before = a_member(app, customer=a_customer(app, name="李明轩", phone="13700000825"))
    take_back(app, town.use("A00001", days_ago=50, member=before), now=town.now - timedelta(days=45))
    holder = a_member(app, customer=a_customer(app, name="王晓涵", phone="13812342047"))
    town.use("A00001", days_ago=18, member=holder)
    with read(app) as session:
        battery_id = find_battery(session, owner, BatteryNumber("A", 1))
        assert battery_id == town.ids["A"][0]
        page = battery_page(session, owner, battery_id, 90, town.now)
        assert battery_page(session, owner, battery_id, 30, town.now).uses_in_all == 1
        other = a_member_of_staff(app, region="B")
        assert find_battery(session, other, BatteryNumber("A", 1)) is None
        assert find_battery(session, owner, BatteryNumber("A", 999)) is None
    assert page.holding is not None
    assert (page.holding.use.name, page.holding.use.phone) == ("王*涵", "138****2047")
    assert (page.holding.progress.day, page.holding.progress.days_late) == (18, 4)
    assert (page.holding.deposit.amount_fen, page.holding.deposit.refundable_fen) == (300_00, 280_00)
    assert [(row.name, row.days) for row in page.uses] == [("王*涵", 18), ("李*轩", 5)]
    assert (page.uses_in_all, page.people_in_all) == (2, 2)
    said = [f"{entry.line.lead}{entry.line.text}" for entry in page.entries]
    assert said == ["扫码使用，王*涵，电池 A00001", "归还，陈店员，电池 A00001", "扫码使用，李*轩，电池 A00001"]
