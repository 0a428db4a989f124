"""What the seeds find, and go on from."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain.charges import ChargeStatus
from app.domain.deposits import DepositKind
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.domain.settings import FLASH_DEPOSIT, RENTAL_DEPOSIT
from app.models.access import Staff, StaffRole
from app.models.directory import Region, School
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Customer, Identity
from app.models.vehicles import Listing, Price, VehicleModel
from app.queries import settings


def somebody_ordered(session: Session) -> bool:
    """Whether there is any order."""
    return session.scalars(select(exists(select(Order.id)))).one()


def something_is_sold(session: Session) -> bool:
    """Whether anything has a price."""
    return session.scalars(select(exists(select(Price.id)))).one()


def somebody_works(session: Session) -> bool:
    """Whether there is any member of staff."""
    return session.scalars(select(exists(select(StaffRole.id)))).one()


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that could be paid, with its person."""

    id: int
    number: str
    region_id: int
    customer_id: int
    openid: str
    name: str


def open_orders(session: Session, expires_after: datetime) -> list[OpenOrder]:
    """Unpaid orders that stay open until after a time, oldest first."""
    rows = session.execute(
        select(Order.id, Order.number, Order.region_id, Order.customer_id, Customer.openid, Identity.name)
        .join(Charge, Charge.order_id == Order.id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Identity, Identity.customer_id == Order.customer_id)
        .where(
            Order.status == OrderStatus.RESERVED,
            Order.expires_at > expires_after,
            Charge.status == ChargeStatus.OPEN,
            Customer.openid.is_not(None),
        )
        .order_by(Order.reserved_at, Order.id)
    )
    return [OpenOrder(row.id, row.number, row.region_id, row.customer_id, row.openid or "", row.name) for row in rows]


@dataclass(frozen=True, slots=True)
class PastMoney:
    """What WeChat must know of for its bills to agree with invented books; as the simulator takes it."""

    payments: list[dict[str, object]]
    refunds: list[dict[str, object]]


def past_money(session: Session) -> PastMoney:
    """Every payment and every refund that has arrived."""
    payments = session.execute(
        select(Payment.out_trade_no, Payment.transaction_id, Payment.received_fen, Payment.paid_at, Customer.openid)
        .join(Charge, Charge.id == Payment.charge_id)
        .join(Customer, Customer.id == Charge.customer_id)
        .where(Payment.received_fen.is_not(None))
        .order_by(Payment.id)
    )
    refunds = session.execute(
        select(Refund.id, Refund.out_refund_no, Refund.amount_fen, Refund.accepted_at, Refund.done_at)
        .add_columns(Payment.out_trade_no)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.done_at.is_not(None))
        .order_by(Refund.id)
    )
    return PastMoney(
        [
            {
                "out_trade_no": row.out_trade_no,
                "transaction_id": row.transaction_id,
                "amount": row.received_fen,
                "openid": row.openid,
                "success_time": row.paid_at.isoformat(),
            }
            for row in payments
        ],
        [
            {
                "out_refund_no": row.out_refund_no,
                "refund_id": f"50{row.id:027d}",
                "out_trade_no": row.out_trade_no,
                "amount": row.amount_fen,
                "create_time": (row.accepted_at or row.done_at).isoformat(),
                "end_time": row.done_at.isoformat(),
            }
            for row in refunds
        ],
    )


def staff_id_of(session: Session, login: str) -> int:
    """A colleague of the demo."""
    return session.scalars(select(Staff.id).where(Staff.login == login)).one()


def school_id_in(session: Session, letter: str) -> int:
    """A school of a region."""
    wanted = select(School.id).join(Region, Region.id == School.region_id).where(Region.letter == letter)
    return session.scalars(wanted.order_by(School.id).limit(1)).one()


def listing_of(session: Session, letter: str, model: str, business: Business) -> tuple[int, list[str]]:
    """What a region offers of a model: the listing, and the model's colours."""
    row = session.execute(
        select(Listing.id, VehicleModel.colours)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .join(Region, Region.id == Listing.region_id)
        .where(Region.letter == letter, VehicleModel.name == model, Listing.business == business)
    ).one()
    return row.id, row.colours


def deposit_fen(session: Session, kind: DepositKind, region_id: int, now: datetime) -> int:
    """Today's deposit of a kind."""
    setting = FLASH_DEPOSIT if kind is DepositKind.FLASH else RENTAL_DEPOSIT
    return settings.value_of(session, setting, region_id, now)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What a person of the demo needs to go on with an order."""

    number: str
    colour: str
    charge_id: int


def order_facts(session: Session, order_id: int) -> OrderFacts:
    """The number on an order, its colour, and what it costs."""
    row = session.execute(
        select(Order.number, Order.colour, Charge.id)
        .join(Charge, Charge.order_id == Order.id)
        .where(Order.id == order_id)
    ).one()
    return OrderFacts(*row)
