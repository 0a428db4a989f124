"""`flask seed` and `flask demo seed`: plausible rows, the same for the same seed, and all that must be true of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.adapters.clock import DemoClock
from app.cli import demo as demo_commands
from app.domain.cards import CardStatus
from app.domain.charges import PaymentStatus
from app.domain.deposits import DepositStatus
from app.domain.identity import checked_id_number, checked_name, checked_phone, search_keys
from app.domain.numbering import Business
from app.domain.orders import OrderStatus
from app.models import Base
from app.models.access import Staff
from app.models.batteries import BatteryUse
from app.models.cards import StudentCard
from app.models.deposits import Deposit
from app.models.money import Charge, Payment
from app.models.numbers import NumberSlot, SlotState
from app.models.orders import Order
from app.models.people import Identity, IdentityKey
from app.models.vehicles import Listing
from app.queries.invariants import INVARIANTS
from app.usecases.seeding import demo, orders, stories
from app.usecases.seeding.people import id_number_of
from app.web.current import RUNTIME
from tests.factories.orders import an_order
from tests.fixtures.apps import CLOCK_FILE, MovedClock
from tests.fixtures.databases import Database
from tests.fixtures.simulators import Simulator

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
OF_ITS_OWN = {"id_number"}  # sealed with a nonce: never twice the same


def seed(app: Flask, how_many: int, *, number: int = 1) -> None:
    runtime = app.extensions[RUNTIME]
    demo.lay_staff(password_hashes={})
    orders.seed_orders(how_many, seed=number, vault=runtime.vault, app_id=runtime.app_id, now=NOW)


def violations(database: Database) -> list[str]:
    with database.read() as session:
        return [f"{key}: {row}" for key, one in INVARIANTS.items() for row in one.violations(session, NOW)]


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, but for what is sealed."""
    rows = {}
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name not in OF_ITS_OWN]
        rows[table.name] = [tuple(row) for row in session.execute(select(*columns).order_by(table.c.id))]
    return rows


@pytest.mark.both_engines
def test_seeded_orders_are_like_real_ones_and_may_join_real_ones(context: Flask, database: Database) -> None:
    an_order(context, picked_up=True, now=NOW - timedelta(days=300))
    an_order(context, now=NOW - timedelta(hours=1))
    seed(context, 300)
    seed(context, 40, number=2)
    assert database.count(Order) == 342
    assert violations(database) == []
    assert set(database.all(select(Order.status).distinct())) == set(OrderStatus)


def test_the_same_seed_gives_the_same_rows(context: Flask, database: Database) -> None:
    def rows() -> dict[str, list[tuple[Any, ...]]]:
        with database.read() as session:
            return everything(session)

    demo.lay_staff(password_hashes={})
    ground = rows()
    plan = stories.tell
    told: list[list[Any]] = []

    def remembered(*args: Any, **kwargs: Any) -> list[stories.Story]:
        told.append(plan(*args, **kwargs))
        raise _StopHereError

    runtime = context.extensions[RUNTIME]
    patch = pytest.MonkeyPatch()
    patch.setattr(orders, "tell", remembered)
    for number in (5, 5, 6):
        with pytest.raises(_StopHereError):
            orders.seed_orders(80, seed=number, vault=runtime.vault, app_id=runtime.app_id, now=NOW)
    patch.undo()
    assert told[0] == told[1] != told[2]
    assert rows() == ground, "what fails half way leaves nothing"
    seed(context, 80, number=5)
    assert len(rows()["orders"]) == 80


class _StopHereError(Exception):
    pass


def test_invented_people_pass_the_checks_of_the_registration(context: Flask, database: Database) -> None:
    seed(context, 60)
    vault = context.extensions[RUNTIME].vault
    for person in database.all(select(Identity)):
        number = vault.unseal(person.id_number, table="identity", column="id_number", row=str(person.customer_id))
        assert checked_id_number(number, NOW.date()) == number
        assert vault.mac(number) == person.id_mac
        assert checked_phone(person.phone) == person.phone
        assert checked_name(person.name) == person.name
        keys = set(database.all(select(IdentityKey).where(IdentityKey.customer_id == person.customer_id)))
        assert {(key.kind, key.key) for key in keys} == {
            (key.kind, key.key) for key in search_keys(person.name, person.phone)
        }


def test_no_two_invented_id_numbers_are_alike() -> None:
    assert len({id_number_of(nth) for nth in range(1, 20_001)}) == 20_000


def test_any_number_of_orders_fits(context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "MOST_KEPT", 25)
    monkeypatch.setattr(stories, "MOST_HELD", 4)
    monkeypatch.setattr(orders, "A_SLICE", 150)
    seed(context, 450)
    assert violations(database) == []
    kept = database.all(select(func.count()).where(NumberSlot.state == SlotState.KEPT).group_by(NumberSlot.series_id))
    assert max(kept) <= 25
    assert database.count(Order) == 450


def test_a_series_with_hardly_any_number_left_hurries_those_who_would_cancel(
    context: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "MOST_KEPT", 0)
    monkeypatch.setattr(stories, "MOST_HELD", 0)
    deal = stories._deal_numbers

    def with_three(told: list[stories.Story], series: list[stories.Series]) -> None:
        rest = [one.free[3:] for one in series]
        for one in series:
            del one.free[3:]
        deal(told, series)
        for one, more in zip(series, rest, strict=True):
            one.free.extend(more)

    monkeypatch.setattr(stories, "_deal_numbers", with_three)
    seed(context, 3000)
    assert violations(database) == []
    assert set(database.all(select(Order.number).distinct())) <= {
        f"{letter}M000{n}" for letter in "ABC" for n in (1, 2, 3)
    }


@pytest.mark.both_engines
def test_the_commands_seed_check_and_demo(app: Flask, database: Database) -> None:
    run = app.test_cli_runner().invoke
    done = run(args=["seed", "--orders", "30"])
    assert (done.exit_code, database.count(Order)) == (0, 30), done.output
    checked = run(args=["check"])
    assert (checked.exit_code, checked.output) == (0, f"{len(INVARIANTS)} invariants, 0 broken, 0 rows\n")
    database.execute("UPDATE listing SET stock = stock + 1 WHERE id = 1")
    checked = run(args=["check"])
    assert checked.exit_code == 1
    assert "(stock_is_its_movements)\n    listing=1 stock=" in checked.output


@pytest.fixture
def one_clock(clock: MovedClock, simulator_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    """The demo moves the simulator's clock with its own, as they are one file there."""
    theirs = DemoClock(Path(simulator_env["DATA_DIR"]) / CLOCK_FILE)

    class Both(DemoClock):
        def move_to(self, offset: timedelta) -> None:
            super().move_to(offset)
            theirs.move_to(offset)

    monkeypatch.setattr(demo_commands, "DemoClock", Both)
    return clock


@pytest.mark.both_engines
@pytest.mark.usefixtures("one_clock")
def test_the_demos_first_start_has_something_of_everything_and_its_second_changes_nothing(
    app: Flask, database: Database, simulator: Simulator
) -> None:
    """What waits in it was paid at the simulator: whoever cancels such an order sees the money go back."""
    run = app.test_cli_runner().invoke
    assert run(args=["demo", "seed"]).output == "demo: the data is there\n"
    with database.read() as session:
        first = everything(session)
    assert database.count(Order, Order.business == Business.SALE) == 400
    assert set(database.all(select(Order.status).distinct())) == set(OrderStatus)
    assert {0} < set(database.all(select(Listing.stock)))
    assert database.count(Staff, Staff.password_hash.is_(None)) == 0
    assert database.count(Deposit, Deposit.status == DepositStatus.HELD) > 10
    back = (DepositStatus.REFUNDING, DepositStatus.REFUNDED)  # WeChat takes its time
    assert database.count(Deposit, Deposit.status.in_(back)) == 2
    assert set(database.all(select(StudentCard.status).distinct())) >= {CardStatus.PENDING, CardStatus.REJECTED}
    assert database.count(BatteryUse, BatteryUse.returned_at.is_(None)) == 9
    waiting = database.all(
        select(Payment.transaction_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .join(Order, Order.id == Charge.order_id)
        .where(Order.status == OrderStatus.RESERVED, Payment.status == PaymentStatus.SETTLES)
    )
    assert waiting
    theirs = {payment["transaction_id"] for payment in simulator.books()["payments"]}
    assert set(waiting) <= theirs
    assert set(database.all(select(Payment.transaction_id).where(Payment.received_fen.is_not(None)))) == theirs
    assert {person["nickname"] for person in simulator.get("/_sim/people")["people"]} <= set(
        database.all(select(Identity.name))
    )
    assert violations(database) == []
    assert run(args=["demo", "seed"]).exit_code == 0
    with database.read() as session:
        assert everything(session) == first
