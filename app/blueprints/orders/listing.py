"""The two lists of orders in terms of their URLs: filters, links, tabs, and what an empty list says. ORD-1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from app.blueprints.orders import words
from app.blueprints.orders.forms import ALL_TIME, RANGES, USUAL_RANGE, USUAL_SIZE, OrderFilterForm, days_of
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.finding import Shape, read_search
from app.domain.numbering import Business
from app.domain.standing import RENTAL_STATES, RENTAL_TODOS, SALE_STATES, SALE_TODOS, OrderState, Todo
from app.queries import orders
from app.queries.orders import ModelRow, OrderFilters
from app.web.current import actor
from app.web.formats import yuan
from app.web.reading import read_session
from app.web.regions import ALL, Chosen

MOST_WIDENINGS = 2
EXAMPLES = "编号 AM0001、四位尾号、订单号、11 位手机号、两个字以上的姓名、拼音或首字母、微信支付单号、商户单号"


@dataclass(frozen=True, slots=True)
class Screen:
    """One of the two lists. All of both is the same but for what stands here."""

    name: str
    title: str
    businesses: tuple[Business, ...]
    states: tuple[OrderState, ...]
    todos: tuple[Todo, ...]
    money: str  # what the price is called

    @property
    def endpoint(self) -> str:
        """Of its page."""
        return f"orders.{self.name}"

    @property
    def has_late(self) -> bool:
        """Whether its vehicles come back, and may be late."""
        return Todo.LATE in self.todos


SALES = Screen("sale_orders", "买车订单", orders.SALES, SALE_STATES, SALE_TODOS, "应付")
RENTALS = Screen("rental_orders", "租车订单", orders.RENTED, RENTAL_STATES, RENTAL_TODOS, "租金")


def screen_of(business: Business) -> Screen:
    """The list that orders of a business stand in."""
    return SALES if business in SALES.businesses else RENTALS


@dataclass(frozen=True, slots=True)
class ListLinks:
    """Links to a list with what it is filtered by, and one thing changed. A change begins at the first page again."""

    screen: Screen
    kept: dict[str, str]

    def to(self, **changed: str | None) -> str:
        """The link; None takes a filter away."""
        return query_url(self.screen.endpoint, {**self.kept, **changed})

    def to_state(self, state: OrderState | None) -> str:
        """The link of a tab. What is late is a tab itself, which another one leaves."""
        left = {"todo": None} if self.kept.get("todo") == Todo.LATE else {}
        return self.to(state=state.value if state else None, **left)

    def to_late(self) -> str:
        """The link to what is late, whenever it was reserved."""
        return self.to(**{"todo": Todo.LATE.value, "state": None, "range": None, "from": None, "to": None})

    def of_range(self, range_: str) -> str:
        """The link with other days."""
        return self.to(**{"range": range_, "from": None, "to": None})


def query_url(endpoint: str, values: Mapping[str, str | None]) -> str:
    """A URL whose query holds what has a value."""
    return f"{url_for(endpoint)}?{urlencode({name: value for name, value in values.items() if value})}".rstrip("?")


def scope_words(chosen: Chosen) -> str:
    """What stands beside the title."""
    region = chosen.region
    return f"{f'{region.letter} {region.name}' if region else chosen.scope_words}，按预约时间，新的在前"


def filters_of(
    screen: Screen, form: OrderFilterForm, region_id: int | None, today: date, *, models: Sequence[int] | None = None
) -> OrderFilters:
    """What the panel and the region switch ask for; of `models`, where they are known, a model."""
    first_on, last_on = form.span(today)
    return OrderFilters(
        businesses=next(((one,) for one in screen.businesses if one == form.business.data), screen.businesses),
        region_id=region_id,
        state=next((state for state in screen.states if state == form.state.data), None),
        first_on=first_on,
        last_on=last_on,
        model_id=form.model.data if models is None or form.model.data in models else None,
        todo=next((todo for todo in screen.todos if todo == form.todo.data), None),
        search=read_search(form.q.data),
    )


def kept_of(screen: Screen, form: OrderFilterForm, chosen: Chosen, filters: OrderFilters) -> dict[str, str]:
    """What stands in every link of the page: only what differs from a page without any filter, and the region."""
    kept: dict[str, str] = {}
    if len(chosen.offered) > 1:
        kept["region"] = chosen.region.letter if chosen.region else ALL
    if pressed := form.chosen_range():
        kept["range"] = pressed
    elif form.from_on.data or form.to_on.data:
        kept |= {"from": str(filters.first_on or ""), "to": str(filters.last_on or "")}
    if filters.businesses != screen.businesses:
        kept["business"] = filters.businesses[0].value
    if filters.state:
        kept["state"] = filters.state.value
    if filters.model_id:
        kept["model"] = str(filters.model_id)
    if filters.todo:
        kept["todo"] = filters.todo.value
    if filters.search:
        kept["q"] = form.q.data
    if form.size.data != USUAL_SIZE:
        kept["size"] = str(form.size.data)
    return kept


def written_out(filters: OrderFilters) -> dict[str, Any]:
    """The days of a filter, so that they mean the same tomorrow."""
    first, last = filters.first_on, filters.last_on
    return {"from": first, "to": last, "range": None if first or last else ALL_TIME}


def ranges_of(filters: OrderFilters, today: date) -> list[tuple[str, str, str, str, bool]]:
    """The segmented buttons: (value, label, first day, last day, current)."""
    spans = {value: days_of(value, today) for value in RANGES}
    return [
        (value, RANGES[value], str(first), str(last), (first, last) == (filters.first_on, filters.last_on))
        for value, (first, last) in spans.items()
    ]


def tabs_of(
    found: orders.OrderList, form: OrderFilterForm, filters: OrderFilters, links: ListLinks, now: datetime
) -> list[tuple[str, str, int, bool]]:
    """A tab for each state, and for rentals one more for what is late: (link, word, count, current).

    A search looks for one thing: what is late shows in its row.
    """
    screen, is_late = links.screen, filters.todo is Todo.LATE
    parts = found.parts
    if is_late:  # the other tabs leave it, and count what they will show
        first_on, last_on = form.span(business_day(now), todo=False)
        others = replace(filters, todo=None, first_on=first_on, last_on=last_on)
        parts = orders.tallies(read_session(), actor(), others, now)
    states: list[OrderState | None] = [None, *screen.states]
    tabs = [
        (
            links.to_state(state),
            labels.ORDER_STATE[state] if state else "全部订单",
            orders.tally_of(parts, state).orders,
            filters.state is state and not is_late,
        )
        for state in states
    ]
    if screen.has_late and (is_late or filters.search is None):
        late = replace(filters, todo=Todo.LATE, state=None, first_on=None, last_on=None)
        count = found.total if is_late else orders.how_many(read_session(), actor(), late, now)
        tabs.append((links.to_late(), "逾期", count, is_late))
    return tabs


def owed_words(found: orders.OrderList, filters: OrderFilters) -> str:
    """The sum at the right of the tabs. A closed order owes nothing: its tab has none."""
    if filters.state in (OrderState.CANCELLED, OrderState.EXPIRED):
        return ""
    return f"应收合计 {yuan(found.owed_fen(filters.state))}"


def tab_keep(links: ListLinks) -> dict[str, str]:
    """What the panel repeats though it has no field for it: the state, and that no day is meant."""
    kept = {"state": links.kept["state"]} if "state" in links.kept else {}
    return kept | ({"range": ALL_TIME} if links.kept.get("range") == ALL_TIME else {})


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says: what is missing in the filter's words, and the likeliest widenings."""

    title: str
    text: str
    acts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a search finds in the other list."""

    title: str
    orders: int
    url: str


def elsewhere_of(form: OrderFilterForm, filters: OrderFilters, screen: Screen, now: datetime) -> Elsewhere | None:
    """The other list, if the search finds anything there."""
    if filters.search is None or filters.search.shape is Shape.UNREADABLE:
        return None
    other = RENTALS if screen is SALES else SALES
    wanted = OrderFilters(other.businesses, filters.region_id, search=filters.search)
    found = orders.how_many(read_session(), actor(), wanted, now)
    return Elsewhere(other.title, found, query_url(other.endpoint, {"q": form.q.data})) if found else None


def empty_of(
    filters: OrderFilters,
    chosen: Chosen,
    models: list[ModelRow],
    links: ListLinks,
    found: orders.OrderList,
    elsewhere: Elsewhere | None,
    now: datetime,
) -> Empty:
    """The empty state of a filter."""
    screen = links.screen
    if filters.search and filters.search.shape is Shape.UNREADABLE:
        return Empty(
            f"看不懂{words.search_words(filters.search)}",
            f"可以找：{EXAMPLES}。",
            [("清空查找", links.to(q=None))],
        )
    model = next((row.name for row in models if row.id == filters.model_id), "")
    label = next((label for _, label, _, _, current in ranges_of(filters, business_day(now)) if current), "")
    what = "、".join(
        part
        for part in (
            words.search_words(filters.search) if filters.search else "",
            labels.TODO[filters.todo] if filters.todo else "",
            labels.ORDER_STATE[filters.state] if filters.state else "",
            labels.BUSINESS[filters.businesses[0]] if filters.businesses != screen.businesses else "",
            model,
        )
        if part
    )
    place = chosen.region.store_name or chosen.region.name if chosen.region else ""
    days = words.span_words(filters.first_on, filters.last_on, label)
    title = f"{place}{days}{'还' if not (place or days or what) else ''}没有{_of(what)}{screen.title}"
    wider = _widenings(filters, chosen, links, found, elsewhere, now)
    text = "；".join(said for said, _ in wider)
    acts = [act for _, act in wider]
    if not wider and not what:
        return Empty(title, "用户在手机上预约以后，订单就列在这里。", [])
    return Empty(title, f"{text}。" if text else "换一个条件再找。", acts or [("清空筛选", url_for(screen.endpoint))])


def _of(what: str) -> str:
    """`尾号 2047 的`, `已预约的`: a digit or a Latin letter stands apart from Chinese."""
    return f"{what}{' ' if what[-1].isascii() else ''}的" if what else ""


def _widenings(
    filters: OrderFilters,
    chosen: Chosen,
    links: ListLinks,
    found: orders.OrderList,
    elsewhere: Elsewhere | None,
    now: datetime,
) -> list[tuple[str, tuple[str, str]]]:
    """The first two ways to widen the filter that would show something: (what there is, (button, link))."""

    def there_are(**changed: Any) -> int:
        return orders.how_many(read_session(), actor(), replace(filters, **changed), now)

    ways: list[tuple[str, tuple[str, str]]] = []
    if elsewhere:
        ways.append((f"{elsewhere.title}里有 {elsewhere.orders} 单符合", (f"看{elsewhere.title}", elsewhere.url)))
    if filters.state and found.total:
        ways.append((f"其他状态有 {found.total} 单符合", ("看全部状态", links.to(state=None))))
    if chosen.region and len(chosen.offered) > 1 and (n := there_are(region_id=None)):
        ways.append((f"其他区域有 {n} 单符合", ("看全部区域", links.to(region=ALL))))
    for value in (USUAL_RANGE, ALL_TIME):
        first_on, last_on = days_of(value, business_day(now))
        wider = filters.first_on is not None and (first_on is None or first_on < filters.first_on)
        if len(ways) < MOST_WIDENINGS and wider and (n := there_are(first_on=first_on, last_on=last_on)):
            said = f"把时间放宽到{RANGES[value]}有 {n} 单" if value in RANGES else f"不限时间有 {n} 单"
            button = f"改为{RANGES[value]}" if value in RANGES else "不限时间"
            ways.append((said, (button, links.of_range(value))))
            break
    both = links.screen.businesses
    if len(ways) < MOST_WIDENINGS and filters.businesses != both and (n := there_are(businesses=both)):
        ways.append((f"租车和mini租一共有 {n} 单符合", ("看全部租车", links.to(business=None))))
    if len(ways) < MOST_WIDENINGS and filters.model_id and (n := there_are(model_id=None)):
        ways.append((f"其他车型有 {n} 单符合", ("看全部车型", links.to(model=None))))
    if len(ways) < MOST_WIDENINGS and filters.todo and (n := there_are(todo=None)):
        days = {} if filters.first_on or filters.last_on else {"range": ALL_TIME}  # a to-do list looks at all time
        ways.append((f"其他进度有 {n} 单", ("看全部进度", links.to(todo=None, **days))))
    return ways[:MOST_WIDENINGS]
