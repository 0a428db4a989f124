"""减免: staff let late fees of some days go, each in a row of its own beside the day (decision 20)."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.charges import Purpose
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.permissions import Actor, Permission
from app.domain.reasons import checked_reason
from app.models.late_fees import LateFee, LateFeeWaiver
from app.queries.late_fees import Lent, of_lent
from app.usecases import audit, deposits, ledger
from app.usecases.late_fees import drop_quote, lock_lent, post_rest, reduced, subject_of
from app.usecases.transaction import transactional


@transactional
def waive(
    session: Session,
    kind: type[Lent],
    lent_id: int,
    *,
    days: Collection[date],
    reason: str,
    request_key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """减免: lets the fees of some days go, each in a row of its own; returns fen. Decision 20.

    At most what is still owed. The same form again changes nothing. Raises NotFound, Forbidden, RuleBroken.
    """
    lent = lock_lent(session, kind, lent_id)
    if not actor.may(Permission.ORDERS_VIEW, lent.region_id):
        raise NotFound
    actor.require(Permission.FEES_WAIVE, lent.region_id)
    if session.scalar(select(exists().where(LateFeeWaiver.request_key == request_key))):
        return 0
    reason = checked_reason(reason)
    owed_fen = post_rest(session, lent, now).owed_fen
    rows = session.execute(
        select(LateFee.id, LateFee.amount_fen)
        .outerjoin(LateFeeWaiver, LateFeeWaiver.late_fee_id == LateFee.id)
        .where(of_lent(LateFee, lent), LateFee.day_on.in_(days), LateFee.amount_fen > 0, LateFeeWaiver.id.is_(None))
        .order_by(LateFee.day_on)
    ).all()
    total_fen: int = sum(row.amount_fen for row in rows)
    if not rows:
        raise RuleBroken(Rule.NOTHING_TO_WAIVE)
    if total_fen > owed_fen:
        raise RuleBroken(Rule.WAIVE_TOO_MUCH, left_fen=owed_fen, wanted_fen=total_fen)
    drop_quote(session, lent, now)
    subject = subject_of(session, lent)
    for row in rows:
        waiver = LateFeeWaiver(
            late_fee_id=row.id,
            amount_fen=row.amount_fen,
            reason=reason,
            request_key=request_key,
            staff_id=actor.id,
            at=now,
        )
        session.add(waiver)
        session.flush()
        legs = recipes.late_fee_waived(row.amount_fen)
        ledger.book(session, f"waiver:{waiver.id}", legs, subject, now, purpose=Purpose.LATE_FEE)
    reduced(session, lent, total_fen)
    audit.put_about(
        session, actor, "late_fee_waived", subject, now, reason=reason, amount_fen=total_fen, count=len(rows)
    )
    deposits.release_idle(session, lent.customer_id, actor, now)
    return total_fen
