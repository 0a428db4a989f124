"""Money that waits for a person: payments that do not fit, refunds that did not arrive, errands that were parked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, case, func, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from app.domain.charges import PaymentStatus
from app.domain.identity import masked_name, masked_phone
from app.domain.labels import paid_for
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.models.work import Outbox, OutboxStatus
from app.queries.paging import Key, Page, Stream, page_of_streams

FAILED = (RefundStatus.ABNORMAL, RefundStatus.REFUSED)


class Trouble(StrEnum):
    """What kind of thing waits."""

    PAYMENT = "payments"
    REFUND = "refunds"
    ERRAND = "errands"


KINDS = tuple(Trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleRow:
    """One thing that waits for a person."""

    trouble: Trouble
    at: datetime
    amount_fen: int | None
    expected_fen: int | None = None  # of a payment: what is owed
    wechat_id: str | None = None
    misfit: str | None = None  # of a payment
    refund_status: RefundStatus | None = None
    errand: Errand | None = None
    topic: str | None = None  # of a message
    paid_for: str = ""  # 车款, 租金, 租车押金 …; empty where it is not known
    order_id: int | None = None
    number: str | None = None
    deposit_id: int | None = None  # the deposit that it is, or that secures the battery use
    person: str = ""  # of a message; masked


@dataclass(frozen=True, slots=True)
class TroublePage:
    """One page of what waits."""

    page: Page[TroubleRow]
    first: int  # the place of the page's first row, from 1; 0 without rows

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return max(self.first + len(self.page.rows) - 1, 0)


def trouble_page(
    session: Session,
    actor: Actor,
    *,
    region_id: int | None,
    trouble: Trouble | None,
    after: Key | None,
    before: Key | None,
    size: int,
) -> TroublePage:
    """What waits in the regions of the actor, newest first.

    What names no order of ours belongs to no region, and is shown to whoever sees all of them.
    """
    regions = actor.scope(Permission.PAYMENTS_VIEW).within(region_id)
    streams = [_stream(kind, regions) for kind in KINDS if trouble in (None, kind)]
    page = page_of_streams(
        session, streams, after=after, before=before, size=size, load=lambda ids: _rows(session, ids)
    )
    if page.newer is None:
        return TroublePage(page, 1 if page.rows else 0)
    key = (page.newer.at, page.newer.id)
    newer = [
        select(func.count())
        .select_from(stream.wanted.where(tuple_(stream.at, stream.id) > key).subquery())
        .scalar_subquery()
        for stream in streams
    ]
    return TroublePage(page, 1 + sum(session.execute(select(*newer)).one()))


def trouble_counts(session: Session, actor: Actor, *, region_id: int | None) -> Mapping[Trouble, int]:
    """How many of each kind wait."""
    regions = actor.scope(Permission.PAYMENTS_VIEW).within(region_id)
    counts = [
        select(func.count()).select_from(_stream(kind, regions).wanted.subquery()).scalar_subquery() for kind in KINDS
    ]
    return dict(zip(KINDS, session.execute(select(*counts)).one(), strict=True))


def _stream(kind: Trouble, regions: list[int] | None) -> Stream:
    """One kind, by its own index. Its ids are made to differ from those of the other kinds."""
    region: ColumnElement[Any]
    if kind is Trouble.PAYMENT:
        at, row_id = Payment.__table__.c.created_at, _told_apart(Payment.__table__.c.id, kind)
        wanted = select(row_id.label("id"), at.label("at")).where(*_suspect())
        region = select(Charge.region_id).where(Charge.id == Payment.charge_id).scalar_subquery()
    elif kind is Trouble.REFUND:
        at, row_id = Refund.__table__.c.requested_at, _told_apart(Refund.__table__.c.id, kind)
        wanted = select(row_id.label("id"), at.label("at")).where(Refund.status.in_(FAILED))
        region = (
            select(Charge.region_id)
            .join(Payment, Payment.charge_id == Charge.id)
            .where(Payment.id == Refund.payment_id)
            .scalar_subquery()
        )
    else:
        at, row_id = Outbox.__table__.c.made_at, _told_apart(Outbox.__table__.c.id, kind)
        wanted = select(row_id.label("id"), at.label("at")).where(Outbox.status == OutboxStatus.PARKED)
        region = _region_of_errand()
    if regions is not None:
        wanted = wanted.where(region.in_(regions))
    return Stream(wanted, at, row_id)


def _suspect() -> tuple[ColumnElement[bool], ...]:
    """A suspect counts until its money is on its way back."""
    return (Payment.status == PaymentStatus.SUSPECT, Payment.refunded_fen < func.coalesce(Payment.received_fen, 0))


def _told_apart(column: ColumnElement[int], kind: Trouble) -> ColumnElement[int]:
    return column * len(KINDS) + KINDS.index(kind)


def _region_of_errand() -> ColumnElement[int]:
    """The region of the payment that an errand is about: found by its number, the errand's key."""
    refund_of, paid = aliased(Refund), aliased(Payment)
    by_refund = (
        select(Charge.region_id)
        .join(paid, paid.charge_id == Charge.id)
        .join(refund_of, refund_of.payment_id == paid.id)
        .where(refund_of.out_refund_no == Outbox.key)
        .scalar_subquery()
    )
    by_payment = (
        select(Charge.region_id)
        .join(Payment, Payment.charge_id == Charge.id)
        .where(Payment.out_trade_no == Outbox.key)
        .scalar_subquery()
    )
    return case((Outbox.kind == Errand.REFUND, by_refund), (Outbox.kind == Errand.CLOSE_PAYMENT, by_payment))


def _rows(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    by_kind = {kind: [one // len(KINDS) for one in ids if one % len(KINDS) == KINDS.index(kind)] for kind in KINDS}
    rows: dict[int, TroubleRow] = {}
    if by_kind[Trouble.PAYMENT]:
        rows |= _payments(session, by_kind[Trouble.PAYMENT])
    if by_kind[Trouble.REFUND]:
        rows |= _refunds(session, by_kind[Trouble.REFUND])
    if by_kind[Trouble.ERRAND]:
        rows |= _errands(session, by_kind[Trouble.ERRAND])
    return rows


def _key(row_id: int, kind: Trouble) -> int:
    return row_id * len(KINDS) + KINDS.index(kind)


def _about(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Payments and what each is for. A deposit leads to the rental on whose way it was agreed, if there was one."""
    return (
        select(
            *columns,
            Charge.purpose,
            Charge.amount_fen.label("owed_fen"),
            Deposit.kind,
            func.coalesce(Charge.deposit_id, BatteryUse.deposit_id).label("deposit_id"),
            Order.id.label("order_id"),
            Order.number,
        )
        .select_from(Payment)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Deposit, Deposit.id == Charge.deposit_id)
        .outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .outerjoin(Order, Order.id == func.coalesce(Charge.order_id, Deposit.order_id))
    )


def _subject(about: Row[*tuple[Any, ...]] | None) -> dict[str, Any]:
    if about is None:
        return {}
    return {
        "paid_for": paid_for(about.purpose, about.kind) if about.purpose else "",
        "order_id": about.order_id,
        "number": about.number,
        "deposit_id": about.deposit_id,
    }


def _payments(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(_about(Payment).where(Payment.id.in_(ids)))
    return {
        _key(row.Payment.id, Trouble.PAYMENT): TroubleRow(
            trouble=Trouble.PAYMENT,
            at=row.Payment.paid_at or row.Payment.created_at,
            amount_fen=row.Payment.received_fen,
            expected_fen=row.owed_fen,
            wechat_id=row.Payment.transaction_id,
            misfit=row.Payment.misfit,
            **_subject(row),
        )
        for row in found
    }


def _refunds(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(_about(Refund).join(Refund, Refund.payment_id == Payment.id).where(Refund.id.in_(ids)))
    return {
        _key(row.Refund.id, Trouble.REFUND): TroubleRow(
            trouble=Trouble.REFUND,
            at=row.Refund.requested_at,
            amount_fen=row.Refund.amount_fen,
            wechat_id=row.Refund.out_refund_no,
            refund_status=row.Refund.status,
            **_subject(row),
        )
        for row in found
    }


def _errands(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.scalars(select(Outbox).where(Outbox.id.in_(ids))).all()
    messages = [row for row in found if row.kind is Errand.MESSAGE]
    asked = [row for row in found if row.kind is not Errand.MESSAGE]
    return _messages(session, messages) | _asked(session, asked)


def _asked(session: Session, errands: Sequence[Outbox]) -> dict[int, TroubleRow]:
    """What WeChat was to be asked: about a payment or a refund, by its number, the errand's key."""
    keys = [row.key for row in errands]
    by_payment = _about(Payment.out_trade_no.label("key"), Payment.amount_fen.label("asked_fen"))
    by_refund = _about(Refund.out_refund_no.label("key"), Refund.amount_fen.label("asked_fen"))
    about = {
        row.key: row
        for row in session.execute(
            union_all(
                by_payment.where(Payment.out_trade_no.in_(keys)),
                by_refund.join(Refund, Refund.payment_id == Payment.id).where(Refund.out_refund_no.in_(keys)),
            )
        )
    }
    return {
        _key(row.id, Trouble.ERRAND): TroubleRow(
            trouble=Trouble.ERRAND,
            at=row.made_at,
            amount_fen=about[row.key].asked_fen if row.key in about else None,
            wechat_id=row.key,
            errand=row.kind,
            **_subject(about.get(row.key)),
        )
        for row in errands
    }


def _messages(session: Session, messages: Sequence[Outbox]) -> dict[int, TroubleRow]:
    """What a person was to be told, and the order whose page it leads to."""
    order_ids = {row.id: _order_in(row.payload.get("page", "")) for row in messages}
    numbers = {
        row.id: row.number
        for row in session.execute(
            select(Order.id, Order.number).where(Order.id.in_(list(filter(None, order_ids.values()))))
        )
    }
    people = session.execute(
        select(Identity.customer_id, Identity.name, Identity.phone).where(
            Identity.customer_id.in_([row.payload.get("customer_id", 0) for row in messages])
        )
    )
    names = {row.customer_id: f"{masked_name(row.name)} {masked_phone(row.phone)}" for row in people}
    return {
        _key(row.id, Trouble.ERRAND): TroubleRow(
            trouble=Trouble.ERRAND,
            at=row.made_at,
            amount_fen=None,
            errand=row.kind,
            topic=row.payload.get("topic"),
            order_id=order_ids[row.id],
            number=numbers.get(order_ids[row.id] or 0),
            person=names.get(row.payload.get("customer_id", 0), ""),
        )
        for row in messages
    }


def _order_in(page: str) -> int | None:
    """The order that a page of the phone is about."""
    _, found, row_id = page.partition("/m/orders/")
    return int(row_id) if found and row_id.isdecimal() else None


def suspect_fen_of_charge() -> ScalarSelect[int]:
    """What arrived for the charge and does not fit it: nobody is asked to pay beside it. Decision 16."""
    received = func.coalesce(func.sum(Payment.received_fen), 0)
    wanted = select(received).where(Payment.charge_id == Charge.id, Payment.status == PaymentStatus.SUSPECT)
    return wanted.correlate(Charge).scalar_subquery()
