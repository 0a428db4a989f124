"""Money that waits: payments that do not fit, what was paid too much and is not back, errands that were parked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from app.domain.charges import PaymentStatus
from app.domain.identity import masked_name, masked_phone
from app.domain.outbox import Errand
from app.domain.permissions import Actor, Permission
from app.domain.refunds import ON_ITS_WAY, RefundStatus
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.models.work import Outbox, OutboxStatus
from app.queries.paging import Key, Page, Stream, page_of_streams
from app.queries.paid_things import PaidThing, thing_of, with_things
from app.queries.refunds import is_open


class Trouble(StrEnum):
    """What kind of thing waits."""

    PAYMENT = "payments"
    SURPLUS = "surplus"
    ERRAND = "errands"  # of refunds: `refund_list`


KINDS = tuple(Trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleRow:
    """One thing that waits."""

    trouble: Trouble
    id: int  # of the payment; of an errand its own
    at: datetime
    thing: PaidThing
    amount_fen: int | None = None
    expected_fen: int | None = None  # of a payment: what is owed
    wechat_id: str | None = None
    misfit: str | None = None  # of a payment
    refund_status: RefundStatus | None = None  # of what was paid too much
    errand: Errand | None = None
    topic: str | None = None  # of a message
    may_settle: bool = False

    @property
    def is_suspect(self) -> bool:
        """Whether it has a page of its own, where it is judged."""
        return self.trouble is Trouble.PAYMENT

    @property
    def is_message(self) -> bool:
        """Whether somebody was to be told something."""
        return self.errand is Errand.MESSAGE


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
        session, streams, after=after, before=before, size=size, load=lambda ids: _rows(session, actor, ids)
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
    region: ColumnElement[Any] = select(Charge.region_id).where(Charge.id == Payment.charge_id).scalar_subquery()
    if kind is Trouble.PAYMENT:
        at, row_id = Payment.__table__.c.created_at, _told_apart(Payment.__table__.c.id, kind)
        wanted = select(row_id.label("id"), at.label("at")).where(*is_unjudged())
    elif kind is Trouble.SURPLUS:
        at, row_id = Refund.__table__.c.requested_at, _told_apart(Refund.__table__.c.id, kind)
        wanted = (
            select(row_id.label("id"), at.label("at"))
            .join(Payment, Payment.id == Refund.payment_id)
            .where(
                Payment.status == PaymentStatus.SURPLUS,
                or_(Refund.status.in_(ON_ITS_WAY), is_open(RefundStatus.REFUSED)),
            )
        )
    else:
        at, row_id = Outbox.__table__.c.made_at, _told_apart(Outbox.__table__.c.id, kind)
        wanted = select(row_id.label("id"), at.label("at")).where(*_is_parked())
        region = _region_of_errand()
    if regions is not None:
        wanted = wanted.where(region.in_(regions))
    return Stream(wanted, at, row_id)


def is_unjudged() -> tuple[ColumnElement[bool], ...]:
    """A suspect counts until its money is on its way back."""
    return (Payment.status == PaymentStatus.SUSPECT, Payment.refunded_fen < func.coalesce(Payment.received_fen, 0))


def _is_parked() -> tuple[ColumnElement[bool], ...]:
    return (Outbox.status == OutboxStatus.PARKED, Outbox.kind != Errand.REFUND)


def _told_apart(column: ColumnElement[int], kind: Trouble) -> ColumnElement[int]:
    return column * len(KINDS) + KINDS.index(kind)


def _region_of_errand() -> ColumnElement[int]:
    """The region of the payment that an errand is about: found by its number, the errand's key."""
    by_payment = (
        select(Charge.region_id)
        .join(Payment, Payment.charge_id == Charge.id)
        .where(Payment.out_trade_no == Outbox.key)
        .scalar_subquery()
    )
    return case((Outbox.kind == Errand.CLOSE_PAYMENT, by_payment))


def regions_of_errand(session: Session, outbox_id: int) -> Sequence[int | None]:
    """The one region that an errand belongs to, or None where it belongs to none; empty: there is no such errand."""
    return session.scalars(
        select(_region_of_errand()).where(Outbox.id == outbox_id, Outbox.kind != Errand.REFUND)
    ).all()


def _rows(session: Session, actor: Actor, ids: list[int]) -> dict[int, TroubleRow]:
    by_kind = {kind: [one // len(KINDS) for one in ids if one % len(KINDS) == KINDS.index(kind)] for kind in KINDS}
    rows: dict[int, TroubleRow] = {}
    if by_kind[Trouble.PAYMENT]:
        rows |= _payments(session, by_kind[Trouble.PAYMENT])
    if by_kind[Trouble.SURPLUS]:
        rows |= _surplus(session, by_kind[Trouble.SURPLUS])
    if by_kind[Trouble.ERRAND]:
        rows |= _errands(session, actor, by_kind[Trouble.ERRAND])
    return rows


def _key(row_id: int, kind: Trouble) -> int:
    return row_id * len(KINDS) + KINDS.index(kind)


def _payments(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(with_things(Payment).where(Payment.id.in_(ids)))
    return {
        _key(row.Payment.id, Trouble.PAYMENT): TroubleRow(
            trouble=Trouble.PAYMENT,
            id=row.Payment.id,
            at=row.Payment.paid_at or row.Payment.created_at,
            amount_fen=row.Payment.received_fen,
            expected_fen=row.owed_fen,
            wechat_id=row.Payment.transaction_id,
            misfit=row.Payment.misfit,
            thing=thing_of(row),
        )
        for row in found
    }


def _surplus(session: Session, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.execute(
        with_things(Payment, Refund).join(Refund, Refund.payment_id == Payment.id).where(Refund.id.in_(ids))
    )
    return {
        _key(row.Refund.id, Trouble.SURPLUS): TroubleRow(
            trouble=Trouble.SURPLUS,
            id=row.Payment.id,
            at=row.Payment.paid_at or row.Payment.created_at,
            amount_fen=row.Refund.amount_fen,
            wechat_id=row.Payment.transaction_id,
            refund_status=row.Refund.status,
            thing=thing_of(row),
        )
        for row in found
    }


def _errands(session: Session, actor: Actor, ids: list[int]) -> dict[int, TroubleRow]:
    found = session.scalars(select(Outbox).where(Outbox.id.in_(ids))).all()
    messages = [row for row in found if row.kind is Errand.MESSAGE]
    asked = [row for row in found if row.kind is not Errand.MESSAGE]
    return _messages(session, actor, messages) | _asked(session, actor, asked)


def _asked(session: Session, actor: Actor, errands: Sequence[Outbox]) -> dict[int, TroubleRow]:
    """Which payment WeChat was to be asked about, by its number, the errand's key."""
    keys = [row.key for row in errands]
    wanted = with_things(Payment.out_trade_no, Payment.amount_fen.label("asked_fen"))
    about = {row.out_trade_no: row for row in session.execute(wanted.where(Payment.out_trade_no.in_(keys)))}
    may = actor.scope(Permission.SUSPECTS_SETTLE)
    rows = {}
    for row in errands:
        thing = thing_of(about[row.key]) if row.key in about else PaidThing()
        rows[_key(row.id, Trouble.ERRAND)] = TroubleRow(
            trouble=Trouble.ERRAND,
            id=row.id,
            at=row.made_at,
            amount_fen=about[row.key].asked_fen if row.key in about else None,
            wechat_id=row.key,
            errand=row.kind,
            thing=thing,
            may_settle=thing.region_id in may,
        )
    return rows


def _messages(session: Session, actor: Actor, messages: Sequence[Outbox]) -> dict[int, TroubleRow]:
    """What a person was to be told, and the order whose page it leads to."""
    order_ids = {row.id: _order_in(row.payload.get("page", "")) for row in messages}
    numbers = {
        row.id: row.number
        for row in session.execute(
            select(Order.id, Order.number).where(Order.id.in_(list(filter(None, order_ids.values()))))
        )
    }
    people = {
        row.customer_id: row
        for row in session.execute(
            select(Identity.customer_id, Identity.name, Identity.phone).where(
                Identity.customer_id.in_([row.payload.get("customer_id", 0) for row in messages])
            )
        )
    }
    may = actor.scope(Permission.SUSPECTS_SETTLE).everywhere
    rows = {}
    for row in messages:
        person = people.get(row.payload.get("customer_id", 0))
        rows[_key(row.id, Trouble.ERRAND)] = TroubleRow(
            trouble=Trouble.ERRAND,
            id=row.id,
            at=row.made_at,
            errand=row.kind,
            topic=row.payload.get("topic"),
            thing=PaidThing(
                number=numbers.get(order_ids[row.id] or 0, ""),
                order_id=order_ids[row.id],
                customer_id=row.payload.get("customer_id"),
                name=masked_name(person.name) if person else "",
                phone=masked_phone(person.phone) if person else "",
            ),
            may_settle=may,
        )
    return rows


def _order_in(page: str) -> int | None:
    """The order that a page of the phone is about."""
    _, found, row_id = page.partition("/m/orders/")
    return int(row_id) if found and row_id.isdecimal() else None


def suspect_fen_of_charge() -> ScalarSelect[int]:
    """What arrived for the charge, does not fit it, and is not on its way back: nobody pays beside it. Decision 16."""
    received = func.coalesce(func.sum(Payment.received_fen - Payment.refunded_fen), 0)
    wanted = select(received).where(Payment.charge_id == Charge.id, Payment.status == PaymentStatus.SUSPECT)
    return wanted.correlate(Charge).scalar_subquery()
