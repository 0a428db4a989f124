"""Photos: a row for each sealed file. The file is written before the verb, and erased after it (decision 3)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.pictures import PhotoKind
from app.models.cards import Photo
from app.ports import FileStore
from app.usecases.transaction import reading

SETTLES_WITHIN = timedelta(hours=1)
"""A file this young may belong to a verb that is under way."""


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A cleaned picture that is stored already, not yet known to the database."""

    key: str
    kind: PhotoKind
    sha256: str


def store(photos: FileStore, jpeg: bytes, kind: PhotoKind) -> NewPhoto:
    """Seals a cleaned picture into the store, before the verb that keeps it; one that is not kept is swept away."""
    key = secrets.token_hex(16)
    photos.put(key, jpeg)
    return NewPhoto(key, kind, sha256(jpeg).hexdigest())


def keep(session: Session, photo: NewPhoto, *, customer_id: int, now: datetime) -> Photo:
    """Writes the row, in the caller's transaction."""
    row = Photo(key=photo.key, kind=photo.kind, customer_id=customer_id, sha256=photo.sha256, made_at=now)
    session.add(row)
    session.flush()
    return row


@reading
def erase_let_go(session: Session, photos: FileStore, *, customer_id: int) -> None:
    """Erases the files of a person's photos that were replaced, after the verb that did; what it misses is swept."""
    for key in session.scalars(select(Photo.key).where(Photo.customer_id == customer_id, Photo.erased_at.is_not(None))):
        photos.erase(key)


@reading
def sweep(session: Session, photos: FileStore, *, now: datetime) -> int:
    """Erases every file that no living photo names: replaced, or stored by a verb that was refused; how many."""
    unknown = set(photos.keys(now - SETTLES_WITHIN))
    if unknown:
        unknown -= set(session.scalars(select(Photo.key).where(Photo.erased_at.is_(None))))
    for key in unknown:
        photos.erase(key)
    return len(unknown)
