"""Deposits as staff see them: 押金 / 已扣 / 可退, what each secures, where its refund is (decisions 21, 25)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.calendar import business_day
from app.domain.charges import Purpose
from app.domain.deposits import Amounts, DepositKind, DepositStatus, Tie, age_of
from app.domain.errors import NotFound
from app.domain.finding import Search
from app.domain.labels import Badge
from app.domain.permissions import Actor, ActorKind, Permission
from app.domain.refunds import RefundStatus, is_past_refunds
from app.domain.rentals import RentalStatus
from app.domain.timeline import WHO, Entry
from app.models.access import Staff
from app.models.batteries import BatteryUse
from app.models.cards import Photo
from app.models.deposits import Deposit, DepositWithholding
from app.models.directory import Region, Store
from app.models.journal import Audit
from app.models.money import Charge, Payment, Refund
from app.models.orders import Order
from app.models.rentals import Rental
from app.queries import deposits as held_deposits
from app.queries.entries import act_entries
from app.queries.late_fees import Account, Lent, owed_by_deposit
from app.queries.money_rows import Money, money_of
from app.queries.order_search import paid_by
from app.queries.people import Person, person_of

MOST_RENTALS = 20
STUCK = (RefundStatus.ABNORMAL, RefundStatus.REFUSED)
GOING_BACK = (DepositStatus.HELD, DepositStatus.REFUNDING)
"""Deposits of which something is still to be with their people."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """One part of a deposit that does not go back."""

    at: datetime
    item: str
    amount_fen: int
    staff: str  # empty: by itself
    photo_id: int | None  # None: there is none, or it was erased


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositView:
    """One deposit. What may be done is decided here: the template compares nothing."""

    id: int
    kind: DepositKind
    status: DepositStatus
    region_id: int
    order_id: int | None  # the rental on whose way it was agreed
    amounts: Amounts
    owed_fen: int  # late fees that are not paid yet: 已扣 has what fits of them
    paid_at: datetime | None
    days_held: int | None  # since it was paid; None before, and once it is back
    refund: RefundStatus | None  # of the newest one
    refund_fen: int
    items: tuple[Withheld, ...]
    ties: tuple[Tie, ...]  # of a held one: what it still secures
    is_too_old: bool  # WeChat refunds it no more
    may_refund: bool
    may_retry: bool  # WeChat closed its refund

    @property
    def badge(self) -> Badge:
        """Where it is; a refund that did not arrive says so."""
        return deposit_badge(self.status, self.refund)

    @property
    def photos(self) -> tuple[int, ...]:
        """The photos that show why something was withheld: one may stand for several items."""
        return tuple(dict.fromkeys(item.photo_id for item in self.items if item.photo_id is not None))

    @property
    def is_held(self) -> bool:
        """Whether it secures something, or waits to be asked back."""
        return self.status is DepositStatus.HELD

    @property
    def is_flash(self) -> bool:
        """Whether it opens flash charge, and waits for its person to leave it."""
        return self.kind is DepositKind.FLASH

    @property
    def is_shown(self) -> bool:
        """Whether there is or was anything to hold: one that was chosen and dropped is not shown."""
        return self.status is not DepositStatus.VOID


def deposit_badge(status: DepositStatus, refund: RefundStatus | None) -> Badge:
    """The badge of a deposit whose newest refund stands so."""
    if status is DepositStatus.REFUNDING and refund in STUCK:
        return labels.REFUND_STATUS[refund]
    return labels.DEPOSIT_STATUS[status]


def deposit_views(
    session: Session,
    actor: Actor,
    deposits: Sequence[Deposit],
    money: Money,
    person: Person | None,
    now: datetime,
    *,
    known: Mapping[Lent, Account] | None = None,
) -> list[DepositView]:
    """The deposits of one `person`, in their order, with their money; for an actor who may see them.

    `known`: accounts of late fees that the page has reckoned already.
    """
    ids = [deposit.id for deposit in deposits]
    items = _items(session, ids) if ids else {}
    owed = owed_by_deposit(session, ids, business_day(now), known=known) if ids else {}
    return [
        _view(
            actor,
            deposit,
            owed[deposit.id],
            items.get(deposit.id, ()),
            money.refund_of_deposit(deposit.id),
            tuple(held_deposits.ties(session, deposit, now, freezes=person.freezes if person else ()))
            if deposit.status is DepositStatus.HELD
            else (),
            now,
        )
        for deposit in deposits
    ]


def _view(
    actor: Actor,
    deposit: Deposit,
    owed_fen: int,
    items: Sequence[Withheld],
    refund: Refund | None,
    ties: tuple[Tie, ...],
    now: datetime,
) -> DepositView:
    may = actor.may(Permission.DEPOSITS_REFUND, deposit.region_id)
    refused = refund is not None and refund.status is RefundStatus.REFUSED
    too_old = deposit.status in GOING_BACK and is_past_refunds(deposit.paid_at, now)
    return DepositView(
        id=deposit.id,
        kind=deposit.kind,
        status=deposit.status,
        region_id=deposit.region_id,
        order_id=deposit.order_id,
        amounts=Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen),
        owed_fen=owed_fen,
        paid_at=deposit.paid_at,
        days_held=days_held(deposit.status, deposit.paid_at, now),
        refund=refund.status if refund else None,
        refund_fen=refund.amount_fen if refund else 0,
        items=tuple(items),
        ties=ties,
        is_too_old=too_old,
        may_refund=may and deposit.status is DepositStatus.HELD and not ties and not too_old,
        may_retry=may and deposit.status is DepositStatus.REFUNDING and refused and not too_old,
    )


def days_held(status: DepositStatus, paid_at: datetime | None, now: datetime) -> int | None:
    """Shanghai days since a deposit was paid, while we have it."""
    if paid_at is None or status is DepositStatus.REFUNDED:
        return None
    return age_of(paid_at, now)


def _items(session: Session, ids: list[int]) -> Mapping[int, list[Withheld]]:
    found: defaultdict[int, list[Withheld]] = defaultdict(list)
    rows = session.execute(
        select(DepositWithholding, Staff.name, Photo.id.label("photo_id"))
        .outerjoin(Staff, Staff.id == DepositWithholding.staff_id)
        .outerjoin(Photo, (Photo.id == DepositWithholding.photo_id) & Photo.erased_at.is_(None))
        .where(DepositWithholding.deposit_id.in_(ids))
        .order_by(DepositWithholding.id)
    )
    for row in rows:
        part: DepositWithholding = row.DepositWithholding
        found[part.deposit_id].append(Withheld(part.at, part.item, part.amount_fen, row.name or "", row.photo_id))
    return found


def deposit_paid_by(session: Session, actor: Actor, search: Search) -> int | None:
    """The deposit that a payment was for, or that secures the battery use it was for; None if no order leads to it."""
    row = session.execute(
        select(Deposit.id, Deposit.region_id)
        .select_from(Payment)
        .join(Charge, Charge.id == Payment.charge_id)
        .outerjoin(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .join(Deposit, Deposit.id == func.coalesce(Charge.deposit_id, BatteryUse.deposit_id))
        .where(paid_by(search), Deposit.order_id.is_(None))
    ).one_or_none()
    return row.id if row and actor.may(Permission.ORDERS_VIEW, row.region_id) else None


@dataclass(frozen=True, slots=True)
class Secured:
    """One rental that a deposit secures or secured."""

    order_id: int
    number: str
    began_at: datetime
    status: RentalStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositPage:
    """The page of one deposit."""

    deposit: DepositView
    letter: str
    store: str
    person: Person | None
    rentals: tuple[Secured, ...]
    money: Money
    may_refund_fees: bool
    entries: tuple[Entry, ...]


def deposit_page(session: Session, actor: Actor, deposit_id: int, now: datetime) -> DepositPage:
    """A deposit that was paid or is to be paid, of a region that the actor may see. Raises NotFound."""
    deposit = session.get(Deposit, deposit_id)
    if deposit is None or not actor.may(Permission.ORDERS_VIEW, deposit.region_id):
        raise NotFound
    place = session.execute(
        select(Region.letter, Region.name, Store.name.label("store"))
        .outerjoin(Store, Store.region_id == Region.id)
        .where(Region.id == deposit.region_id)
    ).one()
    person = person_of(session, deposit.customer_id, now)
    called = person.name if person else WHO[ActorKind.CUSTOMER]
    about = (Audit.subject_kind == "deposit") & (Audit.subject_id == deposit.id)
    money = money_of(session, _charges(session, deposit))
    return DepositPage(
        deposit=deposit_views(session, actor, [deposit], money, person, now)[0],
        letter=place.letter,
        store=place.store or place.name,
        person=person,
        rentals=_rentals(session, deposit.id),
        money=money,
        may_refund_fees=actor.may(Permission.ORDERS_REFUND, deposit.region_id),
        entries=tuple(act_entries(session, about, called)),
    )


def _charges(session: Session, deposit: Deposit) -> list[int]:
    """Its own, and of a flash deposit the fees of the uses that it secured."""
    fees = (
        select(Charge.id)
        .join(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .where(
            Charge.customer_id == deposit.customer_id,
            Charge.purpose.in_((Purpose.FLASH_FEE, Purpose.LATE_FEE)),
            BatteryUse.deposit_id == deposit.id,
        )
    )
    own = select(Charge.id).where(Charge.deposit_id == deposit.id)
    return [*session.scalars(own), *(session.scalars(fees) if deposit.kind is DepositKind.FLASH else ())]


def _rentals(session: Session, deposit_id: int) -> tuple[Secured, ...]:
    rows = session.execute(
        select(Order.id, Order.number, Order.picked_up_at, Rental.returned_at)
        .join(Rental, Rental.order_id == Order.id)
        .where(Rental.deposit_id == deposit_id)
        .order_by(Rental.id.desc())
        .limit(MOST_RENTALS)
    )
    return tuple(
        Secured(
            row.id, row.number, row.picked_up_at, RentalStatus.OUT if row.returned_at is None else RentalStatus.RETURNED
        )
        for row in rows
    )


def damage_photo(session: Session, actor: Actor, deposit_id: int, photo_id: int) -> str:
    """The key of a photo that shows why a deposit was withheld. Raises NotFound, also once it is erased."""
    row = session.execute(
        select(Photo.key, Deposit.region_id)
        .join(DepositWithholding, DepositWithholding.photo_id == Photo.id)
        .join(Deposit, Deposit.id == DepositWithholding.deposit_id)
        .where(DepositWithholding.deposit_id == deposit_id, Photo.id == photo_id, Photo.erased_at.is_(None))
        .limit(1)
    ).one_or_none()
    if row is None or not actor.may(Permission.ORDERS_VIEW, row.region_id):
        raise NotFound
    key: str = row.key
    return key
