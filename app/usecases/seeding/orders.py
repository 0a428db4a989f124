"""Bulk orders: slice by slice of the year, each slice in one transaction and whole in itself."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from app.domain.calendar import day_start
from app.domain.errors import NotFound
from app.domain.ledger import Account
from app.domain.numbering import Business
from app.domain.permissions import Role
from app.domain.settings import CANCEL_PAID_HOURS, RESERVATION_HOURS
from app.models.access import Staff, StaffRole
from app.models.directory import Region, School
from app.models.money import Charge, LedgerAccount, Payment
from app.models.numbers import NumberSeries, NumberSlot, SlotState
from app.models.orders import Order, OrderDay
from app.models.people import Customer
from app.models.vehicles import Listing, Price, StockMovement, StockReason, VehicleModel
from app.ports import Vault
from app.queries import people, settings
from app.queries.prices import SALE_DAYS
from app.usecases import ledger
from app.usecases.compare_and_set import insert_into
from app.usecases.seeding import bulk
from app.usecases.seeding.rows import COLUMNS, Book, Ids, Offer, Place
from app.usecases.seeding.stories import CLOSED_FATES, Fate, Series, Slice, Story, slices, tell
from app.usecases.transaction import transactional

A_SLICE = 5_000
"""Orders of one transaction, while the slices are long enough for orders to expire in them."""
MOST_SLICES = 40
DAYS = 365
PORTIONS = (0.45, 0.35, 0.20)
"""How the orders are shared among regions; further ones get as much as the last."""
COMES_AGAIN = 0.7
Known = dict[int, list[int]]
"""People by region."""
KNOWN = 3_000
"""People of a region who are remembered, to order again."""


def seed_orders(
    how_many: int,
    *,
    seed: int,
    vault: Vault,
    app_id: str,
    now: datetime,
    recent: float = 1.0,
    waiting: bool = True,
    told: Callable[[int], None] = lambda _written: None,
) -> None:
    """Writes orders over the last year: the same for the same seed and `now` on the same database.

    With `recent` above 1 the last days have that many times more; `told` hears how many are written. Without `waiting`
    nobody has paid and not yet picked up: WeChat knows nothing of seeded payments and could not give that money back.
    Raises NotFound: nothing is for sale, or nobody works here.
    """
    known: Known = {}
    parts = max(1, min(MOST_SLICES, -(-how_many // A_SLICE)))
    for nth, part in enumerate(slices(how_many, now, parts=parts, days=DAYS, recent=recent)):
        met = _seed_slice(
            part, f"{seed}/{nth}", known, vault=vault, app_id=app_id, now=now, recent=recent, waiting=waiting
        )
        known = {region_id: [*known.get(region_id, ()), *new][-KNOWN:] for region_id, new in met.items()}
        told(part.orders)


@transactional
def _seed_slice(
    session: Session,
    part: Slice,
    seed: str,
    known: Known,
    *,
    vault: Vault,
    app_id: str,
    now: datetime,
    recent: float,
    waiting: bool,
) -> Known:
    """Returns the people whom the slice brought, by region."""
    random = Random(seed)  # noqa: S311  # made-up data
    bulk.take_room(session)
    ledger.hold_open(session)
    places = _places(session, now)
    series_ids = _lock_series(session, places)
    series = [_series(session, series_ids[nth], place, nth) for nth, place in enumerate(places)]
    region_id = places[0].region_id
    hold = timedelta(hours=settings.value_of(session, RESERVATION_HOURS, region_id, now))
    stories = tell(random, part, series, now, hold=hold, recent=recent, waiting=waiting)
    book = Book(random, vault, app_id, people.consent_words(session).id, _accounts(session))
    met = _write(session, book, stories, places, known)
    for model, columns in COLUMNS.items():
        bulk.insert_rows(session, model, columns, book.tables[model])
    _keep_numbers(session, book, stories, places)
    for nth, one in enumerate(series):
        session.execute(update(NumberSeries).where(NumberSeries.id == series_ids[nth]).values(seq=one.seq))
    _move_stock(session, book, part)
    _count_days(session, book)
    return met


def _accounts(session: Session) -> dict[Account, int]:
    return dict(session.execute(select(LedgerAccount.code, LedgerAccount.id)).all())


def _places(session: Session, now: datetime) -> list[Place]:
    """The regions that sell something, with their listings locked (listings before series: decision 12)."""
    rows = session.execute(
        select(Listing.id, Listing.region_id, VehicleModel.colours)
        .join(VehicleModel, VehicleModel.id == Listing.model_id)
        .where(Listing.business == Business.SALE, Listing.shown)
        .order_by(Listing.id)
        .with_for_update(of=Listing)
    ).all()
    prices: defaultdict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for listing_id, since, fen in session.execute(
        select(Price.listing_id, Price.effective_at, Price.amount_fen)
        .where(Price.days == SALE_DAYS)
        .order_by(Price.effective_at, Price.id)
    ):
        prices[listing_id].append((since, fen))
    offers: defaultdict[int, list[Offer]] = defaultdict(list)
    for row in rows:
        if prices[row.id]:
            offers[row.region_id].append(Offer(row.id, tuple(row.colours), tuple(prices[row.id])))
    places = [
        Place(
            region.id,
            region.letter,
            tuple(session.scalars(select(School.id).where(School.region_id == region.id).order_by(School.id))),
            tuple(offers[region.id]),
            _clerks(session, region.id),
            settings.value_of(session, CANCEL_PAID_HOURS, region.id, now),
            {},
        )
        for region in session.scalars(select(Region).order_by(Region.letter))
        if offers[region.id]
    ]
    if not places:
        raise NotFound
    return places


def _clerks(session: Session, region_id: int) -> tuple[int, ...]:
    """Who works the counter there: its clerks, else whoever else has a role there, else anybody."""
    rows = session.execute(
        select(StaffRole.role, StaffRole.region_id, Staff.id)
        .join(Staff, Staff.id == StaffRole.staff_id)
        .order_by(Staff.id)
    ).all()
    there = [row for row in rows if row.region_id in (region_id, None)]
    clerks = tuple(row.id for row in there if row.role is Role.CLERK)
    found = clerks or tuple(row.id for row in there) or tuple(row.id for row in rows)
    if not found:
        raise NotFound
    return found


def _lock_series(session: Session, places: list[Place]) -> list[int]:
    return [
        session.execute(
            update(NumberSeries)
            .where(NumberSeries.region_id == place.region_id, NumberSeries.business == Business.SALE)
            .values(seq=NumberSeries.seq)
            .returning(NumberSeries.id)
        ).scalar_one()
        for place in places
    ]


def _series(session: Session, series_id: int, place: Place, nth: int) -> Series:
    seq = session.scalars(select(NumberSeries.seq).where(NumberSeries.id == series_id)).one()
    states = dict(
        session.execute(
            select(NumberSlot.state, func.count()).where(NumberSlot.series_id == series_id).group_by(NumberSlot.state)
        ).all()
    )
    place.slots.update(
        session.execute(
            select(NumberSlot.n, NumberSlot.id).where(
                NumberSlot.series_id == series_id, NumberSlot.state == SlotState.FREE
            )
        ).all()
    )
    free = sorted(place.slots)
    held = states.get(SlotState.HELD, 0) + states.get(SlotState.WAITING, 0)
    return Series(seq, free, states.get(SlotState.KEPT, 0), held, PORTIONS[min(nth, len(PORTIONS) - 1)])


def _write(session: Session, book: Book, stories: list[Story], places: list[Place], known: Known) -> Known:
    random = book.random
    again: Known = {place.region_id: list(known.get(place.region_id, ())) for place in places}
    met: Known = {place.region_id: [] for place in places}
    new_customers = iter(bulk.new_ids(session, Customer, len(stories)))
    orders, charges = (bulk.new_ids(session, model, len(stories)) for model in (Order, Charge))
    paid = [story.paid_at is not None for story in stories]
    first = [story.gave_up_first and story.paid_at is not None for story in stories]
    payments = iter(bulk.new_ids(session, Payment, sum(paid) + sum(first)))
    for nth, story in enumerate(stories):
        place = places[story.region]
        of_region = again[place.region_id]
        if of_region and random.random() < COMES_AGAIN:
            customer_id = random.choice(of_region)
        else:
            customer_id = next(new_customers)
            of_region.append(customer_id)
            met[place.region_id].append(customer_id)
            book.register(customer_id, place, story.reserved_at - timedelta(seconds=random.randint(120, 3600)))
        first_payment = next(payments) if first[nth] else None
        payment = next(payments) if paid[nth] else None
        book.tell(story, place, Ids(customer_id, orders[nth], charges[nth], payment, first_payment))
    return met


def _keep_numbers(session: Session, book: Book, stories: list[Story], places: list[Place]) -> None:
    """The slots of the orders that still have their number at the end of the slice."""
    order_ids = [row[0] for row in book.tables[Order]]
    taken = [
        {
            "slot_id": places[story.region].slots[story.n],
            "to_state": SlotState.KEPT if story.fate is Fate.COLLECTED else SlotState.HELD,
            "of_order": order_id,
        }
        for story, order_id in zip(stories, order_ids, strict=True)
        if story.fate not in CLOSED_FATES
    ]
    if taken:
        slots = bulk.table_of(NumberSlot)
        session.execute(
            update(slots)
            .where(slots.c.id == bindparam("slot_id"))
            .values(state=bindparam("to_state"), order_id=bindparam("of_order")),
            taken,
        )


def _move_stock(session: Session, book: Book, part: Slice) -> None:
    """As many vehicles as the slice needs at most at once come in by hand before it, and leave with its orders."""
    came_at = day_start(part.days[0])
    for listing_id, turns in sorted(book.stock_turns.items()):
        turns.sort()
        left = least = 0
        for _, delta in turns:
            left += delta
            least = min(least, left)
        session.add(StockMovement(listing_id=listing_id, delta=-least, reason=StockReason.BY_HAND, turn=1, at=came_at))
        session.execute(update(Listing).where(Listing.id == listing_id).values(stock=Listing.stock + left - least))


def _count_days(session: Session, book: Book) -> None:
    if not book.day_orders:
        return
    statement = insert_into(session, OrderDay)
    statement = statement.on_conflict_do_update(
        index_elements=["business", "region_id", "status", "out", "on_day"],
        set_={
            "orders": OrderDay.orders + statement.excluded.orders,
            "amount_fen": OrderDay.amount_fen + statement.excluded.amount_fen,
        },
    )
    session.execute(
        statement,
        [
            {
                "business": Business.SALE,
                "region_id": region_id,
                "status": status,
                "on_day": on_day,
                "orders": orders,
                "amount_fen": book.day_fen[region_id, status, on_day],
            }
            for (region_id, status, on_day), orders in sorted(book.day_orders.items())
        ],
    )
