"""Showing a kept photo, to whoever has the right: the route's guard and query decide, this makes the answer."""

from flask import Response, abort, request


def photo_answer(jpeg: bytes) -> Response:
    """A JPEG for an `img` of our own pages, and for nothing else; kept by no cache, run by no browser."""
    if request.headers.get("Sec-Fetch-Dest", "image") != "image":
        abort(404)
    response = Response(jpeg, mimetype="image/jpeg")
    response.headers.set("Content-Disposition", "attachment", filename="photo.jpg")
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response
