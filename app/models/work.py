"""What is to be done outside our transactions: outbox, job runs, the lease of the scheduler, WeChat's tokens."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.outbox import Errand
from app.models.base import Base, word


class OutboxStatus(StrEnum):
    """Due until done; parked when only a person can help."""

    DUE = "due"
    DONE = "done"
    PARKED = "parked"


class Outbox(Base):
    """One thing that WeChat must be told or asked, written in the transaction that wants it."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("kind", "key"),
        Index(
            "ix_outbox_due",
            "next_at",
            sqlite_where=text("status = 'due'"),
            postgresql_where=text("status = 'due'"),
        ),
        Index("ix_outbox_status", "status"),
    )

    kind: Mapped[Errand] = word(Errand)
    key: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[OutboxStatus] = word(OutboxStatus)
    tries: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    next_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))


class TaskKind(StrEnum):
    """Long work that somebody waits for."""

    BATTERY_LABELS = "battery_labels"
    PLATES = "plates"
    EXPORT = "export"


class TaskStatus(StrEnum):
    """Due until a worker takes it; done with a file, or failed with an error."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Task(Base):
    """A print or an export: its bar, its file, its end. The file is sealed and goes away at `expires_at`."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("request_key"),
        Index("ix_task_expires_at", "expires_at"),
        Index("ix_task_asked_by", "asked_by", "id"),
        Index("ix_task_status", "status", "id"),
    )

    kind: Mapped[TaskKind] = word(TaskKind)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    request_key: Mapped[str] = mapped_column(String(40))
    filters: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[TaskStatus] = word(TaskStatus)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    file_key: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(String(300))
    made_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class JobRun(Base):
    """One run of one job."""

    __tablename__ = "job_run"
    __table_args__ = (
        Index("ix_job_run_job", "job", "id"),
        Index("ix_job_run_started_at", "started_at"),
        Index(
            "ix_job_run_failed",
            "job",
            "started_at",
            sqlite_where=text("error IS NOT NULL"),
            postgresql_where=text("error IS NOT NULL"),
        ),
    )

    job: Mapped[str] = mapped_column(String(40))
    business_on: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)


class JobWanted(Base):
    """A job that somebody wants run now; the jobs process takes the row away when it begins."""

    __tablename__ = "job_wanted"
    __table_args__ = (UniqueConstraint("job"),)

    job: Mapped[str] = mapped_column(String(40))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]


class Lease(Base):
    """Who may run the timetable now."""

    __tablename__ = "lease"
    __table_args__ = (UniqueConstraint("name"),)

    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime]


class WeChatToken(Base):
    """WeChat's access token and ticket, shared by all processes; sealed."""

    __tablename__ = "wechat_token"
    __table_args__ = (UniqueConstraint("app_id", "kind"),)

    app_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
