"""Exports: a list sends what it is filtered by; a file comes back at once, or a task when it is long (ORD-3)."""

from flask import Response, abort, url_for

from app.blueprints.files.section import bp
from app.documents.sheets import Format, write_sheet
from app.domain.errors import NotFound
from app.domain.permissions import Permission
from app.queries.exports import AT_ONCE, Export
from app.usecases import exports as verbs
from app.web.current import actor, now, runtime
from app.web.downloads import download, sheet_name
from app.web.exporting import ExportForm
from app.web.guards import requires
from app.web.htmx import see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session
from app.web.regions import chosen_region


def of_staff() -> str:
    """The key of a limit that counts for one member of staff."""
    return f"export:{actor().id}"


@bp.post("/exports/<name>")
@requires(Permission.EXPORT)
@limiter.limit("20 per 15 minutes", key_func=of_staff)
def export(name: str) -> Response:
    """Exactly what the list shows under the same filters."""
    listed, form = runtime().exports.get(name), ExportForm()
    if listed is None:
        raise NotFound
    if not form.validate():
        abort(400)  # no button sends it
    format_, key = Format(form.format.data), f"{form.request_key.data}-{form.format.data}"
    export = Export(read_session(), listed, form.asked, chosen_region(listed.right).id, actor(), now())
    count = export.count(read_session())
    forget_reads()
    if count > AT_ONCE:
        task_id = verbs.ask_for_export(
            export, format_, count=count, request_key=key, vault=runtime().vault, actor=actor(), now=now()
        )
        return see_other(url_for(".file_page", task_id=task_id))
    verbs.record_export(export, format_, count=count, actor=actor(), now=now())
    pieces = write_sheet(export.sheet, format_, export.lines(read_session()))
    return download(pieces, sheet_name(listed.title, now(), format_), format_.mimetype)
