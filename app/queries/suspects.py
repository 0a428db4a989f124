"""Money that waits for a person: payments that do not fit, refunds that did not arrive, errands that were parked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, case, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from app.domain.charges import PaymentStatus
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
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
    expected_fen: int | None  # of a payment: what its attempt was made for
    wechat_id: str | None
    misfit: str | None  # of a payment
    refund_status: RefundStatus | None
    errand: Errand | None
    error: str | None
    order_id: int | None
    number: str | None


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


def _payments(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(
        select(Payment, Order.id.label("order_id"), Order.number, Order.amount_fen.label("expected_fen"))
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Order, Order.id == Charge.order_id)
        .where(Payment.id.in_(ids))
    )
    return {
        _key(row.Payment.id, Trouble.PAYMENT): TroubleRow(
            trouble=Trouble.PAYMENT,
            at=row.Payment.paid_at or row.Payment.created_at,
            amount_fen=row.Payment.received_fen,
            expected_fen=row.expected_fen,
            wechat_id=row.Payment.transaction_id,
            misfit=row.Payment.misfit,
            refund_status=None,
            errand=None,
            error=None,
            order_id=row.order_id,
            number=row.number,
        )
        for row in found
    }


def _refunds(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(
        select(Refund, Order.id.label("order_id"), Order.number)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Charge, Charge.id == Payment.charge_id)
        .outerjoin(Order, Order.id == Charge.order_id)
        .where(Refund.id.in_(ids))
    )
    return {
        _key(row.Refund.id, Trouble.REFUND): TroubleRow(
            trouble=Trouble.REFUND,
            at=row.Refund.requested_at,
            amount_fen=row.Refund.amount_fen,
            expected_fen=None,
            wechat_id=row.Refund.out_refund_no,
            misfit=None,
            refund_status=row.Refund.status,
            errand=None,
            error=None,
            order_id=row.order_id,
            number=row.number,
        )
        for row in found
    }


def _errands(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.scalars(select(Outbox).where(Outbox.id.in_(ids))).all()
    orders = _orders_of_errands(session, found)
    return {
        _key(row.id, Trouble.ERRAND): TroubleRow(
            trouble=Trouble.ERRAND,
            at=row.made_at,
            amount_fen=orders[row.id].amount_fen if row.id in orders else None,
            expected_fen=None,
            wechat_id=None if row.kind is Errand.MESSAGE else row.key,
            misfit=None,
            refund_status=None,
            errand=row.kind,
            error=row.error,
            order_id=orders[row.id].order_id if row.id in orders else None,
            number=orders[row.id].number if row.id in orders else None,
        )
        for row in found
    }


def _orders_of_errands(session: Session, errands: Sequence[Outbox]) -> dict[int, Row[*tuple[Any, ...]]]:
    """The order and the amount that each errand is about: a message names its order, the others a payment or refund."""
    named = {row.id: row.payload["order_id"] for row in errands if row.payload.get("order_id")}
    keys = [row.key for row in errands]
    about = select(Order.id.label("order_id"), Order.number, Order.amount_fen).join(Charge, Charge.order_id == Order.id)
    paid = about.join(Payment, Payment.charge_id == Charge.id)
    by_payment = paid.add_columns(Payment.out_trade_no.label("key")).where(Payment.out_trade_no.in_(keys))
    by_refund = (
        select(Order.id.label("order_id"), Order.number, Refund.amount_fen, Refund.out_refund_no.label("key"))
        .join(Charge, Charge.order_id == Order.id)
        .join(Payment, Payment.charge_id == Charge.id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.out_refund_no.in_(keys))
    )
    by_order = about.add_columns(literal("").label("key")).where(Order.id.in_(named.values()))
    rows = session.execute(union_all(by_payment, by_refund, by_order)).all()
    of_key = {row.key: row for row in rows if row.key}
    of_order = {row.order_id: row for row in rows if not row.key}
    found = {row.id: of_key.get(row.key) or of_order.get(named.get(row.id)) for row in errands}
    return {row_id: row for row_id, row in found.items() if row is not None}


def suspect_fen_of_charge() -> ScalarSelect[int]:
    """What arrived for the charge and does not fit it: nobody is asked to pay beside it. Decision 16."""
    received = func.coalesce(func.sum(Payment.received_fen), 0)
    wanted = select(received).where(Payment.charge_id == Charge.id, Payment.status == PaymentStatus.SUSPECT)
    return wanted.correlate(Charge).scalar_subquery()
