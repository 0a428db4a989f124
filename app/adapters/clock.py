"""The clock: the only place where the time of day is read."""

import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)


class DemoClock:
    """The machine's clock plus the offset that stands in a file, which web, jobs and simulator share.

    The file holds a decimal number of seconds, negative for the past; without a file the offset is 0. It is read at
    every question, so that a moved clock is seen at once.
    """

    def __init__(self, offset_file: Path) -> None:
        self._offset_file = offset_file

    def now(self) -> datetime:
        """The time, aware, in UTC. Raises ValueError if the file does not hold a number of seconds."""
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """How far the clock is moved. Raises ValueError if the file does not hold a number of seconds."""
        try:
            text = self._offset_file.read_text(encoding="ascii")
        except FileNotFoundError:
            return timedelta()
        return _seconds(text, where=str(self._offset_file))

    def move_to(self, offset: timedelta) -> None:
        """Replaces the offset in one step: no reader ever sees half a file."""
        beside = self._offset_file.with_name(f"{self._offset_file.name}.{os.getpid()}")
        beside.write_text(repr(offset.total_seconds()), encoding="ascii")
        beside.replace(self._offset_file)


def _seconds(text: str, *, where: str) -> timedelta:
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{where} must hold a decimal number of seconds")
