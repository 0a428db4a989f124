"""Orders, the day figures kept beside them, and what was tried at the counter."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.pickup import Answer
from app.models.base import Base, append_only, fen, word

HANDED_OVER = "status = 'completed' AND (business = 'M' OR occupies_rental)"
"""A vehicle is sold, or rented and not back yet."""


class Order(Base):
    """One person, one listing, one number. Terms are copied here when it is reserved (SET-11)."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("order_no"),
        UniqueConstraint("customer_id", "request_key"),
        fen("amount_fen"),
        CheckConstraint("(status = 'completed') = (picked_up_at IS NOT NULL)", name="completed_is_picked_up"),
        CheckConstraint("(status IN ('cancelled', 'expired')) = (closed_at IS NOT NULL)", name="closed_has_a_time"),
        Index("ix_orders_business_region_status", "business", "region_id", "status", "reserved_at", "id"),
        Index("ix_orders_business_region", "business", "region_id", "reserved_at", "id"),
        Index("ix_orders_business_status", "business", "status", "reserved_at", "id"),
        Index("ix_orders_business", "business", "reserved_at", "id"),
        Index("ix_orders_customer_id", "customer_id", "reserved_at"),
        Index("ix_orders_number", "number", "id"),
        # The last two are there to be counted and summed without a look at the table.
        Index("ix_orders_listing_id", "listing_id", "reserved_at", "id", "status", "amount_fen"),
        Index("ix_orders_deadline", "status", "expires_at"),
        Index("ix_orders_picked_up_at", "region_id", "picked_up_at"),
        Index(
            "uq_orders_frame_no",  # one vehicle is handed over once
            "frame_no",
            unique=True,
            sqlite_where=text(HANDED_OVER),
            postgresql_where=text(HANDED_OVER),
        ),
        Index(
            "uq_orders_one_rental",  # one rental for a person, from reservation to return
            "customer_id",
            unique=True,
            sqlite_where=text("occupies_rental"),
            postgresql_where=text("occupies_rental"),
        ),
        Index(
            "ix_orders_out",
            "business",
            "region_id",
            "reserved_at",
            "id",
            sqlite_where=text("occupies_rental AND status = 'completed'"),
            postgresql_where=text("occupies_rental AND status = 'completed'"),
        ),
        CheckConstraint("(business = 'M') = (days = 0)", name="rented_for_some_days"),
        CheckConstraint("NOT occupies_rental OR business IN ('Z', 'P')", name="only_a_rental_occupies"),
        CheckConstraint("NOT occupies_rental OR closed_at IS NULL", name="a_closed_one_occupies_nothing"),
        CheckConstraint(
            "(business = 'M') = (rental_deposit_fen IS NULL) AND (business = 'M') = (flash_deposit_fen IS NULL)",
            name="a_rental_names_its_deposits",
        ),
    )

    order_no: Mapped[str] = mapped_column(String(20))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    business: Mapped[Business] = word(Business)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    request_key: Mapped[str] = mapped_column(String(40))
    intent: Mapped[Intent] = word(Intent)
    days: Mapped[int] = mapped_column(server_default=text("0"))  # of the plan; 0 for a sale
    occupies_rental: Mapped[bool] = mapped_column(server_default=false())  # a rental, from reservation to return
    colour: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(6))  # as printed, AM0001
    amount_fen: Mapped[int]
    cancel_paid_hours: Mapped[int]
    rental_deposit_fen: Mapped[int | None]
    flash_deposit_fen: Mapped[int | None]  # instead of it, for whoever opens flash charge on the way
    status: Mapped[OrderStatus] = word(OrderStatus)
    turn: Mapped[int] = mapped_column(default=1)  # goes up at each revival and undone pickup
    reserved_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    matched_at: Mapped[datetime | None]
    picked_up_at: Mapped[datetime | None]
    picked_up_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    frame_no: Mapped[str | None] = mapped_column(String(40))
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(String(200))


class OrderDay(Base):
    """How many orders were reserved on a day, by what they are now: moved by the verbs that move an order (ORD-3)."""

    __tablename__ = "order_day"
    __table_args__ = (
        UniqueConstraint("business", "region_id", "status", "out", "on_day"),
        CheckConstraint("orders >= 0", name="orders_not_negative"),
    )

    business: Mapped[Business] = word(Business)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    status: Mapped[OrderStatus] = word(OrderStatus)
    out: Mapped[bool] = mapped_column(server_default=false())  # picked up for rent and not returned
    on_day: Mapped[date]
    orders: Mapped[int]
    amount_fen: Mapped[int]


@append_only
class PickupAttempt(Base):
    """What was tried, by whom, and the answer. The text is kept only if it reads as a number or four digits."""

    __tablename__ = "pickup_attempt"
    __table_args__ = (
        UniqueConstraint("scan_key"),
        Index("ix_pickup_attempt_region_id", "region_id", "at", "id"),
        Index("ix_pickup_attempt_order_id", "order_id"),
        CheckConstraint("(staff_id IS NULL) <> (customer_id IS NULL)", name="by_one"),
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    scan_key: Mapped[str | None] = mapped_column(String(32))  # the browser's, so that a scan sent again is one try
    typed: Mapped[str | None] = mapped_column(String(6))
    answer: Mapped[Answer] = word(Answer)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    at: Mapped[datetime]
