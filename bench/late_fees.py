"""One night's late fees of 100,000 batteries that are out (BENCH_USES), beside a bare insert of as many rows."""

import os
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import ParamSpec

from sqlalchemy import Date, bindparam, event, select, text

from app.db import db, writing_session
from app.domain.calendar import day_start
from app.domain.terms import Terms
from app.factory import create_app
from app.models.batteries import BatteryUse
from app.models.directory import Region
from app.models.late_fees import LateFee
from app.usecases import late_fees
from bench._deployed import ENGINES, migrated
from config import Config
from tests.factories.lent_bulk import Lending, many_uses_out
from tests.fixtures.databases import Database

USES = int(os.environ.get("BENCH_USES", "100000"))
NIGHTS = 7
FIRST = date(2026, 11, 1)
TERMS = Terms(free_days=14, late_fee_fen=5_00, freeze_days=30, cap_fen=300_00)
BARE = text(
    "INSERT INTO bare SELECT id, :day, late_fee_fen FROM battery_use WHERE returned_at IS NULL AND fees_from <= :day"
).bindparams(bindparam("day", type_=Date()))
P = ParamSpec("P")
STEPS = {"late_fee": "its fees", "ledger_transfer": "their transfers"}


def run() -> None:
    """Prints for each engine the median of the nights, in seconds, and what it is to the bare insert of that night.

    The bare insert goes into a table without a key; a fee has a row that is unique for its use and day, and a transfer
    of the ledger, both with their indexes and foreign keys. The second run is of a night that is posted.
    """
    for engine in ENGINES:
        with migrated(engine) as env:
            app = create_app(Config.from_env(env))
            with app.app_context():
                _measure(engine, Database(env["DATABASE_URL"]))
                db.engine.dispose()


def _measure(engine: str, database: Database) -> None:
    regions: list[int] = [*database.all(select(Region.id).order_by(Region.id))]
    since = [FIRST - timedelta(days=TERMS.free_days + 1 + nth % 10) for nth in range(USES)]
    many_uses_out(database, [Lending(day, TERMS, regions[nth % 3]) for nth, day in enumerate(since)])
    database.execute("CREATE TABLE bare (use_id bigint, day_on date, amount_fen bigint)")
    _post(regions, FIRST)  # the days before
    if engine == "postgresql":
        database.execute("ANALYZE")
    spent = _spent_on(STEPS)
    nights: dict[str, list[float]] = {name: [] for name in ("bare", "night", "second run", *STEPS.values())}
    for nth in range(1, NIGHTS + 1):
        day = FIRST + timedelta(days=nth)
        spent.update(dict.fromkeys(spent, 0.0))
        nights["bare"].append(_timed(_bare, day))
        nights["night"].append(_timed(_post, regions, day))
        for table, name in STEPS.items():
            nights[name].append(spent[table])
        nights["second run"].append(_timed(_post, regions, day))
    assert database.count(LateFee, LateFee.day_on > FIRST) == NIGHTS * USES
    bare = statistics.median(nights["bare"])
    for name, seconds in nights.items():
        ratios = sorted(one / other for one, other in zip(seconds, nights["bare"], strict=True))
        print(
            f"{engine:<11}{name:<16}{statistics.median(seconds):7.3f} s   {statistics.median(seconds) / bare:6.1f} ×"
            f"   (each night {ratios[0]:.1f} to {ratios[-1]:.1f} ×)"
        )


def _timed(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    began = time.perf_counter()
    act(*args, **kwargs)
    return time.perf_counter() - began


def _bare(day: date) -> None:
    with writing_session() as session:
        session.execute(BARE, {"day": day})
        session.commit()


def _post(regions: list[int], day: date) -> int:
    now = day_start(day) + timedelta(minutes=10)
    return sum(late_fees.post_days(BatteryUse, region_id, now=now) for region_id in regions)


def _spent_on(tables: dict[str, str]) -> dict[str, float]:
    """Seconds in the inserts into each table, from now on."""
    spent = dict.fromkeys(tables, 0.0)
    began: dict[str, float] = {}

    def before(*_: object) -> None:
        began["at"] = time.perf_counter()

    def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        for table in tables:
            if statement.startswith(f"INSERT INTO {table} "):
                spent[table] += time.perf_counter() - began["at"]

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    return spent
