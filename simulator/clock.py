"""The one clock of the demo: the machine's time plus the offset that web, jobs and simulator read from one file."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

SHANGHAI = timezone(timedelta(hours=8))
DAY = 86_400.0  # seconds


class Clock:
    """Times are seconds since 1970 (float); the offset file may be changed by anybody at any moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = 0.0

    def offset(self) -> float:
        """Seconds added to the machine's time; 0 without a file; the last good value while a file is half written."""
        try:
            self._last = float(self.path.read_text())
        except FileNotFoundError:
            self._last = 0.0
        except ValueError:
            return self._last
        return self._last

    def now(self) -> float:
        """The time of the demo, in seconds since 1970."""
        return time.time() + self.offset()

    def machine_now(self) -> float:
        """The time without the offset: what a library that knows nothing of the demo writes into its requests."""
        return time.time()

    def move(self, seconds: float) -> None:
        """Adds to the offset, for all three processes at once."""
        self._write(f"{self.offset() + seconds:.3f}")

    def reset(self) -> None:
        """The machine's time again."""
        self.path.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        draft.write_text(text)
        draft.replace(self.path)


def rfc3339(at: float) -> str:
    """As WeChat Pay writes times: Beijing time with its offset, whole seconds."""
    return datetime.fromtimestamp(at, SHANGHAI).isoformat(timespec="seconds")


def from_rfc3339(text: str) -> float:
    """The seconds since 1970. Raises ValueError when the text is no time or says no offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC).timestamp()
