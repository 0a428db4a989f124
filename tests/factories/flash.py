"""Members of flash charge, batteries, and who has which."""

from datetime import datetime

from flask import Flask
from sqlalchemy import select

from app.domain.batteries import BatteryState
from app.domain.deposits import DepositKind
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.rentals import Place
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.usecases import flash_charge
from app.web.current import RUNTIME
from tests.factories.ground import LONG_AGO
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.reading import read
from tests.factories.rentals import a_card, a_deposit
from tests.fixtures.databases import Database


def a_member(app: Flask, *, region: str = "A", customer: Actor | None = None, now: datetime | None = None) -> Actor:
    """Somebody with an approved card and a held flash deposit."""
    customer = customer or a_customer(app, region=region)
    a_card(app, customer, region=region)
    a_deposit(app, customer, DepositKind.FLASH, now=now)
    return customer


def some_batteries(database: Database, region: str = "A", *, first: int = 1, last: int = 10) -> list[int]:
    """Batteries `first` to `last` of a region, in stock; their ids."""
    with database.write() as session:
        region_id = session.scalars(select(Region.id).where(Region.letter == region)).one()
        made = [
            Battery(region_id=region_id, n=n, state=BatteryState.IN_STOCK, made_at=LONG_AGO)
            for n in range(first, last + 1)
        ]
        session.add_all(made)
        session.flush()
        return [battery.id for battery in made]


def a_use(app: Flask, member: Actor, number: str = "A00001", *, now: datetime | None = None) -> int:
    """The member scans a battery; the use's id."""
    with app.app_context():
        scanned = flash_charge.scan(
            BatteryNumber.parse(number), actor=member, now=now or app.extensions[RUNTIME].clock.now()
        )
    return scanned.use_id


def take_back(app: Flask, use_id: int, *, region: str = "A", now: datetime | None = None) -> None:
    """A clerk takes the battery of a use back."""
    clerk = a_member_of_staff(app, region=region)
    with app.app_context():
        flash_charge.take_back(
            use_of(app, use_id).battery_id,
            place=Place.STOCK,
            actor=clerk,
            now=now or app.extensions[RUNTIME].clock.now(),
        )


def use_of(app: Flask, use_id: int) -> BatteryUse:
    """The use as it stands now."""
    with read(app) as session:
        return session.get_one(BatteryUse, use_id)


def held_by(app: Flask, battery_id: int) -> int:
    """The id of the use that a battery is in; 0 when nobody has it."""
    with read(app) as session:
        wanted = select(BatteryUse.id).where(BatteryUse.battery_id == battery_id, BatteryUse.returned_at.is_(None))
        return session.scalars(wanted).one_or_none() or 0


def battery_state(app: Flask, battery_id: int) -> BatteryState:
    """Where a battery is now."""
    with read(app) as session:
        return session.get_one(Battery, battery_id).state
