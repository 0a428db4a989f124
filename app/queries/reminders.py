"""Who is to be reminded on a day, and was not yet (the outbox remembers): stage by stage, by the indexes of dates."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.domain.outbox import Errand
from app.domain.reminders import SPANS, Stage, Thing, stage_due, topic_of
from app.models.batteries import BatteryUse
from app.models.rentals import Rental
from app.models.work import Outbox
from app.queries.late_fees import Lent, is_out

THING: dict[type[Lent], Thing] = {BatteryUse: Thing.BATTERY, Rental: Thing.VEHICLE}


def to_remind(session: Session, kind: type[Lent], stage: Stage, region_ids: Sequence[int], today: date) -> list[int]:
    """The uses or rentals for which a stage is due today: those of the few days that it may be told of."""
    wanted = select(kind.id, kind.fees_from, kind.freezes_on).where(*_may_be_due(kind, stage, region_ids, today))
    return [row.id for row in session.execute(wanted) if stage_due(row.fees_from, row.freezes_on, today) is stage]


def count_to_remind(session: Session, region_ids: Sequence[int], today: date) -> Counter[tuple[int, Thing, Stage]]:
    """The same counted, by region, thing and stage."""
    parts = []
    for kind, thing in THING.items():
        for stage in Stage:
            by = (kind.region_id, kind.fees_from, kind.freezes_on)
            named = (literal(thing.value).label("thing"), literal(stage.value).label("stage"))
            counted = select(*named, *by, func.count().label("n")).where(*_may_be_due(kind, stage, region_ids, today))
            parts.append(counted.group_by(*by))
    found: Counter[tuple[int, Thing, Stage]] = Counter()
    for row in session.execute(union_all(*parts)):
        if stage_due(row.fees_from, row.freezes_on, today) is Stage(row.stage):
            found[row.region_id, Thing(row.thing), Stage(row.stage)] += row.n
    return found


def _may_be_due(
    kind: type[Lent], stage: Stage, region_ids: Sequence[int], today: date
) -> tuple[ColumnElement[bool], ...]:
    """The days of a stage fit; whether another one has begun since, `stage_due` says."""
    key = literal(f"{topic_of(THING[kind], stage)}:") + cast(kind.id, String)
    counted_to = kind.freezes_on if SPANS[stage].from_freeze else kind.fees_from
    return (
        is_out(kind),
        kind.region_id.in_(region_ids),
        counted_to.between(*SPANS[stage].began(today)),
        kind.freezes_on > today,
        ~exists().where(Outbox.kind == Errand.MESSAGE, Outbox.key == key),
    )
