"""The lists of orders read by an index whatever one filter is set, on both engines, in a bounded number of statements.

The list is asked with 20,000 orders. The other pages are asked with 2,000: SQLite plans by the shape of the indexes,
so its plan is the same.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.calendar import business_day
from app.domain.deposits import DepositKind
from app.domain.finding import read_search
from app.domain.permissions import Role
from app.domain.standing import RENTAL_STATES, RENTAL_TODOS, SALE_STATES, SALE_TODOS
from app.models.money import Payment
from app.models.orders import Order
from app.models.people import Identity
from app.queries import card_reviews, deposit_list, deposit_page, home, suspects
from app.queries import order_page as pages
from app.queries.deposit_list import DepositFilters, DepositTab
from app.queries.orders import RENTED, OrderFilters, order_list
from app.queries.paging import Key
from app.web.current import RUNTIME
from tests.factories.bulk import many_orders
from tests.factories.people import a_member_of_staff
from tests.factories.plans import noted, plan, scanned
from tests.factories.reading import read
from tests.factories.rentals import a_rental_order
from tests.fixtures.databases import Database

LARGE = (
    "audit",
    "ledger_transfer",
    "number_holding",
    "outbox",
    "pickup_attempt",
    "orders",
    "order_day",
    "charge",
    "payment",
    "refund",
    "customer",
    "identity",
    "identity_key",
    "restriction",
    "rental",
    "deposit",
    "deposit_withholding",
    "student_card",
    "battery_use",
)
LATE_KEY = Key(datetime(2026, 12, 1, tzinfo=UTC), 1)
MOST_STATEMENTS = 6
"""People of a name twice at most, listings of a model, the page, its rows, the counts, the place of the page."""


NOT_DONE_YET = re.compile(r"USING INDEX ix_(rental|battery_use)_(out|unsettled|freezes_on|debt)")


def wholly_read(database: Database, statement: str, parameters: Any) -> list[str]:
    """The steps that read a large table from end to end; an index of what is not done yet may be read whole."""
    return [step for step in scanned(plan(database, statement, parameters), LARGE) if not NOT_DONE_YET.search(step)]


@pytest.mark.both_engines
@pytest.mark.req("ORD-3")
@pytest.mark.timeout(400)
def test_any_one_filter_reads_by_an_index(app: Flask, database: Database) -> None:
    many_orders(app, 20_000)
    if database.engine_name == "postgresql":
        database.execute("ANALYZE")
    owner = a_member_of_staff(app, role=Role.OWNER, region=None)
    clerk = a_member_of_staff(app, role=Role.CLERK, region="B")
    now = app.extensions[RUNTIME].clock.now()
    today = business_day(now)
    newest = database.all(select(Order).order_by(Order.id.desc()).limit(1))[0]
    person = database.all(select(Identity).where(Identity.customer_id == newest.customer_id))[0]
    transaction = database.all(select(Payment.transaction_id).where(Payment.transaction_id.is_not(None)).limit(1))[0]
    filters = [
        OrderFilters(),
        OrderFilters(region_id=newest.region_id),
        *(OrderFilters(state=state) for state in SALE_STATES),
        *(OrderFilters(first_on=today - timedelta(days=days - 1), last_on=today) for days in (1, 7, 30, 365)),
        OrderFilters(model_id=1),
        *(OrderFilters(todo=todo) for todo in SALE_TODOS),
        OrderFilters(RENTED),
        OrderFilters(RENTED[1:], region_id=newest.region_id),
        *(OrderFilters(RENTED, state=state) for state in RENTAL_STATES),
        *(OrderFilters(RENTED, first_on=today - timedelta(days=days - 1), last_on=today) for days in (1, 365)),
        OrderFilters(RENTED, model_id=1),
        *(OrderFilters(RENTED, todo=todo) for todo in RENTAL_TODOS),
        *(OrderFilters(RENTED, search=read_search(typed)) for typed in (newest.number[-4:], person.name, transaction)),
        *(
            OrderFilters(search=read_search(typed))
            for typed in (
                newest.number,
                newest.number[-4:],
                newest.order_no,
                person.phone,
                person.name,
                person.name[-2:],
                "wang",
                "wxh",
                transaction,
                f"{newest.order_no}-1-abcdef",
            )
        ),
    ]
    for actor in (owner, clerk):
        for wanted in filters:
            with read(app) as session, noted() as statements:
                first = order_list(session, actor, wanted, after=None, before=None, size=20, now=now)
            assert len(statements) <= MOST_STATEMENTS, wanted
            with read(app) as session, noted() as more:
                order_list(session, actor, wanted, after=first.page.older, before=None, size=20, now=now)
            assert len(more) <= MOST_STATEMENTS, wanted
            for statement, parameters in (*statements, *more):
                assert not wholly_read(database, statement, parameters), f"{wanted}\n{statement}"


@pytest.mark.both_engines
def test_home_and_what_waits_for_a_person_read_by_an_index(app: Flask, database: Database) -> None:
    many_orders(app, 2_000)
    if database.engine_name == "postgresql":
        database.execute("ANALYZE")
    now = app.extensions[RUNTIME].clock.now()
    rental = a_rental_order(app, database, picked_up=True)
    rental_of_b = a_rental_order(app, database, region="B", deposit=DepositKind.FLASH, picked_up=True)
    for role, region in ((Role.OWNER, None), (Role.MANAGER, "B")):
        actor = a_member_of_staff(app, role=role, region=region)
        with read(app) as session, noted() as statements:
            home.waiting(session, actor, region_id=None, now=now)
            home.today(session, actor, region_id=None, now=now)
            home.orders_by_day(session, actor, region_id=None, last_on=business_day(now))
            suspects.trouble_counts(session, actor, region_id=None)
            suspects.trouble_page(session, actor, region_id=None, trouble=None, after=None, before=None, size=50)
            pages.order_page(session, actor, rental if region is None else rental_of_b, now)
            deposit_page.deposit_page(session, actor, 1 if region is None else 2, now)
            for tab in DepositTab:
                deposit_list.deposit_list(
                    session, actor, tab, DepositFilters(), after=None, before=LATE_KEY, size=20, now=now
                )
            for typed in ("AZ0001", "0001", "王晓涵", "D26112400001-1-abcdef"):
                filters = DepositFilters(search=read_search(typed))
                deposit_list.deposit_list(
                    session, actor, DepositTab.HELD, filters, after=None, before=None, size=20, now=now
                )
            for status in card_reviews.LISTED:
                card_reviews.card_list(
                    session, actor, status, region_id=None, since=now, after=None, before=LATE_KEY, size=20
                )
            card_reviews.card_review(
                session, actor, 1 if region is None else 2, region_id=None, vault=app.extensions[RUNTIME].vault
            )
        assert len(statements) > 8
        for statement, parameters in statements:
            assert not wholly_read(database, statement, parameters), statement


@pytest.mark.both_engines
def test_a_read_without_an_index_would_be_seen(database: Database) -> None:
    with noted() as statements:
        database.all(select(Order.id).where(Order.colour == "曜石黑"))
    ((statement, parameters),) = statements
    assert wholly_read(database, statement, parameters)
