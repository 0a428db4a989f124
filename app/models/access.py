"""Staff, their roles, and who is logged in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.permissions import Role
from app.models.base import Base, word


class Staff(Base):
    """Somebody who works here. Without a password nobody can log in: it is set through a one-time link."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("login"), UniqueConstraint("link_hash"))

    name: Mapped[str] = mapped_column(String(20))
    login: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    link_hash: Mapped[str | None] = mapped_column(String(64))
    link_ends_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class StaffRole(Base):
    """A role, for a region or (null) for all."""

    __tablename__ = "staff_role"
    __table_args__ = (Index("uq_staff_role", "staff_id", "role", text("coalesce(region_id, 0)"), unique=True),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[Role] = word(Role)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))


class LoginSession(Base):
    """One log-in, by the hash of its token; ends at log-out on the server, not only in the browser."""

    __tablename__ = "login_session"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("(staff_id IS NULL) <> (customer_id IS NULL)", name="of_one"),
        Index("ix_login_session_staff_id", "staff_id"),
        Index("ix_login_session_customer_id", "customer_id"),
        Index("ix_login_session_ends_at", "ends_at"),
    )

    token_hash: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RateCounter(Base):
    """Hits of a limit, counted for all processes together."""

    __tablename__ = "rate_counter"
    __table_args__ = (UniqueConstraint("key"),)

    key: Mapped[str] = mapped_column(String(200))
    hits: Mapped[int]
    resets_at: Mapped[int]  # seconds of the epoch
