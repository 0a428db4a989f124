"""A person's own charges: what each is for, whether it can be paid now, and the live attempt (decisions 13, 16)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain.charges import LIVE_PAYMENTS, ChargeStatus, Purpose
from app.domain.deposits import DepositKind, DepositStatus
from app.domain.errors import NotFound
from app.domain.orders import is_time_to_pay
from app.domain.permissions import Actor
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region, Store
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.batteries import number_of
from app.queries.my_orders import MyOrderRow, my_order_row
from app.queries.suspects import suspect_fen_of_charge


@dataclass(frozen=True, slots=True)
class LiveAttempt:
    """The payment attempt that WeChat could still take money for."""

    out_trade_no: str
    prepay_id: str | None  # None until WeChat has answered
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What late fees come to as of a day, and how long that amount may be paid. Decision 21."""

    as_of_on: date
    expires_at: datetime
    use_id: int | None  # of a battery
    order_id: int | None  # of a rental


@dataclass(frozen=True, slots=True, kw_only=True)
class MyCharge:
    """One thing that the person owes, or has paid."""

    charge_id: int
    purpose: Purpose
    amount_fen: int
    status: ChargeStatus
    suspect_fen: int  # money that arrived for it and does not fit; 0 when there is none
    deposit_kind: DepositKind | None
    number: str  # of the battery, or of the rented vehicle that is late; else empty
    order: MyOrderRow | None  # what it pays, or the rental on whose way a deposit was agreed
    quote: Quote | None  # of late fees
    region_letter: str
    store_name: str
    address: str
    hours: str
    attempt: LiveAttempt | None

    @property
    def place(self) -> str:
        """Where and when the store is open, as far as it is known."""
        return "，".join(part for part in (self.address, self.hours) if part)

    @property
    def is_deposit(self) -> bool:
        """Whether it comes back."""
        return self.purpose is Purpose.DEPOSIT

    @property
    def is_settled(self) -> bool:
        """Whether it is paid."""
        return self.status is ChargeStatus.SETTLED

    @property
    def is_suspect(self) -> bool:
        """Whether money arrived that does not fit."""
        return self.suspect_fen > 0

    @property
    def is_left_over(self) -> bool:
        """Whether a flash deposit was paid on the way of a rental that is cancelled or expired: it is kept."""
        return (
            self.deposit_kind is DepositKind.FLASH
            and self.is_settled
            and self.order is not None
            and self.order.is_closed
        )

    @property
    def is_open(self) -> bool:
        """Whether it is owed: neither paid nor over with its order."""
        return self.status is ChargeStatus.OPEN and (self.order is None or self.order.is_open or self.is_anew)

    @property
    def is_anew(self) -> bool:
        """Whether it is a deposit for a vehicle that is out: the one before was sent back early. Decision 26."""
        return self.is_deposit and self.order is not None and self.order.is_out

    @property
    def is_next(self) -> bool:
        """Whether paying it is the next thing to do."""
        return self.is_open and (self.is_deposit or self.order is None or self.order.waits_for_payment)

    @property
    def ends_at(self) -> datetime | None:
        """Until when it can be paid; None: whenever the person likes."""
        if self.quote:
            return self.quote.expires_at
        return self.order.expires_at if self.order and not self.is_anew else None

    def is_time_to_pay(self, now: datetime) -> bool:
        """Whether enough time is left to offer a payment. Decision 13."""
        return self.ends_at is None or is_time_to_pay(self.ends_at, now)

    def can_pay(self, now: datetime) -> bool:
        """Whether a payment may be offered: never beside money that somebody is still looking at."""
        return self.is_next and not self.is_suspect and self.is_time_to_pay(now)


def _mine(actor: Actor) -> Select[*tuple[Any, ...]]:
    """With the one live attempt, if there is one."""
    return (
        select(
            Charge.id.label("charge_id"),
            Charge.purpose,
            Charge.amount_fen,
            Charge.status,
            suspect_fen_of_charge().label("suspect_fen"),
            Deposit.kind.label("deposit_kind"),
            func.coalesce(Charge.order_id, Deposit.order_id).label("order_id"),
            Charge.battery_use_id,
            BatteryUse.battery_id,
            Rental.order_id.label("rental_order_id"),
            func.coalesce(Order.number, "").label("rental_number"),
            Charge.as_of_on,
            Charge.expires_at.label("quote_expires_at"),
            Region.letter.label("region_letter"),
            func.coalesce(Store.name, Region.name).label("store_name"),
            func.coalesce(Store.address, "").label("address"),
            func.coalesce(Store.hours, "").label("hours"),
            Payment.out_trade_no,
            Payment.prepay_id,
            Payment.created_at,
            Payment.expires_at,
            Payment.asked_at,
        )
        .join(Region, Region.id == Charge.region_id)
        .outerjoin(Store, Store.region_id == Charge.region_id)
        .outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        .outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .outerjoin(Rental, Rental.id == Charge.rental_id)
        .outerjoin(Order, Order.id == Rental.order_id)
        .outerjoin(Payment, (Payment.charge_id == Charge.id) & Payment.status.in_(LIVE_PAYMENTS))
        .where(Charge.customer_id == actor.id)
    )


def my_charge(session: Session, actor: Actor, charge_id: int) -> MyCharge:
    """One charge of the person's own. Raises NotFound for anybody else's."""
    found = _found(session, actor, _mine(actor).where(Charge.id == charge_id))
    if found is None:
        raise NotFound
    return found


def charge_at_turn(session: Session, actor: Actor, order: MyOrderRow) -> MyCharge:
    """What is to be paid next for an order: the deposit that was agreed and is due, else its price."""
    due = _mine(actor).where(Deposit.order_id == order.order_id, Deposit.status == DepositStatus.DUE)
    found = _found(session, actor, due, order) if order.waits_for_deposit else None
    return found or my_charge(session, actor, order.charge_id)


def _found(
    session: Session, actor: Actor, wanted: Select[*tuple[Any, ...]], order: MyOrderRow | None = None
) -> MyCharge | None:
    row = session.execute(wanted).one_or_none()
    if row is None:
        return None
    if order is None and row.order_id is not None:
        order = my_order_row(session, actor, row.order_id)
    return MyCharge(
        charge_id=row.charge_id,
        purpose=row.purpose,
        amount_fen=row.amount_fen,
        status=row.status,
        suspect_fen=row.suspect_fen,
        deposit_kind=row.deposit_kind,
        number=row.rental_number if row.battery_id is None else str(number_of(session, row.battery_id)),
        order=order,
        quote=row.as_of_on and Quote(row.as_of_on, row.quote_expires_at, row.battery_use_id, row.rental_order_id),
        region_letter=row.region_letter,
        store_name=row.store_name,
        address=row.address,
        hours=row.hours,
        attempt=row.out_trade_no
        and LiveAttempt(row.out_trade_no, row.prepay_id, row.created_at, row.expires_at, row.asked_at),
    )
