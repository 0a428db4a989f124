"""A person's own deposits: what is held, what was withheld and for what, and where the rest is (decisions 21, 25)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import PaymentStatus
from app.domain.deposits import Amounts, DepositKind, DepositStatus, Tie
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.refunds import RefundChannel, RefundStatus
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit, DepositWithholding
from app.models.directory import Region
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries.deposits import ties
from app.queries.late_fees import owed_by_deposit
from app.queries.suspects import suspect_fen_of_charge

MOST_DEPOSITS = 100
"""More than anybody pays in years: each kind is held once at a time."""


@dataclass(frozen=True, slots=True)
class MyRefund:
    """Money on its way back, or back."""

    amount_fen: int
    requested_at: datetime
    done_at: datetime | None
    status: RefundStatus
    channel: RefundChannel

    @property
    def way(self) -> str:
        """How it came back, once it has."""
        return "退回你的微信" if self.channel is RefundChannel.WECHAT else "店里直接付给你"

    @property
    def badge(self) -> labels.Badge:
        """退款中 until it has arrived."""
        return labels.REFUND_STATUS[self.status]

    @property
    def is_stuck(self) -> bool:
        """Whether somebody at the store must look."""
        return self.status in (RefundStatus.ABNORMAL, RefundStatus.REFUSED)


@dataclass(frozen=True, slots=True)
class Withheld:
    """One part that does not go back: for what, when, and of which vehicle or battery."""

    item: str
    amount_fen: int
    at: datetime
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MyDeposit:
    """One deposit of the person's."""

    deposit_id: int
    charge_id: int
    kind: DepositKind
    status: DepositStatus
    amounts: Amounts
    owed_fen: int  # a part of 已扣: late fees that are not paid yet, and will be withheld unless they are
    order_id: int | None  # the rental on whose way it was agreed
    made_at: datetime
    paid_at: datetime | None
    suspect_fen: int  # money that arrived for it and does not fit; 0 when there is none
    withheld: tuple[Withheld, ...]  # the oldest first
    refund: MyRefund | None  # the newest of what was held
    surplus: tuple[MyRefund, ...]  # of what was paid too late or twice

    @property
    def name(self) -> str:
        """租车押金, 闪充押金."""
        return labels.DEPOSIT_KIND[self.kind]

    @property
    def badge(self) -> labels.Badge:
        """Where it is; a refund that did not arrive says so."""
        return self.refund.badge if self.refund and self.refund.is_stuck else labels.DEPOSIT_STATUS[self.status]

    @property
    def refunds(self) -> tuple[MyRefund, ...]:
        """All that is on its way back, or back."""
        return (*((self.refund,) if self.refund else ()), *self.surplus)

    @property
    def is_held(self) -> bool:
        """Whether it still secures something, or waits for its person to ask."""
        return self.status is DepositStatus.HELD

    @property
    def is_flash(self) -> bool:
        """Whether it opens flash charge: then it goes back when the person leaves."""
        return self.kind is DepositKind.FLASH

    @property
    def can_pay(self) -> bool:
        """Whether a payment may be offered: never beside money that somebody is still looking at."""
        return self.status is DepositStatus.DUE and self.suspect_fen == 0

    @property
    def is_of_interest(self) -> bool:
        """Whether there is anything to say of it: one that was dropped before any money came is forgotten."""
        return self.status is not DepositStatus.VOID or self.suspect_fen > 0 or bool(self.refunds)


@dataclass(frozen=True, slots=True)
class DepositNow:
    """A deposit, and whether its person may have it back now."""

    deposit: MyDeposit
    ties: tuple[Tie, ...]  # of a held one: what it still secures

    @property
    def can_ask_back(self) -> bool:
        """Whether nothing is secured by it any more."""
        return self.deposit.is_held and not self.ties


def deposits_now(session: Session, actor: Actor, now: datetime) -> list[DepositNow]:
    """The person's deposits, newest first, each with what keeps it from going back."""

    def tied(deposit: MyDeposit) -> tuple[Tie, ...]:
        return tuple(ties(session, session.get_one(Deposit, deposit.deposit_id), now)) if deposit.is_held else ()

    return [DepositNow(row, tied(row)) for row in my_deposits(session, actor, now)]


def my_deposits(session: Session, actor: Actor, now: datetime) -> list[MyDeposit]:
    """The person's deposits, newest first."""
    rows = session.execute(
        select(Deposit, Charge.id.label("charge_id"), suspect_fen_of_charge().label("suspect_fen"))
        .join(Charge, Charge.deposit_id == Deposit.id)
        .where(Deposit.customer_id == actor.id)
        .order_by(Deposit.id.desc())
        .limit(MOST_DEPOSITS)
    ).all()
    ids = [deposit.id for deposit, *_ in rows]
    held = [deposit.id for deposit, *_ in rows if deposit.status is DepositStatus.HELD]
    owed = owed_by_deposit(session, held, business_day(now)) if held else {}
    withheld, refunds = _withheld(session, ids), _refunds(session, ids)
    newest = {of: refund for of, money, refund in refunds if money is PaymentStatus.SETTLES}
    amounts = {
        deposit.id: Amounts.of(
            deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed.get(deposit.id, 0)
        )
        for deposit, *_ in rows
    }
    found = [
        MyDeposit(
            deposit_id=deposit.id,
            charge_id=charge_id,
            kind=deposit.kind,
            status=deposit.status,
            amounts=amounts[deposit.id],
            owed_fen=amounts[deposit.id].withheld_fen - deposit.withheld_fen,
            order_id=deposit.order_id,
            made_at=deposit.made_at,
            paid_at=deposit.paid_at,
            suspect_fen=suspect_fen,
            withheld=tuple(withheld[deposit.id]),
            refund=newest.get(deposit.id),
            surplus=tuple(
                refund for of, money, refund in refunds if of == deposit.id and money is not PaymentStatus.SETTLES
            ),
        )
        for deposit, charge_id, suspect_fen in rows
    ]
    return [row for row in found if row.is_of_interest]


def _withheld(session: Session, ids: Collection[int]) -> Mapping[int, list[Withheld]]:
    rows = session.execute(
        select(DepositWithholding, Order.number, Region.letter, Battery.n)
        .outerjoin(Rental, Rental.id == DepositWithholding.rental_id)
        .outerjoin(Order, Order.id == Rental.order_id)
        .outerjoin(BatteryUse, BatteryUse.id == DepositWithholding.battery_use_id)
        .outerjoin(Battery, Battery.id == BatteryUse.battery_id)
        .outerjoin(Region, Region.id == Battery.region_id)
        .where(DepositWithholding.deposit_id.in_(ids))
        .order_by(DepositWithholding.id)
    )
    found: defaultdict[int, list[Withheld]] = defaultdict(list)
    for part, vehicle, letter, n in rows:
        number = vehicle or str(BatteryNumber(letter, n))
        found[part.deposit_id].append(Withheld(part.item, part.amount_fen, part.at, number))
    return found


def _refunds(session: Session, ids: Collection[int]) -> list[tuple[int | None, PaymentStatus, MyRefund]]:
    """The oldest first: deposit, what its money was, and the refund."""
    rows = session.execute(
        select(Charge.deposit_id, Payment.status, Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.deposit_id.in_(ids))
        .order_by(Refund.id)
    )
    return [
        (
            deposit_id,
            money,
            MyRefund(refund.amount_fen, refund.requested_at, refund.done_at, refund.status, refund.channel),
        )
        for deposit_id, money, refund in rows
    ]


@dataclass(frozen=True, slots=True)
class Unsecured:
    """A rented vehicle that is out although its deposit was sent back early, and the two deposits as agreed."""

    order_id: int
    number: str
    rental_fen: int
    flash_fen: int


def unsecured(session: Session, actor: Actor) -> Unsecured | None:
    """The person's own; None where nothing is to be paid anew, or it is being paid. Decision 26."""
    other = aliased(Deposit)
    due = exists().where(other.customer_id == Rental.customer_id, other.status == DepositStatus.DUE)
    row = session.execute(
        select(Order.id, Order.number, Order.rental_deposit_fen, Order.flash_deposit_fen)
        .join(Rental, Rental.order_id == Order.id)
        .join(Deposit, Deposit.id == Rental.deposit_id)
        .where(Rental.customer_id == actor.id, Rental.returned_at.is_(None), Deposit.status != DepositStatus.HELD, ~due)
    ).one_or_none()
    return Unsecured(row.id, row.number, row.rental_deposit_fen or 0, row.flash_deposit_fen or 0) if row else None
