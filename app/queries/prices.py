"""Which price of a listing holds when."""

from datetime import datetime

from sqlalchemy import ScalarSelect, SQLColumnExpression, select
from sqlalchemy.orm import Session

from app.models.vehicles import Listing, Price

SALE_DAYS = 0


def sale_price(session: Session, listing_id: int, now: datetime) -> int | None:
    """Fen, or None when no price was ever set. SET-1."""
    wanted = select(Price.amount_fen).where(Price.id == sale_price_in_force(listing_id, now))
    return session.scalars(wanted).one_or_none()


def sale_price_in_force(listing_id: int | SQLColumnExpression[int], now: datetime) -> ScalarSelect[int]:
    """The id of the price that holds at a time; of a listing, or of the one of each row of an outer select."""
    return (
        select(Price.id)
        .where(Price.listing_id == listing_id, Price.days == SALE_DAYS, Price.effective_at <= now)
        .order_by(Price.effective_at.desc(), Price.id.desc())
        .limit(1)
        .correlate(Listing)
        .scalar_subquery()
    )
