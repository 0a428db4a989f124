"""日结: a day's money for each store, closing the day, and the days of a month (decision 33)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Response, url_for

from app.blueprints.finance import words
from app.blueprints.finance.forms import NOWHERE, CloseForm, DayForm, MonthForm
from app.blueprints.finance.section import bp, region_kept, transfers_url
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.closing import EARNED, LATE, OUT, STANDING, Figure
from app.domain.errors import Forbidden, Rule, RuleBroken
from app.domain.labels import Badge
from app.domain.money import yuan
from app.domain.permissions import Permission
from app.queries import closing
from app.queries.closing import Books, Closed, Day
from app.usecases.day_closing import close_day
from app.web import formats
from app.web.current import actor, now
from app.web.forms import from_query
from app.web.guards import requires
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session
from app.web.regions import ALL, Chosen, chosen_region, switch_entries

BOLD = (Figure.INCOME, Figure.NET)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure, and the transfers that it is made of."""

    word: str
    fen: int
    url: str
    bold: bool = False

    @property
    def text(self) -> str:
        """`1,234.00`: the page says the unit once."""
        return yuan(self.fen)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one store, of what belongs to none, or of all together."""

    title: str
    cells: tuple[Cell, ...]
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day of a month."""

    on_day: date
    url: str
    cells: tuple[Cell, ...]
    closed: Closed | None
    badge: Badge


@bp.get("/finance")
@requires(Permission.LEDGER_VIEW)
def daily() -> Response:
    """A day's figures; yesterday's unless the URL has another."""
    chosen = chosen_region(Permission.LEDGER_VIEW)
    today = business_day(now())
    on_day = min(from_query(DayForm).day.data or today - DAY, today)
    day = closing.day_of(read_session(), actor(), chosen.id, on_day)
    broken = None if day.closed else closing.in_the_way(read_session(), on_day, now())

    def link(to: date) -> str:
        return url_for(".daily", day=to, region=region_kept(chosen))

    may_close = actor().scope(Permission.DAY_CLOSE).everywhere
    figures = _columns(day)
    return render(
        "finance/daily.html",
        regions=switch_entries(chosen),
        region=region_kept(chosen),
        on_day=on_day,
        today=today,
        closed=day.closed,
        why_not=labels.refusal(broken) if broken else "",
        remedy=_remedy(broken, on_day, chosen) if broken else None,
        close_url=url_for(".close_sheet", day=on_day) if may_close and not day.closed and not broken else "",
        may_close=may_close and not day.closed,
        older_url=link(on_day - DAY),
        newer_url=link(on_day + DAY) if on_day < today else "",
        month_url=url_for(".days", month=f"{on_day:%Y-%m}", region=region_kept(chosen)),
        rows=_rows(day, chosen, figures),
        meanings=[(words.FIGURE[figure], words.MEANING[figure]) for figure in figures],
        standing=_standing(day, chosen),
        beside=_beside(day, chosen),
        labels=labels,
    )


def _remedy(broken: RuleBroken, on_day: date, chosen: Chosen) -> tuple[str, str] | None:
    """Where what stands in the way is dealt with: address and words."""
    if broken.rule is Rule.DAY_BEFORE_OPEN:
        return url_for(".daily", day=broken.facts["day"], region=region_kept(chosen)), "看那一天"
    if broken.rule in (Rule.DAY_WITHOUT_BILLS, Rule.DAY_DIFFERENCES_OPEN) and actor().may(Permission.BILLS_RECONCILE):
        return url_for(".bills", day=on_day, region=region_kept(chosen)), "看对账"
    return None


def _columns(day: Day) -> list[Figure]:
    """The columns; one for money that nobody has judged only where there is some."""
    unsettled = [Figure.UNSETTLED] if any(books.figures[Figure.UNSETTLED] for books in day.books.values()) else []
    return [*EARNED, Figure.INCOME, *unsettled, Figure.DEPOSITS_IN, *OUT, Figure.NET]


def _rows(day: Day, chosen: Chosen, figures: Sequence[Figure]) -> list[Row]:
    rows = [
        _row(region.title, day.books[region.id], figures, day.on_day, region=region.letter)
        for region in chosen.offered
        if region.id in day.books
    ]
    nowhere = day.books.get(None, Books())
    if not nowhere.is_empty:
        rows.append(_row("不属于门店", nowhere, figures, day.on_day, region=ALL, place=NOWHERE))
    if len(rows) > 1:
        rows.append(_row("合计", day.total, figures, day.on_day, region=ALL, is_total=True))
    return rows


def _row(
    title: str,
    books: Books,
    figures: Sequence[Figure],
    on_day: date,
    *,
    region: str,
    place: str | None = None,
    is_total: bool = False,
) -> Row:
    cells = (_cell(figure, books, on_day, region, place) for figure in figures)
    return Row(title, tuple(cells), is_total)


def _cell(figure: Figure, books: Books, on_day: date, region: str | None, place: str | None = None) -> Cell:
    url = transfers_url(**{"from": on_day, "to": on_day}, of=figure, region=region, place=place)
    return Cell(words.FIGURE[figure], books.figures[figure], url, figure in BOLD)


def _standing(day: Day, chosen: Chosen) -> list[Cell]:
    """在册押金 and 应退 at the end of the day."""
    total = day.total
    return [
        Cell(
            words.STANDING[account],
            total.standing[account],
            transfers_url(to=day.on_day, of=account, region=region_kept(chosen)),
        )
        for account in STANDING
    ]


def _beside(day: Day, chosen: Chosen) -> list[Cell]:
    """What happened to late fees on that day; and what went back outside WeChat, where something did."""
    total = day.total
    figures = [*LATE, *([Figure.PAID_OUTSIDE] if total.figures[Figure.PAID_OUTSIDE] else [])]
    return [_cell(figure, total, day.on_day, region_kept(chosen)) for figure in figures]


@bp.get("/finance/days")
@requires(Permission.LEDGER_VIEW)
def days() -> Response:
    """The days of a month up to today: income, what the account grew by, and whether they are closed."""
    chosen = chosen_region(Permission.LEDGER_VIEW)
    today = business_day(now())
    first = min(from_query(MonthForm).month.data or today, today).replace(day=1)
    after = (first + 31 * DAY).replace(day=1)
    last = min(after - DAY, today)
    found = closing.days_of(read_session(), actor(), chosen.id, first, last)

    def link(month: date) -> str:
        return url_for(".days", month=f"{month:%Y-%m}", region=region_kept(chosen))

    return render(
        "finance/days.html",
        regions=switch_entries(chosen),
        region=region_kept(chosen),
        month=first,
        this_month=today,
        scope=chosen.scope_words,
        older_url=link(first - DAY),
        newer_url=link(after) if after <= today else "",
        rows=[
            DayRow(
                day.on_day,
                url_for(".daily", day=day.on_day, region=region_kept(chosen)),
                tuple(_cell(figure, day.total, day.on_day, region_kept(chosen)) for figure in words.OF_A_MONTH),
                day.closed,
                labels.DAY_CLOSED if day.closed else labels.DAY_OPEN,
            )
            for day in found
        ],
        heads=[words.FIGURE[figure] for figure in words.OF_A_MONTH],
    )


@bp.get("/finance/close")
@requires(Permission.DAY_CLOSE)
def close_sheet() -> Response:
    """What closing a day means. A day that cannot be closed says why."""
    _require_everywhere()
    on_day = from_query(DayForm).day.data
    if on_day is None or closing.is_closed(read_session(), on_day):  # a colleague was faster: its page says who
        return see_other(url_for(".daily", day=on_day))
    if broken := closing.in_the_way(read_session(), on_day, now()):
        raise broken
    return _close_sheet(on_day)


@bp.post("/finance/close")
@requires(Permission.DAY_CLOSE)
def close() -> Response:
    """Closes the day that was looked at. Its page is the receipt."""
    _require_everywhere()
    form = CloseForm()
    if not form.validate():
        return see_other(url_for(".daily"))
    on_day = form.day.data
    forget_reads()
    try:
        close_day(on_day, actor=actor(), now=now())
    except RuleBroken as broken:
        return _close_sheet(on_day, problem=labels.refusal(broken), status=422)
    return see_other(url_for(".daily", day=on_day))


def _require_everywhere() -> None:
    """A day is closed for all regions at once."""
    if not actor().scope(Permission.DAY_CLOSE).everywhere:
        raise Forbidden(Permission.DAY_CLOSE.value)


def _close_sheet(on_day: date, *, problem: str = "", status: int = 200) -> Response:
    day = closing.day_of(read_session(), actor(), None, on_day)
    return render(
        "finance/close.html",
        block="sheet",
        status=status,
        on_day=on_day,
        after=on_day + DAY,
        facts=[(words.FIGURE[figure], formats.yuan(day.total.figures[figure])) for figure in words.OF_A_CLOSING],
        net_fen=day.total.figures[Figure.NET],
        problem=problem,
    )
