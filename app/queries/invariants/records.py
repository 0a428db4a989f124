"""What must be true of day figures, people and jobs."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import business_day
from app.domain.identity import CONSENT_ID_NUMBER
from app.domain.orders import OrderStatus
from app.domain.restrictions import Cause
from app.models.orders import Order, OrderDay
from app.models.people import Consent, Customer, CustomerStatus, Identity, Restriction
from app.models.work import JobRun
from app.queries.invariants._registry import Violations, invariant, told


@invariant("The day figures are the orders counted")
def day_figures_are_counted(session: Session, _now: datetime) -> Violations:
    """ORD-3."""
    orders: Counter[tuple[Any, ...]] = Counter()
    amounts: Counter[tuple[Any, ...]] = Counter()
    rows = session.execute(
        select(
            Order.business, Order.region_id, Order.status, Order.occupies_rental, Order.reserved_at, Order.amount_fen
        )
    )
    for business, region_id, status, occupies, reserved_at, amount_fen in rows:
        key = (business, region_id, status, occupies and status is OrderStatus.COMPLETED, business_day(reserved_at))
        orders[key] += 1
        amounts[key] += amount_fen
    kept = {
        (day.business, day.region_id, day.status, day.out, day.on_day): (day.orders, day.amount_fen)
        for day in session.scalars(select(OrderDay))
    }
    for key in sorted({*orders, *kept}, key=str):
        counted = (orders[key], amounts[key])
        if kept.get(key, (0, 0)) != counted:
            business, region_id, status, out, on_day = key
            yield (
                f"business={business.value} region={region_id} status={status.value} out={out} day={on_day}"
                f" kept={kept.get(key)} counted={counted}"
            )


@invariant("Whoever is registered has a name, a school and a standing consent; nobody else has a name")
def registered_people_are_known(session: Session, _now: datetime) -> Violations:
    """FLOW-BUY-1, decision 3."""
    consented = exists().where(
        Consent.customer_id == Customer.id, Consent.kind == CONSENT_ID_NUMBER, Consent.withdrawn_at.is_(None)
    )
    is_registered = Customer.status == CustomerStatus.REGISTERED
    return told(
        session,
        select(Customer.id.label("customer"), Customer.status, Customer.school_id, Identity.id.label("identity"))
        .outerjoin(Identity, Identity.customer_id == Customer.id)
        .where(
            or_(
                and_(is_registered, or_(Identity.id.is_(None), Customer.school_id.is_(None), ~consented)),
                and_(~is_registered, Identity.id.is_not(None)),
            )
        ),
    )


@invariant("A restriction begins before it ends, not in the future, and one by hand says who and why")
def restrictions_are_sane(session: Session, now: datetime) -> Violations:
    """Decision 5."""
    return told(
        session,
        select(Restriction.id.label("restriction"), Restriction.cause, Restriction.since, Restriction.lifted_at).where(
            or_(
                Restriction.since > now,
                Restriction.lifted_at < Restriction.since,
                and_(
                    Restriction.cause == Cause.MANUAL,
                    or_(Restriction.staff_id.is_(None), func.trim(Restriction.reason) == ""),
                ),
            )
        ),
    )


@invariant("No job has been failing for an hour")
def jobs_do_not_fail_for_long(session: Session, now: datetime) -> Violations:
    """CARD-4."""
    good = (
        select(JobRun.job, func.max(JobRun.id).label("id"))
        .where(JobRun.finished_at.is_not(None), JobRun.error.is_(None))
        .group_by(JobRun.job)
        .subquery()
    )
    bad = aliased(JobRun)
    since = func.min(bad.started_at)
    return told(
        session,
        select(bad.job, since.label("failing_since"), func.count().label("runs"))
        .outerjoin(good, good.c.job == bad.job)
        .where(bad.error.is_not(None), or_(good.c.id.is_(None), bad.id > good.c.id))
        .group_by(bad.job)
        .having(since < now - timedelta(hours=1)),
    )
