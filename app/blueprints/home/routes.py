"""The home page: a to-do list that opens filtered lists, and the figures of today."""

from datetime import datetime

from flask import Blueprint, Response, url_for

from app.blueprints.home.chart import chart_of
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.permissions import Permission
from app.domain.standing import Todo
from app.queries import home as queries
from app.queries.home import Task, Waiting
from app.web.current import actor, now
from app.web.formats import day_and_weekday, left, span, when
from app.web.guards import requires
from app.web.htmx import render
from app.web.reading import read_session
from app.web.regions import ALL, chosen_region, switch_entries

bp = Blueprint("home", __name__)

ICONS = {
    Task.PICK_UP: "scan",
    Task.PAY_SOON: "clock",
    Task.OVERDUE: "calendar",
    Task.SUSPECTS: "alert-triangle",
    Task.REFUNDS: "cash",
}
WORDS = {
    Task.PICK_UP: labels.TODO[Todo.PICK_UP],
    Task.PAY_SOON: labels.TODO[Todo.PAY_SOON],
    Task.OVERDUE: labels.TODO[Todo.OVERDUE],
    Task.SUSPECTS: "异常支付",
    Task.REFUNDS: "退款异常",
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
        return url_for("orders.suspect_payments", kind="refunds", region=letter)
    return url_for("orders.sale_orders", todo=Todo(task.value).value, region=letter)


def _oldest(row: Waiting, at: datetime) -> tuple[str, str]:
    """What has waited longest, in words, and its tone."""
    oldest = row.oldest
    if oldest is None:
        return "", ""
    if row.task is Task.PICK_UP:
        return f"{oldest.number} {left(oldest.at, at)}", ""
    if row.task is Task.PAY_SOON:
        return f"{oldest.number} 预约{left(oldest.at, at)}", "late"
    if row.task is Task.OVERDUE:
        return f"{oldest.number} 过期 {span(at - oldest.at)}，还没来提", "late"
    return f"{when(oldest.at)} 起", "over"
