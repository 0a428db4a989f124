"""Very many uses of batteries, written past the verbs: for the plans of what reads them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.domain.batteries import BatteryState, EndedBy
from app.domain.calendar import business_day
from app.domain.deposits import DepositKind, DepositStatus
from app.models.base import Base
from app.models.batteries import Battery, BatteryPerson, BatteryUse
from app.models.deposits import Deposit
from app.models.directory import Region, School
from app.models.people import Customer, CustomerStatus, Identity
from app.usecases.seeding.bulk import insert_rows, take_room
from tests.fixtures.databases import Database

BATTERIES = 2_000  # of each region
PEOPLE = 20_000
DAYS = 400
DEPOSIT = (
    *("id", "customer_id", "region_id", "kind", "amount_fen", "status", "made_at", "paid_at", "withheld_fen"),
    "refunded_fen",
)
USE = (
    *("id", "battery_id", "customer_id", "region_id", "deposit_id", "began_at", "began_on", "price_fen", "free_days"),
    *("late_fee_fen", "freeze_days", "cap_fen", "freezes_on", "return_asked_at", "returned_at", "returned_on"),
    *("ended_by", "disputed", "settled_at", "fees_from", "late_owed_fen"),
)


def many_uses(database: Database, how_many: int, *, now: datetime) -> None:
    """Uses of `DAYS` days in three regions, 1,500 of them open, some of those for more than a month."""
    with database.write() as session:
        take_room(session)
        regions = list(session.scalars(select(Region.id).order_by(Region.letter)))
        schools = [session.scalars(select(School.id).where(School.region_id == one)).first() for one in regions]

        def put(model: type[Base], columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
            insert_rows(session, model, columns, rows)

        everybody = range(1, PEOPLE + 1)
        put(
            Customer,
            ("id", "app_id", "openid", "status", "school_id", "made_at"),
            [(c, "wx", f"o-{c}", CustomerStatus.REGISTERED.value, schools[c % 3], now) for c in everybody],
        )
        put(
            Identity,
            ("customer_id", "name", "phone", "id_number", "id_mac", "registered_at"),
            [(c, "王晓涵", f"138{c:08d}", b"sealed", f"mac-{c}", now) for c in everybody],
        )
        put(
            Deposit,
            DEPOSIT,
            [
                (c, c, regions[c % 3], DepositKind.FLASH.value, 300_00, DepositStatus.HELD.value, now, now, 0, 0)
                for c in everybody
            ],
        )
        uses = [_use(i, how_many, regions, now) for i in range(how_many)]
        batteries = len(regions) * BATTERIES
        is_out = {use[1] for use in uses if use[14] is None}
        put(
            Battery,
            ("id", "region_id", "n", "state", "made_at"),
            [
                (
                    b + 1,
                    regions[b % 3],
                    1 + b // 3,
                    (BatteryState.IN_USE if b + 1 in is_out else BatteryState.IN_STOCK).value,
                    now,
                )
                for b in range(batteries)
            ],
        )
        put(BatteryUse, USE, uses)
        seen: dict[int, set[int]] = {}
        for use in uses:
            seen.setdefault(use[2], set()).add(use[3])
        put(
            BatteryPerson,
            ("customer_id", "region_id", "first"),
            [(c, one, one == min(where)) for c, where in seen.items() for one in where],
        )


def _use(i: int, how_many: int, regions: list[int], now: datetime) -> tuple[Any, ...]:
    """The uses follow each other: each battery in its turn, each person in theirs; every fourth battery stays out."""
    batteries = len(regions) * BATTERIES
    b, c = i % batteries, i % PEOPLE
    rests_after = how_many - (15_000 if b % 100 == 0 else 7_000 if b % 20 == 0 else 0)
    if i >= rests_after:
        b, c = (b + 1) % batteries, (c + 1) % PEOPLE  # this one rests: its neighbour is used twice
    began_at = now - timedelta(days=DAYS) * (how_many - i) / how_many
    is_last = rests_after - batteries <= i < rests_after
    is_open = b % 4 == 0 and is_last
    returned_at = None if is_open else began_at + timedelta(hours=20)
    disputed = i % 997 == 0
    return (
        i + 1,
        b + 1,
        c + 1,
        regions[b % 3],
        c + 1,
        began_at,
        business_day(began_at),
        0,
        14,
        5_00,
        30,
        300_00,
        business_day(began_at) + timedelta(days=30),
        began_at if is_open and i % 7 == 0 else None,
        returned_at,
        business_day(returned_at) if returned_at else None,
        EndedBy.CLERK.value if returned_at else None,
        disputed,
        began_at if disputed and i % 2 else None,
        business_day(began_at) + timedelta(days=15),
        0,
    )
