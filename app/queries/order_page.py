"""One order with everything that its page shows: facts, money, what happened, its person, its number, its notes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, false, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import business_day
from app.domain.cards import STANDING, CardStatus
from app.domain.charges import LIVE_PAYMENTS, ChargeStatus
from app.domain.deposits import DepositKind, DepositStatus, Tie
from app.domain.errors import NotFound
from app.domain.identity import masked_name
from app.domain.numbering import Business
from app.domain.orders import RENTALS, Intent, OrderStatus
from app.domain.permissions import Actor, ActorKind, Permission
from app.domain.pickup import Answer
from app.domain.rentals import Condition, Place, RentalStatus, days_left
from app.domain.standing import Lack, NextStep, PayState, RentalFacts, next_step, pay_state
from app.domain.timeline import WHO, Entry, try_line
from app.models.access import Staff
from app.models.cards import Photo, StudentCard
from app.models.deposits import Deposit
from app.models.directory import Region, Store
from app.models.journal import Audit, Note
from app.models.money import Charge
from app.models.numbers import NumberHolding, NumberSlot, SlotState
from app.models.orders import Order, PickupAttempt
from app.models.people import Identity
from app.models.rentals import Rental
from app.models.vehicles import Listing, Plan, VehicleModel
from app.queries.deposit_page import DepositView, deposit_views
from app.queries.entries import MOST_ENTRIES, act_entries
from app.queries.late_fee_page import LateFees, late_fees_of
from app.queries.money_rows import MoneyRow, money_of
from app.queries.people import Person, person_of
from app.queries.pickup import may_undo

MOST_HOLDERS = 20
MOST_NOTES = 100


@dataclass(frozen=True, slots=True)
class Holder:
    """One stretch of the order's number with one order; masked. `to_at` None: still."""

    order_id: int
    name: str
    from_at: datetime
    to_at: datetime | None
    status: OrderStatus


@dataclass(frozen=True, slots=True)
class NoteRow:
    """One note of a colleague."""

    at: datetime
    staff: str
    body: str


@dataclass(frozen=True, slots=True)
class RentalView:
    """From the pickup to the return."""

    began_on: date
    due_on: date
    days_left: int  # negative when late
    returned_at: datetime | None
    returned_by: str | None
    returned_to: Place | None
    condition: Condition | None
    settled_at: datetime | None
    deposit_id: int

    @property
    def status(self) -> RentalStatus:
        """Whether the vehicle is back."""
        return RentalStatus.OUT if self.returned_at is None else RentalStatus.RETURNED

    @property
    def days_late(self) -> int:
        """Of one that is out."""
        return max(-self.days_left, 0) if self.returned_at is None else 0

    @property
    def is_damaged(self) -> bool:
        """Back, and the damage waits for items and a photo."""
        return self.returned_at is not None and self.settled_at is None


@dataclass(frozen=True, slots=True)
class CardView:
    """The newest student card of the order's person."""

    id: int
    status: CardStatus
    submitted_at: datetime
    reviewed_at: datetime | None
    reviewed_by: str | None
    reason: str | None
    has_photo: bool

    @property
    def waits(self) -> bool:
        """Whether somebody is still to look at it."""
        return self.status is CardStatus.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """The page of one order. What may be done is decided here: the template compares nothing."""

    id: int
    order_no: str
    number: str
    business: Business
    intent: Intent
    plan: str  # of a rental: the name of its term
    days: int
    status: OrderStatus
    pay_state: PayState
    model: str
    colour: str
    frame_no: str | None
    region_id: int
    letter: str
    store: str
    charge_id: int  # of its price
    amount_fen: int
    paid_fen: int
    refunded_fen: int
    going_back_fen: int  # of it, what has not arrived yet
    suspect_fen: int  # money that arrived and does not fit; 0 when there is none
    settled_at: datetime | None
    reserved_at: datetime
    expires_at: datetime
    matched_at: datetime | None
    picked_up_at: datetime | None
    picked_up_by: str | None
    closed_at: datetime | None
    close_reason: str | None
    number_waits: bool  # closed, and WeChat could still take money for it
    attempt_lives: bool  # somebody may be paying right now
    stock: int
    person: Person | None
    next_step: NextStep | None
    rental: RentalView | None
    late_fees: LateFees | None  # of a rental that is or was out
    deposits: tuple[DepositView, ...]  # what secures it first
    rental_deposit_fen: int | None  # agreed with the reservation: this deposit or the other; None for a sale
    flash_deposit_fen: int | None
    card: CardView | None
    may_review: bool  # sees the card's photo and judges it
    may_settle_damage: bool
    may_cancel: bool
    may_refund: bool  # its price, after the pickup
    may_refund_fees: bool
    may_pick_up: bool
    may_return: bool
    may_undo: bool
    may_freeze: bool
    may_note: bool
    money: tuple[MoneyRow, ...]
    entries: tuple[Entry, ...]
    holders: tuple[Holder, ...]
    notes: tuple[NoteRow, ...]

    @property
    def stock_after_cancel(self) -> int:
        """A cancelling gives the vehicle back."""
        return self.stock + 1

    @property
    def is_rental(self) -> bool:
        """Whether its vehicle comes back."""
        return self.business in RENTALS

    @property
    def refundable_fen(self) -> int:
        """What a cancelling sends back of the price."""
        return self.paid_fen - self.refunded_fen

    @property
    def deposit_back_fen(self) -> int:
        """What a cancelling sends back of the rental deposit, by itself. Decision 25."""
        return sum(
            one.amounts.refundable_fen
            for one in self.deposits
            if one.is_held and one.kind is DepositKind.RENTAL and set(one.ties) <= {Tie.ORDER} and not one.is_too_old
        )

    @property
    def back_fen(self) -> int:
        """What a cancelling sends back altogether."""
        return self.refundable_fen + self.deposit_back_fen

    @property
    def securing(self) -> DepositView | None:
        """The deposit that the damage of its vehicle is taken from."""
        return next((one for one in self.deposits if self.rental and one.id == self.rental.deposit_id), None)

    @property
    def is_unsecured(self) -> bool:
        """Whether its vehicle is out, and the deposit was sent back early: another is to be paid. Decision 26."""
        is_out = self.rental is not None and self.rental.returned_at is None
        return is_out and self.securing is not None and not self.securing.is_held


def order_page(session: Session, actor: Actor, order_id: int, now: datetime) -> OrderPage:
    """The page of an order that the actor may see. Raises NotFound."""
    row = _facts(session, order_id)
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    person = person_of(session, row.customer_id, now)
    frozen, in_debt = (person.is_frozen, person.is_in_debt) if person else (False, False)
    paid = row.charge is ChargeStatus.SETTLED
    is_rental, open_now = row.business in RENTALS, row.status is OrderStatus.RESERVED
    rental = _rental(row, now)
    deposits = _deposits(session, row) if is_rental else []
    card = _card(session, row.customer_id) if is_rental and person else None
    money = money_of(session, _charges(row, deposits))
    settling = money.settling(row.charge_id)
    paid_fen, refunded_fen = (settling.received_fen or 0, settling.refunded_fen) if settling else (0, 0)
    step = next_step(
        row.status,
        paid_at=row.settled_at,
        frozen=frozen,
        in_debt=in_debt,
        expires_at=row.expires_at,
        now=now,
        suspect_fen=money.suspect_fen,
        rental=_rental_facts(rental, deposits, card) if is_rental else None,
    )
    late_fees = late_fees_of(session, actor, row.Rental, now) if row.Rental else None
    known = {row.Rental: late_fees.account} if late_fees else None
    views = deposit_views(session, actor, deposits, money, person, now, known=known)
    can_pick_up = open_now and paid and not (frozen or in_debt) and (step is None or step.lack in (None, Lack.REVIEW))
    return OrderPage(
        id=row.id,
        order_no=row.order_no,
        number=row.number,
        business=row.business,
        intent=row.intent,
        plan=row.plan or "",
        days=row.days,
        status=row.status,
        pay_state=pay_state(row.charge, money.urgent_refund(row.charge_id), in_part=refunded_fen < paid_fen),
        model=row.model,
        colour=row.colour,
        frame_no=row.frame_no,
        region_id=row.region_id,
        letter=row.letter,
        store=row.store or row.region,
        charge_id=row.charge_id,
        amount_fen=row.amount_fen,
        paid_fen=paid_fen,
        refunded_fen=refunded_fen,
        going_back_fen=money.going_back_fen(row.charge_id),
        settled_at=row.settled_at,
        reserved_at=row.reserved_at,
        expires_at=row.expires_at,
        matched_at=row.matched_at,
        picked_up_at=row.picked_up_at,
        picked_up_by=row.picked_up_by,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        number_waits=row.slot is SlotState.WAITING,
        attempt_lives=any(
            payment.charge_id == row.charge_id and payment.status in LIVE_PAYMENTS for payment in money.payments
        ),
        stock=row.stock,
        person=person,
        next_step=step,
        rental=rental,
        late_fees=late_fees,
        deposits=tuple(view for view in views if view.is_shown),
        rental_deposit_fen=row.rental_deposit_fen,
        flash_deposit_fen=row.flash_deposit_fen,
        card=card,
        may_review=person is not None and actor.may(Permission.CARDS_REVIEW, person.region_id),
        may_settle_damage=rental is not None
        and rental.is_damaged
        and actor.may(Permission.DAMAGE_WITHHOLD, row.region_id),
        suspect_fen=money.suspect_fen,
        may_cancel=open_now and actor.may(Permission.ORDERS_CANCEL, row.region_id),
        may_refund=not open_now and refunded_fen < paid_fen and actor.may(Permission.ORDERS_REFUND, row.region_id),
        may_refund_fees=actor.may(Permission.ORDERS_REFUND, row.region_id),
        may_pick_up=can_pick_up and actor.may(Permission.PICKUP, row.region_id),
        may_return=rental is not None and rental.returned_at is None and actor.may(Permission.PICKUP, row.region_id),
        may_undo=may_undo(
            session,
            actor,
            row.region_id,
            row.picked_up_at,
            now,
            returned=rental is not None and rental.returned_at is not None,
        )
        and not refunded_fen,
        may_freeze=person is not None and actor.may(Permission.PEOPLE_FREEZE, person.region_id),
        may_note=actor.may(Permission.ORDERS_NOTE, row.region_id),
        money=money.rows,
        entries=_entries(session, row.id, person),
        holders=_holders(session, row.id),
        notes=_notes(session, row.id),
    )


def _rental_facts(rental: RentalView | None, deposits: list[Deposit], card: CardView | None) -> RentalFacts:
    return RentalFacts(
        card.status if card and card.status in STANDING else None,
        any(deposit.status is DepositStatus.HELD for deposit in deposits),
        rental.due_on if rental else None,
        is_back=rental is not None and rental.returned_at is not None,
        is_settled=rental is not None and rental.settled_at is not None,
    )


def _facts(session: Session, order_id: int) -> Row[*tuple[Any, ...]] | None:
    clerk, taker = aliased(Staff), aliased(Staff)
    return session.execute(
        select(
            Order.id,
            Order.order_no,
            Order.number,
            Order.business,
            Order.intent,
            Order.days,
            Plan.name.label("plan"),
            Order.status,
            Order.colour,
            Order.frame_no,
            Order.region_id,
            Order.customer_id,
            Order.amount_fen,
            Order.rental_deposit_fen,
            Order.flash_deposit_fen,
            Order.reserved_at,
            Order.expires_at,
            Order.matched_at,
            Order.picked_up_at,
            Order.closed_at,
            Order.close_reason,
            clerk.name.label("picked_up_by"),
            VehicleModel.name.label("model"),
            Listing.stock,
            Region.letter,
            Region.name.label("region"),
            Store.name.label("store"),
            Charge.id.label("charge_id"),
            Charge.status.label("charge"),
            Charge.settled_at,
            NumberSlot.state.label("slot"),
            Rental,
            taker.name.label("returned_by"),
        )
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Order.region_id)
        .outerjoin(Store, Store.region_id == Region.id)
        .join(Charge, Charge.order_id == Order.id)
        .outerjoin(NumberSlot, NumberSlot.order_id == Order.id)
        .outerjoin(clerk, clerk.id == Order.picked_up_by)
        .outerjoin(Plan, (Plan.listing_id == Order.listing_id) & (Plan.days == Order.days))
        .outerjoin(Rental, Rental.order_id == Order.id)
        .outerjoin(taker, taker.id == Rental.returned_by)
        .where(Order.id == order_id)
    ).one_or_none()


def _rental(row: Row[*tuple[Any, ...]], now: datetime) -> RentalView | None:
    rental: Rental | None = row.Rental
    if rental is None:
        return None
    return RentalView(
        rental.began_on,
        rental.due_on,
        days_left(rental.due_on, business_day(now)),
        rental.returned_at,
        row.returned_by,
        rental.returned_to,
        rental.condition,
        rental.settled_at,
        rental.deposit_id,
    )


def _deposits(session: Session, row: Row[*tuple[Any, ...]]) -> list[Deposit]:
    """What secures the rental, what was agreed on its way, and (reserved) what its person holds anyhow."""
    touched = [Deposit.order_id == row.id]
    if row.Rental is not None:
        touched.append(Deposit.id == row.Rental.deposit_id)
    elif row.status is OrderStatus.RESERVED:
        touched.append((Deposit.customer_id == row.customer_id) & (Deposit.status == DepositStatus.HELD))
    found = session.scalars(select(Deposit).where(or_(*touched)).order_by(Deposit.id.desc())).all()
    secures = row.Rental.deposit_id if row.Rental is not None else None
    return sorted(found, key=lambda one: (one.id != secures, one.status is not DepositStatus.HELD))


def _charges(row: Row[*tuple[Any, ...]], deposits: list[Deposit]) -> Any:
    """The price of the order, its late fees, and what was paid for its deposits."""
    if not deposits and row.Rental is None:
        return [row.charge_id]
    of_deposits = Charge.deposit_id.in_([deposit.id for deposit in deposits])
    late = Charge.rental_id == row.Rental.id if row.Rental is not None else false()
    return select(Charge.id).where(or_(Charge.id == row.charge_id, of_deposits, late))


def _card(session: Session, customer_id: int) -> CardView | None:
    row = session.execute(
        select(StudentCard, Staff.name, Photo.erased_at)
        .join(Photo, Photo.id == StudentCard.photo_id)
        .outerjoin(Staff, Staff.id == StudentCard.reviewed_by)
        .where(StudentCard.customer_id == customer_id)
        .order_by(StudentCard.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    card: StudentCard = row.StudentCard
    return CardView(
        card.id, card.status, card.submitted_at, card.reviewed_at, row.name, card.reason, row.erased_at is None
    )


def _entries(session: Session, order_id: int, person: Person | None) -> tuple[Entry, ...]:
    """The audit log and the tries to pick up as one, newest first."""
    customer = person.name if person else WHO[ActorKind.CUSTOMER]
    entries = act_entries(session, Audit.order_id == order_id, customer)
    tries = session.execute(
        select(PickupAttempt.at, PickupAttempt.answer, PickupAttempt.typed, PickupAttempt.staff_id, Staff.name)
        .outerjoin(Staff, Staff.id == PickupAttempt.staff_id)
        .where(PickupAttempt.order_id == order_id)
        .order_by(PickupAttempt.id.desc())
        .limit(MOST_ENTRIES)
    )
    entries += [
        Entry(row.at, try_line(row.answer, row.name or customer, row.typed, at_counter=row.staff_id is not None))
        for row in tries
        if row.staff_id is not None or row.answer is not Answer.READY  # the right number has its own line
    ]
    return tuple(sorted(entries, key=lambda entry: entry.at, reverse=True)[:MOST_ENTRIES])


def _holders(session: Session, order_id: int) -> tuple[Holder, ...]:
    """Who had the order's number when, the newest first."""
    slot = select(NumberHolding.slot_id).where(NumberHolding.order_id == order_id).limit(1).scalar_subquery()
    rows = session.execute(
        select(Order.id, Identity.name, NumberHolding.from_at, NumberHolding.to_at, Order.status)
        .join(Order, Order.id == NumberHolding.order_id)
        .outerjoin(Identity, Identity.customer_id == Order.customer_id)
        .where(NumberHolding.slot_id == slot)
        .order_by(NumberHolding.from_seq.desc())
        .limit(MOST_HOLDERS)
    )
    return tuple(
        Holder(row.id, masked_name(row.name) if row.name else "", row.from_at, row.to_at, row.status) for row in rows
    )


def _notes(session: Session, order_id: int) -> tuple[NoteRow, ...]:
    rows = session.execute(
        select(Note.at, Staff.name, Note.body)
        .join(Staff, Staff.id == Note.staff_id)
        .where(Note.order_id == order_id)
        .order_by(Note.id.desc())
        .limit(MOST_NOTES)
    )
    return tuple(NoteRow(*row) for row in rows)
