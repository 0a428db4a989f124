"""The background thread: ends refunds and delivers notices when they are due, and again by WeChat's own table."""

import logging
import threading
from collections.abc import Sequence
from sqlite3 import Row

from simulator import notices, refunds
from simulator.delivery import Attempt, burst
from simulator.world import World

MINUTE, HOUR = 60.0, 3600.0
RETRIES = (
    *(15.0, 15.0, 30.0, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE, 30 * MINUTE),
    *(60 * MINUTE, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR),
)
"""Seconds from each failed delivery to the next; 24 h 4 min in all."""
LOOK_EVERY = 0.1  # real seconds; the one clock may jump at any time
MOST_AT_ONCE = 32
_log = logging.getLogger("simulator.notifier")


def next_wait(failures: int, speed: float) -> float | None:
    """Seconds until the next delivery after so many failed ones; None when WeChat gives up."""
    return RETRIES[failures - 1] / speed if failures <= len(RETRIES) else None


class Notifier:
    """Runs until stopped. Its queue is in the store: what was waiting goes on after a restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._on_their_way: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the present look; deliveries on their way are repeated after the next start."""
        self._ended.set()
        self._world.wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._world.wake.wait(LOOK_EVERY)
            self._world.wake.clear()
            try:
                self._look()
            except Exception:  # noqa: BLE001  # the thread goes on, whatever befell one look
                _log.exception("a look at the queue failed")

    def _look(self) -> None:
        refunds.finish_due(self._world)
        for row in self._due():
            threading.Thread(target=self._send, args=(row,), daemon=True).start()

    def _due(self) -> Sequence[Row]:
        now = self._world.clock.now()
        if self._world.store.row("select 1 from notices where state = 'waiting'") is None:
            return ()
        with self._world.store.write() as db:
            # a clock that was set back must not leave a notice in a far future
            db.execute(
                "update notices set due_at = ? + wait_seconds"
                " where state = 'waiting' and due_at > ? + wait_seconds + 1",
                (now, now),
            )
            rows = db.execute(
                "select * from notices where state = 'waiting' and due_at <= ? order by due_at, id", (now,)
            ).fetchall()
        with self._lock:
            free = MOST_AT_ONCE - len(self._on_their_way)
            taken = [row for row in rows if row["id"] not in self._on_their_way][: max(free, 0)]
            self._on_their_way.update(row["id"] for row in taken)
        return taken

    def _send(self, row: Row) -> None:
        try:
            attempts = burst(self._world, row, row["copies"], concurrent=bool(row["concurrent"]))
            self._record(row, attempts)
        except Exception:  # noqa: BLE001  # a thread of its own: nobody else would hear of it
            if not self._ended.is_set():
                _log.exception("notice %s could not be sent", row["id"])
        finally:
            with self._lock:
                self._on_their_way.discard(row["id"])
            self._world.wake.set()

    def _record(self, row: Row, attempts: Sequence[Attempt]) -> None:
        now = self._world.clock.now()
        failures = row["failures"]
        state, wait = notices.SENT, 0.0
        if not any(attempt.good for attempt in attempts):
            failures += 1
            next_one = next_wait(failures, self._world.speed)
            state, wait = (notices.GIVEN_UP, 0.0) if next_one is None else (notices.WAITING, next_one)
        with self._world.store.write() as db:
            db.execute(
                "update notices set state = ?, failures = ?, wait_seconds = ?, due_at = ?, copies = 1, concurrent = 0"
                " where id = ? and state = 'waiting'",
                (state, failures, wait, now + wait, row["id"]),
            )
