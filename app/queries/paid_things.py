"""What a payment was for, and whose it was: an order, a deposit, a battery use, or nothing that we know of."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import aliased

from app.domain.identity import masked_name, masked_phone
from app.domain.labels import paid_for
from app.domain.numbering import BatteryNumber
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental

OfBattery = aliased(Region)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidThing:
    """One of them. A deposit leads to the rental on whose way it was agreed, if there was one."""

    paid_for: str = ""  # 车款, 租金, 租车押金 …; empty where nobody knows
    number: str = ""  # of the vehicle or the battery
    order_id: int | None = None
    deposit_id: int | None = None  # that it is, or that secures the battery use
    customer_id: int | None = None
    region_id: int | None = None
    name: str = ""  # masked, as the phone
    phone: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it names anything of ours."""
        return self.customer_id is not None


def with_things(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Payments, or what joins them, with the columns that `thing_of` reads."""
    return _of_charges(_wanted(*columns).select_from(Payment).outerjoin(Charge, Charge.id == Payment.charge_id))


def charges_with_things(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Charges, whether anybody has paid them or not, with the same columns."""
    return _of_charges(_wanted(*columns).select_from(Charge))


def _wanted(*columns: Any) -> Select[*tuple[Any, ...]]:
    return select(
        *columns,
        Charge.purpose,
        Charge.customer_id,
        Charge.region_id,
        Charge.amount_fen.label("owed_fen"),
        Deposit.kind,
        func.coalesce(Charge.deposit_id, BatteryUse.deposit_id).label("deposit_id"),
        Order.id.label("order_id"),
        Order.number,
        OfBattery.letter,
        Battery.n,
        Identity.name,
        Identity.phone,
    )


def _of_charges(charges: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        charges.outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        .outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .outerjoin(Battery, Battery.id == BatteryUse.battery_id)
        .outerjoin(OfBattery, OfBattery.id == Battery.region_id)
        .outerjoin(Rental, Rental.id == Charge.rental_id)
        .outerjoin(Order, Order.id == func.coalesce(Charge.order_id, Deposit.order_id, Rental.order_id))
        .outerjoin(Identity, Identity.customer_id == Charge.customer_id)
    )


def thing_of(row: Row[*tuple[Any, ...]]) -> PaidThing:
    """What a row of either is about."""
    if row.purpose is None:
        return PaidThing()
    battery = str(BatteryNumber(row.letter, row.n)) if row.n is not None else ""
    return PaidThing(
        paid_for=paid_for(row.purpose, row.kind),
        number=row.number or battery,
        order_id=row.order_id,
        deposit_id=row.deposit_id,
        customer_id=row.customer_id,
        region_id=row.region_id,
        name=masked_name(row.name) if row.name else "",
        phone=masked_phone(row.phone) if row.phone else "",
    )
