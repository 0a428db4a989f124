"""Money that does not fit, with all that is known of it: who paid, what fits it, where it is now (decision 16)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus, PaymentStatus, may_attach
from app.domain.errors import NotFound
from app.domain.identity import masked_name, masked_phone
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.models.money import Charge, NoticeKind, Payment, Refund, WeChatNotice
from app.models.orders import Order
from app.models.people import Customer, Identity
from app.ports import Vault
from app.queries.paid_things import PaidThing, charges_with_things, thing_of, with_things

MOST_ORDERS = 10
MOST_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Payer:
    """Who WeChat says has paid; without a name nobody who is registered here."""

    openid: str
    customer_id: int | None
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open charge of that amount."""

    charge_id: int
    thing: PaidThing
    is_of_payer: bool
    is_own: bool  # of the charge that its number names


@dataclass(frozen=True, slots=True)
class OrderOfPayer:
    """One order of whoever paid."""

    id: int
    number: str
    status: OrderStatus
    amount_fen: int
    reserved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectPage:
    """The page of one payment."""

    id: int
    thing: PaidThing  # what its number names
    received_fen: int
    expected_fen: int | None
    misfit: str
    paid_at: datetime
    transaction_id: str
    out_trade_no: str
    currency: str
    payer: Payer
    is_attached: bool
    refund: Refund | None  # the newest
    candidates: tuple[Candidate, ...]
    orders: tuple[OrderOfPayer, ...]
    may_settle: bool  # it waits, and the actor may judge it

    @property
    def waits(self) -> bool:
        """Whether nobody has judged it yet."""
        return not self.is_attached and self.refund is None


def suspect_page(session: Session, actor: Actor, payment_id: int, vault: Vault) -> SuspectPage:
    """Money that does not fit, or did not. Raises NotFound. What names no order of ours belongs to no region."""
    row = session.execute(
        with_things(Payment).where(Payment.id == payment_id, Payment.misfit.is_not(None))
    ).one_or_none()
    if row is None or row.region_id not in actor.scope(Permission.PAYMENTS_VIEW):
        raise NotFound
    payment: Payment = row.Payment
    told = _told(session, payment, vault)
    thing, payer = thing_of(row), _payer(session, told)
    waits = payment.status is PaymentStatus.SUSPECT and payment.refunded_fen == 0
    may = waits and row.region_id in actor.scope(Permission.SUSPECTS_SETTLE)
    newest = select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id.desc()).limit(1)
    return SuspectPage(
        id=payment.id,
        thing=thing,
        received_fen=payment.received_fen or 0,
        expected_fen=row.owed_fen,
        misfit=payment.misfit or "",
        paid_at=payment.paid_at or payment.created_at,
        transaction_id=payment.transaction_id or "",
        out_trade_no=payment.out_trade_no,
        currency=told.get("currency", ""),
        payer=payer,
        is_attached=payment.status is PaymentStatus.SETTLES,
        refund=None if waits else session.scalars(newest).one_or_none(),
        candidates=_candidates(session, actor, payment, payer) if may else (),
        orders=_orders(session, actor, payer),
        may_settle=may,
    )


def _told(session: Session, payment: Payment, vault: Vault) -> dict[str, Any]:
    """What WeChat's notice said, which is kept sealed."""
    body = session.scalars(
        select(WeChatNotice.body).where(
            WeChatNotice.kind == NoticeKind.PAYMENT, WeChatNotice.key == payment.transaction_id
        )
    ).one_or_none()
    if body is None:
        return {}
    told: dict[str, Any] = json.loads(
        vault.unseal(body, table="wechat_notice", column="body", row=payment.transaction_id or "")
    )
    return told


def _payer(session: Session, told: dict[str, Any]) -> Payer:
    openid = told.get("openid", "")
    person = session.execute(
        select(Customer.id, Identity.name, Identity.phone)
        .outerjoin(Identity, Identity.customer_id == Customer.id)
        .where(Customer.app_id == told.get("app_id", ""), Customer.openid == openid)
    ).one_or_none()
    if person is None or person.name is None:
        return Payer(openid, person.id if person else None, "", "")
    return Payer(openid, person.id, masked_name(person.name), masked_phone(person.phone))


def _candidates(session: Session, actor: Actor, payment: Payment, payer: Payer) -> tuple[Candidate, ...]:
    """Open charges of that amount where the actor may settle; its own first, then the payer's."""
    regions = actor.scope(Permission.SUSPECTS_SETTLE).within(None)
    likely = case((Charge.id == payment.charge_id, 0), (Charge.customer_id == payer.customer_id, 1), else_=2)
    wanted = (
        charges_with_things(Charge)
        .where(Charge.status == ChargeStatus.OPEN, Charge.amount_fen == payment.received_fen)
        .order_by(likely, Charge.id.desc())
        .limit(MOST_CANDIDATES)
    )
    if regions is not None:
        wanted = wanted.where(Charge.region_id.in_(regions))
    return tuple(
        Candidate(
            row.Charge.id,
            thing_of(row),
            is_of_payer=row.customer_id == payer.customer_id,
            is_own=row.Charge.id == payment.charge_id,
        )
        for row in session.execute(wanted)
        if may_attach(payment.misfit, payment.received_fen or 0, row.Charge.amount_fen, row.Charge.status)
    )


def _orders(session: Session, actor: Actor, payer: Payer) -> tuple[OrderOfPayer, ...]:
    if payer.customer_id is None:
        return ()
    wanted = (
        select(Order.id, Order.number, Order.status, Order.amount_fen, Order.reserved_at)
        .where(Order.customer_id == payer.customer_id)
        .order_by(Order.reserved_at.desc(), Order.id.desc())
        .limit(MOST_ORDERS)
    )
    regions = actor.scope(Permission.ORDERS_VIEW).within(None)
    if regions is not None:
        wanted = wanted.where(Order.region_id.in_(regions))
    return tuple(OrderOfPayer(*row) for row in session.execute(wanted))
