"""Reserving an order, and the one way in which every order closes (decisions 8, 12 to 14)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain.calendar import SHANGHAI
from app.domain.charges import LIVE_PAYMENTS, ChargeStatus, Purpose
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business, VehicleNumber, loggable, number_fits
from app.domain.orders import (
    CancelFacts,
    Intent,
    OrderEvent,
    OrderStatus,
    deadline_after_match,
    next_status,
    refuse_unless_customer_may_cancel,
)
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer
from app.domain.reasons import checked_reason
from app.domain.refunds import CANCELLED_REASON
from app.domain.settings import CANCEL_PAID_HOURS, COUNTER_HOLD_MINUTES, RESERVATION_HOURS, UNPAID_SALE_LIMIT
from app.models.directory import School
from app.models.money import Charge, ChargeLine, LineKind, Payment
from app.models.orders import Order, PickupAttempt
from app.models.people import Customer
from app.models.vehicles import Listing, VehicleModel
from app.queries import people, prices, settings
from app.usecases import audit, numbers, order_days, outbox, refunds, stock
from app.usecases.compare_and_set import locked, must_change_one, must_lock
from app.usecases.transaction import transactional


def lock_customer(session: Session, customer_id: int) -> Customer:
    """The person's row, first in the order of locks (decision 12)."""
    return must_lock(session, Customer, customer_id)


def lock_order(session: Session, order_id: int, actor: Actor, permission: Permission) -> Order:
    """The order, locked, for an act of whoever holds the right in its region. Raises NotFound, Forbidden."""
    return permitted(locked(session, Order, order_id), actor, permission)


def permitted(order: Order | None, actor: Actor, permission: Permission) -> Order:
    """The order, if the actor holds the right in its region. Raises NotFound (also for what is not seen), Forbidden."""
    if order is None or not (
        actor.may(Permission.ORDERS_VIEW, order.region_id) or actor.may(permission, order.region_id)
    ):
        raise NotFound
    actor.require(permission, order.region_id)
    return order


def lock_own_order(session: Session, order_id: int, actor: Actor) -> Order:
    """The order, locked, for an act of its own person. Raises NotFound, Forbidden (no customer)."""
    if not actor.is_customer:
        raise Forbidden("the person alone")
    order = locked(session, Order, order_id)
    if order is None or order.customer_id != actor.id:
        raise NotFound
    return order


def sale_charge(session: Session, order: Order) -> Charge:
    """What the order's vehicle costs, as one charge."""
    return session.scalars(select(Charge).where(Charge.order_id == order.id, Charge.purpose == Purpose.SALE)).one()


@transactional
def reserve(
    session: Session,
    *,
    listing_id: int,
    colour: str,
    intent: Intent,
    seen_fen: int,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Reserves a vehicle for sale: stock, number, order and charge, all or none. Returns the order's id.

    A second call with the same `request_key` returns the first order. `seen_fen` is the price that the person saw.
    Raises NotFound, Forbidden (not registered), RuleBroken. FLOW-BUY-2, NUM-4, SET-7.
    """
    if not actor.is_customer or not actor.registered or actor.id is None:
        raise Forbidden("registered customers only")
    customer = lock_customer(session, actor.id)
    done = session.scalars(
        select(Order.id).where(Order.customer_id == customer.id, Order.request_key == request_key)
    ).one_or_none()
    if done is not None:
        return done
    listing = session.get(Listing, listing_id)
    if listing is None or not listing.shown or listing.business is not Business.SALE:
        raise NotFound
    _refuse_unless_may_reserve(session, listing, colour, customer, now)
    amount_fen = prices.sale_price(session, listing.id, now)
    if amount_fen is None:
        raise RuleBroken(Rule.PRICE_MISSING)
    if amount_fen != seen_fen:
        raise RuleBroken(Rule.STALE_CHOICE, price_fen=amount_fen)
    stock.take(session, listing.id)
    claim = numbers.smallest_free(session, listing.region_id, listing.business)
    order = Order(
        order_no=f"S{now.astimezone(SHANGHAI):%y%m%d}{claim.number.letter}{claim.seq:04d}",
        region_id=listing.region_id,
        business=listing.business,
        listing_id=listing.id,
        customer_id=customer.id,
        request_key=request_key,
        intent=intent,
        colour=colour,
        number=str(claim.number),
        amount_fen=amount_fen,
        cancel_paid_hours=settings.value_of(session, CANCEL_PAID_HOURS, listing.region_id, now),
        status=OrderStatus.RESERVED,
        turn=1,
        reserved_at=now,
        expires_at=now + timedelta(hours=settings.value_of(session, RESERVATION_HOURS, listing.region_id, now)),
    )
    session.add(order)
    session.flush()
    numbers.hold(session, claim, order.id, now)
    stock.record_taken(session, order, now)
    _open_charge(session, order, now)
    order_days.added(session, order)
    audit.put_for_order(
        session, actor, "order_reserved", order, now, intent=intent, number=order.number, amount_fen=amount_fen
    )
    return order.id


def _refuse_unless_may_reserve(
    session: Session, listing: Listing, colour: str, customer: Customer, now: datetime
) -> None:
    """The region is the school's as it stands now: a school may have moved since the actor was read."""
    school = session.get(School, customer.school_id)
    if school is None or listing.region_id != school.region_id:
        raise RuleBroken(Rule.OTHER_REGION)
    refuse_if_frozen(session, customer.id)
    if colour not in session.scalars(select(VehicleModel.colours).where(VehicleModel.id == listing.model_id)).one():
        raise RuleBroken(Rule.COLOUR_UNKNOWN)
    unpaid = session.scalars(
        select(func.count())
        .select_from(Order)
        .join(Charge, Charge.order_id == Order.id)
        .where(
            Order.customer_id == customer.id,
            Order.status == OrderStatus.RESERVED,
            Order.business == Business.SALE,
            Charge.status == ChargeStatus.OPEN,
        )
    ).one()
    limit = settings.value_of(session, UNPAID_SALE_LIMIT, listing.region_id, now)
    if unpaid >= limit:
        raise RuleBroken(Rule.TOO_MANY_UNPAID, limit=limit)


def refuse_if_frozen(session: Session, customer_id: int) -> None:
    """A restricted person begins nothing new. Raises RuleBroken. Decision 5."""
    freeze = people.freeze_of(session, customer_id)
    if freeze is not None:
        raise RuleBroken(Rule.FROZEN, since=freeze.since, reason=freeze.reason)


def _open_charge(session: Session, order: Order, now: datetime) -> None:
    """What is owed is fixed here, before any payment is offered. A charge of 0 is settled at once. Decision 16."""
    free = order.amount_fen == 0
    charge = Charge(
        customer_id=order.customer_id,
        region_id=order.region_id,
        purpose=Purpose.SALE,
        order_id=order.id,
        amount_fen=order.amount_fen,
        status=ChargeStatus.SETTLED if free else ChargeStatus.OPEN,
        settled_at=now if free else None,
    )
    session.add(charge)
    session.flush()
    session.add(ChargeLine(charge_id=charge.id, kind=LineKind.PRICE, amount_fen=order.amount_fen))


@transactional
def enter_number(session: Session, order_id: int, *, typed: str, actor: Actor, now: datetime) -> bool:
    """The person types the number of the vehicle in front of them; whether it is their order's. FLOW-BUY-3.

    Every try is recorded. The first right number moves the deadline, once. An unpaid order past it has expired, whether
    or not the sweep has come by. Raises NotFound, Forbidden, RuleBroken (it is over).
    """
    order = lock_own_order(session, order_id, actor)
    is_over = order.expires_at <= now and sale_charge(session, order).status is ChargeStatus.OPEN
    if order.status is not OrderStatus.RESERVED or is_over:
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    fits = number_fits(typed, VehicleNumber.parse(order.number))
    session.add(
        PickupAttempt(
            region_id=order.region_id,
            customer_id=order.customer_id,
            typed=loggable(typed),
            answer=Answer.READY if fits else Answer.NOT_THIS_PERSONS,
            order_id=order.id,
            at=now,
        )
    )
    if not fits:
        return False
    if order.matched_at is None:
        hold_minutes = settings.value_of(session, COUNTER_HOLD_MINUTES, order.region_id, now)
        order.expires_at = deadline_after_match(order.expires_at, now, hold_minutes=hold_minutes)
        order.matched_at = now
        audit.put_for_order(session, actor, "number_matched", order, now, number=order.number)
    return True


@transactional
def cancel_order(session: Session, order_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Closes a reserved order; what was paid goes back in full. Raises NotFound, Forbidden, RuleBroken. NUM-5, SET-6.

    The reason is for colleagues: the person gives none, and is not told it with the refund. A second press finds the
    order cancelled and changes nothing.
    """
    if actor.is_customer:
        order = lock_own_order(session, order_id, actor)
    else:
        order = lock_order(session, order_id, actor, Permission.ORDERS_CANCEL)
    if order.status is OrderStatus.CANCELLED:
        return
    charge = sale_charge(session, order)
    why = None
    if actor.is_customer:
        facts = CancelFacts(order.status, charge.settled_at)
        refuse_unless_customer_may_cancel(facts, now, paid_hours=order.cancel_paid_hours)
    else:
        next_status(order.status, OrderEvent.CANCEL)
        why = checked_reason(reason)
    close_order(session, order, OrderEvent.CANCEL, reason=why, actor=actor, now=now)
    refunds.want_all_of_charge(session, charge, order, reason=CANCELLED_REASON, actor=actor, now=now)


@transactional
def expire_order(session: Session, order_id: int, *, actor: Actor, now: datetime) -> bool:
    """Closes an order past its deadline. SET-7, decision 13: the sweep has asked WeChat about its attempts before.

    False if it was paid, prolonged or closed meanwhile, or could still be paid. Raises NotFound, Forbidden.
    """
    order = lock_order(session, order_id, actor, Permission.ORDERS_CANCEL)
    if order.status is not OrderStatus.RESERVED or order.expires_at > now:
        return False
    charge = sale_charge(session, order)
    if charge.status is not ChargeStatus.OPEN or live_attempts(session, charge):
        return False
    close_order(session, order, OrderEvent.EXPIRE, reason=None, actor=actor, now=now)
    return True


def live_attempts(session: Session, charge: Charge) -> list[Payment]:
    """Attempts of a charge that WeChat could still take money for."""
    return list(
        session.scalars(
            select(Payment)
            .where(Payment.charge_id == charge.id, Payment.status.in_(LIVE_PAYMENTS))
            .with_for_update(key_share=True)
        )
    )


def close_order(
    session: Session, order: Order, event: OrderEvent, *, reason: str | None, actor: Actor, now: datetime
) -> None:
    """The only way into a closed state: releases number, stock and charge, and has live attempts closed at WeChat.

    Listing and series are locked before the day figures (`move_order`), as by a reservation.
    """
    charge = sale_charge(session, order)
    if charge.status is ChargeStatus.OPEN:
        charge.status = ChargeStatus.VOID
    attempts = live_attempts(session, charge)
    want_closed(session, attempts, now)
    stock.give_back(session, order, now)
    if attempts:
        numbers.let_wait(session, order.id)
    else:
        numbers.release(session, order.region_id, order.business, order.id, now)
    move_order(session, order, event, closed_at=now, close_reason=reason)
    audit.put_for_order(
        session,
        actor,
        f"order_{order.status}",
        order,
        now,
        reason=reason,
        number=order.number,
        number_waits=bool(attempts),
    )


def want_closed(session: Session, attempts: Iterable[Payment], now: datetime) -> None:
    """Has live attempts closed at WeChat, after the commit; one of which that is wanted already stays as it is."""
    for attempt in attempts:
        outbox.put_once(session, Errand.CLOSE_PAYMENT, attempt.out_trade_no, now, out_trade_no=attempt.out_trade_no)


def move_order(session: Session, order: Order, event: OrderEvent, **columns: object) -> None:
    """Takes an order to its next state by compare-and-set, and the day figures with it. Raises RuleBroken, LostRace."""
    before = order.status
    after = next_status(before, event)
    must_change_one(
        session,
        update(Order)
        .where(Order.id == order.id, Order.status == before, Order.turn == order.turn)
        .values(status=after, **columns),
    )
    session.refresh(order)
    order_days.moved(session, order, before)


def free_number_if_over(session: Session, order: Order, charge: Charge, now: datetime) -> None:
    """Frees a waiting number once no attempt of its closed order can be paid any more. Decision 8."""
    if order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and not live_attempts(session, charge):
        numbers.release(session, order.region_id, order.business, order.id, now)
