"""An application as it is deployed, in a folder of its own that goes away: migrated, seeded, served by gunicorn."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.adapters.clock import SystemClock
from tests.fixtures.apps import SECRETS
from tests.fixtures.postgres import PostgresServer, postgres
from tests.fixtures.simulators import free_port, read_env, wait_until_up

ROOT = Path(__file__).parents[1]
ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running application."""

    url: str
    cookie: str  # of a member of staff who may see everything


@contextlib.contextmanager
def migrated(engine: str) -> Iterator[dict[str, str]]:
    """The environment of an application whose database, on that engine, is migrated and else empty."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lieba-bench-")))
        if engine == "postgresql":
            server = PostgresServer(stack.enter_context(postgres()))
            stack.callback(server.close)
            database_url = server.url(server.create())
        else:
            database_url = f"sqlite:///{folder / 'lieba.sqlite3'}"
        ports = {"PORT": str(free_port()), "SIM_PORT": str(free_port())}
        env = {**os.environ, **SECRETS, **ports, "DATA_DIR": str(folder)}
        env |= {"APP_ENV": "demo", "DATABASE_URL": database_url, "FLASK_APP": "wsgi"}
        _run(env, "simulator", "keys")
        env |= read_env(folder / "wechat.env")
        _run(env, "flask", "db", "upgrade")
        yield env


@contextlib.contextmanager
def seeded(engine: str, *, orders: int) -> Iterator[dict[str, str]]:
    """The environment of an application with so many orders on that engine."""
    with migrated(engine) as env:
        began = time.perf_counter()
        _run(env, "flask", "seed", "--orders", str(orders))
        print(f"{engine}: {orders} orders seeded in {time.perf_counter() - began:.1f} s")
        yield env


@contextlib.contextmanager
def deployed(engine: str, *, orders: int) -> Iterator[Deployed]:
    """A running application on that engine with so many orders."""
    with seeded(engine, orders=orders) as env, _served(env, Path(env["DATA_DIR"]), int(env["PORT"])) as served:
        yield served


def _run(env: dict[str, str], *module: str) -> None:
    subprocess.run([sys.executable, "-m", *module], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def _served(env: dict[str, str], folder: Path, port: int) -> Iterator[Deployed]:
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--workers", "2"]
    command += ["--threads", "8", "--bind", f"127.0.0.1:{port}", "wsgi:app"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/readyz", process, folder / "web.log")
        yield Deployed(f"http://127.0.0.1:{port}", _owner_cookie(env))
    finally:
        process.terminate()
        process.wait(40)


def _owner_cookie(env: dict[str, str]) -> str:
    from sqlalchemy import select

    from app.domain.permissions import Role
    from app.factory import create_app
    from app.models.access import StaffRole
    from app.usecases import sessions
    from config import Config
    from tests.factories.reading import read

    app = create_app(Config.from_env(env))
    owners = select(StaffRole.staff_id).where(StaffRole.role == Role.OWNER, StaffRole.region_id.is_(None))
    with read(app) as session:
        staff_id = session.scalars(owners).first()
    assert staff_id is not None
    with app.app_context():
        return f"staff={sessions.open_staff_session(staff_id=staff_id, now=SystemClock().now())}"
