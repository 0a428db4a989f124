"""Very many batteries and vehicles that are out, written past the verbs: for the job that charges late fees."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.batteries import BatteryState
from app.domain.calendar import day_start
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.terms import Terms, fees_from, freezes_on
from app.models.base import Base
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.orders import Order
from app.models.people import Customer, CustomerStatus
from app.models.rentals import Rental
from app.models.vehicles import Listing
from app.usecases.seeding.bulk import insert_rows, take_room
from tests.factories.ground import LONG_AGO
from tests.fixtures.databases import Database

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Lending:
    """What is out, and since when its days are counted: a battery from the scan, a vehicle from its last day."""

    counted_from: date
    terms: Terms
    region_id: int


@dataclass(slots=True)
class _Out:
    """The columns that a use and a rental have alike, and the next free ids."""

    session: Session
    lendings: Sequence[Lending]
    kind: DepositKind

    def ids(self, model: type[Base]) -> range:
        """Behind those that are there: nobody else writes into a test's database."""
        last = self.session.scalar(select(func.max(model.__table__.c.id))) or 0
        return range(last + 1, last + 1 + len(self.lendings))

    def put(self, model: type[Base], rows: list[dict[str, Any]]) -> None:
        insert_rows(self.session, model, list(rows[0]), [tuple(row.values()) for row in rows])

    def shared(self) -> Iterator[dict[str, Any]]:
        """Whoever has it, the deposit that secures it, its region and terms."""
        take_room(self.session)
        people, deposits = self.ids(Customer), self.ids(Deposit)
        visitor = {"app_id": "wx", "status": CustomerStatus.VISITOR.value, "made_at": LONG_AGO}
        self.put(Customer, [{"id": one, "openid": f"o-lent-{one}", **visitor} for one in people])
        held = {"kind": self.kind.value, "status": DepositStatus.HELD.value, "made_at": LONG_AGO, "paid_at": LONG_AGO}
        rows = []
        for deposit, person, one in zip(deposits, people, self.lendings, strict=True):
            of = {"id": deposit, "customer_id": person, "region_id": one.region_id, "amount_fen": one.terms.cap_fen}
            rows.append({**of, **held, "withheld_fen": 0, "refunded_fen": 0})
        self.put(Deposit, rows)
        for row, one in zip(rows, self.lendings, strict=True):
            yield {
                "customer_id": row["customer_id"],
                "deposit_id": row["id"],
                "region_id": one.region_id,
                "free_days": one.terms.free_days,
                "late_fee_fen": one.terms.late_fee_fen,
                "freeze_days": one.terms.freeze_days,
                "cap_fen": one.terms.cap_fen,
                "fees_from": fees_from(one.counted_from, one.terms),
                "freezes_on": freezes_on(one.counted_from, one.terms),
                "late_owed_fen": 0,
            }


def many_uses_out(database: Database, lendings: Sequence[Lending]) -> Sequence[int]:
    """A battery out for each, with a person and a deposit of its own; the ids of the uses."""
    with database.write() as session:
        out = _Out(session, lendings, DepositKind.FLASH)
        uses, batteries = out.ids(BatteryUse), out.ids(Battery)
        in_use = {"state": BatteryState.IN_USE.value, "made_at": LONG_AGO}
        last = session.scalar(select(func.max(Battery.n))) or 0
        numbers: dict[int, Iterator[int]] = defaultdict(lambda: count(last + 1))
        out.put(
            Battery,
            [
                {"id": battery, "n": next(numbers[one.region_id]), "region_id": one.region_id, **in_use}
                for battery, one in zip(batteries, lendings, strict=True)
            ],
        )
        rows = []
        for use, battery, one, shared in zip(uses, batteries, lendings, out.shared(), strict=True):
            began = {"began_on": one.counted_from, "began_at": day_start(one.counted_from)}
            rows.append({"id": use, "battery_id": battery, **began, **shared, "price_fen": 0, "disputed": False})
        out.put(BatteryUse, rows)
    return uses


def many_rentals_out(database: Database, lendings: Sequence[Lending]) -> Sequence[int]:
    """A vehicle out for each, rented by the month, with a person and a deposit of its own; the ids of the rentals."""
    with database.write() as session:
        out = _Out(session, lendings, DepositKind.RENTAL)
        rentals, ids = out.ids(Rental), out.ids(Order)
        listing_id = session.scalars(select(Listing.id).order_by(Listing.id)).first()
        terms: dict[str, Any] = {"business": Business.RENTAL.value, "days": MONTH.days, "occupies_rental": True}
        terms |= {"amount_fen": 0, "rental_deposit_fen": 0, "flash_deposit_fen": 0, "cancel_paid_hours": 24}
        terms |= {"listing_id": listing_id, "status": OrderStatus.COMPLETED.value, "turn": 1, "request_key": "out"}
        terms |= {"intent": Intent.RESERVE.value, "colour": "曜石黑"}
        orders, rows = [], []
        for rental, order, one, shared in zip(rentals, ids, lendings, out.shared(), strict=True):
            began_on = one.counted_from - MONTH
            owner = {"customer_id": shared["customer_id"], "region_id": one.region_id}
            name = {"order_no": f"Z{order}", "number": f"AZ{order % 10_000:04d}"}
            times = dict.fromkeys(("reserved_at", "expires_at", "picked_up_at"), day_start(began_on))
            orders.append({"id": order, **owner, **name, **times, **terms})
            rows.append({"id": rental, "order_id": order, "began_on": began_on, "due_on": one.counted_from, **shared})
        out.put(Order, orders)
        out.put(Rental, rows)
    return rentals
