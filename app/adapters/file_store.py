"""Files of people as sealed files below DATA_DIR: nothing of them can be read on the disk (decision 3)."""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from app.ports import FileGone, Vault

_KEY = re.compile(r"[0-9a-f]{32}")
BLOCK = 256 * 1024
"""Bytes of a long file that are sealed together."""
LENGTH_BYTES = 4


class _Folder:
    """`<folder>/<first two digits>/<key>`, each sealed for its table and key alone; folders 0700, files 0600."""

    def __init__(self, folder: Path, vault: Vault, *, table: str) -> None:
        """Makes nothing yet: the folders come with the first file."""
        self._folder = folder
        self._vault = vault
        self._place = {"table": table, "column": "file"}

    def erase(self, key: str) -> None:
        """With what a process left unfinished that was killed while it wrote. Repeatable."""
        path = self._path(key)
        left = [one for one in (path, *path.parent.glob(f"{key}.*.new")) if one.exists()]
        for one in left:
            one.unlink(missing_ok=True)
        if left:
            _settle(path.parent)

    def keys(self, before: datetime) -> Iterator[str]:
        """By the time of the file."""
        for path in self._folder.glob("??/*"):
            if _KEY.fullmatch(path.name) and path.stat().st_mtime < before.timestamp():
                yield path.name

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a file")
        return self._folder / key[:2] / key

    def _write(self, key: str, parts: Iterable[bytes]) -> None:
        """Written under another name, to the disk, then renamed: a file is there whole or not at all."""
        path = self._path(key)
        for folder in (self._folder, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_name(f"{key}.{secrets.token_hex(4)}.new")
        try:
            with open(unfinished, "xb", opener=_owner_only) as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _settle(path.parent)

    def _open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise FileGone(key) from None


class SealedFiles(_Folder):
    """Files that fit into memory: photos. Each is sealed as a whole."""

    def put(self, key: str, content: bytes) -> None:
        """It is there for good when this returns."""
        self._write(key, [self._vault.seal_bytes(content, **self._place, row=key)])

    def get(self, key: str) -> bytes:
        """Raises FileGone; ValueError when the file was changed or stood under another key."""
        with self._open(key) as file:
            return self._vault.unseal_bytes(file.read(), **self._place, row=key)


class SealedLongFiles(_Folder):
    """Files of any length: blocks, each with its length before it, sealed for its place in the file.

    The last one is sealed as the last: a file is not read to its end when a block is missing or stands elsewhere.
    """

    def put(self, key: str, pieces: Iterable[bytes]) -> None:
        """It is there for good when this returns."""
        self._write(key, self._sealed(key, pieces))

    def get(self, key: str) -> Iterator[bytes]:
        """Raises FileGone at once; ValueError at the block that was changed."""
        return self._unsealed(key, self._open(key))

    def _sealed(self, key: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        waiting, nth = bytearray(), 0
        for piece in pieces:
            waiting += piece
            while len(waiting) > BLOCK:
                yield from self._block(key, nth, bytes(waiting[:BLOCK]), last=False)
                del waiting[:BLOCK]
                nth += 1
        yield from self._block(key, nth, bytes(waiting), last=True)

    def _block(self, key: str, nth: int, content: bytes, *, last: bool) -> Iterator[bytes]:
        sealed = self._vault.seal_bytes(content, **self._place, row=_row(key, nth, last=last))
        yield len(sealed).to_bytes(LENGTH_BYTES, "big")
        yield sealed

    def _unsealed(self, key: str, file: BinaryIO) -> Iterator[bytes]:
        with file:
            nth, length = 0, file.read(LENGTH_BYTES)
            while True:
                sealed, after = file.read(int.from_bytes(length, "big")), file.read(LENGTH_BYTES)
                yield self._vault.unseal_bytes(sealed, **self._place, row=_row(key, nth, last=not after))
                if not after:
                    return
                nth, length = nth + 1, after


def _row(key: str, nth: int, *, last: bool) -> str:
    return f"{key}/{nth}{'/last' if last else ''}"


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _settle(folder: Path) -> None:
    """A name has come to the disk, or gone from it, only when its folder has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
