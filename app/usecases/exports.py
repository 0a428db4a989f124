"""Exports: each is a line in the log, with who, which list, its filters, and how many rows. A long one is a task."""

import json
from datetime import datetime

from sqlalchemy.orm import Session

from app.documents.sheets import Format
from app.domain.permissions import Actor
from app.models.work import TaskKind
from app.ports import Vault
from app.queries.exports import Asked, Export
from app.usecases import audit, tasks
from app.usecases.transaction import transactional


@transactional
def record_export(
    session: Session, export: Export, format_: Format, *, count: int, actor: Actor, now: datetime
) -> None:
    """So many rows are handed out now."""
    _log(session, None, export, format_, count, actor, now)


@transactional
def ask_for_export(
    session: Session,
    export: Export,
    format_: Format,
    *,
    count: int,
    request_key: str,
    vault: Vault,
    actor: Actor,
    now: datetime,
) -> int:
    """A file of so many rows; the task's id. Asked again with the same key, it is the same task.

    What the list was filtered by is sealed in the task: somebody may have been looked for by name.
    """
    if (known := tasks.asked_before(session, request_key, actor)) is not None:
        return known
    filters = {
        "list": export.list.name,
        "format": format_.value,
        "asked": vault.seal(json.dumps(dict(export.asked)), **_place(request_key)).hex(),
        "words": export.words,
        "regions": export.regions,
    }
    task = tasks.queue(
        session, TaskKind.EXPORT, export.region_id, filters, total=count, request_key=request_key, actor=actor, now=now
    )
    _log(session, task.id, export, format_, count, actor, now)
    return task.id


def unsealed(vault: Vault, sealed: str, request_key: str) -> Asked:
    """What the list of a task is filtered by. Raises ValueError when it was changed."""
    asked: Asked = json.loads(vault.unseal(bytes.fromhex(sealed), **_place(request_key)))
    return asked


def _place(request_key: str) -> dict[str, str]:
    return {"table": "task", "column": "filters", "row": request_key}


def _log(
    session: Session, task_id: int | None, export: Export, format_: Format, count: int, actor: Actor, now: datetime
) -> None:
    audit.put(
        session,
        actor,
        "list_exported",
        now,
        subject=("task", task_id),
        region_id=export.region_id,
        list=export.list.title,
        filter=export.words,
        regions=export.regions,
        format=format_.value,
        count=count,
        unit=export.list.unit,
    )
