"""One order as the counter shows it: whose, what was paid, the card, the deposit, and what became of the vehicle."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, ScalarSelect, func, select
from sqlalchemy.orm import Session, aliased

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.cards import CardStatus
from app.domain.charges import ChargeStatus
from app.domain.deposits import Amounts, DepositKind, DepositStatus, Tie
from app.domain.errors import NotFound
from app.domain.identity import masked_name
from app.domain.numbering import Business
from app.domain.orders import RENTALS, OrderStatus, is_time_to_pay
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer, OrderFacts, standing_of
from app.domain.rentals import Condition, Place, days_late, days_left, due_on
from app.domain.restrictions import Cause
from app.models.access import Staff
from app.models.cards import Photo, StudentCard
from app.models.deposits import Deposit
from app.models.directory import School, Store
from app.models.money import Charge
from app.models.numbers import NumberSlot
from app.models.orders import Order
from app.models.people import Customer, Identity
from app.models.rentals import Rental
from app.models.vehicles import Listing, Plan, VehicleModel
from app.queries import deposits as held_deposits
from app.queries import people
from app.queries.batteries import number_of, open_use_of_person
from app.queries.late_fees import owed_by_deposit
from app.queries.pickup import may_undo
from app.queries.suspects import suspect_fen_of_charge


@dataclass(frozen=True, slots=True)
class CounterCard:
    """The student card that a person sent in last."""

    card_id: int
    status: CardStatus
    reason: str  # why it was refused

    @property
    def badge(self) -> labels.Badge:
        """Its state."""
        return labels.CARD_STATUS[self.status]

    @property
    def is_pending(self) -> bool:
        """Whether it waits for a review."""
        return self.status is CardStatus.PENDING


@dataclass(frozen=True, slots=True)
class CounterDeposit:
    """The deposit that secures a rental or a battery."""

    kind: DepositKind
    status: DepositStatus
    amounts: Amounts
    ties: tuple[Tie, ...] = ()  # what else it still secures, once the vehicle is back

    @property
    def name(self) -> str:
        """租车押金 or 闪充押金."""
        return labels.DEPOSIT_KIND[self.kind]

    @property
    def is_held(self) -> bool:
        """Paid, and not on its way back."""
        return self.status is DepositStatus.HELD

    @property
    def is_of_flash(self) -> bool:
        """Whether it belongs to flash charge, and stays when a rental ends."""
        return self.kind is DepositKind.FLASH

    @property
    def is_refunding(self) -> bool:
        """On its way back."""
        return self.status is DepositStatus.REFUNDING

    @property
    def is_over(self) -> bool:
        """Arrived, or used up."""
        return self.status is DepositStatus.REFUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRental:
    """What began with the pickup of a rental."""

    days_left: int  # 0 on the last day, negative when late
    days_late: int
    returned_at: datetime | None
    returned_by: str
    returned_by_id: int | None
    condition: Condition | None
    place: Place | None
    settled: bool

    @property
    def is_damaged(self) -> bool:
        """Whether it came back damaged."""
        return self.condition is Condition.DAMAGED

    @property
    def goes_to_repair(self) -> bool:
        """Whether it must be repaired before it can be rented again."""
        return self.place is Place.REPAIR

    @property
    def found(self) -> str:
        """`完好，入库`."""
        if self.condition is None or self.place is None:
            return ""
        return f"{labels.CONDITION[self.condition]}，{labels.PLACE[self.place]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterOrder:
    """One order as the counter shows it; masked."""

    order_id: int
    customer_id: int
    region_id: int
    number: str
    business: Business
    answer: Answer
    status: OrderStatus
    name: str
    phone_tail: str
    school: str
    model: str
    colour: str
    colours: tuple[str, ...]
    plan: str  # 月租
    days: int
    due_on: date | None  # of a rental: as it is, or as it would be if it were picked up now
    amount_fen: int
    paid_at: datetime | None
    expires_at: datetime
    suspect_fen: int  # money that arrived and does not fit; 0 when there is none
    can_still_pay: bool  # enough time is left to offer a payment, and no money waits to be judged
    overdue: timedelta | None  # paid, and this long past its deadline without being picked up
    closed_at: datetime | None
    number_is_free: bool  # a closed or returned order's number is there for the next one
    freeze: people.Freeze | None
    battery_held: str  # the battery whose return lifts the freeze; empty: it is none
    deposit_fen: int  # what a rental's deposit was agreed to be
    deposit: CounterDeposit | None
    card: CounterCard | None  # None for a sale
    rental: CounterRental | None
    picked_up_at: datetime | None
    picked_up_by: str
    store: str
    frame_no: str
    can_undo: bool  # picked up so recently that the actor may take it back

    @property
    def is_rental(self) -> bool:
        """Whether it is one, Z or P."""
        return self.business in RENTALS

    @property
    def is_paid(self) -> bool:
        """Whether price or rental fee is paid."""
        return self.paid_at is not None

    @property
    def lifts_by_return(self) -> bool:
        """Whether what freezes the account is something that was not returned."""
        return self.freeze is not None and self.freeze.cause is Cause.OVERDUE

    @property
    def is_in_debt(self) -> bool:
        """Whether it is no freeze, but late fees that are owed."""
        return self.freeze is not None and self.freeze.cause is Cause.DEBT

    @property
    def is_back(self) -> bool:
        """Whether it was rented and returned."""
        return self.rental is not None and self.rental.returned_at is not None


def counter_order(session: Session, actor: Actor, order_id: int, now: datetime) -> CounterOrder:
    """One order of a region in whose store the actor works. Raises NotFound."""
    picked_up_by, returned_by = aliased(Staff), aliased(Staff)
    row = session.execute(
        select(
            Order,
            Rental,
            Deposit,
            StudentCard,
            Photo.erased_at,
            Identity.name,
            Identity.phone,
            School.name.label("school"),
            VehicleModel.name.label("model"),
            VehicleModel.colours,
            Plan.name.label("plan"),
            Charge.status.label("charge"),
            Charge.settled_at,
            Store.name.label("store"),
            picked_up_by.name.label("picked_up_by"),
            returned_by.name.label("returned_by"),
            NumberSlot.id.label("slot"),
            suspect_fen_of_charge().label("suspect_fen"),
        )
        .join(Customer, Customer.id == Order.customer_id)
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Charge, Charge.order_id == Order.id)
        .outerjoin(Rental, Rental.order_id == Order.id)
        .outerjoin(Deposit, Deposit.id == func.coalesce(Rental.deposit_id, _held_deposit_id()))
        .outerjoin(StudentCard, StudentCard.id == _last_card_id())
        .outerjoin(Photo, Photo.id == StudentCard.photo_id)
        .outerjoin(Plan, (Plan.listing_id == Order.listing_id) & (Plan.days == Order.days))
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .outerjoin(School, School.id == Customer.school_id)
        .outerjoin(Store, Store.region_id == Order.region_id)
        .outerjoin(picked_up_by, picked_up_by.id == Order.picked_up_by)
        .outerjoin(returned_by, returned_by.id == Rental.returned_by)
        .outerjoin(NumberSlot, NumberSlot.order_id == Order.id)
        .where(Order.id == order_id)
    ).one_or_none()
    if row is None or not actor.may(Permission.PICKUP, row.Order.region_id):
        raise NotFound
    return _as_counter_order(session, actor, row, now)


def _as_counter_order(session: Session, actor: Actor, row: Row[*tuple[Any, ...]], now: datetime) -> CounterOrder:
    order: Order = row.Order
    is_rental = order.business in RENTALS
    paid = row.charge is ChargeStatus.SETTLED
    freeze = people.gravest(people.freezes_of(session, order.customer_id, now))
    deposit = _deposit(session, row, now) if is_rental else None
    card = _card(row) if is_rental else None
    facts = OrderFacts(
        order.id,
        order.customer_id,
        order.status,
        paid,
        freeze is not None,
        order.expires_at,
        secured=not is_rental or (deposit is not None and deposit.is_held),
        card_approved=not is_rental or (card is not None and card.status is CardStatus.APPROVED),
        out=order.occupies_rental and order.status is OrderStatus.COMPLETED,
    )
    waiting = paid and order.status is OrderStatus.RESERVED
    today = business_day(now)
    return CounterOrder(
        order_id=order.id,
        customer_id=order.customer_id,
        region_id=order.region_id,
        number=order.number,
        business=order.business,
        answer=standing_of(facts, now),
        status=order.status,
        name=masked_name(row.name) if row.name else labels.ERASED,
        phone_tail=(row.phone or "")[-4:],
        school=row.school or "",
        model=row.model,
        colour=order.colour,
        colours=tuple(row.colours),
        plan=row.plan or "",
        days=order.days,
        due_on=_due_on(row, today) if is_rental else None,
        amount_fen=order.amount_fen,
        paid_at=row.settled_at,
        expires_at=order.expires_at,
        suspect_fen=row.suspect_fen,
        can_still_pay=is_time_to_pay(order.expires_at, now) and row.suspect_fen == 0,
        overdue=now - order.expires_at if waiting and order.expires_at < now else None,
        closed_at=order.closed_at,
        number_is_free=row.slot is None,
        freeze=freeze,
        battery_held=_battery_held(session, order.customer_id, freeze),
        deposit_fen=order.rental_deposit_fen or 0,
        deposit=deposit,
        card=card,
        rental=_rental(row, today) if row.Rental else None,
        picked_up_at=order.picked_up_at,
        picked_up_by=row.picked_up_by or "",
        store=row.store or "",
        frame_no=order.frame_no or "",
        can_undo=may_undo(
            session,
            actor,
            order.region_id,
            order.picked_up_at,
            now,
            returned=row.Rental is not None and row.Rental.returned_at is not None,
        ),
    )


def _held_deposit_id() -> ScalarSelect[int]:
    """What a rental of the order's person would begin with: flash before rental. FLOW-RENT-2."""
    return (
        select(Deposit.id)
        .where(Deposit.customer_id == Order.customer_id, Deposit.status == DepositStatus.HELD)
        .order_by(Deposit.kind == DepositKind.RENTAL)
        .limit(1)
        .correlate(Order)
        .scalar_subquery()
    )


def _last_card_id() -> ScalarSelect[int]:
    return (
        select(func.max(StudentCard.id))
        .where(StudentCard.customer_id == Order.customer_id)
        .correlate(Order)
        .scalar_subquery()
    )


def amounts_of(session: Session, deposit: Deposit, now: datetime) -> Amounts:
    """押金 / 已扣 / 可退, with the late fees that are still to be taken out of it."""
    owed_fen = owed_by_deposit(session, [deposit.id], business_day(now))[deposit.id]
    return Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen)


def _deposit(session: Session, row: Row[*tuple[Any, ...]], now: datetime) -> CounterDeposit | None:
    deposit: Deposit | None = row.Deposit
    if deposit is None:
        return None
    back = row.Rental is not None and row.Rental.returned_at is not None
    return CounterDeposit(
        deposit.kind,
        deposit.status,
        amounts_of(session, deposit, now),
        tuple(held_deposits.ties(session, deposit, now)) if back and deposit.status is DepositStatus.HELD else (),
    )


def _card(row: Row[*tuple[Any, ...]]) -> CounterCard | None:
    card: StudentCard | None = row.StudentCard
    if card is None or row.erased_at is not None:
        return None
    return CounterCard(card.id, card.status, card.reason or "")


def _due_on(row: Row[*tuple[Any, ...]], today: date) -> date:
    due: date = row.Rental.due_on if row.Rental else due_on(today, row.Order.days)
    return due


def _rental(row: Row[*tuple[Any, ...]], today: date) -> CounterRental:
    rental: Rental = row.Rental
    until = rental.returned_on or today
    return CounterRental(
        days_left=days_left(rental.due_on, until),
        days_late=days_late(rental.due_on, until),
        returned_at=rental.returned_at,
        returned_by=row.returned_by or "",
        returned_by_id=rental.returned_by,
        condition=rental.condition,
        place=rental.returned_to,
        settled=rental.settled_at is not None,
    )


def _battery_held(session: Session, customer_id: int, freeze: people.Freeze | None) -> str:
    if freeze is None or freeze.cause is not Cause.OVERDUE:
        return ""
    use = open_use_of_person(session, customer_id)
    return str(number_of(session, use.battery_id)) if use else ""
