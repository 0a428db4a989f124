"""What a run of a job tells of itself."""

from dataclasses import dataclass, field

import structlog

from app.ports import GatewayRefused, OutcomeUnknown

PATIENCE = 3
"""After so many questions in a row without an answer a run leaves WeChat alone: the next one is seconds away."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Report:
    """How many things were done, how many were put off, and what went wrong in a way that nobody foresaw."""

    rows: int = 0
    put_off: int = 0
    trouble: tuple[str, ...] = ()

    @property
    def error(self) -> str | None:
        """The trouble in one text, for the run's row."""
        return "; ".join(self.trouble) or None


@dataclass(slots=True)
class Tally:
    """Counts a run while it goes on."""

    job: str
    rows: int = 0
    put_offs: int = 0
    silent: int = 0  # questions in a row that WeChat did not answer
    trouble: list[str] = field(default_factory=list)

    def did(self) -> None:
        """One thing is done."""
        self.rows += 1

    def answered(self) -> None:
        """WeChat is there."""
        self.silent = 0

    def unanswered(self, piece: str, error: GatewayRefused | OutcomeUnknown) -> None:
        """WeChat refused or did not answer: the piece is put off."""
        self.put_offs += 1
        self.silent = self.silent + 1 if isinstance(error, OutcomeUnknown) else 0
        log.warning("put_off", job=self.job, piece=piece, error=str(error))

    def failed(self, piece: str, error: Exception) -> None:
        """Something that nobody foresaw: told, and the other pieces go on."""
        self.trouble.append(f"{piece}: {error!r}")
        log.error("piece_failed", job=self.job, piece=piece, exc_info=error)

    @property
    def wechat_is_away(self) -> bool:
        """Whether to ask no more in this run."""
        return self.silent >= PATIENCE

    def report(self) -> Report:
        """What is said at the end."""
        return Report(self.rows, self.put_offs, tuple(self.trouble))
