"""Which price of a listing holds when."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.vehicles import Price

SALE_DAYS = 0


def sale_price(session: Session, listing_id: int, now: datetime) -> int | None:
    """Fen, or None when no price was ever set. SET-1."""
    return session.scalars(
        select(Price.amount_fen)
        .where(Price.listing_id == listing_id, Price.days == SALE_DAYS, Price.effective_at <= now)
        .order_by(Price.effective_at.desc(), Price.id.desc())
        .limit(1)
    ).one_or_none()
