"""One battery use with everything that its page shows: who, how long, what it costs, what secures it (FLA-3)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.deposits import Amounts, DepositStatus
from app.domain.errors import NotFound
from app.domain.identity import masked_name
from app.domain.permissions import Actor, ActorKind, Permission
from app.domain.progress import Progress
from app.domain.timeline import WHO, Entry
from app.models.access import Staff
from app.models.batteries import BatteryUse
from app.models.deposits import Deposit
from app.models.journal import Audit
from app.models.money import Charge
from app.models.people import Identity
from app.queries.entries import act_entries
from app.queries.flash_charge import UseRow, progress_of, use_rows
from app.queries.late_fee_page import LateFees, late_fees_of
from app.queries.late_fees import owed_by_deposit
from app.queries.money_rows import Money, money_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePage:
    """The page of one use. What may be done is decided here: the template compares nothing."""

    use: UseRow
    customer_id: int
    is_open: bool
    began_on: date
    free_until: date
    return_asked_at: datetime | None
    returned_by: str  # empty: nobody did, or it is still out
    progress: Progress  # of one that is out: where today stands
    price_fen: int
    deposit_id: int
    deposit: Amounts
    is_secured: bool  # its deposit is held
    late_fees: LateFees
    money: Money
    entries: tuple[Entry, ...]
    may_take_back: bool
    may_settle: bool
    may_refund_fees: bool
    may_see_person: bool


def use_page(session: Session, actor: Actor, use_id: int, now: datetime) -> UsePage:
    """The page of a use of a region that the actor may see. Raises NotFound."""
    row = session.execute(
        select(BatteryUse, Deposit, Staff.name.label("returned_by"), Identity.name.label("person"))
        .join(Deposit, Deposit.id == BatteryUse.deposit_id)
        .outerjoin(Staff, Staff.id == BatteryUse.returned_by)
        .outerjoin(Identity, Identity.customer_id == BatteryUse.customer_id)
        .where(BatteryUse.id == use_id)
    ).one_or_none()
    if row is None or not actor.may(Permission.FLASH_VIEW, row.BatteryUse.region_id):
        raise NotFound
    use: BatteryUse = row.BatteryUse
    deposit: Deposit = row.Deposit
    today, region_id = business_day(now), use.region_id
    late_fees = late_fees_of(session, actor, use, now)
    owed_fen = owed_by_deposit(session, [deposit.id], today, known={use: late_fees.account})[deposit.id]
    shown = use_rows(session, [use.id], now)[use.id]
    called = masked_name(row.person) if row.person else WHO[ActorKind.CUSTOMER]
    return UsePage(
        use=shown,
        customer_id=use.customer_id,
        is_open=use.returned_at is None,
        began_on=use.began_on,
        free_until=use.fees_from - timedelta(days=1),
        return_asked_at=use.return_asked_at,
        returned_by=row.returned_by or "",
        progress=progress_of(use, today),
        price_fen=use.price_fen,
        deposit_id=deposit.id,
        deposit=Amounts.of(deposit.amount_fen, deposit.withheld_fen, deposit.refunded_fen, owed_fen=owed_fen),
        is_secured=deposit.status is DepositStatus.HELD,
        late_fees=late_fees,
        money=money_of(session, select(Charge.id).where(Charge.battery_use_id == use.id)),
        entries=tuple(act_entries(session, _about(use), called)),
        may_take_back=use.returned_at is None and actor.may(Permission.PICKUP, region_id),
        may_settle=shown.is_disputed and actor.may(Permission.FLASH_SETTLE, region_id),
        may_refund_fees=actor.may(Permission.ORDERS_REFUND, region_id),
        may_see_person=bool(row.person) and actor.may(Permission.ORDERS_VIEW, region_id),
    )


def _about(use: BatteryUse) -> ColumnElement[bool]:
    """What was done about the use, and with the battery while its person had it."""
    with_battery = and_(
        Audit.subject_kind == "battery",
        Audit.subject_id == use.battery_id,
        Audit.customer_id == use.customer_id,
        Audit.at >= use.began_at,
    )
    until = use.settled_at or use.returned_at
    if until is not None:
        with_battery &= Audit.at <= until
    return or_(and_(Audit.subject_kind == "battery_use", Audit.subject_id == use.id), with_battery)
