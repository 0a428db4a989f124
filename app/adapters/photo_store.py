"""Photos and prints as sealed files below DATA_DIR: nothing of them can be read on the disk (decision 3)."""

import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from app.ports import PhotoGone, Vault

_KEY = re.compile(r"[0-9a-f]{32}")


class SealedPhotos:
    """`photos/<first two digits>/<key>`, each sealed for its table and key alone; folders 0700, files 0600."""

    def __init__(self, folder: Path, vault: Vault, *, table: str = "photo") -> None:
        """Makes nothing yet: the folders come with the first photo."""
        self._folder = folder
        self._vault = vault
        self._place = {"table": table, "column": "file"}

    def put(self, key: str, jpeg: bytes) -> None:
        """Written under another name, to the disk, then renamed: a photo is there whole or not at all."""
        path = self._path(key)
        sealed = self._vault.seal_bytes(jpeg, **self._place, row=key)
        for folder in (self._folder, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_name(f"{key}.{secrets.token_hex(4)}.new")
        try:
            with open(unfinished, "xb", opener=_owner_only) as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _settle(path.parent)

    def get(self, key: str) -> bytes:
        """Raises PhotoGone; ValueError when the file was changed or stood under another key."""
        try:
            sealed = self._path(key).read_bytes()
        except FileNotFoundError:
            raise PhotoGone(key) from None
        return self._vault.unseal_bytes(sealed, **self._place, row=key)

    def erase(self, key: str) -> None:
        """Repeatable."""
        path = self._path(key)
        if path.exists():
            path.unlink(missing_ok=True)
            _settle(path.parent)

    def keys(self, before: datetime) -> Iterator[str]:
        """By the time of the file."""
        for path in self._folder.glob("??/*"):
            if _KEY.fullmatch(path.name) and path.stat().st_mtime < before.timestamp():
                yield path.name

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a photo")
        return self._folder / key[:2] / key


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _settle(folder: Path) -> None:
    """A name has come to the disk, or gone from it, only when its folder has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
