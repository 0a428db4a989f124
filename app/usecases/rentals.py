"""A rental: it begins with the pickup, ends at the counter, and its deposit goes back by itself (decisions 18, 41)."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.deposits import DamageItem
from app.domain.errors import Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.rentals import Condition, Place, due_on
from app.domain.settings import (
    FEE_CAP_PERCENT,
    RELEASE_RENTAL_NUMBER,
    RENTAL_FREEZE_DAYS,
    RENTAL_LATE_FEE,
    Setting,
)
from app.domain.terms import Terms, cap_of, fees_from, freezes_on
from app.models.deposits import Deposit
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries import settings
from app.usecases import audit, deposits, late_fees, numbers, order_days, photos, stock
from app.usecases.compare_and_set import must_change_one, must_lock
from app.usecases.orders import lock_order
from app.usecases.photos import NewPhoto
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


def begin(session: Session, order: Order, deposit: Deposit, now: datetime) -> Rental:
    """The vehicle goes out; the terms of today are copied and hold until the return. SET-11."""

    def today(setting: Setting) -> int:
        return settings.value_of(session, setting, order.region_id, now)

    began_on = business_day(now)
    due = due_on(began_on, order.days)
    terms = Terms(
        free_days=0,
        late_fee_fen=today(RENTAL_LATE_FEE),
        freeze_days=today(RENTAL_FREEZE_DAYS),
        cap_fen=cap_of(deposit.amount_fen, today(FEE_CAP_PERCENT)),
    )
    rental = Rental(
        order_id=order.id,
        customer_id=order.customer_id,
        region_id=order.region_id,
        deposit_id=deposit.id,
        began_on=began_on,
        due_on=due,
        free_days=terms.free_days,
        late_fee_fen=terms.late_fee_fen,
        freeze_days=terms.freeze_days,
        cap_fen=terms.cap_fen,
        fees_from=fees_from(due, terms),
        freezes_on=freezes_on(due, terms),
    )
    session.add(rental)
    session.flush()
    return rental


def take_back_beginning(session: Session, order: Order) -> None:
    """The pickup was undone: there was no rental. Raises RuleBroken after the return."""
    rental = of_order(session, order.id)
    if rental.returned_at is not None:
        raise RuleBroken(Rule.ALREADY_RETURNED)
    session.delete(rental)
    session.flush()


def of_order(session: Session, order_id: int) -> Rental:
    """The rental of a picked-up order, locked. Raises RuleBroken."""
    rental = session.scalars(
        select(Rental).where(Rental.order_id == order_id).with_for_update(key_share=True)
    ).one_or_none()
    if rental is None:
        raise RuleBroken(Rule.NO_RENTAL)
    return rental


@transactional
def return_vehicle(
    session: Session,
    order_id: int,
    *,
    condition: Condition,
    place: Place,
    plate_off: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """The vehicle is back at the counter. FLOW-RENT-3, decisions 9, 12, 41.

    Found in good order its deposit goes back by itself; damaged, it waits for `settle_damage`. The clerk ticks that the
    plate is off. A second press changes nothing. Raises NotFound, Forbidden, RuleBroken.
    """
    order = lock_order(session, order_id, actor, Permission.PICKUP)
    rental = of_order(session, order.id)
    if rental.returned_at is not None:
        return
    if not plate_off:
        raise RuleBroken(Rule.PLATE_ON, number=order.number)
    was_out = order_days.is_out(order)
    rental.returned_at, rental.returned_on, rental.returned_by = now, business_day(now), actor.id
    rental.returned_to, rental.condition, rental.plate_off_at = place, condition, now
    rental.settled_at = now if condition is Condition.GOOD else None
    must_change_one(
        session, update(Order).where(Order.id == order.id, Order.occupies_rental).values(occupies_rental=False)
    )
    session.flush()
    session.refresh(order)
    late_fees.settle_at_end(session, rental, now)
    deposits.drop_due(session, order.customer_id, actor, now, order_id=order.id)
    deposits.release_idle(session, order.customer_id, actor, now)
    if place is Place.STOCK:
        stock.take_in_returned(session, order, now)
    released = False
    if settings.value_of(session, RELEASE_RENTAL_NUMBER, order.region_id, now):
        released = numbers.release_kept(session, order.region_id, order.business, order.id, now)
    audit.put_about(
        session,
        actor,
        "vehicle_returned",
        Subject.of_rental(rental, order),
        now,
        number=order.number,
        condition=condition,
        place=place,
        number_released=released,
    )
    order_days.moved(session, order, order.status, was_out=was_out)


@transactional
def settle_damage(
    session: Session,
    order_id: int,
    *,
    items: list[DamageItem],
    photo: NewPhoto | None,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> None:
    """What a returned vehicle's damage costs, item by item with a photo; none: nothing is withheld. Decision 41.

    Afterwards what is left of the deposit goes back by itself. Raises NotFound, Forbidden, RuleBroken.
    """
    order = lock_order(session, order_id, actor, Permission.DAMAGE_WITHHOLD)
    rental = of_order(session, order.id)
    if rental.settled_at is not None:
        if deposits.is_withheld(session, request_key):
            return
        raise RuleBroken(Rule.DAMAGE_SETTLED)
    if rental.returned_at is None:
        raise RuleBroken(Rule.NO_RENTAL)
    reason = checked_reason(reason)
    if items:
        if photo is None:
            raise RuleBroken(Rule.PICTURE_MISSING)
        deposits.withhold_damage(
            session,
            must_lock(session, Deposit, rental.deposit_id),
            items,
            photo_id=photos.keep(session, photo, customer_id=order.customer_id, now=now).id,
            rental_id=rental.id,
            request_key=request_key,
            actor=actor,
            now=now,
        )
    rental.settled_at = now
    session.flush()
    audit.put_about(
        session,
        actor,
        "damage_settled",
        Subject.of_rental(rental, order),
        now,
        reason=reason,
        amount_fen=sum(one.amount_fen for one in items),
    )
    deposits.release_idle(session, order.customer_id, actor, now)
