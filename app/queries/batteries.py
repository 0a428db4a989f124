"""Batteries as verbs decide on them: found by their number, and who has which (decision 23)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.numbering import BatteryNumber
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region


def battery_id_of(session: Session, number: BatteryNumber) -> int | None:
    """The battery with a number, or None where none was made."""
    return session.scalars(
        select(Battery.id)
        .join(Region, Region.id == Battery.region_id)
        .where(Region.letter == number.letter, Battery.n == number.n)
    ).one_or_none()


def number_of(session: Session, battery_id: int) -> BatteryNumber:
    """The number on a battery."""
    row = session.execute(
        select(Region.letter, Battery.n).join(Region, Region.id == Battery.region_id).where(Battery.id == battery_id)
    ).one()
    return BatteryNumber(row.letter, row.n)


def open_use_of_person(session: Session, customer_id: int) -> BatteryUse | None:
    """The battery that a person has now."""
    return session.scalars(
        select(BatteryUse).where(BatteryUse.customer_id == customer_id, BatteryUse.returned_at.is_(None))
    ).one_or_none()


def open_use_of_battery(session: Session, battery_id: int) -> BatteryUse | None:
    """The use that a battery is in now."""
    return session.scalars(
        select(BatteryUse).where(BatteryUse.battery_id == battery_id, BatteryUse.returned_at.is_(None))
    ).one_or_none()
