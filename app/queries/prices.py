"""Which price of a listing holds when, and which plans it is offered for."""

from datetime import datetime

from sqlalchemy import ScalarSelect, SQLColumnExpression, exists, select
from sqlalchemy.orm import Session

from app.models.vehicles import Listing, Plan, Price

SALE_DAYS = 0


def price(session: Session, listing_id: int, days: int, now: datetime) -> int | None:
    """Fen for so many days (0: a sale), or None when no price was ever set. SET-1, SET-2."""
    wanted = select(Price.amount_fen).where(Price.id == price_in_force(listing_id, days, now))
    return session.scalars(wanted).one_or_none()


def is_offered(session: Session, listing_id: int, days: int) -> bool:
    """Whether the listing is rented out for so many days. Decision 18."""
    return bool(session.scalar(select(exists().where(Plan.listing_id == listing_id, Plan.days == days, Plan.shown))))


def price_in_force(
    listing_id: int | SQLColumnExpression[int], days: int | SQLColumnExpression[int], now: datetime
) -> ScalarSelect[int]:
    """The id of the price that holds at a time; of a listing and plan, or of those of each row of an outer select."""
    return (
        select(Price.id)
        .where(Price.listing_id == listing_id, Price.days == days, Price.effective_at <= now)
        .order_by(Price.effective_at.desc(), Price.id.desc())
        .limit(1)
        .correlate(Listing, Plan)
        .scalar_subquery()
    )
