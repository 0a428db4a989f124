"""Changing the directory: regions, their stores, contacts and schools (SET-10, NUM-1, decision 7)."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.directory import (
    MOST_NAME,
    MOST_SCHOOL_NAME,
    ContactFacts,
    ContactKind,
    StoreFacts,
    checked_letter,
    checked_name,
)
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.models.directory import Contact, Region, School, Store
from app.models.orders import Order
from app.models.people import Customer
from app.usecases import audit
from app.usecases.compare_and_set import locked
from app.usecases.numbers import make_series
from app.usecases.transaction import transactional


@transactional
def add_region(session: Session, *, letter: str, name: str, store: StoreFacts, actor: Actor, now: datetime) -> int:
    """A new region with its store and its numbers; its id. Needs the right everywhere.

    Raises Forbidden, RuleBroken (letter or name taken, or not fit). NUM-1.
    """
    if not actor.scope(Permission.DIRECTORY_CHANGE).everywhere:
        raise Forbidden(Permission.DIRECTORY_CHANGE.value)
    letter, name = checked_letter(letter), checked_name(name, MOST_NAME)
    try:
        store = store.checked()
    except RuleBroken as broken:
        raise RuleBroken(broken.rule, **{**broken.facts, "field": f"store_{broken.facts['field']}"}) from None
    holder = session.scalars(select(Region.name).where(Region.letter == letter)).one_or_none()
    if holder is not None:
        raise RuleBroken(Rule.LETTER_TAKEN, letter=letter, name=holder, field="letter")
    _refuse_taken(session, Region, name)
    region = Region(letter=letter, name=name)
    session.add(region)
    session.flush()
    session.add(Store(region_id=region.id, **asdict(store)))
    for business in Business:
        make_series(session, region.id, business)
    audit.put(
        session,
        actor,
        "region_added",
        now,
        subject=("region", region.id),
        region_id=region.id,
        after={"letter": letter, "name": name, "store": asdict(store)},
    )
    return region.id


@transactional
def rename_region(session: Session, region_id: int, *, name: str, actor: Actor, now: datetime) -> None:
    """What the region is called; its letter stays. Raises NotFound, Forbidden, RuleBroken."""
    region = _region(session, region_id, actor)
    name = checked_name(name, MOST_NAME)
    if name == region.name:
        return
    _refuse_taken(session, Region, name)
    before, region.name = region.name, name
    audit.put(
        session,
        actor,
        "region_renamed",
        now,
        subject=("region", region.id),
        region_id=region.id,
        before=before,
        after=name,
    )


@transactional
def change_store(session: Session, region_id: int, *, store: StoreFacts, actor: Actor, now: datetime) -> None:
    """Name, address and hours of a region's store. Raises NotFound, Forbidden, RuleBroken."""
    region = _region(session, region_id, actor)
    store = store.checked()
    row = session.scalars(select(Store).where(Store.region_id == region.id)).one()
    before = StoreFacts(row.name, row.address, row.hours)
    if store == before:
        return
    row.name, row.address, row.hours = store.name, store.address, store.hours
    audit.put(
        session,
        actor,
        "store_changed",
        now,
        subject=("store", row.id),
        region_id=region.id,
        before=asdict(before),
        after=asdict(store),
    )


@transactional
def change_contact(
    session: Session, region_id: int, kind: ContactKind, *, contact: ContactFacts, actor: Actor, now: datetime
) -> None:
    """Phone, WeChat and hours of one department of a region. Raises NotFound, Forbidden, RuleBroken."""
    region = _region(session, region_id, actor)
    contact = contact.checked()
    row = session.scalars(select(Contact).where(Contact.region_id == region.id, Contact.kind == kind)).one_or_none()
    if row is None:
        row = Contact(region_id=region.id, kind=kind, phone="", wechat="", hours="")
        session.add(row)
        session.flush()
    before = ContactFacts(row.phone, row.wechat, row.hours)
    if contact == before:
        return
    row.phone, row.wechat, row.hours = contact.phone, contact.wechat, contact.hours
    audit.put(
        session,
        actor,
        "contact_changed",
        now,
        subject=("contact", row.id),
        region_id=region.id,
        kind=kind.value,
        before=asdict(before),
        after=asdict(contact),
    )


@transactional
def add_school(session: Session, region_id: int, *, name: str, actor: Actor, now: datetime) -> int:
    """A new school of a region; its id. Raises NotFound, Forbidden, RuleBroken (name taken)."""
    region = _region(session, region_id, actor)
    name = checked_name(name, MOST_SCHOOL_NAME)
    _refuse_taken(session, School, name)
    school = School(region_id=region.id, name=name)
    session.add(school)
    session.flush()
    audit.put(session, actor, "school_added", now, subject=("school", school.id), region_id=region.id, after=name)
    return school.id


@transactional
def change_school(session: Session, school_id: int, *, name: str, region_id: int, actor: Actor, now: datetime) -> None:
    """Renames a school, or moves it to another region, which needs the right in both.

    Raises NotFound, Forbidden, RuleBroken: a school with people who have an open order is not moved (decision 7).
    """
    school = _school(session, school_id, actor)
    target = _region(session, region_id, actor)
    name = checked_name(name, MOST_SCHOOL_NAME)
    before = {"name": school.name, "region_id": school.region_id}
    after = {"name": name, "region_id": target.id}
    if before == after:
        return
    if name != school.name:
        _refuse_taken(session, School, name)
    if target.id != school.region_id:
        _refuse_open_orders(session, school)
    school.name, school.region_id = name, target.id
    audit.put(
        session,
        actor,
        "school_changed",
        now,
        subject=("school", school.id),
        region_id=target.id,
        before=before,
        after=after,
    )


@transactional
def remove_school(session: Session, school_id: int, *, actor: Actor, now: datetime) -> None:
    """Removes a school that nobody belongs to. Raises NotFound, Forbidden, RuleBroken."""
    school = _school(session, school_id, actor)
    people = session.scalar(select(func.count()).select_from(Customer).where(Customer.school_id == school.id)) or 0
    if people:
        raise RuleBroken(Rule.SCHOOL_HAS_PEOPLE, school=school.name, people=people)
    audit.put(
        session,
        actor,
        "school_removed",
        now,
        subject=("school", school.id),
        region_id=school.region_id,
        before=school.name,
    )
    session.delete(school)


def _refuse_open_orders(session: Session, school: School) -> None:
    """Locks the school's people first, as a reservation does with its one: neither passes the other unseen."""
    people = select(Customer.id).where(Customer.school_id == school.id).order_by(Customer.id)
    session.execute(people.with_for_update(key_share=True)).all()
    orders = session.scalar(
        select(func.count())
        .select_from(Order)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Customer.school_id == school.id, Order.status == OrderStatus.RESERVED)
    )
    if orders:
        raise RuleBroken(Rule.SCHOOL_HAS_ORDERS, school=school.name, orders=orders, field="region")


def _region(session: Session, region_id: int, actor: Actor) -> Region:
    """The region, locked. Raises NotFound when the actor may not see it, Forbidden."""
    region = locked(session, Region, region_id)
    if region is None or region_id not in actor.scope(Permission.SETTINGS_VIEW):
        raise NotFound
    actor.require(Permission.DIRECTORY_CHANGE, region_id)
    return region


def _school(session: Session, school_id: int, actor: Actor) -> School:
    """The school, locked against new people too. Raises NotFound, Forbidden."""
    school = session.get(School, school_id, with_for_update=True)
    if school is None or school.region_id not in actor.scope(Permission.SETTINGS_VIEW):
        raise NotFound
    actor.require(Permission.DIRECTORY_CHANGE, school.region_id)
    return school


def _refuse_taken(session: Session, model: type[Region | School], name: str) -> None:
    if session.scalars(select(model.id).where(model.name == name)).first() is not None:
        raise RuleBroken(Rule.NAME_TAKEN, name=name, field="name")
