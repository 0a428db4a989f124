"""Uploaded photos: the one body that may be large. None of it touches the disk, and memory keeps no more than a photo.

A route says `@takes_photo` and its form has a `PhotoField`. Who may not come in is turned away before anything is
read. A body is read to its end even if the photo is too large, so that the form can say so beside its field.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import IO, Any, TypeVar

from flask import Flask, Request, current_app, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response
from wtforms import Field
from wtforms.widgets import FileInput

from app.documents.pictures import cleaned
from app.domain import labels
from app.domain.pictures import MOST_BYTES, BadPicture, PictureFault
from app.web.errors import refuse
from app.web.guards import guard_of, here, let_in

View = TypeVar("View", bound=Callable[..., Any])
MOST_BODY_BYTES = 32 * 1024 * 1024
"""A larger body is not read at all and answered with a page."""
MOST_TEXT_BYTES = 256 * 1024
"""Of each field beside the photo; more than the parser's own buffer of 64 KiB, which counts too."""
MOST_PARTS = 30


def takes_photo(view: View) -> View:
    """A route whose POST may carry photos of up to 10 MB together. Its URL ends in `/photo` (`deploy/nginx.conf`)."""
    view.takes_photo = True  # type: ignore[attr-defined]  # read by `photo_expected`
    return view


def photo_expected() -> bool:
    """Whether this request may carry a photo."""
    return getattr(current_app.view_functions.get(request.endpoint or ""), "takes_photo", False)


class PhotoRequest(Request):
    """Keeps uploaded files in memory, all of them together no larger than one photo and a byte."""

    room = MOST_BYTES + 1

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        return _Kept(self)


class _Kept(BytesIO):
    """An uploaded file; what is too much goes by."""

    def __init__(self, asked: PhotoRequest) -> None:
        super().__init__()
        self._asked = asked

    def write(self, data: Any, /) -> int:
        kept = data[: self._asked.room]
        self._asked.room -= len(kept)
        super().write(kept)
        return len(data)


class PhotoField(Field):  # type: ignore[misc]  # WTForms has no types
    """One photo. `data` is the clean JPEG, or None when none was chosen; a photo that is not taken is an error.

    Whether one must be chosen is said by `InputRequired`. Drawn by `ui.photo_field`.
    """

    widget = FileInput()
    data: bytes | None

    def process_formdata(self, valuelist: Sequence[FileStorage | str]) -> None:
        """Cleans what was uploaded. Raises ValueError with the sentence for a bad picture."""
        self.data = None
        self.raw_data = [sent for sent in valuelist if isinstance(sent, FileStorage) and sent.filename]
        if self.raw_data:
            try:
                self.data = cleaned(self.raw_data[0].read())
            except BadPicture as bad:
                raise ValueError(labels.PICTURE_FAULTS[bad.fault]) from bad


def install(app: Flask) -> None:
    """Before whatever reads a form: the CSRF check, the guards."""
    app.request_class = PhotoRequest

    @app.before_request
    def let_photos_in() -> Response | None:
        if not photo_expected():
            return None
        guard = guard_of(app, request.endpoint or "")
        turned_away = let_in(guard) if guard else None
        if turned_away is None and request.mimetype == "multipart/form-data":  # others are read whole
            request.max_content_length = MOST_BODY_BYTES
            request.max_form_memory_size = MOST_TEXT_BYTES
            request.max_form_parts = MOST_PARTS
        return turned_away

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        if not photo_expected():
            return refuse(413)
        return refuse(
            413,
            title="照片太大",
            text=labels.PICTURE_FAULTS[PictureFault.TOO_LARGE] + "。",
            retry_url=here() if request.referrer else "",
        )
