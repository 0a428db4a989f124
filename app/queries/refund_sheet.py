"""What a refund by staff needs to know of one charge: who paid what for it, and what is left (decision 14)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, aliased

from app.domain.charges import OF_ORDERS, PaymentStatus, Purpose
from app.domain.errors import NotFound
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import is_past_refunds
from app.models.money import Charge, Payment
from app.models.orders import Order
from app.queries.paid_things import PaidThing, thing_of, with_things


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSheet:
    """A charge that was paid, and what may still go back of it."""

    charge_id: int
    region_id: int
    purpose: Purpose
    thing: PaidThing
    paid_at: datetime
    paid_fen: int
    back_fen: int
    is_too_old: bool  # for WeChat: the owner pays it another way
    is_reserved: bool  # of an order that is not picked up: its cancelling sends it back

    @property
    def left_fen(self) -> int:
        """At most so much goes back."""
        return self.paid_fen - self.back_fen

    @property
    def is_of_order(self) -> bool:
        """Whether it is the price of an order; else it is a fee."""
        return self.purpose in OF_ORDERS


def refund_sheet(session: Session, actor: Actor, charge_id: int, now: datetime) -> RefundSheet:
    """A charge that was paid, in the sight of the actor. Raises NotFound; of a deposit its own page sends it back."""
    priced = aliased(Order)
    row = session.execute(
        with_things(Payment, priced.status.label("order_status"))
        .outerjoin(priced, priced.id == Charge.order_id)
        .where(
            Payment.charge_id == charge_id,
            Payment.status == PaymentStatus.SETTLES,
            Charge.purpose != Purpose.DEPOSIT,
        )
    ).one_or_none()
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    payment: Payment = row.Payment
    return RefundSheet(
        charge_id=charge_id,
        region_id=row.region_id,
        purpose=row.purpose,
        thing=thing_of(row),
        paid_at=payment.paid_at or payment.created_at,
        paid_fen=payment.received_fen or 0,
        back_fen=payment.refunded_fen,
        is_too_old=is_past_refunds(payment.paid_at, now),
        is_reserved=row.order_status is OrderStatus.RESERVED,
    )
