"""Answers that are files, sent piece by piece."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from flask import Response, stream_with_context

from app.documents.sheets import Format
from app.domain.calendar import SHANGHAI


def download(pieces: Iterator[bytes], name: str, mimetype: str) -> Response:
    """A file to keep. What fails before its first piece is answered like anything else; later it breaks off."""
    response = Response(stream_with_context(_from(next(pieces), pieces)), mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return response


def _from(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def sheet_name(title: str, at: datetime, format_: Format) -> str:
    """`买车订单 20261124-1405.xlsx`, in Shanghai time."""
    return f"{title} {at.astimezone(SHANGHAI):%Y%m%d-%H%M}.{format_}"
