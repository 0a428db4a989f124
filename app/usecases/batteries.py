"""The batteries themselves: made in series, moved by hand, their labels printed (NUM-9, decision 23)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from app.domain.batteries import BatteryState, checked_move
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.numbering import LAST_BATTERY_NUMBER, BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.batteries import Battery
from app.models.directory import Region
from app.queries.batteries import number_of
from app.usecases import audit
from app.usecases.compare_and_set import locked, must_lock
from app.usecases.transaction import transactional

MOST_AT_ONCE = 5000


@transactional
def make(session: Session, region_id: int, *, first: int, last: int, actor: Actor, now: datetime) -> int:
    """Makes the batteries of a stretch of numbers, in stock; how many. NUM-3, NUM-9.

    Raises NotFound, Forbidden, RuleBroken: a stretch that is not one, or of which some are there already.
    """
    region = locked(session, Region, region_id)
    if region is None or not actor.may(Permission.FLASH_VIEW, region_id):
        raise NotFound
    actor.require(Permission.BATTERIES_MANAGE, region_id)
    if not 1 <= first <= last <= LAST_BATTERY_NUMBER or last - first >= MOST_AT_ONCE:
        raise RuleBroken(Rule.BATTERY_RANGE_WRONG, most=MOST_AT_ONCE)
    there = session.scalars(
        select(func.min(Battery.n)).where(Battery.region_id == region_id, Battery.n.between(first, last))
    ).one_or_none()
    if there is not None:
        raise RuleBroken(Rule.BATTERIES_EXIST, number=str(BatteryNumber(region.letter, there)))
    session.execute(
        insert(Battery),
        [
            {"region_id": region_id, "n": n, "state": BatteryState.IN_STOCK, "made_at": now}
            for n in range(first, last + 1)
        ],
    )
    audit.put(
        session,
        actor,
        "batteries_made",
        now,
        subject=("region", region_id),
        region_id=region_id,
        first=str(BatteryNumber(region.letter, first)),
        last=str(BatteryNumber(region.letter, last)),
    )
    return last - first + 1


@transactional
def move(session: Session, battery_id: int, *, state: BatteryState, reason: str, actor: Actor, now: datetime) -> None:
    """Staff put a battery into repair, back into stock, out of use, or note it lost. Raises as its parts do."""
    battery = session.get(Battery, battery_id)
    if battery is None or not actor.may(Permission.FLASH_VIEW, battery.region_id):
        raise NotFound
    actor.require(Permission.BATTERIES_MANAGE, battery.region_id)
    reason = checked_reason(reason)
    battery = must_lock(session, Battery, battery_id)
    if battery.state is state:
        return
    before, battery.state = battery.state, checked_move(battery.state, state)
    session.flush()
    audit.put(
        session,
        actor,
        "battery_moved",
        now,
        subject=("battery", battery.id),
        region_id=battery.region_id,
        reason=reason,
        number=str(number_of(session, battery.id)),
        before=before,
        after=state,
    )


def mark_printed(session: Session, battery_ids: Sequence[int], now: datetime) -> None:
    """Their labels were printed; within the verb that asked for it."""
    session.execute(update(Battery).where(Battery.id.in_(battery_ids)).values(printed_at=now))
