"""For whoever watches over the processes: `/healthz` asks nobody, `/readyz` asks the database."""

from functools import cache
from pathlib import Path

import structlog
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app

from app.queries import health
from app.web.guards import public
from app.web.reading import read_session

bp = Blueprint("health", __name__)
log = structlog.get_logger()


@bp.get("/healthz")
@public
def lives() -> Response:
    """The process answers."""
    return _say("ok")


@bp.get("/readyz")
@public
def is_ready() -> Response:
    """The database answers and is migrated as far as this release needs; 503 if not."""
    wanted = _newest_migration(str(Path(current_app.root_path).parent / "migrations"))
    try:
        reached = health.schema_revision(read_session())
    except Exception:  # whatever it is, the answer is no
        log.warning("not_ready", exc_info=True)
        return _say("database does not answer", 503)
    if reached != wanted:
        return _say("database is not migrated", 503)
    return _say("ok")


@cache
def _newest_migration(folder: str) -> str | None:
    settings = AlembicConfig()
    settings.set_main_option("script_location", folder)
    return ScriptDirectory.from_config(settings).get_current_head()


def _say(words: str, status: int = 200) -> Response:
    response = Response(f"{words}\n", status, mimetype="text/plain")
    response.cache_control.no_store = True
    return response
