"""What an act or a sum of money is about: whose story tells of it, and in which region it counts."""

from dataclasses import dataclass
from typing import Self

from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.orders import Order
from app.models.rentals import Rental


@dataclass(frozen=True, slots=True)
class Subject:
    """One order, deposit, rental or battery use of one person; ids alone."""

    kind: str  # order | deposit | rental | battery_use
    id: int
    customer_id: int
    region_id: int
    order_id: int | None  # the order in whose story it stands
    number: str = ""  # of the vehicle, where there is one

    @classmethod
    def of_order(cls, order: Order) -> Self:
        """An order is its own story."""
        return cls("order", order.id, order.customer_id, order.region_id, order.id, order.number)

    @classmethod
    def of_deposit(cls, deposit: Deposit) -> Self:
        """A deposit stands in the story of the rental on whose way it was agreed, if there was one."""
        return cls("deposit", deposit.id, deposit.customer_id, deposit.region_id, deposit.order_id)

    @classmethod
    def of_rental(cls, rental: Rental, order: Order) -> Self:
        """A rental stands in the story of its order."""
        return cls("rental", rental.id, rental.customer_id, rental.region_id, order.id, order.number)

    @classmethod
    def of_use(cls, use: BatteryUse) -> Self:
        """A battery use belongs to no order."""
        return cls("battery_use", use.id, use.customer_id, use.region_id, None)

    @property
    def deposit_id(self) -> int | None:
        """The deposit that it is, if it is one."""
        return self.id if self.kind == "deposit" else None
