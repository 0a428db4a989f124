"""Prints: how far each is, its file, and the list of one's own, so that a print can be left and found again."""

from io import BytesIO

from flask import Blueprint, Response, send_file, url_for

from app.domain.errors import NotFound
from app.domain.labels import Badge
from app.ports import PhotoGone
from app.queries import tasks as reads
from app.queries.tasks import PrintRow
from app.usecases import tasks as verbs
from app.web.current import actor, now, runtime
from app.web.guards import staff
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

bp = Blueprint("prints", __name__)

PRINT = "/prints/<int:task_id>"
HEADS = (("what", "内容"), ("state", "状态"), ("money", "张数"), ("when", "时间"), ("next", "下一步"))


@bp.get("/prints")
@staff
def prints() -> Response:
    """What the actor asked for, of the last day."""
    return render("prints/prints.html", heads=HEADS, rows=reads.my_prints(read_session(), actor(), now()), badge=_badge)


@bp.get(PRINT)
@staff
def print_page(task_id: int) -> Response:
    """One print with its bar; while it is under way the page asks again each second."""
    found = reads.print_of(read_session(), actor(), task_id, now())
    return render("prints/print.html", block="progress", found=found, badge=_badge(found))


@bp.get(f"{PRINT}/file")
@staff
def file(task_id: int) -> Response:
    """The PDF, to be kept and printed."""
    key, found = reads.file_of(read_session(), actor(), task_id, now())
    try:
        pdf = runtime().prints.get(key)
    except PhotoGone:
        raise NotFound from None
    return send_file(BytesIO(pdf), "application/pdf", as_attachment=True, download_name=f"{found.numbers}.pdf")


@bp.post(f"{PRINT}/again")
@staff
def again(task_id: int) -> Response:
    """Tries a failed print anew."""
    forget_reads()
    verbs.try_again(task_id, actor=actor())
    return see_other(url_for(".print_page", task_id=task_id))


def _badge(row: PrintRow) -> Badge:
    if row.is_waiting:
        return Badge("排队中", "open")
    if row.is_running:
        return Badge("正在生成", "open")
    if row.has_failed:
        return Badge("没有打成", "stop")
    return Badge("可以下载", "done") if row.is_ready else Badge("已过期", "void")
