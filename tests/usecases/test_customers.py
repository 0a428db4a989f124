"""Customers: one account for each openid and each ID number, frozen and unfrozen by staff (decisions 1 to 3, 5)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.identity import CONSENT_ID_NUMBER
from app.domain.permissions import Actor
from app.domain.restrictions import Cause
from app.models.directory import School
from app.models.people import Consent, ConsentText, Customer, CustomerStatus, Identity, IdentityKey, Restriction
from app.queries import people
from app.usecases import customers
from app.usecases.customers import RealName
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries, take_back
from tests.factories.orders import an_order, person_of
from tests.factories.people import a_customer, a_member_of_staff, an_id_number
from tests.factories.reading import read
from tests.fixtures.databases import Database

DAY = timedelta(days=1)


def now_of(app: Flask) -> datetime:
    now: datetime = app.extensions[RUNTIME].clock.now()
    return now


def a_real_name(app: Flask, **changed: object) -> RealName:
    with read(app) as session:
        school_id = session.scalars(select(School.id).where(School.name == "浙江大学")).one()
        text_id = session.scalars(select(ConsentText.id).where(ConsentText.kind == CONSENT_ID_NUMBER)).one()
    fields: dict[str, object] = {
        "name": "王晓涵",
        "id_number": an_id_number(),
        "phone": "13812342047",
        "school_id": school_id,
        "consent_text_id": text_id,
    }
    return RealName(**(fields | changed))  # type: ignore[arg-type]  # the words of a table


def register(app: Flask, real_name: RealName, who: Actor) -> None:
    customers.register(real_name, actor=who, vault=app.extensions[RUNTIME].vault, now=now_of(app))


@pytest.mark.both_engines
def test_an_openid_is_one_customer_however_many_ask_at_once(app: Flask) -> None:
    def meet(_: int) -> int:
        with app.app_context():
            return customers.meet_customer(app_id="wx-ours", openid="o-new", now=now_of(app))

    with ThreadPoolExecutor(8) as pool:
        met = set(pool.map(meet, range(16)))
    assert len(met) == 1
    with app.app_context():
        assert customers.meet_customer(app_id="wx-other", openid="o-new", now=now_of(app)) not in met


@pytest.mark.req("FLOW-BUY-1")
def test_registering_seals_the_id_number_and_keeps_the_consent(context: Flask, database: Database) -> None:
    visitor = a_customer(context, registered=False)
    real_name = a_real_name(context)
    register(context, real_name, visitor)
    register(context, a_real_name(context, name="别人"), visitor)  # a second press, whatever it carries
    identity = database.one(select(Identity))
    vault = context.extensions[RUNTIME].vault
    assert real_name.id_number.encode() not in identity.id_number
    opened = vault.unseal(identity.id_number, table="identity", column="id_number", row=str(visitor.id))
    assert (identity.name, opened) == ("王晓涵", real_name.id_number)
    assert identity.id_mac == vault.mac(real_name.id_number)
    assert database.count(Consent) == 1
    assert database.count(IdentityKey) == database.count(IdentityKey, IdentityKey.customer_id == visitor.id) > 0
    with read(context) as session:
        actor = people.actor_of_customer(session, visitor.id or 0)
    assert actor is not None
    assert actor.registered


@pytest.mark.both_engines
@pytest.mark.req("FLOW-BUY-1")
def test_one_id_number_is_one_account_also_for_two_at_once(app: Flask, database: Database) -> None:
    real_name = a_real_name(app)
    two = [a_customer(app, registered=False) for _ in range(2)]

    def answer(who: Actor) -> str:
        with app.app_context():
            try:
                register(app, real_name, who)
            except RuleBroken as broken:
                return broken.rule
        return "registered"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, two)) == [Rule.ID_NUMBER_TAKEN, "registered"]
    assert database.count(Customer, Customer.status == CustomerStatus.REGISTERED) == 1


def test_whoever_may_not_register(context: Flask) -> None:
    for who in (Actor.visitor(), a_member_of_staff(context), Actor.job("tests")):
        with pytest.raises(Forbidden):
            register(context, a_real_name(context), who)
    visitor = a_customer(context, registered=False)
    with pytest.raises(NotFound):
        register(context, a_real_name(context, school_id=999), visitor)
    with pytest.raises(RuleBroken) as broken:
        register(context, a_real_name(context, consent_text_id=999), visitor)
    assert broken.value.rule is Rule.CONSENT_MISSING


@pytest.mark.both_engines
def test_a_freeze_is_one_open_row_with_a_reason(context: Flask, database: Database) -> None:
    order_id, manager = an_order(context), a_member_of_staff(context, role="manager")
    now = now_of(context)
    with pytest.raises(RuleBroken) as broken:
        customers.unfreeze(person_of(context, order_id), reason="没有冻结", actor=manager, now=now)
    assert broken.value.rule is Rule.NOT_FROZEN
    for reason, rule in ((" ", Rule.REASON_MISSING), ("长" * 201, Rule.TEXT_TOO_LONG)):
        with pytest.raises(RuleBroken) as broken:
            customers.freeze(person_of(context, order_id), reason=reason, actor=manager, now=now)
        assert broken.value.rule is rule
    customers.freeze(person_of(context, order_id), reason=" 核实身份 ", actor=manager, now=now)
    customers.freeze(person_of(context, order_id), reason="再按一次", actor=manager, now=now)
    freeze = database.one(select(Restriction))
    assert (freeze.reason, freeze.staff_id, freeze.lifted_at) == ("核实身份", manager.id, None)
    customers.unfreeze(person_of(context, order_id), reason="核实完了", actor=manager, now=now - timedelta(seconds=1))
    assert database.one(select(Restriction.lifted_at)) == now  # never before it began
    customers.freeze(person_of(context, order_id), reason="又一次", actor=manager, now=now)
    assert database.count(Restriction) == 2


@pytest.mark.req("SET-4")
def test_the_oldest_freeze_is_the_one_that_is_told(context: Flask, database: Database) -> None:
    """By hand after ten days, by the battery that is not back after thirty: whoever looks later sees the older one."""
    some_batteries(database, last=1)
    member, manager, now = a_member(context), a_member_of_staff(context, role="manager"), now_of(context)
    use_id = a_use(context, member, now=now)
    order_id = an_order(context, customer=member, now=now)

    def told(after_days: int) -> tuple[Cause, str] | None:
        with read(context) as session:
            freeze = people.freeze_of(session, member.id or 0, now + after_days * DAY)
            assert people.freeze_of(session, 999, now + after_days * DAY) is None
        return (freeze.cause, freeze.reason) if freeze else None

    assert told(29) is None
    assert told(30) == (Cause.OVERDUE, "电池 A00001 用了 30 天没还")
    customers.freeze(person_of(context, order_id), reason="核实身份", actor=manager, now=now + 10 * DAY)
    assert told(29) == (Cause.MANUAL, "核实身份")
    assert told(40) == (Cause.MANUAL, "核实身份")
    customers.unfreeze(person_of(context, order_id), reason="核实完了", actor=manager, now=now + 31 * DAY)
    customers.freeze(person_of(context, order_id), reason="又一次", actor=manager, now=now + 32 * DAY)
    assert told(40) == (Cause.OVERDUE, "电池 A00001 用了 40 天没还")
    take_back(context, use_id, now=now + 41 * DAY)
    assert told(42) == (Cause.MANUAL, "又一次")
