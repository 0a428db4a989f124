"""One order with everything that its page shows: facts, money, what happened, its person, its number, its notes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from app.domain.charges import LIVE_PAYMENTS, ChargeStatus, PaymentStatus, Purpose
from app.domain.errors import NotFound
from app.domain.identity import masked_name
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Actor, ActorKind, Permission
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.standing import NextStep, PayState, next_step, pay_state
from app.domain.timeline import WHO, Entry, act_line, payment_words, refund_words, try_line
from app.models.access import Staff
from app.models.directory import Region, Store
from app.models.journal import Audit, Note
from app.models.money import Charge, Payment, Refund
from app.models.numbers import NumberHolding, NumberSlot, SlotState
from app.models.orders import Order, PickupAttempt
from app.models.people import Identity
from app.models.vehicles import Listing, VehicleModel
from app.queries.people import Person, person_of
from app.queries.pickup import may_undo

MOST_ENTRIES = 200
MOST_HOLDERS = 20
MOST_NOTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One attempt to pay, or one refund."""

    at: datetime
    what: str
    wechat_id: str | None  # WeChat's id of the payment; of a refund, our number that WeChat knows it by
    amount_fen: int
    payment_status: PaymentStatus | None = None
    refund_status: RefundStatus | None = None
    misfit: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """The page of one order. What may be done is decided here: the template compares nothing."""

    id: int
    order_no: str
    number: str
    business: Business
    intent: Intent
    status: OrderStatus
    pay_state: PayState
    model: str
    colour: str
    frame_no: str | None
    region_id: int
    letter: str
    store: str
    amount_fen: int
    paid_fen: int
    refunded_fen: int
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
    may_cancel: bool
    may_pick_up: bool
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
    def refundable_fen(self) -> int:
        """What a cancelling sends back."""
        return self.paid_fen - self.refunded_fen


def order_page(session: Session, actor: Actor, order_id: int, now: datetime) -> OrderPage:
    """The page of an order that the actor may see. Raises NotFound."""
    row = _facts(session, order_id)
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    person = person_of(session, row.customer_id)
    frozen = person is not None and person.freeze is not None
    paid = row.charge is ChargeStatus.SETTLED
    payments = _payments(session, row.charge_id)
    refunds = _refunds(session, row.charge_id)
    settling = next((payment for payment in payments if payment.status is PaymentStatus.SETTLES), None)
    newest = [refund for refund in refunds if settling and refund.payment_id == settling.id]
    open_now = row.status is OrderStatus.RESERVED
    suspect_fen = sum(payment.received_fen or 0 for payment in payments if payment.status is PaymentStatus.SUSPECT)
    return OrderPage(
        id=row.id,
        order_no=row.order_no,
        number=row.number,
        business=row.business,
        intent=row.intent,
        status=row.status,
        pay_state=pay_state(row.charge, newest[0].status if newest else None),
        model=row.model,
        colour=row.colour,
        frame_no=row.frame_no,
        region_id=row.region_id,
        letter=row.letter,
        store=row.store or row.region,
        amount_fen=row.amount_fen,
        paid_fen=settling.received_fen or 0 if settling else 0,
        refunded_fen=settling.refunded_fen if settling else 0,
        settled_at=row.settled_at,
        reserved_at=row.reserved_at,
        expires_at=row.expires_at,
        matched_at=row.matched_at,
        picked_up_at=row.picked_up_at,
        picked_up_by=row.picked_up_by,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        number_waits=row.slot is SlotState.WAITING,
        attempt_lives=any(payment.status in LIVE_PAYMENTS for payment in payments),
        stock=row.stock,
        person=person,
        next_step=next_step(
            row.status,
            paid_at=row.settled_at,
            frozen=frozen,
            expires_at=row.expires_at,
            now=now,
            suspect_fen=suspect_fen,
        ),
        suspect_fen=suspect_fen,
        may_cancel=open_now and actor.may(Permission.ORDERS_CANCEL, row.region_id),
        may_pick_up=open_now and paid and not frozen and actor.may(Permission.PICKUP, row.region_id),
        may_undo=may_undo(session, actor, row.region_id, row.picked_up_at, now),
        may_freeze=person is not None and actor.may(Permission.PEOPLE_FREEZE, row.region_id),
        may_note=actor.may(Permission.ORDERS_NOTE, row.region_id),
        money=_money_rows(payments, refunds),
        entries=_entries(session, row.id, person),
        holders=_holders(session, row.id),
        notes=_notes(session, row.id),
    )


def _facts(session: Session, order_id: int) -> Row[*tuple[Any, ...]] | None:
    clerk = aliased(Staff)
    return session.execute(
        select(
            Order.id,
            Order.order_no,
            Order.number,
            Order.business,
            Order.intent,
            Order.status,
            Order.colour,
            Order.frame_no,
            Order.region_id,
            Order.customer_id,
            Order.amount_fen,
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
        )
        .join(Listing, Listing.id == Order.listing_id)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Order.region_id)
        .outerjoin(Store, Store.region_id == Region.id)
        .join(Charge, (Charge.order_id == Order.id) & (Charge.purpose == Purpose.SALE))
        .outerjoin(NumberSlot, NumberSlot.order_id == Order.id)
        .outerjoin(clerk, clerk.id == Order.picked_up_by)
        .where(Order.id == order_id)
    ).one_or_none()


def _payments(session: Session, charge_id: int) -> list[Payment]:
    return list(session.scalars(select(Payment).where(Payment.charge_id == charge_id).order_by(Payment.id.desc())))


def _refunds(session: Session, charge_id: int) -> list[Refund]:
    return list(
        session.scalars(
            select(Refund)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.charge_id == charge_id)
            .order_by(Refund.id.desc())
        )
    )


def _money_rows(payments: list[Payment], refunds: list[Refund]) -> tuple[MoneyRow, ...]:
    rows = [
        MoneyRow(
            at=payment.paid_at or payment.created_at,
            what=payment_words(payment.status),
            wechat_id=payment.transaction_id,
            amount_fen=payment.amount_fen if payment.received_fen is None else payment.received_fen,
            payment_status=payment.status,
            misfit=payment.misfit,
        )
        for payment in payments
    ]
    rows += [
        MoneyRow(
            at=refund.done_at or refund.requested_at,
            what=refund_words(refund.status),
            wechat_id=refund.out_refund_no,
            amount_fen=-refund.amount_fen,
            refund_status=refund.status,
        )
        for refund in refunds
    ]
    return tuple(sorted(rows, key=lambda row: row.at, reverse=True))


def _entries(session: Session, order_id: int, person: Person | None) -> tuple[Entry, ...]:
    """The audit log and the tries to pick up as one, newest first."""
    acts = session.execute(
        select(Audit.id, Audit.at, Audit.actor_kind, Audit.action, Audit.facts, Audit.reason, Staff.name)
        .outerjoin(Staff, (Staff.id == Audit.actor_id) & (Audit.actor_kind == ActorKind.STAFF))
        .where(Audit.order_id == order_id)
        .order_by(Audit.id.desc())
        .limit(MOST_ENTRIES)
    )
    tries = session.execute(
        select(PickupAttempt.at, PickupAttempt.answer, PickupAttempt.typed, PickupAttempt.staff_id, Staff.name)
        .outerjoin(Staff, Staff.id == PickupAttempt.staff_id)
        .where(PickupAttempt.order_id == order_id)
        .order_by(PickupAttempt.id.desc())
        .limit(MOST_ENTRIES)
    )
    customer = person.name if person else WHO[ActorKind.CUSTOMER]
    known_as = {**WHO, ActorKind.CUSTOMER: customer}
    entries = [
        Entry(row.at, act_line(row.action, row.name or known_as[row.actor_kind], row.facts, row.reason)) for row in acts
    ]
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
