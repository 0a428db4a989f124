"""Reminding a person of what they still have, once for each stage (SET-4, SET-5)."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.numbering import BatteryNumber
from app.domain.reminders import Stage, stage_due, topic_of
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.orders import Order
from app.queries.late_fees import Lent, is_over
from app.queries.reminders import THING
from app.usecases import messages
from app.usecases.late_fees import lock_lent
from app.usecases.transaction import transactional


@transactional
def remind(session: Session, kind: type[Lent], lent_id: int, stage: Stage, *, now: datetime) -> bool:
    """Puts the message into the outbox; False when it is back, or another stage has begun meanwhile.

    A stage that was told before is not told again. Raises NotFound.
    """
    lent = lock_lent(session, kind, lent_id)
    if is_over(lent) or stage_due(lent.fees_from, lent.freezes_on, business_day(now)) is not stage:
        return False
    last_free_on = lent.fees_from - timedelta(days=1)
    on = {Stage.LATE: lent.fees_from, Stage.FREEZES: lent.freezes_on}.get(stage, last_free_on)
    number, page = _named(session, lent)
    messages.put_for(
        session,
        topic_of(THING[kind], stage),
        lent.customer_id,
        str(lent.id),
        now,
        page=page,
        number=number,
        on=on.isoformat(),
        fee_fen=lent.late_fee_fen,
    )
    return True


def _named(session: Session, lent: Lent) -> tuple[str, str]:
    """Its number, and the page of the phone that is about it."""
    if isinstance(lent, BatteryUse):
        battery = session.get_one(Battery, lent.battery_id)
        return str(BatteryNumber(session.get_one(Region, battery.region_id).letter, battery.n)), "/m/flash"
    return session.get_one(Order, lent.order_id).number, f"/m/orders/{lent.order_id}"
