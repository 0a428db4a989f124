"""押金到期: deposits that WeChat soon refunds no more, or does not already, the oldest first (decision 26)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from app.domain.calendar import business_day, day_end
from app.domain.charges import PaymentStatus
from app.domain.deposits import HORIZON_DAYS, Amounts, DepositKind, DepositStatus, Tie, age_of
from app.domain.errors import NotFound, Rule, RuleBroken
from app.domain.identity import masked_name, masked_phone
from app.domain.labels import Badge
from app.domain.orders import OrderStatus
from app.domain.permissions import Actor, Permission
from app.domain.refunds import WECHAT_REFUNDS_FOR, RefundStatus, is_past_refunds
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.models.rentals import Rental
from app.queries.deposit_page import deposit_badge
from app.queries.late_fees import owed_by_deposit
from app.queries.paging import Key, Page, Stream, page_of_streams
from app.queries.people import is_frozen, is_in_debt

INDEX = "ix_deposit_going_back"
GOING_BACK: ColumnElement[Any] = literal_column("(deposit.status IN ('held', 'refunding'))")
"""As the index says it, word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonRow:
    """One deposit. What may be done is decided here: the template compares nothing."""

    id: int
    customer_id: int
    kind: DepositKind
    letter: str
    name: str  # empty: erased
    phone: str
    amounts: Amounts
    paid_at: datetime
    days_left: int  # until WeChat refunds it no more; 0 on the last day
    is_past: bool
    is_held: bool
    ties: tuple[Tie, ...]  # of a held one: what it secures
    badge: Badge
    refund_id: int | None  # of one that is on its way back: the newest
    may_renew: bool
    may_pay_out: bool
    may_pay_refund: bool  # its refund is stuck: the owner pays that

    @property
    def last_on(self) -> date:
        """The last day on which WeChat refunds it."""
        return business_day(self.paid_at + WECHAT_REFUNDS_FOR)

    @property
    def is_damaged(self) -> bool:
        """Whether damage is to be settled before anything else."""
        return Tie.DAMAGE in self.ties


@dataclass(frozen=True, slots=True)
class HorizonList:
    """One page, and how many there are."""

    page: Page[HorizonRow]
    first: int  # the place of the page's first deposit, from 1; 0 without any
    total: int

    @property
    def last(self) -> int:
        """The place of the page's last deposit."""
        return max(self.first + len(self.page.rows) - 1, 0)


def horizon(
    session: Session,
    actor: Actor,
    *,
    region_id: int | None,
    after: Key | None,
    before: Key | None,
    size: int,
    now: datetime,
) -> HorizonList:
    """One page of the deposits of the regions in which the actor may refund them."""
    regions = actor.scope(Permission.DEPOSITS_REFUND).within(region_id)
    wanted = _due(regions, now, Deposit.id, Deposit.paid_at.label("at"))
    page = page_of_streams(
        session,
        [Stream(wanted, Deposit.__table__.c.paid_at, Deposit.__table__.c.id)],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _rows(session, actor, ids, now),
        oldest_first=True,
    )
    first = 1 if page.rows else 0
    counted = _due(regions, now, func.count(Deposit.id))
    if page.newer is not None:
        edge = tuple_(Deposit.paid_at, Deposit.id) < (page.newer.at, page.newer.id)
        first += session.scalars(counted.where(edge)).one()
    return HorizonList(page, first, session.scalars(counted).one())


def due_by_region(session: Session, regions: Sequence[int] | None, now: datetime) -> tuple[Mapping[int, int], Any]:
    """How many there are in each region, and when the oldest was paid."""
    rows = session.execute(
        _due(
            regions, now, Deposit.region_id, func.count(Deposit.id).label("n"), func.min(Deposit.paid_at).label("at")
        ).group_by(Deposit.region_id)
    ).all()
    return {row.region_id: row.n for row in rows}, min((row.at for row in rows), default=None)


def _due(regions: Sequence[int] | None, now: datetime, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Deposits of which something is left; a paid one is as old as its payment, or a little younger."""
    until = day_end(business_day(now) - timedelta(days=HORIZON_DAYS))
    wanted = select(*columns).where(
        GOING_BACK,
        Deposit.paid_at < until,
        Deposit.withheld_fen < Deposit.amount_fen,
        *(() if regions is None else (Deposit.region_id.in_(regions),)),
    )
    return wanted.with_hint(Deposit, f"INDEXED BY {INDEX}", "sqlite")


def _rows(session: Session, actor: Actor, ids: Sequence[int], now: datetime) -> dict[int, HorizonRow]:
    newest = select(func.max(Refund.id)).where(Refund.payment_id == Payment.id).correlate(Payment).scalar_subquery()
    rows = session.execute(
        select(
            Deposit,
            Region.letter,
            Identity.name,
            Identity.phone,
            func.coalesce(Payment.paid_at, Deposit.paid_at).label("paid_at"),
            Refund.id.label("refund_id"),
            Refund.status.label("refund"),
            *(condition.label(tie) for tie, condition in _ties(now).items()),
        )
        .join(Region, Region.id == Deposit.region_id)
        .join(Charge, Charge.deposit_id == Deposit.id)
        .join(Payment, (Payment.charge_id == Charge.id) & (Payment.status == PaymentStatus.SETTLES))
        .outerjoin(Refund, Refund.id == newest)
        .outerjoin(Identity, Identity.customer_id == Deposit.customer_id)
        .where(Deposit.id.in_(ids))
    ).all()
    owed = owed_by_deposit(session, [row.Deposit.id for row in rows], business_day(now))
    return {row.Deposit.id: _row(actor, row, owed[row.Deposit.id], now) for row in rows}


def _ties(now: datetime) -> Mapping[Tie, ColumnElement[bool]]:
    """What a deposit secures, as columns: `deposits.ties` said for many."""
    of_rental, of_use = Rental.deposit_id == Deposit.id, BatteryUse.deposit_id == Deposit.id
    out, back = Rental.returned_at.is_(None), Rental.returned_at.is_not(None)
    own = BatteryUse.customer_id == Deposit.customer_id  # whose index it reads
    return {
        Tie.ORDER: exists().where(
            Order.customer_id == Deposit.customer_id, Order.occupies_rental, Order.status == OrderStatus.RESERVED
        ),
        Tie.RENTAL: exists().where(of_rental, out),
        Tie.DAMAGE: exists().where(of_rental, back, Rental.settled_at.is_(None)),
        Tie.BATTERY: exists().where(own, of_use, BatteryUse.returned_at.is_(None)),
        Tie.DISPUTE: exists().where(own, of_use, BatteryUse.disputed, BatteryUse.settled_at.is_(None)),
        Tie.FEE: is_in_debt(Deposit.customer_id),
        Tie.FREEZE: is_frozen(Deposit.customer_id, now),
    }


def _row(actor: Actor, row: Row[*tuple[Any, ...]], owed_fen: int, now: datetime) -> HorizonRow:
    deposit: Deposit = row.Deposit
    refund: RefundStatus | None = row.refund
    paid_at: datetime = row.paid_at
    held, past = deposit.status is DepositStatus.HELD, is_past_refunds(paid_at, now)
    tied = tuple(tie for tie in Tie if held and getattr(row, tie))
    free = held and Tie.DAMAGE not in tied
    pays = actor.may(Permission.PAYOUT_OUTSIDE, deposit.region_id)
    return HorizonRow(
        id=deposit.id,
        customer_id=deposit.customer_id,
        kind=deposit.kind,
        letter=row.letter,
        name=masked_name(row.name) if row.name else "",
        phone=masked_phone(row.phone) if row.phone else "",
        amounts=Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen),
        paid_at=paid_at,
        days_left=max(WECHAT_REFUNDS_FOR.days - age_of(paid_at, now), 0),
        is_past=past,
        is_held=held,
        ties=tied,
        badge=deposit_badge(deposit.status, refund),
        refund_id=row.refund_id,
        may_renew=free and not past and actor.may(Permission.DEPOSITS_REFUND, deposit.region_id),
        may_pay_out=free and past and pays,
        may_pay_refund=not held and pays and refund in (RefundStatus.ABNORMAL, RefundStatus.REFUSED),
    )


def horizon_row(session: Session, actor: Actor, deposit_id: int, now: datetime) -> HorizonRow:
    """One deposit, for its sheets. Raises NotFound, RuleBroken."""
    found = session.get(Deposit, deposit_id)
    if found is None or not actor.may(Permission.ORDERS_VIEW, found.region_id):
        raise NotFound
    rows = _rows(session, actor, [deposit_id], now)
    if deposit_id not in rows:  # nothing was paid for it
        raise RuleBroken(Rule.DEPOSIT_NOT_OLD)
    return rows[deposit_id]
