"""Random histories of money: every recipe of the ledger, in any order, of any region, on any of some days."""

import random
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import count

from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.domain import ledger as recipes
from app.domain.bills import BillKind, Difference, ItemState
from app.domain.calendar import day_start
from app.domain.charges import Purpose
from app.domain.ledger import EARNED, SETTLES, Account, Leg
from app.models.closing import BillDay, BillItem
from app.usecases import ledger
from app.usecases.subjects import Subject
from app.usecases.transaction import transactional
from tests.factories.ground import LONG_AGO
from tests.factories.people import a_customer, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database

Event = tuple[str, Callable[[int], tuple[Leg, ...]], Purpose | None]

_keys = count(1)
ORDERS = (Purpose.SALE, Purpose.RENTAL_FEE)


def _events() -> list[Event]:
    """Each money event as its verb books it: how its entry key begins, its recipe, what the money is for."""
    events: list[Event] = [
        ("flash_fee", recipes.flash_fee_owed, Purpose.FLASH_FEE),
        ("late_fee", recipes.late_fee_owed, Purpose.LATE_FEE),
        ("waiver", recipes.late_fee_waived, Purpose.LATE_FEE),
        ("withheld", recipes.fee_withheld, Purpose.FLASH_FEE),
        ("withheld", recipes.fee_withheld, Purpose.LATE_FEE),
        ("withheld", recipes.damage_withheld, Purpose.DEPOSIT),
        ("payment", lambda fen: recipes.payment_received(Account.SUSPENSE, fen), None),
        ("refund", lambda fen: recipes.refund_wanted(Account.SUSPENSE, fen), None),
        ("refund_done", recipes.refund_arrived, None),
    ]
    for purpose in Purpose:
        events += [
            *(("payment", _received(held), purpose) for held in (SETTLES[purpose], Account.SURPLUS, Account.SUSPENSE)),
            *(("refund", _wanted(held), purpose) for held in (SETTLES[purpose], Account.SURPLUS, Account.SUSPENSE)),
            ("refund_done", recipes.refund_arrived, purpose),
            ("refund_done", recipes.refund_paid_outside, purpose),
            ("refund_refused", _refused(SETTLES[purpose]), purpose),
        ]
    for purpose in ORDERS:
        events += [("pickup", _handed_over(purpose), purpose), ("pickup_undone", _undone(purpose), purpose),
                   ("refund", _wanted(EARNED[purpose]), purpose)]  # fmt: skip
    return events


def _received(held: Account) -> Callable[[int], tuple[Leg, ...]]:
    return lambda fen: recipes.payment_received(held, fen)


def _wanted(held: Account) -> Callable[[int], tuple[Leg, ...]]:
    return lambda fen: recipes.refund_wanted(held, fen)


def _refused(held: Account) -> Callable[[int], tuple[Leg, ...]]:
    return lambda fen: recipes.refund_refused(held, fen)


def _handed_over(purpose: Purpose) -> Callable[[int], tuple[Leg, ...]]:
    return lambda fen: recipes.handed_over(purpose, fen)


def _undone(purpose: Purpose) -> Callable[[int], tuple[Leg, ...]]:
    return lambda fen: recipes.pickup_undone(purpose, fen)


EVENTS = _events()


class MoneyHistory:
    """Money that comes and goes at random on some days, of regions A, B, C and of none; the same for the same seed."""

    def __init__(self, app: Flask, seed: int, first: date, days: int) -> None:
        self.app, self.first, self.days = app, first, days
        self.chance = random.Random(seed)  # noqa: S311  # the same in every run
        self.people = [
            Subject("order", 0, a_customer(app, region=letter).id or 0, a_region_id(app, letter), None)
            for letter in "AABC"
        ]

    def go_on(self, events: int, on: date | None = None) -> None:
        """That many events more, in one transaction; all of one day if one is given."""
        with self.app.app_context():
            _book_some(self, events, on)

    def moment(self, on: date | None) -> datetime:
        """Any moment of a day, of any day without one."""
        day = on or self.first + timedelta(days=self.chance.randrange(self.days))
        return day_start(day) + timedelta(seconds=self.chance.randrange(86400))


@transactional
def _book_some(session: Session, history: MoneyHistory, events: int, on: date | None) -> None:
    for _ in range(events):
        beginning, recipe, purpose = history.chance.choice(EVENTS)
        unknown = purpose is None or (beginning == "payment" and history.chance.random() < 0.1)
        subject = None if unknown else history.chance.choice(history.people)
        legs = recipe(history.chance.randrange(1, 3000_00))
        ledger.book(session, f"{beginning}:{next(_keys)}", legs, subject, history.moment(on), purpose=purpose)
        session.flush()


def bills_of(database: Database, on_day: date, *, differences: int = 0, kinds: Iterable[BillKind] = BillKind) -> None:
    """The bills of a day were fetched; so many of its lines differ from our books, and nobody has said why yet."""
    fetched_at = day_start(on_day) + timedelta(days=1, hours=10)
    bills = [BillDay(kind=kind, on_day=on_day, sha1=None, lines=differences, fetched_at=fetched_at) for kind in kinds]
    database.add(*bills)
    database.add(
        *(
            BillItem(
                bill_day_id=bills[0].id,
                line_no=nth,
                bill_fen=100,
                state=ItemState.OPEN,
                difference=Difference.PAYMENT_ONLY_BILL,
            )
            for nth in range(differences)
        )
    )


def settle_differences(database: Database) -> None:
    """Somebody has resolved all of them."""
    with database.write() as session:
        session.execute(
            update(BillItem)
            .where(BillItem.state == ItemState.OPEN)
            .values(state=ItemState.RESOLVED, resolved_at=LONG_AGO, reason="查过了")
        )


WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
)


def somebody_waits_for_bookings(app: Flask) -> bool:
    """Whether a fold or a closing waits for whoever books (PostgreSQL)."""
    with read(app) as session:
        return bool(session.scalar(WAITING))
