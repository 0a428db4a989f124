"""Flash charge: a battery goes out by a scan, and comes back at the counter (FLOW-FLASH-2, decisions 22 to 24, 42).

Locks: the person, then the battery (of two, the smaller id first), then its use, then the deposit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import DamageItem, DepositKind
from app.domain.errors import LostRace, NotFound, Rule, RuleBroken
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.domain.rentals import Place
from app.domain.settings import (
    FEE_CAP_PERCENT,
    FLASH_FREE_DAYS,
    FLASH_FREEZE_DAYS,
    FLASH_LATE_FEE,
    FLASH_PRICE,
    Setting,
)
from app.domain.terms import Terms, cap_of, fees_from, freezes_on
from app.models.batteries import Battery, BatteryPerson, BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge, LineKind
from app.queries import cards, settings
from app.queries import deposits as held_deposits
from app.queries.batteries import battery_id_of, number_of, open_use_of_battery, open_use_of_person
from app.usecases import audit, charges, deposits, late_fees, ledger, photos
from app.usecases.compare_and_set import insert_into, must_change_one, must_lock
from app.usecases.photos import NewPhoto
from app.usecases.standing import lock_customer, lock_registered, refuse_if_frozen
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan led to: the use, and whether it has just begun or was the person's already."""

    use_id: int
    begun: bool


@transactional
def scan(session: Session, number: BatteryNumber, *, actor: Actor, now: datetime) -> Scanned:
    """The person takes a battery. Two people at once: one wins. Scanned again it is already theirs. Decision 23.

    Raises Forbidden, RuleBroken: each refusal has a rule of its own.
    """
    customer = lock_registered(session, actor)
    held = open_use_of_person(session, customer.id)
    battery_id = battery_id_of(session, number)
    if held is not None:
        if held.battery_id == battery_id:
            return Scanned(held.id, begun=False)
        raise RuleBroken(Rule.BATTERY_HELD, number=str(number_of(session, held.battery_id)))
    deposit = _refuse_unless_may_begin(session, customer.id, now)
    if battery_id is None:
        raise RuleBroken(Rule.BATTERY_UNKNOWN, number=str(number))
    return Scanned(_begin(session, customer.id, deposit, battery_id, actor, now).id, begun=True)


def _refuse_unless_may_begin(session: Session, customer_id: int, now: datetime) -> Deposit:
    """The person's flash deposit. Raises RuleBroken. FLOW-FLASH-1, decisions 4, 5, 22."""
    deposit = held_deposits.held(session, customer_id, DepositKind.FLASH)
    if deposit is None or held_deposits.is_used_up(deposit):
        raise RuleBroken(Rule.FLASH_NOT_OPENED)
    if not cards.is_approved(session, customer_id):
        raise RuleBroken(Rule.CARD_NOT_APPROVED)
    refuse_if_frozen(session, customer_id, now)
    unpaid = session.execute(
        select(Charge.id, Charge.amount_fen)
        .where(
            Charge.customer_id == customer_id,
            Charge.purpose == Purpose.FLASH_FEE,
            Charge.status == ChargeStatus.OPEN,
        )
        .order_by(Charge.id)
        .limit(1)
    ).one_or_none()
    if unpaid is not None:
        raise RuleBroken(Rule.FLASH_FEE_UNPAID, charge_id=unpaid.id, amount_fen=unpaid.amount_fen)
    return deposit


def _begin(
    session: Session, customer_id: int, deposit: Deposit, battery_id: int, actor: Actor, now: datetime
) -> BatteryUse:
    """The battery goes out, with the price and terms of today. The person is locked. SET-3, SET-4, SET-11."""
    battery = must_lock(session, Battery, battery_id)
    number = str(number_of(session, battery_id))
    if battery.state is BatteryState.IN_USE:
        raise RuleBroken(Rule.BATTERY_TAKEN, number=number)
    if battery.state is not BatteryState.IN_STOCK:
        raise RuleBroken(Rule.BATTERY_NOT_READY, number=number, state=battery.state)
    must_change_one(
        session,
        update(Battery)
        .where(Battery.id == battery_id, Battery.state == BatteryState.IN_STOCK)
        .values(state=BatteryState.IN_USE),
    )
    session.refresh(battery)

    def today(setting: Setting) -> int:
        return settings.value_of(session, setting, battery.region_id, now)

    began_on = business_day(now)
    terms = Terms(
        free_days=today(FLASH_FREE_DAYS),
        late_fee_fen=today(FLASH_LATE_FEE),
        freeze_days=today(FLASH_FREEZE_DAYS),
        cap_fen=cap_of(deposit.amount_fen, today(FEE_CAP_PERCENT)),
    )
    use = BatteryUse(
        battery_id=battery_id,
        customer_id=customer_id,
        region_id=battery.region_id,
        deposit_id=deposit.id,
        began_at=now,
        began_on=began_on,
        price_fen=today(FLASH_PRICE),
        free_days=terms.free_days,
        late_fee_fen=terms.late_fee_fen,
        freeze_days=terms.freeze_days,
        cap_fen=terms.cap_fen,
        fees_from=fees_from(began_on, terms),
        freezes_on=freezes_on(began_on, terms),
        disputed=False,
    )
    session.add(use)
    session.flush()
    if use.price_fen:
        charges.put(
            session,
            Purpose.FLASH_FEE,
            LineKind.FEE,
            customer_id=customer_id,
            region_id=use.region_id,
            amount_fen=use.price_fen,
            now=now,
            battery_use_id=use.id,
        )
        legs = recipes.flash_fee_owed(use.price_fen)
        ledger.book(session, f"flash_fee:{use.id}", legs, Subject.of_use(use), now, purpose=Purpose.FLASH_FEE)
    _count_person(session, use)
    _tell(session, actor, "battery_taken", use, number, now, price_fen=use.price_fen)
    return use


def _count_person(session: Session, use: BatteryUse) -> None:
    """总人数: each person once in each region, and once in all. FLA-1."""
    known = session.scalars(
        select(BatteryPerson.id).where(BatteryPerson.customer_id == use.customer_id).limit(1)
    ).one_or_none()
    statement = insert_into(session, BatteryPerson).values(
        customer_id=use.customer_id, region_id=use.region_id, first=known is None
    )
    session.execute(statement.on_conflict_do_nothing(index_elements=["customer_id", "region_id"]))


@transactional
def ask_return(session: Session, *, actor: Actor, now: datetime) -> None:
    """The person taps 归还: the counter sees it; the clerk's scan ends the use. Decision 24. Raises RuleBroken."""
    customer = lock_registered(session, actor)
    use = open_use_of_person(session, customer.id)
    if use is None:
        raise RuleBroken(Rule.BATTERY_NOT_OUT)
    if use.return_asked_at is None:
        use.return_asked_at = now
        session.flush()
        _tell(session, actor, "battery_return_asked", use, str(number_of(session, use.battery_id)), now)


@transactional
def take_back(
    session: Session,
    battery_id: int,
    *,
    place: Place,
    seen_use_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> int:
    """The clerk takes a battery back: its use ends. Returns the use's id. Decision 24.

    `seen_use_id` is the use that was looked at: another person's is not ended by it. Pressed again just after it, it
    finds the use ended and changes nothing. Raises NotFound, Forbidden, RuleBroken.
    """
    use = _lock_open_use(session, battery_id, actor, seen_use_id=seen_use_id)
    if use is None:
        return _just_ended(session, battery_id)
    _end(session, use, EndedBy.CLERK, _STATE_AT[place], actor, now)
    return use.id


@transactional
def exchange(
    session: Session,
    battery_id: int,
    fresh: BatteryNumber,
    *,
    seen_use_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> int:
    """换电: return and scan in one step at the counter, for the same person. Returns the new use's id. Decision 23.

    Whoever may begin nothing new, or owes late fees of the old one, gets no other battery; the old one can still be
    returned. Raises NotFound, Forbidden, RuleBroken.
    """
    fresh_id = battery_id_of(session, fresh)
    use = _lock_open_use(session, battery_id, actor, beside=fresh_id, seen_use_id=seen_use_id)
    if use is None:
        now_held = _exchanged_for(session, battery_id, fresh_id)
        if now_held is None:
            raise RuleBroken(Rule.BATTERY_NOT_OUT)
        return now_held
    if fresh_id is None:
        raise RuleBroken(Rule.BATTERY_UNKNOWN, number=str(fresh))
    if fresh_id == battery_id:
        raise RuleBroken(Rule.BATTERY_HELD, number=str(fresh))
    deposit = _refuse_unless_may_begin(session, use.customer_id, now)
    _end(session, use, EndedBy.EXCHANGE, BatteryState.IN_STOCK, actor, now)
    refuse_if_frozen(session, use.customer_id, now)  # its late fees are a debt from its end on
    return _begin(session, use.customer_id, deposit, fresh_id, actor, now).id


@transactional
def take_in(
    session: Session, battery_id: int, *, bringer_use_id: int | None, reason: str, actor: Actor, now: datetime
) -> None:
    """Somebody brings a battery that is not theirs by our books: it is taken in, and everything stays to be cleared up.

    If another person uses it, that use ends, 待核实; the bringer's own use stays open, 待核实. Nobody is sent away with
    a battery that they want to give back. Raises NotFound, Forbidden, RuleBroken. Decisions 23 and 42.
    """
    reason = checked_reason(reason)
    found = open_use_of_battery(session, battery_id)
    bringer = session.get(BatteryUse, bringer_use_id) if bringer_use_id is not None else None
    if bringer_use_id is not None and (bringer is None or bringer.returned_at is not None):
        raise RuleBroken(Rule.BATTERY_NOT_OUT)
    for customer_id in sorted({use.customer_id for use in (found, bringer) if use is not None}):
        lock_customer(session, customer_id)
    battery = _lock_battery(session, battery_id, actor)
    use = open_use_of_battery(session, battery_id)
    if (use.id if use else None) != (found.id if found else None):
        raise LostRace
    if bringer is not None:
        bringer = must_lock(session, BatteryUse, bringer.id)
        if bringer.returned_at is not None:
            raise LostRace
    if bringer is not None and use is not None and bringer.id == use.id:
        _end(session, use, EndedBy.CLERK, BatteryState.IN_STOCK, actor, now)
        return
    if use is not None:
        use.disputed = True
        _end(session, use, EndedBy.CLERK, BatteryState.IN_STOCK, actor, now, reason=reason)
    else:  # what was broken or scrapped is not lent out for having been brought back
        is_broken = battery.state in (BatteryState.REPAIR, BatteryState.SCRAPPED)
        battery.state = BatteryState.REPAIR if is_broken else BatteryState.IN_STOCK
    if bringer is not None:
        bringer.disputed = True
        session.flush()
        number = str(number_of(session, battery_id))
        _tell(session, actor, "battery_use_disputed", bringer, number, now, reason=reason)
    session.flush()
    _tell_of_battery(session, actor, "battery_taken_in", battery, now, reason=reason)


@transactional
def settle_dispute(session: Session, use_id: int, *, ends: bool, reason: str, actor: Actor, now: datetime) -> None:
    """Staff clear a use up, with a reason; `ends`: an open one ends now. Raises NotFound, Forbidden, RuleBroken."""
    found = session.get(BatteryUse, use_id)
    if found is None or not actor.may(Permission.FLASH_VIEW, found.region_id):
        raise NotFound
    actor.require(Permission.FLASH_SETTLE, found.region_id)
    reason = checked_reason(reason)
    lock_customer(session, found.customer_id)
    battery = must_lock(session, Battery, found.battery_id)
    use = must_lock(session, BatteryUse, use_id)
    if not use.disputed or use.settled_at is not None:
        raise RuleBroken(Rule.DISPUTE_SETTLED)
    if ends and use.returned_at is None:
        after = BatteryState.IN_STOCK if battery.state is BatteryState.IN_USE else battery.state
        _end(session, use, EndedBy.CLERK, after, actor, now, reason=reason)
    use.settled_at, use.settled_by = now, actor.id
    if use.returned_at is None:
        use.disputed, use.settled_at, use.settled_by = False, None, None  # it goes on as any other
    session.flush()
    number = str(number_of(session, use.battery_id))
    _tell(session, actor, "battery_use_settled", use, number, now, reason=reason, ends=ends)
    deposits.release_idle(session, use.customer_id, actor, now)


@transactional
def report_lost(
    session: Session,
    battery_id: int,
    *,
    use_id: int,
    items: list[DamageItem],
    photo: NewPhoto | None,
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> None:
    """A battery in use is lost: that use ends, fees stop, and what it costs is withheld as damage. Decision 42.

    `use_id` is the use that was looked at: nobody pays for whoever has the battery by now. `items` may be empty; with
    them a photo (of the person's signed statement, say). The same form again changes nothing. Raises NotFound,
    Forbidden, RuleBroken.
    """
    reason = checked_reason(reason)
    use = _lock_open_use(session, battery_id, actor, Permission.FLASH_SETTLE)
    if use is None or use.id != use_id:
        ended = session.get(BatteryUse, use_id)
        if ended is not None and (ended.battery_id, ended.ended_by) == (battery_id, EndedBy.LOST):
            return
        raise RuleBroken(Rule.BATTERY_NOT_OUT if use is None else Rule.BATTERY_CHANGED)
    if items:
        if photo is None:
            raise RuleBroken(Rule.PICTURE_MISSING)
        deposits.withhold_damage(
            session,
            must_lock(session, Deposit, use.deposit_id),
            items,
            photo_id=photos.keep(session, photo, customer_id=use.customer_id, now=now).id,
            battery_use_id=use.id,
            request_key=request_key,
            actor=actor,
            now=now,
        )
    _end(session, use, EndedBy.LOST, BatteryState.LOST, actor, now, reason=reason)


_STATE_AT = {Place.STOCK: BatteryState.IN_STOCK, Place.REPAIR: BatteryState.REPAIR}


def _lock_battery(
    session: Session, battery_id: int, actor: Actor, permission: Permission = Permission.PICKUP
) -> Battery:
    battery = session.get(Battery, battery_id)
    if battery is None:
        raise NotFound
    # A battery may come back at any store: the counter's right counts in whichever region it is held.
    if permission is Permission.PICKUP:
        actor.require(permission)
    else:
        if not actor.may(Permission.FLASH_VIEW, battery.region_id):
            raise NotFound
        actor.require(permission, battery.region_id)
    return must_lock(session, Battery, battery_id)


def _lock_open_use(
    session: Session,
    battery_id: int,
    actor: Actor,
    permission: Permission = Permission.PICKUP,
    *,
    beside: int | None = None,
    seen_use_id: int | None = None,
) -> BatteryUse | None:
    """The battery's open use, with person, battery and use locked. Raises NotFound, Forbidden, LostRace, RuleBroken.

    `beside` is another battery that the act goes on to lock: of two, the smaller id is first. `seen_use_id`: the use
    that the act is meant for; another one is refused.
    """
    found = open_use_of_battery(session, battery_id)
    if found is not None:
        lock_customer(session, found.customer_id)
    if beside is not None and beside < battery_id:
        must_lock(session, Battery, beside)
    _lock_battery(session, battery_id, actor, permission)
    use = open_use_of_battery(session, battery_id)
    if (use.id if use else None) != (found.id if found else None):
        raise LostRace
    if seen_use_id is not None and use is not None and use.id != seen_use_id:
        raise RuleBroken(Rule.BATTERY_CHANGED)
    return must_lock(session, BatteryUse, use.id) if use is not None else None


def _just_ended(session: Session, battery_id: int) -> int:
    last = session.scalars(
        select(BatteryUse.id)
        .where(BatteryUse.battery_id == battery_id)
        .order_by(BatteryUse.began_at.desc(), BatteryUse.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        raise RuleBroken(Rule.BATTERY_NOT_OUT)
    return last


def _exchanged_for(session: Session, battery_id: int, fresh_id: int | None) -> int | None:
    """The use of the fresh battery, if the same exchange has been done a moment ago."""
    last = session.get(BatteryUse, _just_ended(session, battery_id))
    fresh = open_use_of_battery(session, fresh_id) if fresh_id is not None else None
    if last is None or fresh is None or last.ended_by is not EndedBy.EXCHANGE:
        return None
    same = (fresh.customer_id, fresh.began_at) == (last.customer_id, last.returned_at)
    return fresh.id if same else None


def _end(
    session: Session,
    use: BatteryUse,
    ended_by: EndedBy,
    after: BatteryState,
    actor: Actor,
    now: datetime,
    *,
    reason: str | None = None,
) -> None:
    """The use is over; where its battery goes. Person, battery and use are locked."""
    must_change_one(
        session,
        update(BatteryUse)
        .where(BatteryUse.id == use.id, BatteryUse.returned_at.is_(None))
        .values(
            returned_at=now,
            returned_on=business_day(now),
            returned_by=actor.id,
            ended_by=ended_by,
            disputed=use.disputed,
        ),
    )
    session.execute(update(Battery).where(Battery.id == use.battery_id).values(state=after))
    session.expire(use)
    late_fees.settle_at_end(session, use, now)
    number = str(number_of(session, use.battery_id))
    _tell(
        session,
        actor,
        "battery_returned",
        use,
        number,
        now,
        reason=reason,
        ended_by=ended_by,
        state=after,
        late_owed_fen=use.late_owed_fen,
    )
    deposits.release_idle(session, use.customer_id, actor, now)


def _tell(
    session: Session,
    actor: Actor,
    action: str,
    use: BatteryUse,
    number: str,
    now: datetime,
    *,
    reason: str | None = None,
    **facts: Any,
) -> None:
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("battery", use.battery_id),
        region_id=use.region_id,
        customer_id=use.customer_id,
        reason=reason,
        number=number,
        use_id=use.id,
        **facts,
    )


def _tell_of_battery(
    session: Session, actor: Actor, action: str, battery: Battery, now: datetime, *, reason: str | None
) -> None:
    audit.put(
        session,
        actor,
        action,
        now,
        subject=("battery", battery.id),
        region_id=battery.region_id,
        reason=reason,
        number=str(number_of(session, battery.id)),
    )
