"""Customers, what is known of them, and what bars them. Names and phones stand in `identity` and nowhere else."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.restrictions import Cause
from app.models.base import Base, append_only, word


class CustomerStatus(StrEnum):
    """How far we know somebody."""

    VISITOR = "visitor"
    REGISTERED = "registered"
    ERASED = "erased"


class Customer(Base):
    """One WeChat openid of one app id (decision 1)."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("app_id", "openid"), Index("ix_customer_school_id", "school_id"))

    app_id: Mapped[str] = mapped_column(String(32))
    openid: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[CustomerStatus] = word(CustomerStatus)
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id"))
    made_at: Mapped[datetime]


class Identity(Base):
    """The real name. The ID number is sealed, and found by its keyed hash (decision 3)."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("customer_id"),
        UniqueConstraint("id_mac"),
        Index("ix_identity_name", "name"),
        Index("ix_identity_phone", "phone"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    name: Mapped[str] = mapped_column(String(50))
    phone: Mapped[str] = mapped_column(String(11))
    id_number: Mapped[bytes] = mapped_column(LargeBinary)
    id_mac: Mapped[str] = mapped_column(String(64))
    student_no: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed; asked for with the student card
    registered_at: Mapped[datetime]


class IdentityKey(Base):
    """The search index: every way a person is looked for."""

    __tablename__ = "identity_key"
    __table_args__ = (
        UniqueConstraint("kind", "key", "customer_id"),
        Index("ix_identity_key_customer_id", "customer_id"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(60))


@append_only
class ConsentText(Base):
    """What a person agrees to, in one version."""

    __tablename__ = "consent_text"
    __table_args__ = (UniqueConstraint("kind", "version"),)

    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    body: Mapped[str] = mapped_column(Text)


class Consent(Base):
    """One person's agreement to one version of one text."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_standing",
            "customer_id",
            "kind",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    kind: Mapped[str] = mapped_column(String(20))
    text_id: Mapped[int] = mapped_column(ForeignKey("consent_text.id"))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Restriction(Base):
    """The record of what bars a person: one open row for each cause and subject (decision 5).

    A freeze by hand holds by its row. Of the other causes the rows follow the facts, which verbs decide on.
    """

    __tablename__ = "restriction"
    __table_args__ = (
        Index(
            "uq_restriction_open",
            "customer_id",
            "cause",
            "subject_kind",
            text("coalesce(subject_id, 0)"),
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index(
            "ix_restriction_by_hand",
            "since",
            "id",
            sqlite_where=text("lifted_at IS NULL AND cause = 'manual'"),
            postgresql_where=text("lifted_at IS NULL AND cause = 'manual'"),
        ),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    cause: Mapped[Cause] = word(Cause)
    subject_kind: Mapped[str] = mapped_column(String(20), default="none", server_default="none")
    subject_id: Mapped[int | None]  # the use or rental that it is about
    since: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
