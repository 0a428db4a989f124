"""A person's own flash charge: what is missing, which battery they have, what they owe and used (FLOW-FLASH-2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from app.domain import labels
from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day
from app.domain.charges import ChargeStatus, Purpose
from app.domain.deposits import Amounts, DepositKind, DepositStatus, Tie
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor
from app.domain.progress import Progress
from app.domain.settings import (
    FEE_CAP_PERCENT,
    FLASH_DEPOSIT,
    FLASH_FREE_DAYS,
    FLASH_FREEZE_DAYS,
    FLASH_LATE_FEE,
    FLASH_PRICE,
)
from app.domain.terms import Terms, cap_of, fees_from
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.models.late_fees import LateFee
from app.models.money import Charge
from app.queries import deposits, people, settings
from app.queries.late_fees import owed_by_deposit
from app.queries.my_card import MyCard, my_card
from app.queries.my_late_fees import MyLateFees, my_late_fees
from app.queries.paging import Key, Page, page_ids
from app.queries.people import Freeze
from app.queries.suspects import suspect_fen_of_charge

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a use costs and when it must end: as agreed when it began, or as offered now."""

    price_fen: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Offer:
    """What whoever opens flash charge now agrees to, in one region."""

    deposit_fen: int
    conditions: Conditions

    @property
    def amounts(self) -> Amounts:
        """押金 / 已扣 / 可退, once it is paid."""
        return Amounts(self.deposit_fen, 0)


def offer(session: Session, region_id: int, now: datetime) -> Offer:
    """The settings of today. SET-3 to SET-5."""
    deposit_fen, price_fen, free_days, late_fee_fen, freeze_days, cap_percent = settings.values_of(
        session,
        (FLASH_DEPOSIT, FLASH_PRICE, FLASH_FREE_DAYS, FLASH_LATE_FEE, FLASH_FREEZE_DAYS, FEE_CAP_PERCENT),
        region_id,
        now,
    )
    terms = Terms(free_days, late_fee_fen, freeze_days, cap_of(deposit_fen, cap_percent))
    return Offer(deposit_fen, Conditions(price_fen, terms))


def in_stock(session: Session, region_id: int) -> int:
    """Batteries that can be taken at the store of a region now."""
    ready = select(func.count()).where(Battery.region_id == region_id, Battery.state == BatteryState.IN_STOCK)
    return session.scalars(ready.select_from(Battery)).one()


@dataclass(frozen=True, slots=True)
class FoundBattery:
    """The battery of a code."""

    number: str
    region_id: int
    state: BatteryState

    def barrier(self) -> RuleBroken | None:
        """Why nobody can take it now."""
        if self.state is BatteryState.IN_STOCK:
            return None
        rule = Rule.BATTERY_TAKEN if self.state is BatteryState.IN_USE else Rule.BATTERY_NOT_READY
        return RuleBroken(rule, number=self.number)


def battery(session: Session, number: BatteryNumber) -> FoundBattery | None:
    """The battery with a number, or None where none was made."""
    row = session.execute(
        select(Battery.region_id, Battery.state)
        .join(Region, Region.id == Battery.region_id)
        .where(Region.letter == number.letter, Battery.n == number.n)
    ).one_or_none()
    return FoundBattery(str(number), row.region_id, row.state) if row else None


@dataclass(frozen=True, slots=True)
class OpenUse:
    """The battery that a person has now."""

    use_id: int
    number: str
    region_id: int  # the battery's: its store expects it, though every counter takes it back
    began_at: datetime
    conditions: Conditions
    progress: Progress
    return_asked_at: datetime | None
    is_disputed: bool

    @property
    def badge(self) -> labels.Badge:
        """使用中, unless there is something worse to say."""
        if self.is_disputed:
            return labels.DISPUTED
        if self.progress.is_frozen:
            return labels.FROZEN
        return labels.late(self.progress.days_late) if self.progress.days_late else labels.USE_OPEN


@dataclass(frozen=True, slots=True)
class UnpaidFee:
    """The price of a use that is not paid yet."""

    charge_id: int
    amount_fen: int
    number: str
    began_at: datetime
    suspect_fen: int  # money that arrived for it and does not fit; 0 when there is none

    @property
    def can_pay(self) -> bool:
        """Whether a payment may be offered: never beside money that somebody is still looking at."""
        return self.suspect_fen == 0


@dataclass(frozen=True, slots=True)
class MyFlash:
    """How flash charge stands for one person."""

    card: MyCard | None
    deposit: Amounts | None  # of the held flash deposit
    deposit_suspect_fen: int  # money that arrived for one that is due, and does not fit
    is_refunding: bool  # one of before is still on its way back
    freezes: tuple[Freeze, ...]  # oldest first
    late_fees: tuple[MyLateFees, ...]  # of batteries and vehicles: what is out too long, and what is back and owed
    unpaid: UnpaidFee | None
    use: OpenUse | None
    uses: int  # ever begun

    @property
    def is_member(self) -> bool:
        """Whether flash charge is opened."""
        return self.deposit is not None

    @property
    def freeze(self) -> Freeze | None:
        """What bars the person longest."""
        return next(iter(self.freezes), None)

    @property
    def late(self) -> MyLateFees | None:
        """The late fees of the battery in hand; None while it is free."""
        return next((late for late in self.late_fees if self.use and late.use_id == self.use.use_id), None)

    @property
    def debts(self) -> list[MyLateFees]:
        """欠费: what is back and not settled."""
        return [late for late in self.late_fees if late.is_over]

    @property
    def membership(self) -> labels.Badge:
        """已开通 or 未开通闪充: a line of its own, apart from the battery."""
        return labels.MEMBER if self.is_member else labels.NOT_MEMBER

    @property
    def battery_badge(self) -> labels.Badge:
        """未使用闪充 for whoever holds no battery, member or not. PC-3."""
        return self.use.badge if self.use else labels.NO_BATTERY

    @property
    def can_pay_deposit(self) -> bool:
        """Whether the deposit is the next step. Decision 4: a card was sent in."""
        stands = self.card is not None and self.card.stands
        return stands and not self.is_member and self.freeze is None and self.deposit_suspect_fen == 0

    def barrier(self) -> RuleBroken | None:
        """Why the scan of a battery that is not theirs already would be refused to the person; as the verb decides."""
        if self.use is not None:
            return RuleBroken(Rule.BATTERY_HELD, number=self.use.number)
        if not self.is_member:
            return RuleBroken(Rule.FLASH_NOT_OPENED)
        if self.card is None or not self.card.is_approved:
            return RuleBroken(Rule.CARD_NOT_APPROVED)
        if self.freeze is not None:
            return RuleBroken(Rule.FROZEN, since=self.freeze.since, reason=self.freeze.reason, cause=self.freeze.cause)
        if self.unpaid is not None:
            return RuleBroken(Rule.FLASH_FEE_UNPAID, charge_id=self.unpaid.charge_id, amount_fen=self.unpaid.amount_fen)
        return None


def my_flash(session: Session, actor: Actor, now: datetime) -> MyFlash:
    """All of it for the person who asks."""
    customer_id = actor.id or 0
    held = deposits.held(session, customer_id, DepositKind.FLASH)
    others = _other_flash_deposits(session, customer_id)
    late_fees = my_late_fees(session, actor, now)
    return MyFlash(
        card=my_card(session, actor),
        deposit=_amounts(session, held, late_fees, now) if held else None,
        deposit_suspect_fen=sum(row.suspect_fen for row in others if row.status is DepositStatus.DUE),
        is_refunding=any(row.status is DepositStatus.REFUNDING for row in others),
        freezes=tuple(people.freezes_of(session, customer_id, now)),
        late_fees=tuple(late_fees),
        unpaid=next(iter(unpaid_prices(session, actor)), None),
        use=open_use(session, actor, now),
        uses=my_use_count(session, actor),
    )


def _amounts(session: Session, deposit: Deposit, late_fees: Collection[MyLateFees], now: datetime) -> Amounts:
    """Without any late fees nothing needs to be asked for."""
    owed_fen = owed_by_deposit(session, [deposit.id], business_day(now))[deposit.id] if late_fees else 0
    return Amounts.of(deposit.amount_fen, deposit.withheld_fen, owed_fen=owed_fen)


def _other_flash_deposits(session: Session, customer_id: int) -> Collection[Any]:
    return session.execute(
        select(Deposit.status, suspect_fen_of_charge().label("suspect_fen"))
        .join(Charge, Charge.deposit_id == Deposit.id)
        .where(
            Deposit.customer_id == customer_id,
            Deposit.kind == DepositKind.FLASH,
            Deposit.status.in_([DepositStatus.DUE, DepositStatus.REFUNDING]),
        )
    ).all()


def unpaid_prices(session: Session, actor: Actor) -> list[UnpaidFee]:
    """The prices of the person's uses that are not paid yet, the oldest first."""
    rows = session.execute(
        select(
            Charge.id,
            Charge.amount_fen,
            Region.letter,
            Battery.n,
            BatteryUse.began_at,
            suspect_fen_of_charge().label("suspect_fen"),
        )
        .join(BatteryUse, BatteryUse.id == Charge.battery_use_id)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(
            Charge.customer_id == actor.id,
            Charge.purpose == Purpose.FLASH_FEE,
            Charge.status == ChargeStatus.OPEN,
        )
        .order_by(Charge.id)
    )
    return [
        UnpaidFee(row.id, row.amount_fen, str(BatteryNumber(row.letter, row.n)), row.began_at, row.suspect_fen)
        for row in rows
    ]


def open_use(session: Session, actor: Actor, now: datetime) -> OpenUse | None:
    """The battery that the person has now."""
    row = session.execute(
        select(BatteryUse, Region.letter, Battery.n)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(BatteryUse.customer_id == actor.id, BatteryUse.returned_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    use: BatteryUse = row.BatteryUse
    terms = Terms(use.free_days, use.late_fee_fen, use.freeze_days, use.cap_fen)
    free_until = fees_from(use.began_on, terms) - timedelta(days=1)
    return OpenUse(
        use_id=use.id,
        number=str(BatteryNumber(row.letter, row.n)),
        region_id=use.region_id,
        began_at=use.began_at,
        conditions=Conditions(use.price_fen, terms),
        progress=Progress(use.began_on, free_until, use.freezes_on, business_day(now)),
        return_asked_at=use.return_asked_at,
        is_disputed=use.disputed,
    )


@dataclass(frozen=True, slots=True)
class UseRow:
    """One use in the person's list."""

    use_id: int
    number: str
    began_at: datetime
    returned_at: datetime | None
    days: int  # until the return, or until today
    price_fen: int
    late_fen: int  # late fees of one that is back, whatever became of them
    late_owed_fen: int  # what of them is still to be paid
    ended_by: EndedBy | None
    is_disputed: bool  # staff have not cleared it up yet
    unpaid_charge_id: int | None

    @property
    def badge(self) -> labels.Badge:
        """使用中, 已归还, 丢失, 待核实."""
        if self.is_disputed:
            return labels.DISPUTED
        if self.ended_by is EndedBy.LOST:
            return labels.BATTERY_STATE[BatteryState.LOST]
        return labels.USE_OPEN if self.returned_at is None else labels.USE_RETURNED

    @property
    def ended_word(self) -> str:
        """How it ended; empty while it is out."""
        return labels.ENDED_BY[self.ended_by] if self.ended_by else ""


def my_use_count(session: Session, actor: Actor) -> int:
    """How many uses the person ever began."""
    mine = select(func.count()).select_from(BatteryUse).where(BatteryUse.customer_id == actor.id)
    return session.scalars(mine).one()


def my_uses(session: Session, actor: Actor, now: datetime, *, after: Key | None = None) -> Page[UseRow]:
    """The person's uses, newest first, one page by key."""
    today = business_day(now)

    def load(ids: Collection[int]) -> dict[int, UseRow]:
        rows = session.execute(_uses().where(BatteryUse.id.in_(ids), BatteryUse.customer_id == actor.id))
        return {
            use.id: UseRow(
                use_id=use.id,
                number=str(BatteryNumber(letter, n)),
                began_at=use.began_at,
                returned_at=use.returned_at,
                days=((use.returned_on or today) - use.began_on).days,
                price_fen=use.price_fen,
                late_fen=late_fen if use.returned_at else 0,
                late_owed_fen=use.late_owed_fen,
                ended_by=use.ended_by,
                is_disputed=use.disputed and use.settled_at is None,
                unpaid_charge_id=unpaid_charge_id,
            )
            for use, letter, n, unpaid_charge_id, late_fen in rows
        }

    wanted = select(BatteryUse.id, BatteryUse.began_at.label("at")).where(BatteryUse.customer_id == actor.id)
    return page_ids(
        session, wanted, BatteryUse.began_at, BatteryUse.id, after=after, before=None, size=PAGE_SIZE, load=load
    )


def _uses() -> Select[*tuple[Any, ...]]:
    unpaid = and_(
        Charge.battery_use_id == BatteryUse.id,
        Charge.purpose == Purpose.FLASH_FEE,
        Charge.status == ChargeStatus.OPEN,
    )
    late_fen = (
        select(func.coalesce(func.sum(LateFee.amount_fen), 0))
        .where(LateFee.battery_use_id == BatteryUse.id)
        .correlate(BatteryUse)
        .scalar_subquery()
    )
    return (
        select(BatteryUse, Region.letter, Battery.n, Charge.id, late_fen)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .outerjoin(Charge, unpaid)
    )


@dataclass(frozen=True, slots=True)
class Leaving:
    """What it would mean to leave flash charge now."""

    deposit_id: int
    before: Amounts  # with the late fees of what it still secures
    after: Amounts  # with all withheld that is owed
    ties: tuple[Tie, ...]  # as long as there is one, it is refused
    prices: tuple[UnpaidFee, ...]  # that would be withheld
    late_fees: tuple[MyLateFees, ...]  # the same

    @property
    def can_leave(self) -> bool:
        """Whether nothing is secured by the deposit any more."""
        return not self.ties


def leaving(session: Session, actor: Actor, now: datetime) -> Leaving | None:
    """None for whoever has not opened flash charge. Decisions 21 and 25."""
    deposit = deposits.held(session, actor.id or 0, DepositKind.FLASH)
    if deposit is None:
        return None
    late_fees, prices = my_late_fees(session, actor, now), unpaid_prices(session, actor)
    before = _amounts(session, deposit, late_fees, now)
    return Leaving(
        deposit_id=deposit.id,
        before=before,
        after=Amounts(before.amount_fen, before.withheld_fen + sum(price.amount_fen for price in prices)),
        ties=tuple(deposits.ties(session, deposit, now)),
        prices=tuple(prices),
        late_fees=tuple(late for late in late_fees if late.is_over),
    )
