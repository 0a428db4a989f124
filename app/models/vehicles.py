"""Vehicle models, where they are listed, at what price, and how many there are."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.numbering import Business
from app.models.base import Base, append_only, fen, word


class StockReason(StrEnum):
    """Why the stock of a listing moved."""

    RESERVED = "reserved"
    CLOSED = "closed"
    RETURNED = "returned"
    BY_HAND = "by_hand"


class VehicleModel(Base):
    """A make that is sold or rented."""

    __tablename__ = "vehicle_model"
    __table_args__ = (UniqueConstraint("name"),)

    name: Mapped[str] = mapped_column(String(40))
    colours: Mapped[list[str]] = mapped_column(JSON)
    facts: Mapped[list[Any]] = mapped_column(JSON)  # short sentences: 续航 70 公里
    picture: Mapped[str] = mapped_column(String(80))


class Listing(Base):
    """A model offered in a region for one business."""

    __tablename__ = "listing"
    __table_args__ = (
        UniqueConstraint("region_id", "model_id", "business"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    model_id: Mapped[int] = mapped_column(ForeignKey("vehicle_model.id"))
    business: Mapped[Business] = word(Business)
    stock: Mapped[int]
    shown: Mapped[bool]


class Plan(Base):
    """For how many days a listing can be rented; its prices stand in `price`. A sale has none."""

    __tablename__ = "plan"
    __table_args__ = (
        UniqueConstraint("listing_id", "days"),
        CheckConstraint("days > 0", name="for_some_days"),
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    days: Mapped[int]
    name: Mapped[str] = mapped_column(String(20))
    shown: Mapped[bool]


@append_only
class Price(Base):
    """What a listing costs from a time on; `days` is 0 for a sale; of equal times the last row holds."""

    __tablename__ = "price"
    __table_args__ = (
        fen("amount_fen"),
        Index("ix_price_lookup", "listing_id", "days", "effective_at", "id"),
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    days: Mapped[int]
    amount_fen: Mapped[int]
    was_fen: Mapped[int | None]
    effective_at: Mapped[datetime]
    made_at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


@append_only
class StockMovement(Base):
    """Each change of a listing's stock; made in the same transaction as the change."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        UniqueConstraint("order_id", "reason", "turn"),
        UniqueConstraint("request_key"),
        Index("ix_stock_movement_listing_id", "listing_id", "at", "id"),
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    delta: Mapped[int]
    reason: Mapped[StockReason] = word(StockReason)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    turn: Mapped[int]
    at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str | None] = mapped_column(String(200))  # why it was moved by hand
    request_key: Mapped[str | None] = mapped_column(String(40))
