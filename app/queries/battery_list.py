"""The batteries of a region in the order of their numbers, and how many are in each state (FLA-2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.batteries import BatteryState
from app.domain.identity import masked_name, masked_phone
from app.domain.numbering import BatteryNumber
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.people import Identity
from app.queries.number_paging import NumberPage, page_by_number


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryRow:
    """One battery in the list of its region; whoever has it is masked."""

    id: int
    n: int
    number: str
    state: BatteryState
    name: str
    phone: str
    since: datetime | None
    printed_at: datetime | None


@dataclass(frozen=True, slots=True)
class BatteryList:
    """One page of the batteries of a region, and how many are in each state."""

    page: NumberPage[BatteryRow]
    counts: Mapping[BatteryState, int]

    @property
    def total(self) -> int:
        """All states together."""
        return sum(self.counts.values())


def battery_list(
    session: Session,
    region_id: int,
    state: BatteryState | None,
    *,
    after: int | None,
    before: int | None,
    size: int,
) -> BatteryList:
    """The batteries of one region, all or in one state, after or before a number."""
    here = Battery.region_id == region_id
    counts = session.execute(select(Battery.state, func.count()).where(here).group_by(Battery.state))
    by_state = dict(counts.all())
    page = page_by_number(
        session,
        Battery.id,
        Battery.n,
        [here] if state is None else [here, Battery.state == state],
        after=after,
        before=before,
        size=size,
        load=lambda ids: _battery_rows(session, ids),
    )
    return BatteryList(page, {one: by_state.get(one, 0) for one in BatteryState})


def next_number(session: Session, region_id: int) -> int:
    """The first number of a region after its last battery."""
    return (session.scalars(select(func.max(Battery.n)).where(Battery.region_id == region_id)).one() or 0) + 1


def _battery_rows(session: Session, ids: Sequence[int]) -> dict[int, BatteryRow]:
    open_use = (BatteryUse.battery_id == Battery.id) & BatteryUse.returned_at.is_(None)
    rows = session.execute(
        select(Battery, Region.letter, BatteryUse.began_at, Identity.name, Identity.phone)
        .join(Region, Region.id == Battery.region_id)
        .outerjoin(BatteryUse, open_use)
        .outerjoin(Identity, Identity.customer_id == BatteryUse.customer_id)
        .where(Battery.id.in_(ids))
    )
    return {
        row.Battery.id: BatteryRow(
            id=row.Battery.id,
            n=row.Battery.n,
            number=str(BatteryNumber(row.letter, row.Battery.n)),
            state=row.Battery.state,
            name=masked_name(row.name) if row.name else "",
            phone=masked_phone(row.phone) if row.phone else "",
            since=row.began_at,
            printed_at=row.Battery.printed_at,
        )
        for row in rows
    }
