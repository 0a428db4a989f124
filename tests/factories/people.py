"""People with a phone, and staff."""

from itertools import count

from flask import Flask
from sqlalchemy import select
from stdnum.iso7064 import mod_11_2

from app.domain.permissions import Actor, Role
from app.models.access import Staff
from app.models.directory import Region, School
from app.models.people import ConsentText
from app.queries import access, people
from app.usecases import customers, staff
from app.usecases.customers import RealName
from app.web.current import RUNTIME
from tests.factories.ground import SCHOOL_OF
from tests.factories.reading import read

_numbers = count(1)


def an_id_number() -> str:
    """An ID number that nobody else has: somebody of Hangzhou, born on 1 May 2004."""
    body = f"33010620040501{next(_numbers) % 1000:03d}"
    return body + mod_11_2.calc_check_digit(body)


def a_region_id(app: Flask, letter: str) -> int:
    """The id of a region by its letter."""
    with read(app) as session:
        return session.scalars(select(Region.id).where(Region.letter == letter)).one()


def a_customer(
    app: Flask,
    *,
    openid: str | None = None,
    registered: bool = True,
    region: str = "A",
    name: str = "王晓涵",
    phone: str = "13812342047",
) -> Actor:
    """Somebody known by openid; with `registered` by real name too, at a school of `region`."""
    runtime = app.extensions[RUNTIME]
    now = runtime.clock.now()
    with app.app_context():
        openid = openid or f"o-test-{next(_numbers)}"
        customer_id = customers.meet_customer(app_id=runtime.app_id, openid=openid, now=now)
        if registered:
            with read(app) as session:
                school_id = session.scalars(select(School.id).where(School.name == SCHOOL_OF[region])).one()
                consent_text_id = session.scalars(select(ConsentText.id)).first()
            real_name = RealName(
                name=name,
                id_number=an_id_number(),
                phone=phone,
                school_id=school_id,
                consent_text_id=consent_text_id or 0,
            )
            visitor = Actor.customer(customer_id, registered=False, region_id=None)
            customers.register(real_name, actor=visitor, vault=runtime.vault, now=now)
        with read(app) as session:
            actor = people.actor_of_customer(session, customer_id)
    assert actor is not None
    return actor


def a_member_of_staff(
    app: Flask, *, role: str | Role = Role.CLERK, region: str | None = "A", name: str = "陈店员", login: str = ""
) -> Actor:
    """Somebody who works here, with one role for one region (None: all)."""
    now = app.extensions[RUNTIME].clock.now()
    region_id = None if region is None else a_region_id(app, region)
    login = login or f"staff{next(_numbers)}"
    with app.app_context():
        roles = [(Role(role), region_id)]
        staff.create_staff(login=login, name=name, roles=roles, actor=Actor.job("tests"), now=now)
        with read(app) as session:
            staff_id = session.scalars(select(Staff.id).where(Staff.login == login)).one()
            actor = access.actor_of_staff(session, staff_id)
    assert actor is not None
    return actor
