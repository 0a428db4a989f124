"""Log lines: JSON in production, text in the demo; a traceback shows no values of variables: they are people's."""

import structlog
from structlog.typing import Processor


def configure(*, json: bool) -> None:
    """Sets how this process writes its log, to standard output."""
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ]
    )
