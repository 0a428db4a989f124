"""Makes what staff asked for into sealed files, telling how far it is: labels, plates, exports (NUM-8, NUM-9)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from typing import TypeVar

from app.db import read_only_session
from app.documents.labels import Label, battery_label, plate_label, write_labels
from app.documents.sheets import write_sheet
from app.domain.errors import Forbidden
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.jobs._report import Report, Tally
from app.queries.access import actor_of_staff
from app.queries.exports import Export
from app.queries.tasks import Printed, PrintWanted, wanted_of
from app.runtime import Runtime
from app.usecases import tasks
from app.usecases.exports import unsealed
from app.usecases.tasks import Taken

HELD_FOR = timedelta(seconds=60)
"""A worker that is not heard of for so long is taken for dead."""
LABELS_TOLD, ROWS_TOLD = 50, 2000
"""How much is done between two steps of the bar: some tenths of a second."""

T = TypeVar("T")


class TakenOver(Exception):
    """Another worker has the task: this one was too slow."""


def run(runtime: Runtime, _now: datetime) -> Report:
    """One task after the other, until none waits."""
    tally = Tally("run_tasks")
    while (taken := tasks.take_task(until=_until(runtime), now=runtime.clock.now())) is not None:
        _Worker(runtime, taken).work(tally)
    return tally.report()


def _until(runtime: Runtime) -> datetime:
    return runtime.clock.now() + HELD_FOR


class _Worker:
    """One task in hand; `taken` changes each time that it is heard of."""

    def __init__(self, runtime: Runtime, taken: Taken) -> None:
        self._runtime = runtime
        self._taken = taken
        self._done = 0

    def work(self, tally: Tally) -> None:
        """Makes the whole file, stores it, and says so. Nothing of it happens inside a transaction that writes."""
        try:
            self._runtime.files.put(self._taken.file_key, self._pieces())
            if tasks.finish_task(self._taken, self._done, now=self._runtime.clock.now()):
                tally.did()
        except TakenOver:
            return
        except Exception as error:  # noqa: BLE001  # one task must not hold up the others
            tasks.fail_task(self._taken, error=repr(error), now=self._runtime.clock.now())
            tally.failed(f"task {self._taken.id}", error)

    def _pieces(self) -> Iterator[bytes]:
        with read_only_session() as session:
            wanted = wanted_of(session, self._taken.id)
            if isinstance(wanted, PrintWanted):
                yield self._labels(wanted)
                return
            actor = actor_of_staff(session, wanted.asked_by) or Actor.visitor()
            asked = unsealed(self._runtime.vault, wanted.sealed, wanted.request_key)
            listed, now = self._runtime.exports[wanted.list_name], self._runtime.clock.now()
            export = Export(session, listed, asked, wanted.region_id, actor, now)
            if export.regions != wanted.regions:  # their roles were changed meanwhile
                raise Forbidden(Permission.EXPORT.value)
            yield from write_sheet(export.sheet, wanted.format, self._told(export.lines(session), ROWS_TOLD))

    def _labels(self, wanted: PrintWanted) -> bytes:
        file = BytesIO()
        write_labels((self._label(number) for number in self._told(wanted.numbers, LABELS_TOLD)), file)
        return file.getvalue()

    def _label(self, number: Printed) -> Label:
        if isinstance(number, BatteryNumber):
            return battery_label(number, self._runtime.public_url)
        return plate_label(number)

    def _told(self, things: Iterable[T], every: int) -> Iterator[T]:
        """The same things; how many were done is told now and then. Raises TakenOver."""
        for thing in things:
            yield thing
            self._done += 1
            if self._done % every == 0:
                taken = tasks.tell_progress(self._taken, self._done, until=_until(self._runtime))
                if taken is None:
                    raise TakenOver
                self._taken = taken
