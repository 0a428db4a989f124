"""Files in the making: how far each is, what came of it, and the list of one's own, to be left and found again."""

from flask import Response, url_for

from app.blueprints.files import words
from app.blueprints.files.section import bp
from app.domain.errors import NotFound
from app.ports import FileGone
from app.queries import tasks as reads
from app.usecases import tasks as verbs
from app.web.current import actor, now, runtime
from app.web.downloads import download
from app.web.guards import staff
from app.web.htmx import render, see_other
from app.web.reading import forget_reads, read_session

FILE = "/files/<int:task_id>"
HEADS = (("what", "内容"), ("state", "状态"), ("money", "数量"), ("when", "时间"), ("next", "下一步"))


@bp.get("/files")
@staff
def files() -> Response:
    """What the actor asked for, of the last day."""
    rows = [words.view_of(row, runtime().exports) for row in reads.my_tasks(read_session(), actor(), now())]
    return render("files/files.html", heads=HEADS, rows=rows)


@bp.get(FILE)
@staff
def file_page(task_id: int) -> Response:
    """One file with its bar; while it is in the making the page asks again each second."""
    found = reads.task_of(read_session(), actor(), task_id, now())
    return render("files/file.html", block="progress", file=words.view_of(found, runtime().exports))


@bp.get(f"{FILE}/content")
@staff
def content(task_id: int) -> Response:
    """The file itself."""
    key, found = reads.file_of(read_session(), actor(), task_id, now())
    view = words.view_of(found, runtime().exports)
    try:
        return download(runtime().files.get(key), view.file_name, view.mimetype)
    except FileGone:
        raise NotFound from None


@bp.post(f"{FILE}/again")
@staff
def again(task_id: int) -> Response:
    """Has what failed tried anew."""
    forget_reads()
    verbs.try_again(task_id, actor=actor())
    return see_other(url_for(".file_page", task_id=task_id))
