"""What becomes of invented orders: when each was reserved, paid, picked up or closed, and which number it had when.

The numbers are dealt as the real series deals them: the smallest free one at each claim, one turn of the sequence for
each claim and each release. A slice of the year stands alone: whatever closes in it gives its number back in it.
"""

from bisect import bisect
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import accumulate
from random import Random

from app.domain.calendar import business_day, day_start
from app.domain.errors import Rule, RuleBroken
from app.domain.numbering import LAST_NUMBER
from app.domain.orders import ATTEMPT_MINUTES, Intent

SEASON = {1: 0.5, 2: 0.8, 3: 1.4, 4: 1.0, 5: 1.0, 6: 0.9, 7: 0.4, 8: 0.7, 9: 2.2, 10: 1.3, 11: 1.0, 12: 0.8}
"""How much is sold in each month: terms begin in March and September."""
WEEKEND = 1.3
FRIDAY = 4
OPENS, CLOSES = 9 * 3600, 21 * 3600  # seconds of the day
RECENT_DAYS = 4
BUYS_AT_ONCE, GIVES_UP_FIRST, STAFF_CANCELS, STAFF_CANCELS_PAID = 0.4, 0.06, 0.05, 0.3
STILL_WAITS, WAITS_MOST_DAYS = 0.008, 45
"""The share of paid vehicles that nobody has picked up for days, and for how many days at most."""
MOST_COLLECTED = 0.72
REFUND_TAKES = timedelta(minutes=4)
MOST_KEPT = 9_000
"""Numbers of a series that seeded orders keep for good at most, those there are already counted in."""
MOST_HELD = 500
"""The same for orders that stay open."""


class Fate(StrEnum):
    """What becomes of an order."""

    COLLECTED = "collected"
    PAID = "paid"  # not picked up yet
    OPEN = "open"  # not paid yet
    CANCELLED = "cancelled"
    REFUNDED = "refunded"  # paid, then cancelled
    EXPIRED = "expired"
    LATE = "late"  # paid after it had expired; the money went back


CLOSED_FATES = frozenset({Fate.CANCELLED, Fate.REFUNDED, Fate.EXPIRED, Fate.LATE})
PAID_FATES = frozenset({Fate.COLLECTED, Fate.PAID, Fate.REFUNDED})


@dataclass(slots=True)
class Story:
    """One order from its reservation to what became of it; times are UTC, None for what did not happen."""

    region: int  # its place in the list of series
    reserved_at: datetime
    intent: Intent
    fate: Fate
    expires_at: datetime
    matched_at: datetime | None = None
    begun_at: datetime | None = None  # the payment attempt
    paid_at: datetime | None = None
    picked_up_at: datetime | None = None
    closed_at: datetime | None = None
    by_staff: bool = False  # who cancelled
    gave_up_first: bool = False  # a first payment attempt was left
    n: int = 0
    from_seq: int = 0
    to_seq: int | None = None


@dataclass(slots=True)
class Series:
    """A number series as a slice finds it, and as its stories leave it."""

    seq: int
    free: list[int]  # a heap
    kept: int
    held: int
    share: float  # of all orders


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of days and how many orders begin in it; `left` counts those of this slice and of all after it."""

    days: tuple[date, ...]
    ends_at: datetime
    orders: int
    left: int


def slices(how_many: int, now: datetime, *, parts: int, days: int, recent: float) -> list[Slice]:
    """Cuts the days until now into parts, and shares the orders out by season; the last days weigh `recent` times."""
    today = business_day(now)
    all_days = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    weights = [_weight(day, today, recent) for day in all_days]
    upto = list(accumulate(weights))
    edges = [round(len(all_days) * part / parts) for part in range(parts + 1)]
    counts = [round(how_many * (upto[edge - 1] if edge else 0) / upto[-1]) for edge in edges]
    return [
        Slice(
            tuple(all_days[edges[part] : edges[part + 1]]),
            now if part == parts - 1 else day_start(all_days[edges[part + 1]]),
            counts[part + 1] - counts[part],
            how_many - counts[part],
        )
        for part in range(parts)
    ]


def _weight(day: date, today: date, recent: float) -> float:
    weight = SEASON[day.month] * (WEEKEND if day.weekday() > FRIDAY else 1)
    return weight * recent if (today - day).days < RECENT_DAYS else weight


def tell(
    random: Random, part: Slice, series: list[Series], now: datetime, *, hold: timedelta, recent: float, waiting: bool
) -> list[Story]:
    """The stories of a slice, by the time of reservation, with their numbers; `series` is left as they leave it.

    Without `waiting` nobody has paid and not yet picked up.
    """
    shares = list(accumulate(one.share for one in series))
    upto = list(accumulate(_weight(day, business_day(now), recent) for day in part.days))
    begins = sorted(
        (_moment(random, part.days[bisect(upto, random.random() * upto[-1], hi=len(upto) - 1)], now), nth)
        for nth in range(part.orders)
    )
    chances = [_chance_to_keep(one, part) for one in series]
    stories = []
    for reserved_at, _ in begins:
        at = bisect(shares, random.random() * shares[-1], hi=len(shares) - 1)
        stories.append(
            _story(random, at, series[at], chances[at], reserved_at, part.ends_at, now, hold, waiting=waiting)
        )
    _deal_numbers(stories, series)
    return stories


def _chance_to_keep(series: Series, part: Slice) -> float:
    expected = max(part.left * series.share, 1)
    return min(MOST_COLLECTED, max(MOST_KEPT - series.kept, 0) / expected)


def _moment(random: Random, day: date, now: datetime) -> datetime:
    seconds = round(random.triangular(OPENS, CLOSES, 17 * 3600))
    at = day_start(day) + timedelta(seconds=seconds)
    return at if at < now - timedelta(seconds=30) else at - timedelta(days=1)


def _story(
    random: Random,
    region: int,
    series: Series,
    chance: float,
    reserved_at: datetime,
    ends_at: datetime,
    now: datetime,
    hold: timedelta,
    *,
    waiting: bool,
) -> Story:
    intent = Intent.BUY if random.random() < BUYS_AT_ONCE else Intent.RESERVE
    story = Story(region, reserved_at, intent, Fate.CANCELLED, reserved_at + hold)
    roll = random.random()
    if reserved_at + hold > now:
        fate = _pick(roll, ((Fate.OPEN, 0.26), (Fate.PAID, 0.26), (Fate.COLLECTED, 0.34), (Fate.CANCELLED, 1)))
    elif roll < chance:
        fate = Fate.COLLECTED
    elif roll < chance + STILL_WAITS and (now - reserved_at).days < WAITS_MOST_DAYS:
        fate = Fate.PAID
    else:
        fate = _pick(
            random.random(), ((Fate.CANCELLED, 0.42), (Fate.EXPIRED, 0.36), (Fate.REFUNDED, 0.18), (Fate.LATE, 1))
        )
    story.fate = fate
    if fate in (Fate.COLLECTED, Fate.PAID):
        _pay(random, story, now)
        if story.fate is Fate.COLLECTED and series.kept >= MOST_KEPT:
            story.fate = Fate.CANCELLED
    if story.fate is Fate.PAID and not waiting:
        story.fate = Fate.OPEN if story.expires_at > now else Fate.CANCELLED
        story.matched_at = story.begun_at = story.paid_at = None
    if (story.fate in (Fate.PAID, Fate.OPEN)) and series.held >= MOST_HELD:
        story.fate = Fate.CANCELLED
    if story.fate in CLOSED_FATES:
        _close(random, story, min(ends_at, now))
    elif story.fate is Fate.COLLECTED:
        series.kept += 1
    else:
        series.held += 1
    return story


def _pick(roll: float, table: tuple[tuple[Fate, float], ...]) -> Fate:
    for fate, chance in table:
        if roll < chance:
            return fate
        roll -= chance
    return table[-1][0]


def _pay(random: Random, story: Story, now: datetime) -> None:
    """The number is entered at the store, then it is paid, then picked up; what lies in the future has not happened."""
    if story.intent is Intent.BUY or story.expires_at > now:
        matched_at = story.reserved_at + timedelta(seconds=random.randint(90, 900))
    else:
        visit = day_start(business_day(story.reserved_at)) + timedelta(
            days=random.choice((0, 0, 1, 1, 2)), seconds=round(random.triangular(OPENS, CLOSES, 17 * 3600))
        )
        early = visit < story.reserved_at + timedelta(minutes=10)
        matched_at = visit + timedelta(days=1) if early else visit
    paid_at = matched_at + timedelta(seconds=random.randint(45, 300))
    if paid_at >= now:
        story.fate = Fate.OPEN
        return
    story.matched_at, story.paid_at = matched_at, paid_at
    story.begun_at = paid_at - timedelta(seconds=random.randint(15, 40))
    story.gave_up_first = random.random() < GIVES_UP_FIRST
    picked_up_at = paid_at + timedelta(seconds=random.randint(120, 1800))
    if story.fate is Fate.COLLECTED and picked_up_at < now:
        story.picked_up_at = picked_up_at
    else:
        story.fate = Fate.PAID


def _close(random: Random, story: Story, ends_at: datetime) -> None:
    """When it is closed: always within its slice, and after whatever happened before."""
    story.matched_at = story.begun_at = story.paid_at = story.picked_up_at = None
    story.gave_up_first = False
    room = ends_at - story.reserved_at
    if story.fate in (Fate.EXPIRED, Fate.LATE):
        swept_at = story.expires_at + timedelta(seconds=random.randint(1, 20))
        late_by = timedelta(minutes=ATTEMPT_MINUTES) + REFUND_TAKES
        if swept_at + late_by < ends_at:
            story.closed_at = swept_at
            if story.fate is Fate.LATE:
                story.matched_at = story.expires_at - timedelta(minutes=random.randint(30, 300))
                story.begun_at = story.expires_at - timedelta(minutes=7)
                story.paid_at = swept_at + timedelta(seconds=random.randint(1, 50))
            return
        story.fate = Fate.CANCELLED
    if story.fate is Fate.REFUNDED:
        if room > timedelta(hours=26):
            story.matched_at = story.reserved_at + timedelta(minutes=random.randint(3, 180))
            story.begun_at = story.matched_at + timedelta(seconds=random.randint(15, 60))
            story.paid_at = story.begun_at + timedelta(seconds=random.randint(15, 60))
            story.closed_at = story.paid_at + timedelta(minutes=random.randint(10, 1200))
            story.by_staff = random.random() < STAFF_CANCELS_PAID
            return
        story.fate = Fate.CANCELLED
    within = max(min(room, timedelta(hours=40)).total_seconds() - 2, 0)
    story.closed_at = story.reserved_at + timedelta(seconds=1 + int(random.random() * random.random() * within))
    story.by_staff = random.random() < STAFF_CANCELS


def _deal_numbers(stories: list[Story], series: list[Series]) -> None:
    """Claims and releases in the order of time; with no number left, whoever would close next closes now."""
    pending: list[list[tuple[datetime, int, Story]]] = [[] for _ in series]
    for nth, story in enumerate(stories):
        own, closing = series[story.region], pending[story.region]
        while closing and closing[0][0] <= story.reserved_at:
            _release(own, heappop(closing)[2])
        if not own.free:
            if not closing:
                raise RuleBroken(Rule.SERIES_FULL, last=str(LAST_NUMBER))
            _at, _nth, hurried = heappop(closing)
            hurried.fate, hurried.closed_at = Fate.CANCELLED, story.reserved_at
            hurried.matched_at = hurried.begun_at = hurried.paid_at = None
            _release(own, hurried)
        own.seq += 1
        story.n, story.from_seq = heappop(own.free), own.seq
        if story.closed_at is not None:
            heappush(closing, (story.closed_at, nth, story))
    for own, closing in zip(series, pending, strict=True):
        while closing:
            _release(own, heappop(closing)[2])


def _release(series: Series, story: Story) -> None:
    series.seq += 1
    story.to_seq = series.seq
    heappush(series.free, story.n)
