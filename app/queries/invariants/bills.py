"""What must be true of WeChat's bills as they were taken in."""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.bills import BillKind, ItemState
from app.models.closing import BillDay, BillItem
from app.queries.invariants._registry import Violations, invariant, told


@invariant("A line of trades that agrees names a payment or refund of ours, and its amount is theirs")
def matched_lines_agree(session: Session, _now: datetime) -> Violations:
    """Decision 33."""
    differs = or_(
        func.coalesce(BillItem.payment_id, BillItem.refund_id).is_(None),
        BillItem.bill_fen.is_distinct_from(BillItem.book_fen),
    )
    yield from told(
        session,
        select(BillItem.id, BillDay.on_day, BillItem.line_no, BillItem.bill_fen, BillItem.book_fen)
        .join(BillDay, BillDay.id == BillItem.bill_day_id)
        .where(
            BillDay.kind == BillKind.TRADE,
            BillItem.state == ItemState.MATCHED,
            BillItem.line_no.is_not(None),
            BillItem.difference.is_(None),
            differs,
        ),
    )
