"""Number series: how far they are used, their numbers, and the history of each (decisions 8 to 10)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.errors import NotFound
from app.domain.permissions import Actor, Role
from app.models.numbers import NumberSlot
from app.queries import home, number_series
from app.queries.number_series import SeriesRow
from app.usecases import numbers
from app.web.current import RUNTIME
from tests.factories.orders import an_order, cancel, expire
from tests.factories.people import a_member_of_staff, a_region_id
from tests.factories.reading import read
from tests.fixtures.databases import Database


@pytest.fixture
def owner(app: Flask) -> Actor:
    return a_member_of_staff(app, role=Role.OWNER, region=None)


def series(app: Flask, actor: Actor, prefix: str = "AM") -> SeriesRow:
    with read(app) as session:
        (found,) = (row for row in number_series.series_rows(session, actor, None) if row.prefix == prefix)
    return found


def slot_id(app: Flask, actor: Actor, typed: str) -> int:
    with read(app) as session:
        found = number_series.find_slot(session, series(app, actor), typed)
    assert found is not None
    return found


def take_all_but(app: Flask, database: Database, owner: Actor, free: int) -> None:
    """Retires every number of AM but the last few, past the verbs."""
    wanted = series(app, owner).id
    last = 9999 - free
    database.execute(
        "UPDATE number_slot SET state = 'retired' WHERE series_id = :series AND n <= :last", series=wanted, last=last
    )
    database.execute(
        "INSERT INTO number_holding (slot_id, from_seq, from_at, revived) "
        "SELECT id, n, '2026-01-01 00:00:00', false FROM number_slot WHERE series_id = :series AND state = 'retired'",
        series=wanted,
    )


@pytest.mark.both_engines
@pytest.mark.req("NUM-4", "NUM-5")
def test_a_series_counts_its_numbers_by_state_and_names_the_next(app: Flask, owner: Actor) -> None:
    an_order(app, picked_up=True)
    an_order(app, paid=True)
    cancel(app, an_order(app))
    an_order(app)  # takes the number that was freed
    with app.app_context():
        numbers.retire(
            slot_id(app, owner, "AM0005"), reason="车牌丢了", actor=owner, now=app.extensions[RUNTIME].clock.now()
        )
    found = series(app, owner)
    assert found.counts == {"free": 9995, "held": 2, "waiting": 0, "kept": 1, "retired": 1}
    assert (found.taken, found.next_number, found.is_full, found.is_nearly_full) == (4, "AM0004", False, False)
    other = a_member_of_staff(app, role=Role.CLERK, region="B")
    with read(app) as session:
        assert {row.letter for row in number_series.series_rows(session, other, None)} == {"B"}
        with pytest.raises(NotFound):
            number_series.series_of(session, other, found.id)


@pytest.mark.both_engines
def test_the_warning_comes_at_95_percent_and_stands_on_the_home_page(
    app: Flask, database: Database, owner: Actor
) -> None:
    now = app.extensions[RUNTIME].clock.now()

    def ending() -> dict[int, int]:
        with read(app) as session:
            waiting = home.waiting(session, owner, region_id=None, now=now)
        return next((dict(row.by_region) for row in waiting if row.task is home.Task.NUMBERS), {})

    take_all_but(app, database, owner, free=500)
    assert (series(app, owner).is_nearly_full, ending()) == (False, {})
    with app.app_context():
        numbers.retire(slot_id(app, owner, "9999"), reason="车牌丢了", actor=owner, now=now)
    assert (series(app, owner).is_nearly_full, ending()) == (True, {a_region_id(app, "A"): 1})


@pytest.mark.both_engines
@pytest.mark.req("NUM-7")
def test_a_full_series_has_no_next_number(app: Flask, database: Database, owner: Actor) -> None:
    take_all_but(app, database, owner, free=0)
    found = series(app, owner)
    assert (found.free, found.next_number, found.is_full, found.taken_percent) == (0, "", True, 100)
    assert found.last_number == "AM9999"


@pytest.mark.both_engines
def test_numbers_page_in_their_own_order_all_or_in_one_state(app: Flask, database: Database, owner: Actor) -> None:
    for _ in range(3):
        an_order(app)
    found = series(app, owner)
    with read(app) as session:

        def page(state: str | None = None, **at: int | None) -> tuple[list[str], int, int | None, int | None]:
            asked = {"after": None, "before": None} | at
            got = number_series.slot_page_of(session, found, state, size=2, **asked)
            return [row.number for row in got.rows], got.first, got.before, got.after

        assert page("held") == (["AM0001", "AM0002"], 1, None, 2)
        assert page("held", after=2) == (["AM0003"], 3, 3, None)
        assert page("held", before=3) == (["AM0001", "AM0002"], 1, None, 2)
        assert page("free") == (["AM0004", "AM0005"], 1, None, 5)
        assert page(after=9997) == (["AM9998", "AM9999"], 9998, 9998, None)
        assert page("waiting") == ([], 0, None, None)


@pytest.mark.parametrize("typed", ["AM0007", "ａｍ ０００７", "7", "0007"])
def test_a_number_is_found_whole_or_by_its_digits(app: Flask, database: Database, owner: Actor, typed: str) -> None:
    found = slot_id(app, owner, typed)
    assert database.one(select(NumberSlot.n).where(NumberSlot.id == found)) == 7


@pytest.mark.parametrize("typed", ["BM0007", "AZ0007", "0", "10000", "abc", "", "①②③④⑤"])
def test_what_is_no_number_of_the_series_is_not_found(app: Flask, owner: Actor, typed: str) -> None:
    with read(app) as session:
        assert number_series.find_slot(session, series(app, owner), typed) is None


@pytest.mark.both_engines
@pytest.mark.req("NUM-6")
def test_the_history_of_a_number_tells_its_orders_and_when_it_was_out_of_use(app: Flask, owner: Actor) -> None:
    now = app.extensions[RUNTIME].clock.now()
    expire(app, an_order(app, now=now - timedelta(days=9)))
    cancel(app, an_order(app, now=now - timedelta(days=2)), now=now - timedelta(days=1))
    found = slot_id(app, owner, "1")
    with app.app_context():
        numbers.retire(found, reason="车牌丢了", actor=owner, now=now)
        numbers.put_back_in_use(found, reason="找到了", actor=owner, now=now)
    an_order(app)
    with read(app) as session:
        page = number_series.slot_page(session, owner, found)
    assert [(row.who, row.to_at is None) for row in page.holders] == [
        ("王*涵", True),
        ("停用", False),
        ("王*涵", False),
        ("王*涵", False),
    ]
    assert [row.status.value if row.status else None for row in page.holders] == [
        "reserved",
        None,
        "cancelled",
        "expired",
    ]
    assert [entry.line.lead for entry in page.entries] == ["恢复编号", "停用编号"]
    assert (page.slot.state, page.may_retire, page.may_put_back) == ("held", False, False)
