"""Regions, their schools, stores and contacts, and the settings: all data, none of it code (decision 7)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.directory import ContactKind
from app.models.base import Base, append_only, word


class Region(Base):
    """One code letter."""

    __tablename__ = "region"
    __table_args__ = (
        UniqueConstraint("letter"),
        CheckConstraint("length(letter) = 1 AND letter BETWEEN 'A' AND 'Z'", name="letter"),
    )

    letter: Mapped[str] = mapped_column(String(1))
    name: Mapped[str] = mapped_column(String(20))


class School(Base):
    """A university; belongs to one region."""

    __tablename__ = "school"
    __table_args__ = (UniqueConstraint("name"), Index("ix_school_region_id", "region_id"))

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    name: Mapped[str] = mapped_column(String(40))


class Store(Base):
    """The physical shop of a region."""

    __tablename__ = "store"
    __table_args__ = (UniqueConstraint("region_id"),)

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    name: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(120), default="")
    hours: Mapped[str] = mapped_column(String(40), default="")


class Contact(Base):
    """Whom a region's people call or write to."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("region_id", "kind"),)

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    kind: Mapped[ContactKind] = word(ContactKind)
    phone: Mapped[str] = mapped_column(String(20), default="")
    wechat: Mapped[str] = mapped_column(String(40), default="")
    hours: Mapped[str] = mapped_column(String(40), default="")


@append_only
class SettingVersion(Base):
    """One value of a setting from a time on; of equal times the last row holds."""

    __tablename__ = "setting_version"
    __table_args__ = (Index("ix_setting_version_lookup", "key", "region_id", "effective_at", "id"),)

    key: Mapped[str] = mapped_column(String(40))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    value: Mapped[int | None]  # null: as all regions
    effective_at: Mapped[datetime]
    made_at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(String(200))
