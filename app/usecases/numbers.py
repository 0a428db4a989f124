"""Claiming and releasing vehicle numbers, always the smallest free one (NUM-4 to NUM-7, decision 8).

Raising the series' `seq` is the lock: it is taken first, so claims and releases of a series happen one after the other.
The compare-and-set on the slot and the unique index on live holdings stand behind it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.numbering import LAST_NUMBER, Business, VehicleNumber
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.directory import Region
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot, SlotState
from app.usecases import audit
from app.usecases.compare_and_set import changed_one, must_change_one
from app.usecases.transaction import transactional


@dataclass(frozen=True, slots=True)
class Claim:
    """A free number under the lock of its series, not yet held by an order."""

    slot_id: int
    seq: int
    number: VehicleNumber


def _turn_of_series(session: Session, region_id: int, business: Business) -> tuple[int, int]:
    """Takes the series' lock: (id of the series, this turn's seq)."""
    row = session.execute(
        update(NumberSeries)
        .where(NumberSeries.region_id == region_id, NumberSeries.business == business)
        .values(seq=NumberSeries.seq + 1)
        .returning(NumberSeries.id, NumberSeries.seq)
    ).one()
    return row.id, row.seq


def smallest_free(session: Session, region_id: int, business: Business) -> Claim:
    """The number that the next order gets. Raises RuleBroken when the series is full (NUM-7)."""
    letter = session.scalars(select(Region.letter).where(Region.id == region_id)).one()
    series_id, seq = _turn_of_series(session, region_id, business)
    slot = session.execute(
        select(NumberSlot.id, NumberSlot.n)
        .where(NumberSlot.series_id == series_id, NumberSlot.state == SlotState.FREE)
        .order_by(NumberSlot.n)
        .limit(1)
    ).one_or_none()
    if slot is None:
        raise RuleBroken(Rule.SERIES_FULL, last=str(VehicleNumber(letter, business, LAST_NUMBER)))
    return Claim(slot.id, seq, VehicleNumber(letter, business, slot.n))


def hold(session: Session, claim: Claim, order_id: int, now: datetime, *, revived: bool = False) -> None:
    """Gives the claimed number to the order. Raises LostRace when it is no longer free."""
    must_change_one(
        session,
        update(NumberSlot)
        .where(NumberSlot.id == claim.slot_id, NumberSlot.state == SlotState.FREE)
        .values(state=SlotState.HELD, order_id=order_id),
    )
    session.add(
        NumberHolding(slot_id=claim.slot_id, order_id=order_id, from_seq=claim.seq, from_at=now, revived=revived)
    )


def hold_again(session: Session, region_id: int, number: VehicleNumber, order_id: int, now: datetime) -> bool:
    """Gives a closed order its own number back if nobody else has it; False if somebody has. Decision 15."""
    series_id, seq = _turn_of_series(session, region_id, number.business)
    slot = session.execute(
        select(NumberSlot.id, NumberSlot.state, NumberSlot.order_id).where(
            NumberSlot.series_id == series_id, NumberSlot.n == number.n
        )
    ).one()
    if slot.state is SlotState.WAITING and slot.order_id == order_id:
        _move(session, order_id, SlotState.WAITING, SlotState.HELD)
        return True
    if slot.state is not SlotState.FREE:
        return False
    hold(session, Claim(slot.id, seq, number), order_id, now, revived=True)
    return True


def let_wait(session: Session, order_id: int) -> None:
    """The order is closed, but WeChat could still take money for it: nobody else gets the number yet."""
    _move(session, order_id, SlotState.HELD, SlotState.WAITING)


def keep(session: Session, order_id: int) -> None:
    """The plate is on the vehicle: the number is the order's for good. Decision 9."""
    _move(session, order_id, SlotState.HELD, SlotState.KEPT)


def unkeep(session: Session, order_id: int) -> None:
    """The pickup was undone."""
    _move(session, order_id, SlotState.KEPT, SlotState.HELD)


def release(session: Session, region_id: int, business: Business, order_id: int, now: datetime) -> bool:
    """Frees the order's number, held or waiting; the next order may take it. False if it had none. NUM-5."""
    return _free(session, region_id, business, order_id, (SlotState.HELD, SlotState.WAITING), now)


def release_kept(session: Session, region_id: int, business: Business, order_id: int, now: datetime) -> bool:
    """Frees the number of a returned rental, where the setting 归还后释放租车编号 is on. Decision 9."""
    return _free(session, region_id, business, order_id, (SlotState.KEPT,), now)


def _free(
    session: Session,
    region_id: int,
    business: Business,
    order_id: int,
    states: tuple[SlotState, ...],
    now: datetime,
) -> bool:
    _, seq = _turn_of_series(session, region_id, business)
    freed = (
        update(NumberSlot)
        .where(NumberSlot.order_id == order_id, NumberSlot.state.in_(states))
        .values(state=SlotState.FREE, order_id=None)
    )
    if not changed_one(session, freed):
        return False
    session.execute(
        update(NumberHolding)
        .where(NumberHolding.order_id == order_id, NumberHolding.to_seq.is_(None))
        .values(to_seq=seq, to_at=now)
    )
    return True


@transactional
def retire(session: Session, slot_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Takes a free number out of use, its plate being lost, say. A second press changes nothing. Decision 9.

    Raises NotFound, Forbidden, RuleBroken.
    """
    slot, series = _own_slot(session, slot_id, actor)
    reason = checked_reason(reason)
    _, seq = _turn_of_series(session, series.region_id, series.business)
    taken = (
        update(NumberSlot)
        .where(NumberSlot.id == slot_id, NumberSlot.state == SlotState.FREE)
        .values(state=SlotState.RETIRED)
    )
    if not changed_one(session, taken):
        session.refresh(slot)
        if slot.state is SlotState.RETIRED:
            return
        raise RuleBroken(Rule.NUMBER_NOT_FREE)
    session.add(NumberHolding(slot_id=slot_id, order_id=None, from_seq=seq, from_at=now, revived=False))
    _tell(session, "number_retired", slot, series, reason, actor, now)


@transactional
def put_back_in_use(session: Session, slot_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """The plate was found or made anew: the number is free again. Raises NotFound, Forbidden, RuleBroken."""
    slot, series = _own_slot(session, slot_id, actor)
    reason = checked_reason(reason)
    _, seq = _turn_of_series(session, series.region_id, series.business)
    freed = (
        update(NumberSlot)
        .where(NumberSlot.id == slot_id, NumberSlot.state == SlotState.RETIRED)
        .values(state=SlotState.FREE)
    )
    if not changed_one(session, freed):
        raise RuleBroken(Rule.NUMBER_NOT_RETIRED)
    session.execute(
        update(NumberHolding)
        .where(NumberHolding.slot_id == slot_id, NumberHolding.to_seq.is_(None))
        .values(to_seq=seq, to_at=now)
    )
    _tell(session, "number_put_back", slot, series, reason, actor, now)


def _own_slot(session: Session, slot_id: int, actor: Actor) -> tuple[NumberSlot, NumberSeries]:
    slot = session.get(NumberSlot, slot_id)
    series = session.get_one(NumberSeries, slot.series_id) if slot else None
    if slot is None or series is None or not actor.may(Permission.NUMBERS_VIEW, series.region_id):
        raise NotFound
    actor.require(Permission.NUMBERS_RETIRE, series.region_id)
    return slot, series


def _tell(
    session: Session, action: str, slot: NumberSlot, series: NumberSeries, reason: str, actor: Actor, now: datetime
) -> None:
    letter = session.scalars(select(Region.letter).where(Region.id == series.region_id)).one()
    number = str(VehicleNumber(letter, series.business, slot.n))
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("number", slot.id),
        region_id=series.region_id,
        reason=reason,
        number=number,
    )


def _move(session: Session, order_id: int, before: SlotState, after: SlotState) -> None:
    must_change_one(
        session,
        update(NumberSlot).where(NumberSlot.order_id == order_id, NumberSlot.state == before).values(state=after),
    )


def make_series(session: Session, region_id: int, business: Business) -> None:
    """A new series with all its numbers, free."""
    series = NumberSeries(region_id=region_id, business=business, seq=0)
    session.add(series)
    session.flush()
    session.execute(
        insert(NumberSlot),
        [{"series_id": series.id, "n": n, "state": SlotState.FREE} for n in range(1, LAST_NUMBER + 1)],
    )
