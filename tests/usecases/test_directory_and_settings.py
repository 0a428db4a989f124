"""The verbs of the directory and the settings, on both engines."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.directory import ContactFacts, ContactKind, StoreFacts
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import LAST_NUMBER, Business
from app.domain.permissions import Role
from app.domain.settings import RESERVATION_HOURS
from app.models.directory import Contact, Region, School, SettingVersion
from app.models.numbers import NumberSeries, NumberSlot
from app.queries import directory as reads
from app.queries import settings
from app.usecases import directory
from app.usecases import settings as setting_verbs
from app.web.current import RUNTIME
from tests.factories.ground import SCHOOL_OF
from tests.factories.orders import an_order
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database

pytestmark = pytest.mark.both_engines


@pytest.mark.req("NUM-1", "SET-10")
def test_a_region_comes_whole_or_not_at_all(context: Flask, database: Database) -> None:
    owner = a_member_of_staff(context, role=Role.OWNER, region=None)
    now = context.extensions[RUNTIME].clock.now()
    store = StoreFacts("下沙店", "学林街 1 号", "9:00–20:00")
    with pytest.raises(RuleBroken) as broken:
        directory.add_region(letter="A", name="下沙", store=store, actor=owner, now=now)
    assert broken.value.rule is Rule.LETTER_TAKEN
    assert database.count(Region) == 3
    region_id = directory.add_region(letter="D", name="下沙", store=store, actor=owner, now=now)
    series = database.all(select(NumberSeries).where(NumberSeries.region_id == region_id))
    assert {one.business: one.seq for one in series} == dict.fromkeys(Business, 0)  # sale, rental, mini rental
    slots = database.count(NumberSlot, NumberSlot.series_id.in_([one.id for one in series]))
    assert slots == len(Business) * LAST_NUMBER
    directory.change_contact(
        region_id, ContactKind.REPAIR, contact=ContactFacts("13812342047", "", ""), actor=owner, now=now
    )
    assert database.one(select(Contact.phone).where(Contact.region_id == region_id)) == "13812342047"
    with read(context) as session:
        (card,) = reads.region_cards(session, owner, region_id)
        assert (card.region.store_name, card.schools, card.may_change) == ("下沙店", (), True)
        assert "D" not in reads.free_letters(session)


@pytest.mark.req("NUM-1")
def test_a_school_moves_only_while_nothing_of_its_people_is_open(context: Flask, database: Database) -> None:
    owner = a_member_of_staff(context, role=Role.OWNER, region=None)
    now = context.extensions[RUNTIME].clock.now()
    an_order(context, region="A", picked_up=True)  # done: no matter
    school = database.one(select(School).where(School.name == SCHOOL_OF["A"]))
    to = {"name": school.name, "region_id": a_region_id(context, "C"), "actor": owner, "now": now}
    an_order(context, region="A")
    with pytest.raises(RuleBroken) as broken:
        directory.change_school(school.id, **to)
    assert (broken.value.rule, broken.value.facts["orders"]) == (Rule.SCHOOL_HAS_ORDERS, 1)
    with pytest.raises(RuleBroken) as broken:
        directory.remove_school(school.id, actor=owner, now=now)
    assert (broken.value.rule, broken.value.facts["people"]) == (Rule.SCHOOL_HAS_PEOPLE, 2)
    other = database.one(select(School).where(School.name == SCHOOL_OF["B"]))
    directory.change_school(other.id, **{**to, "name": other.name})
    assert database.one(select(School.region_id).where(School.id == other.id)) == to["region_id"]
    directory.remove_school(other.id, actor=owner, now=now)
    assert database.count(School, School.id == other.id) == 0


@pytest.mark.req("SET-7", "SET-11")
def test_a_setting_from_a_time_on_and_back(context: Flask, database: Database) -> None:
    owner = a_member_of_staff(context, role=Role.OWNER, region=None)
    now = context.extensions[RUNTIME].clock.now()
    region_id, later = a_region_id(context, "B"), now + timedelta(hours=1)
    asked = {"region_id": region_id, "reason": "试一试", "actor": owner, "now": now}
    version = setting_verbs.change_setting(RESERVATION_HOURS.key, value=24, effective_at=later, **asked)
    with read(context) as session:
        assert settings.value_of(session, RESERVATION_HOURS, region_id, now) == 72
        assert settings.value_of(session, RESERVATION_HOURS, region_id, later) == 24
        assert settings.value_of(session, RESERVATION_HOURS, a_region_id(context, "A"), later) == 72
    setting_verbs.withdraw_change(RESERVATION_HOURS.key, version, actor=owner, now=now)
    with read(context) as session:
        assert settings.value_of(session, RESERVATION_HOURS, region_id, later) == 72
        rows = settings.history(session, owner, RESERVATION_HOURS, now)
    assert [(row.after, row.pending, row.replaced) for row in rows] == [
        ("和全部区域一样", False, False),
        ("24 小时", False, True),
    ]
    with pytest.raises(RuleBroken) as broken:
        setting_verbs.change_setting(RESERVATION_HOURS.key, value=24, effective_at=now, **asked)
    assert broken.value.rule is Rule.TIME_PAST
    with pytest.raises(RuleBroken) as broken:
        setting_verbs.change_setting(RESERVATION_HOURS.key, value=24, effective_at=None, **{**asked, "reason": " "})
    assert broken.value.rule is Rule.REASON_MISSING
    with pytest.raises(Exception, match="append-only"):
        database.execute("UPDATE setting_version SET value = 1")
    assert database.count(SettingVersion) == 2
