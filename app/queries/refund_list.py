"""Refunds that have not arrived: those that somebody must look at, and those that are under way (decision 34)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.charges import PaymentStatus
from app.domain.errors import NotFound
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import RefundChannel, RefundStatus, may_pay_outside
from app.models.cards import Photo
from app.models.money import Charge, Payment, Refund
from app.models.work import Outbox, OutboxStatus
from app.queries.paging import Key, Page, Stream, page_of_streams
from app.queries.paid_things import PaidThing, thing_of, with_things
from app.queries.refunds import is_parked, stuck


class RefundTab(StrEnum):
    """Each is a list of its own."""

    STUCK = "stuck"  # WeChat could not deliver it, closed it, or refused to take it
    UNDER_WAY = "under_way"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """One refund. What may be done is decided here: the template compares nothing."""

    id: int
    out_refund_no: str
    thing: PaidThing
    payment_status: PaymentStatus
    amount_fen: int
    status: RefundStatus
    is_parked: bool  # WeChat refused to take it so often that nobody tries any more
    requested_at: datetime
    asked_at: datetime | None
    error: str  # what the last try met; empty if it met nothing
    may_retry: bool
    may_pay_outside: bool


@dataclass(frozen=True, slots=True)
class RefundList:
    """One page, and how many there are in each list."""

    page: Page[RefundRow]
    first: int  # the place of the page's first refund, from 1; 0 without any
    counts: Mapping[RefundTab, int]

    @property
    def last(self) -> int:
        """The place of the page's last refund."""
        return max(self.first + len(self.page.rows) - 1, 0)


def refund_list(
    session: Session,
    actor: Actor,
    tab: RefundTab,
    *,
    region_id: int | None,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> RefundList:
    """One page of what the actor may see, what waits longest first; what names no order of ours has no region."""
    regions = actor.scope(Permission.PAYMENTS_VIEW).within(region_id)
    streams = _streams(tab, regions)
    page = page_of_streams(
        session,
        streams,
        after=after,
        before=before,
        size=size,
        load=lambda ids: refund_rows(session, actor, ids, now),
        oldest_first=True,
    )
    first = 1 if page.rows else 0
    if page.newer is not None:
        first += sum(_count(session, stream, before=page.newer) for stream in streams)
    counts = {one: sum(_count(session, stream) for stream in _streams(one, regions)) for one in RefundTab}
    return RefundList(page, first, counts)


def _streams(tab: RefundTab, regions: list[int] | None) -> list[Stream]:
    under_way = ((Refund.status == RefundStatus.REQUESTED) & ~is_parked(), Refund.status == RefundStatus.ACCEPTED)
    return [_stream(condition, regions) for condition in (stuck() if tab is RefundTab.STUCK else under_way)]


def _stream(condition: ColumnElement[bool], regions: list[int] | None) -> Stream:
    wanted = select(Refund.id, Refund.requested_at.label("at")).where(condition)
    if regions is not None:
        region = (
            select(Charge.region_id)
            .join(Payment, Payment.charge_id == Charge.id)
            .where(Payment.id == Refund.payment_id)
            .scalar_subquery()
        )
        wanted = wanted.where(region.in_(regions))
    return Stream(wanted, Refund.__table__.c.requested_at, Refund.__table__.c.id)


def _count(session: Session, stream: Stream, *, before: Key | None = None) -> int:
    wanted = stream.wanted
    if before is not None:
        wanted = wanted.where(tuple_(stream.at, stream.id) < (before.at, before.id))
    return session.scalars(select(func.count()).select_from(wanted.subquery())).one()


def refund_rows(session: Session, actor: Actor, ids: Collection[int], now: datetime) -> dict[int, RefundRow]:
    """Refunds by id, however they stand; those of money that the actor may see."""
    rows = session.execute(
        with_things(
            Refund, Payment.status.label("payment_status"), Payment.paid_at, Outbox.status.label("errand"), Outbox.error
        )
        .join(Refund, Refund.payment_id == Payment.id)
        .outerjoin(Outbox, (Outbox.kind == Errand.REFUND) & (Outbox.key == Refund.out_refund_no))
        .where(Refund.id.in_(ids))
    )
    seen = actor.scope(Permission.PAYMENTS_VIEW)
    return {row.Refund.id: _row(actor, row, now) for row in rows if row.region_id in seen}


def _row(actor: Actor, row: Row[*tuple[Any, ...]], now: datetime) -> RefundRow:
    refund: Refund = row.Refund
    thing = thing_of(row)
    parked = row.errand is OutboxStatus.PARKED
    lost = may_pay_outside(refund.status, paid_at=row.paid_at, parked=parked, asked_at=refund.asked_at, now=now)
    return RefundRow(
        id=refund.id,
        out_refund_no=refund.out_refund_no,
        thing=thing,
        payment_status=row.payment_status,
        amount_fen=refund.amount_fen,
        status=refund.status,
        is_parked=parked,
        requested_at=refund.requested_at,
        asked_at=refund.asked_at,
        error=row.error or "",
        may_retry=refund.status is not RefundStatus.DONE and row.region_id in actor.scope(Permission.ORDERS_REFUND),
        may_pay_outside=lost and thing.is_known and row.region_id in actor.scope(Permission.PAYOUT_OUTSIDE),
    )


def refund_row(session: Session, actor: Actor, refund_id: int, now: datetime) -> RefundRow:
    """One of them. Raises NotFound."""
    found = refund_rows(session, actor, [refund_id], now)
    if refund_id not in found:
        raise NotFound
    return found[refund_id]


def proof_of(session: Session, actor: Actor, refund_id: int) -> str:
    """The key of the photo that proves a payment outside WeChat. Raises NotFound, also once it is erased."""
    row = session.execute(
        select(Photo.key, Charge.region_id)
        .select_from(Refund)
        .join(Photo, Photo.id == Refund.proof_photo_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Refund.id == refund_id, Refund.channel == RefundChannel.OUTSIDE, Photo.erased_at.is_(None))
    ).one_or_none()
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    key: str = row.key
    return key
