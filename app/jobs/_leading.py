"""Of several jobs processes one leads: the lease says which, and the others wait for it to run out."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from app.db import read_only_session
from app.domain.timetable import JOBS, LEASE
from app.ports import Clock
from app.queries.job_runs import wanted_runs
from app.usecases import leases

LASTS = timedelta(seconds=12)
RENEW_EVERY = timedelta(seconds=4)
MOVED = timedelta(seconds=2)
"""A clock that has shifted by more than this against the machine's was moved."""

log = structlog.get_logger()


class Runs(Protocol):
    """What the leader runs: the timetable."""

    def start(self) -> None: ...

    def pause(self) -> None: ...

    def catch_up(self) -> None: ...

    def run_now(self, name: str) -> None: ...


class Leadership:
    """One process's part in it; `turn` is called about once a second.

    The lease counts in the machine's time, so that moving the demo's clock neither ends nor prolongs it.
    """

    def __init__(self, timetable: Runs, *, owner: str, machine: Clock, clock: Clock) -> None:
        self._timetable = timetable
        self._owner = owner
        self._machine = machine
        self._clock = clock
        self._offset = clock.now() - machine.now()
        self._held_until = self._renew_at = machine.now() - LASTS
        self.leads = False
        self.begun = False  # whether a turn was made

    def turn(self) -> None:
        """Takes, keeps or loses the lease, catches up when the clock was moved, and runs what somebody wants."""
        self.begun = True
        now = self._machine.now()
        if now >= self._renew_at:
            self._ask(now)
        if self.leads and now >= self._held_until:
            self._lose()
        offset = self._clock.now() - now
        if abs(offset - self._offset) > MOVED:
            self._offset = offset
            log.info("clock_moved", offset_seconds=round(offset.total_seconds()))
            self._timetable.catch_up()
        if self.leads:
            self._run_wanted()

    def _run_wanted(self) -> None:
        """A wish goes away when its run begins; until then the timetable is told again, which changes nothing."""
        try:
            with read_only_session() as session:
                wanted = [one.job for one in wanted_runs(session)]
        except Exception:  # the database is away for a moment: the wish stays
            log.exception("wanted_not_read")
            return
        for name in wanted:
            if name in JOBS:
                self._timetable.run_now(name)

    def _ask(self, now: datetime) -> None:
        until = now + LASTS
        try:
            if self.leads:
                held = leases.renew_lease(LEASE, self._owner, until=until)
            else:
                held = leases.take_lease(LEASE, self._owner, until=until, now=now)
        except Exception:  # the database is away for a moment: the lease still counts until it runs out
            log.exception("lease_not_asked")
            return
        if held:
            self._held_until, self._renew_at = until, now + RENEW_EVERY
            if not self.leads:
                self.leads = True
                log.info("leading", owner=self._owner)
                self._timetable.start()
        elif self.leads:
            self._lose()

    def _lose(self) -> None:
        self.leads = False
        log.warning("lease_lost", owner=self._owner)
        self._timetable.pause()

    def resign(self) -> None:
        """Gives the lease to whoever waits for it."""
        if self.leads:
            self.leads = False
            leases.release_lease(LEASE, self._owner)
