"""An export of 100,000 orders (BENCH_ORDERS) beside xlsxwriter's constant_memory writing the same cells, both engines.

Of ours the whole work of the task is measured: reading the list page by page, its words, the file, sealing it into the
store. Of xlsxwriter it is writing alone, of cells that are there already, with a temporary file in clear.
"""

import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
from sqlalchemy.orm import Session

from app.db import read_only_session
from app.documents.sheets import Cell, Format, Kind, write_sheet
from app.domain.calendar import SHANGHAI
from app.domain.permissions import Actor
from app.factory import create_app
from app.queries.exports import Export
from app.runtime import Runtime
from app.web.current import RUNTIME
from bench._deployed import ENGINES, seeded
from config import Config

ORDERS = int(os.environ.get("BENCH_ORDERS", "100000"))
FEW = ORDERS // 10
ROUNDS = 5
SEEN = 500
"""Rows that are read before anything is measured; the other side writes them again and again."""
KEY = "0" * 32


@dataclass(frozen=True, slots=True)
class Measured:
    """One file, made by a process of its own."""

    seconds: float
    peak_mib: float  # above what the process held before
    file_mib: float


def run() -> None:
    """Prints for each engine the medians of the rounds, and the time as a multiple of xlsxwriter's in its round."""
    for engine in ENGINES:
        with seeded(engine, orders=ORDERS) as env:
            sides: dict[str, tuple[Callable[..., Measured], tuple[Any, ...]]] = {
                f"xlsxwriter {ORDERS:,}": (_theirs, (ORDERS,)),
                f"xlsx {ORDERS:,}": (_ours, (ORDERS, Format.XLSX)),
                f"xlsx {FEW:,}": (_ours, (FEW, Format.XLSX)),
                f"csv {ORDERS:,}": (_ours, (ORDERS, Format.CSV)),
            }
            rounds = [
                {name: _alone(env, side, arguments) for name, (side, arguments) in sides.items()} for _ in range(ROUNDS)
            ]
        for name in sides:
            _print(engine, name, [one[name] for one in rounds], [one[next(iter(sides))] for one in rounds])


def _print(engine: str, name: str, ours: Sequence[Measured], theirs: Sequence[Measured]) -> None:
    ratios = sorted(one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True))
    print(
        f"{engine:<11}{name:<20}{statistics.median(one.seconds for one in ours):6.1f} s"
        f"   {statistics.median(ratios):5.2f} × ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        f"   peak +{max(one.peak_mib for one in ours):.0f} MiB   file {ours[0].file_mib:.1f} MiB"
    )


def _alone(env: dict[str, str], side: Callable[..., Measured], arguments: tuple[Any, ...]) -> Measured:
    """In a new process, whose memory nobody has touched."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with, env, side, arguments).result()


def _with(env: dict[str, str], side: Callable[..., Measured], arguments: tuple[Any, ...]) -> Measured:
    os.environ.update(env)
    return side(*arguments)


@contextmanager
def _export() -> Iterator[tuple[Runtime, Session, Export, list[Sequence[Cell]]]]:
    """All sale orders, and the cells of the first of them."""
    app = create_app(Config.from_env(os.environ))
    runtime: Runtime = app.extensions[RUNTIME]
    listed, actor, now = runtime.exports["sale_orders"], Actor.job("bench"), runtime.clock.now()
    with app.app_context(), read_only_session() as session:
        export = Export(session, listed, {"range": "all"}, None, actor, now)
        yield runtime, session, export, list(itertools.islice(export.lines(session), SEEN))


def _ours(count: int, format_: Format) -> Measured:
    with _export() as (runtime, session, export, _):

        def make() -> float:
            rows = itertools.islice(export.lines(session), count)
            runtime.files.put(KEY, write_sheet(export.sheet, format_, rows))
            return sum(map(len, runtime.files.get(KEY)))

        return _measured(make)


def _theirs(count: int) -> Measured:
    with _export() as (_, _, export, seen), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.xlsx"

        def make() -> float:
            options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
            book = xlsxwriter.Workbook(path, {**options, "tmpdir": folder})
            sheet = book.add_worksheet()
            money, moment = book.add_format({"num_format": 4}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
            kinds = [column.kind for column in export.sheet.columns]
            sheet.write_row(0, 0, [column.heading for column in export.sheet.columns])
            for n, row in enumerate(itertools.islice(itertools.cycle(seen), count), start=1):
                for at, (kind, cell) in enumerate(zip(kinds, row, strict=True)):
                    _write(sheet, (n, at), kind, cell, {Kind.MONEY: money, Kind.MOMENT: moment})
            book.close()
            return path.stat().st_size

        return _measured(make)


def _write(sheet: Any, at: tuple[int, int], kind: Kind, cell: Any, formats: dict[Kind, Any]) -> None:
    if kind is Kind.MONEY:
        sheet.write_number(*at, cell / 100, formats[kind])
    elif kind is Kind.MOMENT:
        sheet.write_datetime(*at, cell.astimezone(SHANGHAI).replace(tzinfo=None), formats[kind])
    elif cell:
        sheet.write_string(*at, cell)


def _measured(make: Callable[[], float]) -> Measured:
    """Linux tells the most memory since it was asked to begin anew."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory_mib("VmRSS")
    began = time.perf_counter()
    size = make()
    return Measured(time.perf_counter() - began, _memory_mib("VmHWM") - before, size / 2**20)


def _memory_mib(line: str) -> float:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(line)) / 1024
