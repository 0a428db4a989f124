"""People whose recorded restrictions differ from the facts, found set by set (decision 5).

The facts of one person are read by `queries/people.facts_of`; here are the same ones as conditions on many.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select, union
from sqlalchemy.orm import Session

from app.domain.restrictions import Cause
from app.models.batteries import BatteryUse
from app.models.people import Restriction
from app.models.rentals import Rental
from app.queries.late_fees import Lent, is_out

KINDS: dict[type[Lent], str] = {BatteryUse: "battery_use", Rental: "rental"}
"""What bars people, and its name in the record."""


def differing(session: Session, today: date, *, after: int = 0, limit: int) -> Sequence[int]:
    """The people to be reconciled, by id, from `after` on."""
    people = union(*_differences(today)).subquery()
    wanted = select(people.c.customer_id).where(people.c.customer_id > after)
    return session.scalars(wanted.order_by(people.c.customer_id).limit(limit)).all()


def _differences(today: date) -> Iterator[Select[int]]:
    for kind in KINDS:
        for cause in (Cause.OVERDUE, Cause.DEBT):
            yield select(kind.customer_id).where(unrecorded(kind, cause, today))
            fact = exists().where(kind.id == Restriction.subject_id, _holds(kind, cause, today))
            yield select(Restriction.customer_id).where(*_open(kind, cause), ~fact)


def unrecorded(kind: type[Lent], cause: Cause, today: date) -> ColumnElement[bool]:
    """Whether a use or rental bars its person on a day, and no row says so yet."""
    row = exists().where(
        *_open(kind, cause), Restriction.customer_id == kind.customer_id, Restriction.subject_id == kind.id
    )
    return _holds(kind, cause, today) & ~row


def _holds(kind: type[Lent], cause: Cause, today: date) -> ColumnElement[bool]:
    if cause is Cause.DEBT:
        return kind.late_owed_fen > 0
    return is_out(kind) & (kind.freezes_on <= today)


def _open(kind: type[Lent], cause: Cause) -> tuple[ColumnElement[Any], ...]:
    return Restriction.lifted_at.is_(None), Restriction.cause == cause, Restriction.subject_kind == KINDS[kind]
