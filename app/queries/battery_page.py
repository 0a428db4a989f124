"""One battery with everything that its page shows: who has it, who had it, what became of it (FLA-2, FLA-3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.batteries import BY_HAND, BatteryState
from app.domain.calendar import business_day
from app.domain.deposits import Amounts
from app.domain.errors import NotFound
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.domain.progress import Progress
from app.domain.timeline import Entry
from app.models.batteries import Battery, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region
from app.queries.batteries import battery_id_of
from app.queries.flash_charge import UseRow, first_moment, progress_of, use_rows
from app.queries.late_fees import owed_by_deposit
from app.queries.timeline import entries_about

MOST_USES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The use that a battery is in now, and what was agreed when it began."""

    use: UseRow
    progress: Progress
    late_fee_fen: int
    cap_fen: int
    return_asked_at: datetime | None
    deposit: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryPage:
    """The page of one battery. What may be done is decided here: the template compares nothing."""

    id: int
    number: str
    region_id: int
    letter: str
    region: str
    state: BatteryState
    made_at: datetime
    printed_at: datetime | None
    holding: Holding | None
    disputed: tuple[UseRow, ...]  # uses that staff must settle
    days: int  # of the history
    uses: tuple[UseRow, ...]
    uses_in_all: int  # in those days
    people_in_all: int
    entries: tuple[Entry, ...]
    moves: tuple[BatteryState, ...]  # where the actor may put it
    may_take_back: bool
    may_report_lost: bool
    may_settle: bool
    may_print: bool

    @property
    def is_cut(self) -> bool:
        """Whether not all uses of those days are listed."""
        return self.uses_in_all > len(self.uses)


def find_battery(session: Session, actor: Actor, number: BatteryNumber) -> int | None:
    """The id of a battery that the actor may see."""
    battery_id = battery_id_of(session, number)
    battery = session.get(Battery, battery_id) if battery_id is not None else None
    return battery_id if battery is not None and actor.may(Permission.FLASH_VIEW, battery.region_id) else None


def battery_page(session: Session, actor: Actor, battery_id: int, days: int, now: datetime) -> BatteryPage:
    """The page of a battery that the actor may see, with the uses of the last days. Raises NotFound. FLA-2, FLA-3."""
    found = session.execute(
        select(Battery, Region.letter, Region.name)
        .join(Region, Region.id == Battery.region_id)
        .where(Battery.id == battery_id)
    ).one_or_none()
    if found is None or not actor.may(Permission.FLASH_VIEW, found.Battery.region_id):
        raise NotFound
    battery: Battery = found.Battery
    region_id, today = battery.region_id, business_day(now)
    manages = actor.may(Permission.BATTERIES_MANAGE, region_id)
    settles = actor.may(Permission.FLASH_SETTLE, region_id)
    is_out = battery.state is BatteryState.IN_USE
    disputed = _disputed(session, battery.id)
    open_use = session.execute(
        select(BatteryUse, Deposit)
        .join(Deposit, Deposit.id == BatteryUse.deposit_id)
        .where(BatteryUse.battery_id == battery.id, BatteryUse.returned_at.is_(None))
    ).one_or_none()
    past = (BatteryUse.battery_id == battery.id, BatteryUse.began_at >= first_moment(days, now))
    listed = session.scalars(
        select(BatteryUse.id).where(*past).order_by(BatteryUse.began_at.desc(), BatteryUse.id.desc()).limit(MOST_USES)
    ).all()
    counted = session.execute(select(func.count(), func.count(BatteryUse.customer_id.distinct())).where(*past)).one()
    also = [open_use.BatteryUse.id] if open_use else []
    rows = use_rows(session, [*listed, *disputed, *also], now)
    return BatteryPage(
        id=battery.id,
        number=str(BatteryNumber(found.letter, battery.n)),
        region_id=region_id,
        letter=found.letter,
        region=found.name,
        state=battery.state,
        made_at=battery.made_at,
        printed_at=battery.printed_at,
        holding=_holding(session, *open_use, rows, today) if open_use else None,
        disputed=tuple(rows[use_id] for use_id in disputed),
        days=days,
        uses=tuple(rows[use_id] for use_id in listed),
        uses_in_all=counted[0],
        people_in_all=counted[1],
        entries=entries_about(session, "battery", battery.id),
        moves=tuple(state for state in BatteryState if state in BY_HAND[battery.state]) if manages else (),
        may_take_back=is_out and actor.may(Permission.PICKUP, region_id),
        may_report_lost=is_out and settles,
        may_settle=settles,
        may_print=manages,
    )


def _disputed(session: Session, battery_id: int) -> Sequence[int]:
    return session.scalars(
        select(BatteryUse.id)
        .where(BatteryUse.battery_id == battery_id, BatteryUse.disputed, BatteryUse.settled_at.is_(None))
        .order_by(BatteryUse.began_at)
    ).all()


def _holding(session: Session, use: BatteryUse, deposit: Deposit, rows: Mapping[int, UseRow], today: date) -> Holding:
    owed_fen = owed_by_deposit(session, [deposit.id], today)[deposit.id]
    return Holding(
        use=rows[use.id],
        progress=progress_of(use, today),
        late_fee_fen=use.late_fee_fen,
        cap_fen=use.cap_fen,
        return_asked_at=use.return_asked_at,
        deposit=Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedUse:
    """A use that staff settle, with the battery it is of."""

    use: UseRow
    region_id: int
    is_open: bool


def disputed_use(session: Session, actor: Actor, use_id: int, now: datetime) -> DisputedUse:
    """A use of a region that the actor may see. Raises NotFound."""
    use = session.get(BatteryUse, use_id)
    if use is None or not actor.may(Permission.FLASH_VIEW, use.region_id):
        raise NotFound
    return DisputedUse(
        use=use_rows(session, [use_id], now)[use_id], region_id=use.region_id, is_open=use.returned_at is None
    )
