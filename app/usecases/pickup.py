"""The counter: an answer to what was scanned, the handing over, and its undoing (NUM-8, decision 17)."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import ChargeStatus
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber, Business, Digits, VehicleNumber, loggable, read_scan
from app.domain.orders import RENTALS, OrderEvent, OrderStatus, next_status, refuse_unless_undo_in_time
from app.domain.permissions import Actor, Permission
from app.domain.pickup import (
    Answer,
    OrderFacts,
    answer_for,
    answer_for_battery,
    answer_from_letter,
    checked_frame_no,
    frame_no_in,
    standing_of,
)
from app.domain.reasons import checked_reason
from app.domain.settings import PICKUP_UNDO_MINUTES
from app.models.orders import Order, PickupAttempt
from app.queries import cards, settings
from app.queries import pickup as counter
from app.queries.counter.candidates import Candidates, candidates
from app.usecases import audit, charges, deposits, ledger, numbers, refunds, rentals
from app.usecases.orders import lock_order, move_order
from app.usecases.standing import refuse_if_frozen
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional

MOST_TEXT_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Reply:
    """The one answer; the order or battery it is about, if one may be named; and what to choose from for digits."""

    answer: Answer
    text: str  # what was understood: AM0001, 0001, or the folded text
    order_id: int | None = None
    frame_no: str | None = None  # the scan was the frame number of the ready order on the screen
    battery: BatteryNumber | None = None
    instead_of: BatteryNumber | None = None  # a battery of the stock, for the one in use on the screen: 换电
    found: Candidates = field(default_factory=Candidates)


@transactional
def answer_scan(
    session: Session,
    *,
    typed: str,
    region_id: int,
    open_order_id: int | None,
    open_battery: str = "",
    actor: Actor,
    now: datetime,
    scan_key: str | None = None,
) -> Reply:
    """Answers a number at the counter of a region's store; every try is recorded. Raises Forbidden. NUM-8, decision 17.

    `open_order_id` is the ready order on the screen, `open_battery` the number of the battery that is being returned
    there. A repeated `scan_key` is the same scan sent again: one try.
    """
    actor.require(Permission.PICKUP, region_id)
    on_screen = _ready_on_screen(session, region_id, open_order_id, now)
    scan = read_scan(typed)
    if isinstance(scan, VehicleNumber):
        reply = _answer_number(session, scan, region_id, on_screen, now)
    elif isinstance(scan, Digits):
        found = candidates(session, region_id, scan.text)
        reply = Reply(Answer.CHOOSE if found else Answer.UNKNOWN, scan.text, found=found)
    elif isinstance(scan, BatteryNumber):
        reply = _answer_battery(session, scan, open_battery)
    elif on_screen is not None and (frame_no := frame_no_in(scan.text)) is not None:
        return Reply(Answer.READY, frame_no, on_screen.order_id, frame_no)
    else:
        reply = Reply(Answer.UNKNOWN, scan.text[:MOST_TEXT_SHOWN])
    if scan_key is None or not counter.scan_is_known(session, scan_key):
        session.add(
            PickupAttempt(
                region_id=region_id,
                staff_id=actor.id,
                scan_key=scan_key,
                typed=loggable(typed),
                answer=reply.answer,
                order_id=reply.order_id,
                at=now,
            )
        )
    return reply


def _ready_on_screen(session: Session, region_id: int, order_id: int | None, now: datetime) -> OrderFacts | None:
    facts = counter.facts_of_order(session, region_id, order_id, now) if order_id is not None else None
    return facts if facts is not None and standing_of(facts, now) is Answer.READY else None


def _answer_number(
    session: Session, number: VehicleNumber, region_id: int, on_screen: OrderFacts | None, now: datetime
) -> Reply:
    letters = counter.letters(session)
    answer = answer_from_letter(number, letters[region_id], letters.values())
    if answer is not None:
        return Reply(answer, str(number))
    facts = counter.facts_of_number(session, region_id, number, now)
    answer = answer_for(facts, open_customer_id=on_screen.customer_id if on_screen else None, now=now)
    named = facts.order_id if facts is not None and answer is not Answer.NOT_THIS_PERSONS else None
    return Reply(answer, str(number), named)


def _answer_battery(session: Session, number: BatteryNumber, open_battery: str) -> Reply:
    facts = counter.facts_of_battery(session, number)
    answer = answer_for_battery(facts.state if facts else None)
    if facts is None:
        return Reply(answer, str(number))
    on_screen = read_scan(open_battery)
    if answer is Answer.BATTERY_IN and isinstance(on_screen, BatteryNumber):
        held = counter.facts_of_battery(session, on_screen)
        if held is not None and answer_for_battery(held.state) is Answer.BATTERY_OUT:
            return Reply(answer, str(number), battery=number, instead_of=on_screen)
    return Reply(answer, str(number), battery=number)


@transactional
def confirm_pickup(session: Session, order_id: int, *, colour: str, frame_no: str, actor: Actor, now: datetime) -> None:
    """Hands the vehicle over: order, number and income in one. Raises NotFound, Forbidden, RuleBroken. ORD-2, NUM-8.

    The same clerk pressing twice changes nothing the second time. `frame_no` comes in any width and case, and stands
    on one completed order only.
    """
    order = lock_order(session, order_id, actor, Permission.PICKUP)
    frame_no = checked_frame_no(frame_no)
    if order.status is OrderStatus.COMPLETED and (order.picked_up_by, order.frame_no) == (actor.id, frame_no):
        return
    next_status(order.status, OrderEvent.PICK_UP)
    refuse_if_frozen(session, order.customer_id, now)
    deposit = deposits.securing_deposit(session, order) if order.occupies_rental else None
    charge = charges.of_order(session, order)
    if charge.status is not ChargeStatus.SETTLED:
        raise RuleBroken(Rule.NOT_PAID, amount_fen=charge.amount_fen)
    if deposit is not None and not cards.is_approved(session, order.customer_id):
        raise RuleBroken(Rule.CARD_NOT_APPROVED)
    if colour not in counter.colours_of(session, order.listing_id):
        raise RuleBroken(Rule.COLOUR_UNKNOWN)
    _refuse_if_handed_over(session, frame_no, actor)
    move_order(
        session,
        order,
        OrderEvent.PICK_UP,
        picked_up_at=now,
        picked_up_by=actor.id,
        colour=colour,
        frame_no=frame_no,
    )
    numbers.keep(session, order.id)
    if deposit is not None:
        rentals.begin(session, order, deposit, now)
    if charge.amount_fen:
        legs = recipes.handed_over(charge.purpose, charge.amount_fen)
        ledger.book(
            session, f"pickup:{order.id}:{order.turn}", legs, Subject.of_order(order), now, purpose=charge.purpose
        )
    audit.put_for_order(session, actor, "order_picked_up", order, now, number=order.number, frame_no=frame_no)


def _refuse_if_handed_over(session: Session, frame_no: str, actor: Actor) -> None:
    """One vehicle is handed over once. The unique index stands behind it. Raises RuleBroken."""
    holder = session.execute(
        select(Order.number, Order.region_id).where(
            Order.frame_no == frame_no,
            Order.status == OrderStatus.COMPLETED,
            or_(Order.business == Business.SALE, Order.occupies_rental),
        )
    ).one_or_none()
    if holder is not None:
        named = holder.number if actor.may(Permission.PICKUP, holder.region_id) else None
        raise RuleBroken(Rule.FRAME_NO_TAKEN, frame_no=frame_no, number=named)


@transactional
def undo_pickup(session: Session, order_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Takes a pickup back, soon after it, by a supervisor: the order is paid and not picked up again. Decision 17.

    Raises NotFound, Forbidden, RuleBroken.
    """
    order = lock_order(session, order_id, actor, Permission.PICKUP_UNDO)
    next_status(order.status, OrderEvent.UNDO_PICKUP)
    minutes = settings.value_of(session, PICKUP_UNDO_MINUTES, order.region_id, now)
    refuse_unless_undo_in_time(order.picked_up_at or now, now, minutes=minutes)
    reason = checked_reason(reason)
    if order.business in RENTALS:
        rentals.take_back_beginning(session, order)
    charge = charges.of_order(session, order)
    if refunds.is_begun(session, charge):
        raise RuleBroken(Rule.REFUNDED_SINCE)
    turn = order.turn
    move_order(
        session,
        order,
        OrderEvent.UNDO_PICKUP,
        picked_up_at=None,
        picked_up_by=None,
        frame_no=None,
        turn=turn + 1,
    )
    numbers.unkeep(session, order.id)
    if charge.amount_fen:
        legs = recipes.pickup_undone(charge.purpose, charge.amount_fen)
        ledger.book(
            session, f"pickup_undone:{order.id}:{turn}", legs, Subject.of_order(order), now, purpose=charge.purpose
        )
    audit.put_for_order(session, actor, "pickup_undone", order, now, reason=reason, number=order.number)
