"""Reserving an order, and the one way in which every order closes (decisions 8, 12 to 14)."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain.calendar import SHANGHAI
from app.domain.charges import ChargeStatus, Purpose
from app.domain.errors import Forbidden, NotFound, Rule, RuleBroken
from app.domain.numbering import Business, VehicleNumber, loggable, number_fits
from app.domain.orders import (
    ORDER_NO_LETTER,
    RENTALS,
    CancelFacts,
    Intent,
    OrderEvent,
    OrderStatus,
    deadline_after_match,
    next_status,
    refuse_unless_customer_may_cancel,
)
from app.domain.permissions import Actor, Permission
from app.domain.pickup import Answer
from app.domain.reasons import checked_reason
from app.domain.refunds import CANCELLED_REASON
from app.domain.settings import (
    CANCEL_PAID_HOURS,
    COUNTER_HOLD_MINUTES,
    FLASH_DEPOSIT,
    RENTAL_DEPOSIT,
    RESERVATION_HOURS,
    UNPAID_SALE_LIMIT,
)
from app.models.directory import School
from app.models.money import Charge, LineKind
from app.models.orders import Order, PickupAttempt
from app.models.people import Customer
from app.models.vehicles import Listing, VehicleModel
from app.queries import prices, settings
from app.queries.prices import SALE_DAYS
from app.usecases import audit, charges, deposits, numbers, order_days, refunds, stock
from app.usecases.compare_and_set import must_change_one, must_lock
from app.usecases.order_days import is_out
from app.usecases.standing import lock_customer, lock_registered, refuse_if_frozen
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


def lock_order(session: Session, order_id: int, actor: Actor, permission: Permission) -> Order:
    """The order, locked after its person, for whoever holds the right in its region. Raises NotFound, Forbidden."""
    return permitted(_locked_after_person(session, order_id), actor, permission)


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
    order = _locked_after_person(session, order_id)
    if order is None or order.customer_id != actor.id:
        raise NotFound
    return order


def _locked_after_person(session: Session, order_id: int) -> Order | None:
    customer_id = session.scalars(select(Order.customer_id).where(Order.id == order_id)).one_or_none()
    if customer_id is None:
        return None
    lock_customer(session, customer_id)
    return must_lock(session, Order, order_id)


@transactional
def reserve(
    session: Session,
    *,
    listing_id: int,
    colour: str,
    intent: Intent,
    days: int = SALE_DAYS,
    seen_fen: int,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Reserves a vehicle: stock, number, order and charge, and for a rental the one of its person: all or none.

    `days` names the plan of a rental. A second call with the same `request_key` returns the first order. `seen_fen` is
    the price that the person saw. What is copied here holds whatever the settings become. Returns the order's id.
    Raises NotFound, Forbidden (not registered), RuleBroken. FLOW-BUY-2, FLOW-RENT-4, NUM-4, SET-7, SET-11.
    """
    customer = lock_registered(session, actor)
    done = session.scalars(
        select(Order.id).where(Order.customer_id == customer.id, Order.request_key == request_key)
    ).one_or_none()
    if done is not None:
        return done
    listing = session.get(Listing, listing_id)
    if listing is None or not listing.shown:
        raise NotFound
    is_rental = listing.business in RENTALS
    if is_rental and not prices.is_offered(session, listing.id, days):
        raise NotFound
    _refuse_unless_may_reserve(session, listing, colour, customer, now)
    amount_fen = prices.price(session, listing.id, days if is_rental else SALE_DAYS, now)
    if amount_fen is None:
        raise RuleBroken(Rule.PRICE_MISSING)
    if amount_fen != seen_fen:
        raise RuleBroken(Rule.STALE_CHOICE, price_fen=amount_fen)
    stock.take(session, listing.id)
    claim = numbers.smallest_free(session, listing.region_id, listing.business)
    order = Order(
        order_no=(
            f"{ORDER_NO_LETTER[listing.business]}{now.astimezone(SHANGHAI):%y%m%d}{claim.number.letter}{claim.seq:04d}"
        ),
        region_id=listing.region_id,
        business=listing.business,
        listing_id=listing.id,
        customer_id=customer.id,
        request_key=request_key,
        intent=intent,
        days=days if is_rental else SALE_DAYS,
        occupies_rental=is_rental,
        colour=colour,
        number=str(claim.number),
        amount_fen=amount_fen,
        cancel_paid_hours=settings.value_of(session, CANCEL_PAID_HOURS, listing.region_id, now),
        rental_deposit_fen=settings.value_of(session, RENTAL_DEPOSIT, listing.region_id, now) if is_rental else None,
        flash_deposit_fen=settings.value_of(session, FLASH_DEPOSIT, listing.region_id, now) if is_rental else None,
        status=OrderStatus.RESERVED,
        turn=1,
        reserved_at=now,
        expires_at=now + timedelta(hours=settings.value_of(session, RESERVATION_HOURS, listing.region_id, now)),
    )
    session.add(order)
    session.flush()
    numbers.hold(session, claim, order.id, now)
    stock.record_taken(session, order, now)
    charges.put(
        session,
        Purpose.RENTAL_FEE if is_rental else Purpose.SALE,
        LineKind.PRICE,
        customer_id=customer.id,
        region_id=order.region_id,
        amount_fen=amount_fen,
        now=now,
        order_id=order.id,
    )
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
    refuse_if_frozen(session, customer.id, now)
    if colour not in session.scalars(select(VehicleModel.colours).where(VehicleModel.id == listing.model_id)).one():
        raise RuleBroken(Rule.COLOUR_UNKNOWN)
    if listing.business in RENTALS:
        other = occupying_order(session, customer.id)
        if other is not None:
            raise RuleBroken(Rule.ONE_RENTAL, order_id=other.id, number=other.number)
        return
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


def occupying_order(session: Session, customer_id: int) -> Order | None:
    """The person's one rental, from reservation to return. FLOW-RENT-4."""
    return session.scalars(select(Order).where(Order.customer_id == customer_id, Order.occupies_rental)).one_or_none()


@transactional
def enter_number(session: Session, order_id: int, *, typed: str, actor: Actor, now: datetime) -> bool:
    """The person types the number of the vehicle in front of them; whether it is their order's. FLOW-BUY-3.

    Every try is recorded. The first right number moves the deadline, once. An unpaid order past it has expired, whether
    or not the sweep has come by. Raises NotFound, Forbidden, RuleBroken (it is over, a rental has no deposit).
    """
    order = lock_own_order(session, order_id, actor)
    is_over = order.expires_at <= now and charges.of_order(session, order).status is ChargeStatus.OPEN
    if order.status is not OrderStatus.RESERVED or is_over:
        raise RuleBroken(Rule.NOT_RESERVED, status=order.status)
    if order.business in RENTALS:
        deposits.securing_deposit(session, order)
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
    charge = charges.of_order(session, order)
    why = None
    if actor.is_customer:
        facts = CancelFacts(order.status, charge.settled_at)
        refuse_unless_customer_may_cancel(facts, now, paid_hours=order.cancel_paid_hours)
    else:
        next_status(order.status, OrderEvent.CANCEL)
        why = checked_reason(reason)
    close_order(session, order, OrderEvent.CANCEL, reason=why, actor=actor, now=now)
    refunds.want_all_of_charge(session, charge, Subject.of_order(order), reason=CANCELLED_REASON, actor=actor, now=now)


@transactional
def expire_order(session: Session, order_id: int, *, actor: Actor, now: datetime) -> bool:
    """Closes an order past its deadline. SET-7, decision 13: the sweep has asked WeChat about its attempts before.

    False if it was paid, prolonged or closed meanwhile, or could still be paid. Raises NotFound, Forbidden.
    """
    order = lock_order(session, order_id, actor, Permission.ORDERS_CANCEL)
    if order.status is not OrderStatus.RESERVED or order.expires_at > now:
        return False
    charge = charges.of_order(session, order)
    if charge.status is not ChargeStatus.OPEN or charges.live_attempts(session, charge):
        return False
    close_order(session, order, OrderEvent.EXPIRE, reason=None, actor=actor, now=now)
    return True


def close_order(
    session: Session, order: Order, event: OrderEvent, *, reason: str | None, actor: Actor, now: datetime
) -> None:
    """The only way into a closed state: releases number, stock and charge, and has live attempts closed at WeChat.

    A rental's deposit goes back by itself (decision 25). The person is locked. Deposits are locked before payments,
    and listing and series before the day figures (`move_order`), as by a reservation.
    """
    if order.occupies_rental:
        order.occupies_rental = False
        session.flush()
        deposits.drop_due(session, order.customer_id, actor, now, order_id=order.id)
        deposits.release_idle(session, order.customer_id, actor, now)
    attempts = charges.make_void(session, charges.of_order(session, order), now)
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


def move_order(session: Session, order: Order, event: OrderEvent, **columns: object) -> None:
    """Takes an order to its next state by compare-and-set, and the day figures with it. Raises RuleBroken, LostRace."""
    before, was_out = order.status, is_out(order)
    after = next_status(before, event)
    must_change_one(
        session,
        update(Order)
        .where(Order.id == order.id, Order.status == before, Order.turn == order.turn)
        .values(status=after, **columns),
    )
    session.refresh(order)
    order_days.moved(session, order, before, was_out=was_out)


def free_number_if_over(session: Session, order: Order, charge: Charge, now: datetime) -> None:
    """Frees a waiting number once no attempt of its closed order can be paid any more. Decision 8."""
    if order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and not charges.live_attempts(session, charge):
        numbers.release(session, order.region_id, order.business, order.id, now)
