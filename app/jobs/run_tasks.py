"""Draws the labels and plates that staff asked for, into sealed files, telling how far it is (NUM-8, NUM-9)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO

from app.db import read_only_session
from app.documents.labels import Label, battery_label, plate_label, write_labels
from app.domain.numbering import BatteryNumber
from app.jobs._report import Report, Tally
from app.queries.tasks import Printed, numbers_of
from app.runtime import Runtime
from app.usecases import tasks
from app.usecases.tasks import Taken

HELD_FOR = timedelta(seconds=60)
"""A worker that is not heard of for so long is taken for dead."""
TOLD_EVERY = 50
"""Labels between two steps of the bar: some tenths of a second."""


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

    def work(self, tally: Tally) -> None:
        """Draws the whole file, stores it, and says so. Nothing of it happens inside a transaction."""
        try:
            with read_only_session() as session:
                numbers = numbers_of(session, self._taken.id)
            self._runtime.prints.put(self._taken.file_key, self._drawn(numbers))
            if tasks.finish_task(self._taken, now=self._runtime.clock.now()):
                tally.did()
        except TakenOver:
            return
        except Exception as error:  # noqa: BLE001  # one print must not hold up the others
            tasks.fail_task(self._taken, error=repr(error), now=self._runtime.clock.now())
            tally.failed(f"task {self._taken.id}", error)

    def _drawn(self, numbers: Sequence[Printed]) -> bytes:
        file = BytesIO()
        write_labels((self._label(number) for number in numbers), file, on_page=self._tell)
        return file.getvalue()

    def _label(self, number: Printed) -> Label:
        if isinstance(number, BatteryNumber):
            return battery_label(number, self._runtime.public_url)
        return plate_label(number)

    def _tell(self, done: int) -> None:
        if done % TOLD_EVERY == 0:
            taken = tasks.tell_progress(self._taken, done, until=_until(self._runtime))
            if taken is None:
                raise TakenOver
            self._taken = taken
