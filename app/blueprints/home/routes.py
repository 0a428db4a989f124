"""The home page: a to-do list that opens filtered lists, and the figures of today."""

from datetime import datetime

from flask import Blueprint, Response, url_for

from app.blueprints.home.chart import chart_of
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.permissions import Permission
from app.domain.rentals import days_late
from app.domain.restrictions import Cause
from app.domain.standing import Todo
from app.queries import home as queries
from app.queries.flash_charge import Span
from app.queries.home import OPEN_RENTALS, OPEN_SALES, Task, Waiting
from app.web.current import actor, now
from app.web.formats import day_and_weekday, left, span, waited, when
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

bp = Blueprint("home", __name__)

OPEN = (Todo.PICK_UP, Todo.PAY_SOON, Todo.OVERDUE)
TODOS = {
    **{task: ("orders.sale_orders", todo) for task, todo in zip(OPEN_SALES, OPEN, strict=True)},
    **{task: ("orders.rental_orders", todo) for task, todo in zip(OPEN_RENTALS, OPEN, strict=True)},
    Task.LATE: ("orders.rental_orders", Todo.LATE),
    Task.DAMAGE: ("orders.rental_orders", Todo.DAMAGE),
}
"""The rows that open a list of orders."""
SPANS = {Task.BATTERIES_LATE: Span.LATE, Task.BATTERIES_ASKED: Span.ASKED}
"""Those that open the list of batteries in use."""
BARRED = {Task.FROZEN: Cause.OVERDUE, Task.DEBTS: Cause.DEBT}
"""Those that open the list of barred people."""
ICONS = {
    Task.PICK_UP: "scan",
    Task.PAY_SOON: "clock",
    Task.OVERDUE: "calendar",
    Task.RENT_PICK_UP: "scan",
    Task.RENT_PAY_SOON: "clock",
    Task.RENT_OVERDUE: "calendar",
    Task.LATE: "alert-triangle",
    Task.DAMAGE: "tool",
    Task.BATTERIES_LATE: "battery-charging",
    Task.BATTERIES_ASKED: "arrow-back-up",
    Task.CARDS: "id-badge-2",
    Task.SUSPECTS: "alert-triangle",
    Task.REFUNDS: "cash",
    Task.FROZEN: "lock",
    Task.DEBTS: "cash",
    Task.HORIZON: "cash",
    Task.NUMBERS: "id",
}
WORDS = {
    **{task: f"买车{labels.TODO[todo]}" for task, todo in zip(OPEN_SALES, OPEN, strict=True)},
    **{task: f"租车{labels.TODO[todo]}" for task, todo in zip(OPEN_RENTALS, OPEN, strict=True)},
    Task.LATE: f"租车{labels.TODO[Todo.LATE]}",
    Task.DAMAGE: labels.TODO[Todo.DAMAGE],
    Task.BATTERIES_LATE: "电池逾期未还",
    Task.BATTERIES_ASKED: "电池等着收回",
    Task.CARDS: "待审核学生证",
    Task.SUSPECTS: "异常支付",
    Task.REFUNDS: "退款异常",
    Task.FROZEN: labels.CAUSE[Cause.OVERDUE].word,
    Task.DEBTS: labels.CAUSE[Cause.DEBT].word,
    Task.HORIZON: "押金快到期",
    Task.NUMBERS: "号段快用完",
}


@bp.get("/")
@requires(Permission.HOME_VIEW)
def home() -> Response:
    """What waits in the regions of whoever looks. Who sees no orders is told what there is to do here."""
    who = actor()
    if not who.may(Permission.ORDERS_VIEW):
        return render("home/nothing.html", roles="、".join(labels.ROLE[role] for role in who.roles))
    chosen = chosen_region(Permission.ORDERS_VIEW)
    session = read_session()
    on = business_day(now())
    rows = queries.waiting(session, who, region_id=chosen.id, now=now())
    by_day = queries.orders_by_day(session, who, region_id=chosen.id, last_on=on)
    shown = [chosen.region] if chosen.region else list(chosen.offered)
    return render(
        "home/home.html",
        chosen=chosen,
        regions=switch_entries(chosen),
        scope=f"{day_and_weekday(on)}，{chosen.scope_words}",
        shown=shown,
        shown_letter=shown[0].letter if len(shown) == 1 else ALL,
        rows=rows,
        total=sum(row.total for row in rows),
        url_of=_url_of,
        icons=ICONS,
        task_words=WORDS,
        oldest=lambda row: _oldest(row, now()),
        figures=queries.today(session, who, region_id=chosen.id, now=now()),
        sees_money=who.may(Permission.PAYMENTS_VIEW),
        days=by_day,
        chart=chart_of(by_day, shown),
    )


def _url_of(task: Task, letter: str) -> str:
    """The list behind a number of the to-do list."""
    if task is Task.SUSPECTS:
        return url_for("orders.suspect_payments", kind="payments", region=letter)
    if task is Task.REFUNDS:
        return url_for("finance.refunds", region=letter)
    if task is Task.NUMBERS:
        return url_for("settings.numbers", region=letter)
    if task is Task.CARDS:
        return url_for("personal_center.cards", region=letter)
    if task is Task.HORIZON:
        return url_for("finance.horizon", region=letter)
    if task in BARRED:
        return url_for("personal_center.restrictions", tab=BARRED[task].value, region=letter)
    if task in SPANS:
        return url_for("flash_charge.flash_charge", span=SPANS[task].value, region=letter)
    endpoint, todo = TODOS[task]
    return url_for(endpoint, todo=todo.value, region=letter)


def _oldest(row: Waiting, at: datetime) -> tuple[str, str]:
    """What has waited longest, in words, and its tone."""
    oldest = row.oldest
    if oldest is None:
        return "", ""
    if row.task in (Task.LATE, Task.BATTERIES_LATE):
        return f"最久的逾期 {days_late(business_day(oldest.at), business_day(at))} 天", "over"
    if row.task in (Task.CARDS, Task.BATTERIES_ASKED):
        return waited(oldest.at, at), ""
    if row.task in (Task.PICK_UP, Task.RENT_PICK_UP):
        return f"{oldest.number} {left(oldest.at, at)}", ""
    if row.task in (Task.PAY_SOON, Task.RENT_PAY_SOON):
        return f"{oldest.number} 预约{left(oldest.at, at)}", "late"
    if row.task in (Task.OVERDUE, Task.RENT_OVERDUE):
        return f"{oldest.number} 过期 {span(at - oldest.at)}，还没来提", "late"
    return f"{when(oldest.at)} 起", "over"
