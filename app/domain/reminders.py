"""Reminders: which one a battery or a rented vehicle calls for on a day (SET-4, SET-5). Days are Shanghai days."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MOST_DAYS = 14
"""A reminder that was missed for so long is no news; errands that are done are remembered for longer."""


class Stage(StrEnum):
    """What is coming, or has come."""

    SOON = "soon"  # three days until the last free day
    LAST = "last"  # one day
    LATE = "late"  # a late fee begins
    FREEZES = "freezes"  # three days until the account freezes


class Thing(StrEnum):
    """What somebody is reminded of."""

    BATTERY = "battery"
    VEHICLE = "vehicle"


def topic_of(thing: Thing, stage: Stage) -> str:
    """The topic of the message, in `labels.MESSAGES`."""
    return f"remind_{stage}_{thing}"


@dataclass(frozen=True, slots=True)
class Span:
    """The days on which a stage may be told of, as places from the first fee day or from the freeze day."""

    from_freeze: bool
    first: int
    days: int

    def began(self, today: date) -> tuple[date, date]:
        """The first and the last fee day (or freeze day) that a stage which can be told of today belongs to."""
        newest = today - timedelta(days=self.first)
        return newest - timedelta(days=self.days - 1), newest


SPANS = {
    Stage.SOON: Span(from_freeze=False, first=-4, days=2),
    Stage.LAST: Span(from_freeze=False, first=-2, days=2),
    Stage.LATE: Span(from_freeze=False, first=0, days=MOST_DAYS),
    Stage.FREEZES: Span(from_freeze=True, first=-3, days=3),
}
"""The first fee day follows the last free day, so three days before the one are four before the other."""


def stage_due(fees_from: date, freezes_on: date, today: date) -> Stage | None:
    """The stage that has begun last, as long as it may be told of. From the freeze day on the freeze speaks itself."""

    def began(stage: Stage) -> date:
        span = SPANS[stage]
        return (freezes_on if span.from_freeze else fees_from) + timedelta(days=span.first)

    begun = [stage for stage in Stage if began(stage) <= today < freezes_on]
    newest = max(reversed(begun), key=began, default=None)
    return newest if newest and (today - began(newest)).days < SPANS[newest].days else None
