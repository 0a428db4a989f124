"""What must be true of late fees, and of the record of what bars people."""

from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ScalarSelect, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import WithholdingKind
from app.domain.late_fees import LateDay, late_days
from app.domain.restrictions import Cause
from app.domain.terms import Terms
from app.models.batteries import BatteryUse
from app.models.deposits import DepositWithholding
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge
from app.models.people import Restriction
from app.models.rentals import Rental
from app.queries.invariants._registry import Violations, invariant, told
from app.queries.late_fees import KINDS, Lent, closed_days, is_out


def _of(table: type[LateFee | Charge | DepositWithholding], kind: type[Lent]) -> Any:
    return table.battery_use_id if kind is BatteryUse else table.rental_id


@invariant("The late days of a use or rental are posted without a gap, as its terms and the closed days have them")
def late_days_follow_terms(session: Session, _now: datetime) -> Violations:
    """Decisions 19 and 20."""
    for kind in KINDS:
        counted_from = BatteryUse.began_on if kind is BatteryUse else Rental.due_on
        terms = (kind.free_days, kind.late_fee_fen, kind.freeze_days, kind.cap_fen)
        rows = session.execute(
            select(kind.id, kind.region_id, counted_from, *terms, LateFee.day_on, LateFee.amount_fen, LateFee.reason)
            .join(LateFee, _of(LateFee, kind) == kind.id)
            .order_by(kind.id, LateFee.day_on)
            .execution_options(yield_per=10_000)
        )
        for (lent_id, region_id, since, *agreed), of_lent in groupby(rows, lambda row: row[:7]):
            posted = [LateDay(on, amount_fen, reason) for *_, on, amount_fen, reason in of_lent]
            closed = closed_days(session, region_id, since, posted[-1].on)
            if posted != list(late_days(Terms(*agreed), since, posted[-1].on, closed)):
                yield f"{kind.__tablename__}={lent_id} posted={len(posted)} last={posted[-1].on}"


@invariant("Of what is over every late day is posted")
def late_days_are_posted(session: Session, _now: datetime) -> Violations:
    """Decision 20. A day that was posted before the return stays: the last one may be later."""
    for kind in KINDS:
        last = select(func.max(LateFee.day_on)).where(_of(LateFee, kind) == kind.id).scalar_subquery()
        yield from told(
            session,
            select(kind.id.label(kind.__tablename__), kind.fees_from, kind.returned_on, last.label("posted_to")).where(
                kind.returned_on >= kind.fees_from, or_(last.is_(None), last < kind.returned_on)
            ),
        )


@invariant("What a use or rental owes is what was posted and is neither waived, paid nor withheld; never below nothing")
def debts_are_what_is_left(session: Session, _now: datetime) -> Violations:
    """Decisions 5, 20 and 21. While it is out nothing is owed, and no more is paid than was posted."""
    for kind in KINDS:
        left = _posted(kind) - _waived(kind) - _paid(kind) - _withheld(kind)
        owed = kind.late_owed_fen
        is_late = or_(owed > 0, exists().where(_of(LateFee, kind) == kind.id))
        yield from told(
            session,
            select(kind.id.label(kind.__tablename__), kind.returned_on, owed, left.label("left_fen")).where(
                is_late, or_(left < 0, and_(~is_out(kind), owed != left))
            ),
        )


@invariant("A quote of late fees asks for no more than is left of them")
def quotes_ask_for_what_is_owed(session: Session, _now: datetime) -> Violations:
    """Decision 21."""
    for kind in KINDS:
        left = _posted(kind) - _waived(kind) - _paid(kind) - _withheld(kind)
        yield from told(
            session,
            select(Charge.id.label("charge"), Charge.amount_fen, left.label("left_fen"))
            .join(kind, _of(Charge, kind) == kind.id)
            .where(Charge.purpose == Purpose.LATE_FEE, Charge.status == ChargeStatus.OPEN, Charge.amount_fen > left),
        )


@invariant("A waiver lets the whole fee of its day go")
def waivers_are_whole(session: Session, _now: datetime) -> Violations:
    """Decision 20."""
    return told(
        session,
        select(LateFeeWaiver.id.label("waiver"), LateFeeWaiver.amount_fen, LateFee.amount_fen.label("fee_fen"))
        .join(LateFee, LateFee.id == LateFeeWaiver.late_fee_id)
        .where(LateFeeWaiver.amount_fen != LateFee.amount_fen),
    )


def _posted(kind: type[Lent]) -> ScalarSelect[int]:
    return _sum(LateFee.amount_fen, _of(LateFee, kind) == kind.id, kind)


def _waived(kind: type[Lent]) -> ScalarSelect[int]:
    return _sum(
        LateFeeWaiver.amount_fen, (LateFeeWaiver.late_fee_id == LateFee.id) & (_of(LateFee, kind) == kind.id), kind
    )


def _paid(kind: type[Lent]) -> ScalarSelect[int]:
    settled = (Charge.purpose == Purpose.LATE_FEE) & (Charge.status == ChargeStatus.SETTLED)
    return _sum(Charge.amount_fen, settled & (_of(Charge, kind) == kind.id), kind)


def _withheld(kind: type[Lent]) -> ScalarSelect[int]:
    taken = DepositWithholding.kind == WithholdingKind.LATE_FEE
    return _sum(DepositWithholding.amount_fen, taken & (_of(DepositWithholding, kind) == kind.id), kind)


def _sum(amount: Any, where: Any, kind: type[Lent]) -> ScalarSelect[int]:
    return select(func.coalesce(func.sum(amount), 0)).where(where).correlate(kind).scalar_subquery()


@invariant("Each debt is on record as a restriction, and no restriction outlives what it is about")
def restrictions_follow_facts(session: Session, _now: datetime) -> Violations:
    """Decision 5. Of what is overdue the record may wait for the job."""
    for kind in KINDS:
        name = kind.__tablename__
        about = (Restriction.subject_kind == name) & (Restriction.subject_id == kind.id)
        open_debt = exists().where(
            about,
            Restriction.customer_id == kind.customer_id,
            Restriction.cause == Cause.DEBT,
            Restriction.lifted_at.is_(None),
        )
        yield from told(
            session,
            select(kind.id.label(name), kind.customer_id, kind.late_owed_fen).where(kind.late_owed_fen > 0, ~open_debt),
        )
        holds = or_(
            (Restriction.cause == Cause.DEBT) & (kind.late_owed_fen > 0),
            (Restriction.cause == Cause.OVERDUE) & is_out(kind),
        )
        yield from told(
            session,
            select(Restriction.id.label("restriction"), Restriction.cause, Restriction.subject_id.label(name)).where(
                Restriction.subject_kind == name, Restriction.lifted_at.is_(None), ~exists().where(about, holds)
            ),
        )
