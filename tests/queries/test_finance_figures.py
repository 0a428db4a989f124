"""Every figure on the pages of finance equals a sum asked of the ledger in another way, and opens its transfers.

The sums here are SQL of their own over `ledger_transfer`: they know nothing of the sums by day, nor of the flows.
"""

import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import html5lib
import pytest
from flask import Flask
from sqlalchemy import select, text

from app.domain.charges import Purpose
from app.domain.closing import FLOWS, Figure, through
from app.domain.ledger import Account
from app.domain.money import read_yuan
from app.domain.permissions import Role
from app.models.money import LedgerTransfer
from app.queries import closing
from app.queries import ledger as reads
from app.queries.ledger import Within
from app.queries.transfers import TransferFilters, transfers
from app.usecases import ledger_sums
from app.usecases.day_closing import close_day
from app.usecases.ledger_sums import fold
from tests.factories.ledger import MoneyHistory, bills_of
from tests.factories.people import a_member_of_staff
from tests.factories.plans import noted, plan, scanned
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

FIRST, DAYS = date(2026, 3, 1), 3
NOON_AFTER = datetime(2026, 3, 4, 4, tzinfo=UTC)
IN, OUT = "d.code = 'wechat'", "d.code = 'refunds_payable' AND c.code = 'wechat'"
OF_A_DAY = {
    "车款": f"{IN} AND c.code = 'advances' AND t.purpose = 'sale'",
    "租金": f"{IN} AND c.code = 'advances' AND t.purpose = 'rental_fee'",
    "闪充使用费": f"{IN} AND c.code = 'receivables' AND t.purpose = 'flash_fee'",
    "逾期费": f"{IN} AND c.code = 'receivables' AND t.purpose = 'late_fee'",
    "收入小计": f"{IN} AND c.code IN ('advances', 'receivables')",
    "多收和待核实": f"{IN} AND c.code IN ('surplus', 'suspense')",
    "收押金": f"{IN} AND c.code = 'deposits'",
    "退押金": f"{OUT} AND t.purpose = 'deposit'",
    "退款": f"{OUT} AND coalesce(t.purpose, '') <> 'deposit'",
    "净收": "'wechat' IN (d.code, c.code)",
    "微信以外退款": "c.code = 'outside'",
    "应收逾期费": "d.code = 'receivables' AND c.code = 'late_fees'",
    "减免逾期费": "d.code = 'late_fees' AND c.code = 'receivables'",
    "押金扣逾期费": "d.code = 'deposits' AND c.code = 'receivables' AND t.purpose = 'late_fee'",
}
"""Which transfers a figure is made of, by its word."""
STANDING = {"在册押金": "deposits", "应退": "refunds_payable"}
GROWS_BY_DEBIT = ("wechat", "receivables")
NOWHERE, ALL = "不属于门店", "合计"

Figures = dict[str, dict[str, tuple[int, str]]]
"""By row and word: fen, and the address that opens it."""


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff(role=Role.FINANCE, region=None)


@pytest.fixture
def history(app: Flask) -> MoneyHistory:
    """Three days of money, a part of it folded, a part seen, a part neither."""
    history = MoneyHistory(app, 5, FIRST, DAYS)
    history.go_on(260)
    with app.app_context():
        fold()
    history.go_on(40)
    with app.app_context():
        ledger_sums.see_the_newest()
    history.go_on(60)
    return history


def asked(database: Database, sql: str, **values: Any) -> int:
    """One number of the ledger, by raw SQL."""
    with database.read() as session:
        return int(
            session.scalar(
                text(
                    f"SELECT coalesce(sum({sql}) , 0) FROM ledger_transfer AS t"  # words of ours
                    " JOIN ledger_account AS d ON d.id = t.debit_id JOIN ledger_account AS c ON c.id = t.credit_id"
                    " LEFT JOIN region AS r ON r.id = t.region_id"
                ),
                values,
            )
            or 0
        )


def within(row: str) -> str:
    """The condition of a row: a region, what belongs to none, or all."""
    if row == NOWHERE:
        return "t.region_id IS NULL"
    return "1 = 1" if row == ALL else f"r.letter = '{row[0]}'"


def day_by_hand(database: Database, word: str, row: str, on_day: date) -> int:
    """A figure of a day: what leaves our account at WeChat is negative."""
    sign = "CASE WHEN c.code = 'wechat' THEN -t.amount_fen ELSE t.amount_fen END"
    where = f"{OF_A_DAY[word]} AND {within(row)} AND t.booked_on = :day"
    return asked(database, f"CASE WHEN {where} THEN {sign} ELSE 0 END", day=on_day.isoformat())


def balance_by_hand(database: Database, account: str, row: str, until: date | None) -> int:
    """What an account holds on its own side at the end of a day."""
    side = 1 if account in GROWS_BY_DEBIT else -1
    day = "t.booked_on <= :day" if until else "1 = 1"
    amount = f"CASE '{account}' WHEN d.code THEN t.amount_fen WHEN c.code THEN -t.amount_fen ELSE 0 END"
    values = {"day": until.isoformat()} if until else {}
    return side * asked(database, f"CASE WHEN {within(row)} AND {day} THEN {amount} ELSE 0 END", **values)


def fen_of(words: str) -> int:
    words = words.strip()
    return -read_yuan(words[1:]) if words.startswith("−") else read_yuan(words)


def tables_of(page: str) -> Iterator[Any]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return tree.iter("table")


def words_in(element: Any) -> str:
    return "".join(element.itertext()).strip()


def figures_of(page: str) -> Figures:
    """The figures of a page's table."""
    found: Figures = {}
    for table in tables_of(page):
        for row in table.iter("tr"):
            cells = [cell for cell in row.iter("td") if cell.get("data-word")]
            if cells:
                links = [(cell.get("data-word"), next(cell.iter("a"))) for cell in cells]
                found[words_in(row.find("th"))] = {
                    word: (fen_of(words_in(link)), link.get("href")) for word, link in links
                }
    return found


def beside(page: str) -> dict[str, tuple[int, str]]:
    """The figures below the table."""
    (note,) = re.findall(r'<p class="sums-note">(.*?)</p>', page, re.DOTALL)
    found = re.findall(r'<span>(\S+) <a href="([^"]+)">([^<]+)</a></span>', note)
    return {word: (fen_of(words), href.replace("&amp;", "&")) for word, href, words in found}


def opened(client: LawfulClient, url: str) -> int:
    """What the transfers come to that a figure opens."""
    page = client.get(url)
    assert page.status_code == 200
    (words,) = re.findall(r'<span class="sum-words">合计 ([^<]+)</span>', page.text)
    return fen_of(words)


@pytest.mark.both_engines
@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("region", ["all", "B"])
def test_a_days_figures_are_the_ledgers(database: Database, finance: LawfulClient, region: str) -> None:
    seen = 0
    for nth in range(DAYS):
        on_day = FIRST + timedelta(days=nth)
        page = finance.get(f"/finance?day={on_day}&region={region}").text
        figures = figures_of(page)
        rows = [row[0] for row in figures if row not in (NOWHERE, ALL)]
        assert (rows, len(figures)) == ((["A", "B", "C"], 5) if region == "all" else ([region], 1))
        for row, cells in figures.items():
            for word, (fen, url) in cells.items():
                assert fen == day_by_hand(database, word, row, on_day), (row, word)
                assert on_day != FIRST or opened(finance, url) == fen, url  # every link of one page
                seen += fen != 0
        last_row = list(figures)[-1]
        for word, (fen, url) in beside(page).items():
            if word in STANDING:
                assert fen == balance_by_hand(database, STANDING[word], last_row, on_day), word
            else:
                assert fen == day_by_hand(database, word, last_row, on_day), word
            assert on_day != FIRST or opened(finance, url) == fen, url
    assert seen > 10  # most are not zero


@pytest.mark.both_engines
@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("region", ["all", "B"])
def test_the_balances_are_the_ledgers(database: Database, finance: LawfulClient, region: str) -> None:
    for until in (None, FIRST):
        day = f"&day={until}" if until else ""
        page = finance.get(f"/finance/ledger?region={region}{day}").text
        links = re.findall(r'<td role="cell">\s*<a href="([^"]+)"[^>]*>([^<]+)</a>', page)
        assert len(links) == len(Account)
        for href, words in links:
            url = href.replace("&amp;", "&")
            (account,) = re.findall(r"of=(\w+)", url)
            row = ALL if region == "all" else region
            assert fen_of(words) == balance_by_hand(database, account, row, until), account
            assert opened(finance, url) == fen_of(words)
        (assets, others) = re.findall(r"资产 (\S+) = 负债 \+ 收入 ([^<\s]+)", page)[0]
        assert assets == others


@pytest.mark.both_engines
@pytest.mark.usefixtures("history")
def test_the_days_of_a_month_are_the_ledgers(database: Database, finance: LawfulClient) -> None:
    figures = figures_of(finance.get("/finance/days?month=2026-03&region=C").text)
    for row, cells in figures.items():
        for word, (fen, url) in cells.items():
            on_day = date.fromisoformat(row[:10])
            assert fen == day_by_hand(database, word, "C", on_day), (row, word)
            assert on_day != FIRST or opened(finance, url) == fen, url
    assert sum(any(fen for fen, _ in cells.values()) for cells in figures.values()) == DAYS


@pytest.mark.both_engines
def test_a_closed_day_shows_the_same_whatever_comes_later(
    app: Flask, database: Database, finance: LawfulClient, history: MoneyHistory
) -> None:
    url = f"/finance?day={FIRST}"
    before = finance.get(url).text
    bills_of(database, FIRST)
    with app.app_context():
        assert close_day(FIRST, actor=finance.actor, now=NOON_AFTER)
    history.go_on(60, FIRST)
    after = finance.get(url).text
    assert "已关账" in after
    assert figures_of(after) == figures_of(before)
    assert beside(after) == beside(before)
    for row, cells in figures_of(after).items():
        for word, (fen, _) in cells.items():
            assert fen == day_by_hand(database, word, row, FIRST)


@pytest.mark.both_engines
@pytest.mark.usefixtures("history")
def test_a_list_of_transfers_has_each_once_with_their_number_and_sum(app: Flask, database: Database) -> None:
    chance = random.Random(7)  # noqa: S311  # the same in every run
    actor = a_member_of_staff(app, role=Role.FINANCE, region=None)
    everything = database.all(
        select(LedgerTransfer).order_by(LedgerTransfer.booked_on.desc(), LedgerTransfer.id.desc())
    )
    accounts = accounts_of(app)
    for _ in range(60):
        filters = some_filters(chance, everything)
        wanted = [row for row in everything if fits(filters, row, accounts)]
        rows = pages_of(app, actor, filters, size=chance.choice([7, 20]))
        assert [row.id for row in rows] == [row.id for row in wanted], filters


def accounts_of(app: Flask) -> dict[int, Account]:
    with read(app) as session:
        return {row_id: account for account, row_id in reads.account_ids(session).items()}


def some_filters(chance: random.Random, rows: Any) -> TransferFilters:
    first = FIRST + timedelta(days=chance.randrange(DAYS))
    person = chance.choice([row.customer_id for row in rows if row.customer_id])
    flows = [(), *FLOWS.values(), *(through(account) for account in Account)]
    return TransferFilters(
        region_id=chance.choice([None, None, *{row.region_id for row in rows if row.region_id}]),
        nowhere=chance.random() < 0.1,
        first=chance.choice([None, first]),
        last=chance.choice([None, first + timedelta(days=chance.randrange(DAYS))]),
        flows=chance.choice(flows),
        purpose=chance.choice([None, None, *Purpose]),
        customer_id=chance.choice([None, None, person]),
    )


def fits(filters: TransferFilters, row: LedgerTransfer, accounts: dict[int, Account]) -> bool:
    """The same, asked of one row after the other."""
    debit, credit = accounts[row.debit_id], accounts[row.credit_id]
    return (
        (row.region_id is None if filters.nowhere else filters.region_id in (None, row.region_id))
        and (filters.first or row.booked_on) <= row.booked_on <= (filters.last or row.booked_on)
        and (not filters.flows or any(flow.holds(debit, credit, row.purpose) for flow in filters.flows))
        and filters.purpose in (None, row.purpose)
        and filters.customer_id in (None, row.customer_id)
    )


def pages_of(app: Flask, actor: Any, filters: TransferFilters, size: int) -> list[Any]:
    """All pages down and up again; their places, number and sum are right on each."""
    with read(app) as session:
        pages = [transfers(session, actor, filters, after=None, before=None, size=size)]
        while pages[-1].older:
            pages.append(transfers(session, actor, filters, after=pages[-1].older, before=None, size=size))
        rows = [row for page in pages for row in page.rows]
        for page, following in pairwise(pages):
            assert following.first == page.last + 1
            assert following.newer is not None
            back = transfers(session, actor, filters, after=None, before=following.newer, size=size)
            assert back.rows == page.rows
        amount_fen = sum(row.sign * row.amount_fen for row in rows)
        assert {(page.total, page.amount_fen) for page in pages} == {(len(rows), amount_fen)}
        assert pages[0].first == bool(rows)
        return rows


LARGE = ("ledger_transfer", "orders", "customer", "identity", "battery_use", "charge", "payment", "refund", "deposit")
MOST_STATEMENTS = 12
IN_ORDER = "SCAN ledger_transfer USING COVERING INDEX ix_ledger_transfer_booked_on"
"""Of all transfers the newest: SQLite walks along this index, as far as the page goes."""


@pytest.mark.both_engines
@pytest.mark.usefixtures("history")
def test_no_figure_and_no_list_reads_the_ledger_from_end_to_end(app: Flask, database: Database) -> None:
    """However much there is: SQLite plans by the shape of the indexes, PostgreSQL is told to use one if it can."""
    with app.app_context():
        fold()
    if database.engine_name == "postgresql":
        database.execute("ANALYZE")
    actor = a_member_of_staff(app, role=Role.FINANCE, region=None)
    somebody = next(row.customer_id for row in database.all(select(LedgerTransfer)) if row.customer_id)
    lists = [
        TransferFilters(),
        TransferFilters(first=FIRST, last=FIRST),
        TransferFilters(region_id=1, first=FIRST),
        TransferFilters(nowhere=True, first=FIRST, last=FIRST),
        TransferFilters(customer_id=somebody),
        TransferFilters(order_id=1),
        TransferFilters(deposit_id=1),
        *(TransferFilters(flows=through(account)) for account in Account),
        *(TransferFilters(flows=FLOWS[figure], first=FIRST, last=FIRST) for figure in Figure),
    ]
    with read(app) as session:
        for asks in (
            lambda: reads.sums(session, Within()),
            lambda: closing.day_of(session, actor, None, FIRST),
            lambda: closing.days_of(session, actor, None, FIRST, FIRST + timedelta(days=30)),
            lambda: closing.in_the_way(session, FIRST, NOON_AFTER),
            *(_lists(session, actor, filters) for filters in lists),
        ):
            with noted() as statements:
                asks()
            assert len(statements) <= MOST_STATEMENTS
            for statement, values in statements:
                steps = plan(database, statement, values)
                assert [step for step in scanned(steps, LARGE) if IN_ORDER not in step] == [], (statement, steps)


def _lists(session: Any, actor: Any, filters: TransferFilters) -> Any:
    """A page, the next one, and the one before it."""

    def ask() -> None:
        page = transfers(session, actor, filters, after=None, before=None, size=5)
        assert page.first in (0, 1)

    return ask
