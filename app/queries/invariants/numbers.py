"""What must be true of vehicle numbers and their history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from sqlalchemy import and_, exists, false, func, or_, select
from sqlalchemy.orm import Session

from app.domain.charges import LIVE_PAYMENTS
from app.domain.numbering import LAST_NUMBER, VehicleNumber
from app.domain.orders import OrderStatus
from app.models.directory import Region
from app.models.money import Charge, Payment
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.invariants._registry import Violations, invariant, told

CLOSED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@invariant("A number has one live holder")
def one_live_holder(session: Session, _now: datetime) -> Violations:
    """NUM-6."""
    return told(
        session,
        select(NumberHolding.slot_id, func.count().label("holders"))
        .where(NumberHolding.to_seq.is_(None))
        .group_by(NumberHolding.slot_id)
        .having(func.count() > 1),
    )


@invariant("A series has all its numbers, each once")
def series_are_whole(session: Session, _now: datetime) -> Violations:
    """NUM-3."""
    numbers = func.count(NumberSlot.n.distinct())
    return told(
        session,
        select(NumberSeries.id.label("series"), func.count(NumberSlot.id).label("slots"), numbers.label("numbers"))
        .outerjoin(NumberSlot, NumberSlot.series_id == NumberSeries.id)
        .group_by(NumberSeries.id)
        .having(or_(func.count(NumberSlot.id) != LAST_NUMBER, numbers != LAST_NUMBER)),
    )


@invariant(
    "A number that is not free is live in its history with the same order (out of use: with none), and the other way"
    " round"
)
def slots_and_holdings_agree(session: Session, _now: datetime) -> Violations:
    """Decision 8."""
    live = and_(
        NumberHolding.slot_id == NumberSlot.id,
        func.coalesce(NumberHolding.order_id, 0) == func.coalesce(NumberSlot.order_id, 0),
        NumberHolding.to_seq.is_(None),
    )
    yield from told(
        session,
        select(NumberSlot.id.label("slot"), NumberSlot.n, NumberSlot.state, NumberSlot.order_id)
        .outerjoin(NumberHolding, live)
        .where(NumberSlot.state != SlotState.FREE, NumberHolding.id.is_(None)),
    )
    yield from told(
        session,
        select(NumberHolding.id.label("holding"), NumberHolding.order_id, NumberSlot.n, NumberSlot.state)
        .join(NumberSlot, NumberSlot.id == NumberHolding.slot_id)
        .where(
            NumberHolding.to_seq.is_(None),
            or_(
                (NumberSlot.state == SlotState.RETIRED) != NumberHolding.order_id.is_(None),
                NumberSlot.state == SlotState.FREE,
                NumberSlot.order_id != NumberHolding.order_id,
            ),
        ),
    )


@invariant(
    "An order holds its number as its state says: reserved held, completed kept (or freed by the return), closed none"
    " or waiting"
)
def numbers_fit_orders(session: Session, _now: datetime) -> Violations:
    """Decisions 8 and 9."""
    payable = exists().where(
        Charge.order_id == Order.id, Payment.charge_id == Charge.id, Payment.status.in_(LIVE_PAYMENTS)
    )
    fits = or_(
        and_(Order.status == OrderStatus.RESERVED, NumberSlot.state == SlotState.HELD),
        and_(Order.status == OrderStatus.COMPLETED, NumberSlot.state == SlotState.KEPT),
        and_(Order.id.in_(select(Rental.order_id).where(Rental.returned_at.is_not(None))), NumberSlot.id.is_(None)),
        and_(Order.status.in_(CLOSED), NumberSlot.id.is_(None)),
        and_(Order.status.in_(CLOSED), NumberSlot.state == SlotState.WAITING, payable),
    )
    return told(
        session,
        select(Order.id.label("order"), Order.number, Order.status, NumberSlot.n, NumberSlot.state)
        .outerjoin(NumberSlot, NumberSlot.order_id == Order.id)
        .where(~func.coalesce(fits, false())),
    )


@invariant("The number printed on an order is the number that it holds")
def printed_numbers_are_held(session: Session, _now: datetime) -> Violations:
    """NUM-1 to NUM-3."""
    rows = session.execute(
        select(Order.id, Order.number, Order.region_id, Region.letter, NumberSlot.n, NumberSeries)
        .join(NumberSlot, NumberSlot.order_id == Order.id)
        .join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
        .join(Region, Region.id == NumberSeries.region_id)
    )
    for order_id, number, region_id, letter, n, series in rows:
        held = str(VehicleNumber(letter, series.business, n))
        if held != number or region_id != series.region_id:
            yield f"order={order_id} number={number} held={held}"


@invariant("Each claim took the smallest number that was free then, by the replay of its series")
def claims_were_smallest(session: Session, _now: datetime) -> Violations:
    """NUM-4, NUM-5. A revived order takes its own number again, which need not be the smallest."""
    rows = session.execute(
        select(
            NumberSlot.series_id,
            NumberSlot.n,
            NumberHolding.from_seq,
            NumberHolding.to_seq,
            NumberHolding.revived,
            NumberHolding.order_id,
        ).join(NumberSlot, NumberSlot.id == NumberHolding.slot_id)
    )
    turns: dict[int, list[_Turn]] = {}
    for series_id, n, from_seq, to_seq, revived, order_id in rows:
        of_series = turns.setdefault(series_id, [])
        of_series.append(_Turn(from_seq, n, order_id, claims=True, revived=revived))
        if to_seq is not None:
            of_series.append(_Turn(to_seq, n, order_id, claims=False, revived=False))
    last = dict(session.execute(select(NumberSeries.id, NumberSeries.seq)).all())
    for series_id, of_series in turns.items():
        for fault in _replay(of_series, last[series_id]):
            yield f"series={series_id} {fault}"


@dataclass(frozen=True, slots=True)
class _Turn:
    seq: int
    n: int
    order_id: int | None  # None: retired
    claims: bool
    revived: bool


def _replay(turns: list[_Turn], last_seq: int) -> Iterator[str]:
    turns.sort(key=lambda turn: turn.seq)
    free = set(range(1, LAST_NUMBER + 1))
    heap = sorted(free)
    heapify(heap)
    before = 0
    for turn in turns:
        told = f"seq={turn.seq} n={turn.n} order={turn.order_id}"
        if not before < turn.seq <= last_seq:
            yield f"{told}: a turn out of order (series stands at {last_seq})"
        before = turn.seq
        if not turn.claims:
            free.add(turn.n)
            heappush(heap, turn.n)
            continue
        while heap and heap[0] not in free:
            heappop(heap)
        if turn.n not in free:
            yield f"{told}: the number was not free"
        elif not turn.revived and turn.order_id is not None and turn.n != heap[0]:
            yield f"{told}: {heap[0]} was free"
        free.discard(turn.n)
