"""Files at rest: nothing of them can be read on the disk, and only their own key opens them."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.file_store import BLOCK, SealedFiles, SealedLongFiles
from app.adapters.vault import AesVault
from app.ports import FileGone
from tests.factories.pictures import a_photo

CHUNK = 8
KEY, OTHER_KEY = "0f" * 16, "f0" * 16


@pytest.fixture
def vault() -> AesVault:
    return AesVault({"k1": b"1" * 32}, b"m" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def store(folder: Path, vault: AesVault) -> SealedFiles:
    return SealedFiles(folder, vault, table="photo")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_comes_back(store: SealedFiles) -> None:
    key, jpeg = secrets.token_hex(16), a_photo()
    store.put(key, jpeg)
    assert store.get(key) == jpeg


def test_nothing_of_a_file_can_be_read_on_the_disk(store: SealedFiles, folder: Path) -> None:
    jpeg = a_photo(comment="浙江大学 张三".encode())
    store.put(KEY, jpeg)
    (kept,) = files(folder)
    on_disk = kept.read_bytes()
    assert b"\xff\xd8\xff" not in on_disk[:64]
    readable = [at for at in range(len(jpeg) - CHUNK) if jpeg[at : at + CHUNK] in on_disk]
    assert readable == []


def test_only_the_owner_of_the_process_may_open_them(store: SealedFiles, folder: Path) -> None:
    mask = os.umask(0)
    try:
        store.put(KEY, b"jpeg")
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "0f", folder / "0f" / KEY)] == [
        0o700,
        0o700,
        0o600,
    ]


def test_another_key_does_not_open_a_file(store: SealedFiles, folder: Path) -> None:
    store.put(KEY, b"mine")
    store.put(OTHER_KEY, b"yours")
    (folder / "0f" / KEY).replace(folder / "f0" / OTHER_KEY)
    with pytest.raises(ValueError, match="sealed for another place"):
        store.get(OTHER_KEY)
    with pytest.raises(FileGone):
        store.get(KEY)


def test_a_file_of_the_vaults_other_places_is_not_opened(store: SealedFiles, folder: Path, vault: AesVault) -> None:
    store.put(KEY, b"jpeg")
    (folder / "0f" / KEY).write_bytes(vault.seal("11010519491231002X", table="identity", column="id_number", row=KEY))
    with pytest.raises(ValueError, match="sealed for another place"):
        store.get(KEY)


def test_a_changed_file_is_refused(store: SealedFiles, folder: Path) -> None:
    store.put(KEY, b"jpeg")
    (kept,) = files(folder)
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="changed"):
        store.get(KEY)


def test_erased_is_gone_and_may_be_said_twice(store: SealedFiles, folder: Path) -> None:
    store.put(KEY, b"jpeg")
    store.put(OTHER_KEY, b"stays")
    store.erase(KEY)
    store.erase(KEY)
    with pytest.raises(FileGone):
        store.get(KEY)
    assert [path.name for path in files(folder)] == [OTHER_KEY]


def test_what_was_never_kept_is_gone(store: SealedFiles) -> None:
    store.erase(KEY)
    with pytest.raises(KeyError):
        store.get(KEY)


def test_putting_again_replaces(store: SealedFiles, folder: Path) -> None:
    store.put(KEY, b"first")
    store.put(KEY, b"second")
    assert store.get(KEY) == b"second"
    assert len(files(folder)) == 1


def test_a_file_is_there_whole_or_not_at_all(store: SealedFiles, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        store.put(KEY, b"jpeg")
    assert files(folder) == []
    with pytest.raises(FileGone):
        store.get(KEY)


@pytest.mark.parametrize(
    "key",
    ["", "..", "../" + KEY, "0f/" + KEY, KEY + "\n", KEY.upper(), KEY + "0", "a" * 31 + "/", "０" * 32, "\0" * 32],
)
def test_a_key_is_thirty_two_hexadecimal_digits(store: SealedFiles, folder: Path, key: str) -> None:
    for act in (lambda: store.put(key, b"jpeg"), lambda: store.get(key), lambda: store.erase(key)):
        with pytest.raises(ValueError, match="no key"):
            act()
    assert not folder.exists()


@pytest.fixture
def long_store(folder: Path, vault: AesVault) -> SealedLongFiles:
    return SealedLongFiles(folder, vault, table="task")


LENGTHS = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_long_file_comes_back_in_pieces(long_store: SealedLongFiles, length: int) -> None:
    content = os.urandom(length)
    long_store.put(KEY, (content[at : at + 1000] for at in range(0, length, 1000)))
    pieces = list(long_store.get(KEY))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= BLOCK


def test_nothing_of_a_long_file_can_be_read_on_the_disk(long_store: SealedLongFiles, folder: Path) -> None:
    long_store.put(KEY, ["王晓涵 13812342047".encode()] * 50_000)
    (kept,) = files(folder)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "王晓涵".encode() not in kept.read_bytes()


def blocks_of(content: bytes) -> list[bytes]:
    """The sealed blocks of a long file, each with its length before it."""
    blocks, at = [], 0
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at : at + 4], "big")
        blocks.append(content[at:end])
        at = end
    return blocks


@pytest.mark.parametrize(
    "change",
    [
        lambda blocks: blocks[:-1],
        lambda blocks: blocks[:-2],
        lambda blocks: [*blocks[:-1], blocks[-1][:-9]],
        lambda blocks: [blocks[1], blocks[0], *blocks[2:]],
        lambda blocks: [*blocks, blocks[-1]],
        lambda blocks: [blocks[0][:-1] + b"!", *blocks[1:]],
        lambda _blocks: [],
        lambda blocks: [b"\xff\xff\xff\xff", *blocks],
    ],
)
def test_a_long_file_that_was_changed_is_not_read_to_its_end(
    long_store: SealedLongFiles, folder: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    long_store.put(KEY, [os.urandom(3 * BLOCK + 5)])
    (kept,) = files(folder)
    kept.write_bytes(b"".join(change(blocks_of(kept.read_bytes()))))
    with pytest.raises(ValueError, match="changed|too short|no vault key"):
        list(long_store.get(KEY))


def test_another_key_does_not_open_a_long_file(long_store: SealedLongFiles, folder: Path) -> None:
    long_store.put(KEY, [b"mine"])
    long_store.put(OTHER_KEY, [b"yours"])
    (folder / "0f" / KEY).replace(folder / "f0" / OTHER_KEY)
    with pytest.raises(ValueError, match="sealed for another place"):
        list(long_store.get(OTHER_KEY))
    with pytest.raises(FileGone):
        long_store.get(KEY)


def test_a_long_file_whose_making_fails_is_not_there(long_store: SealedLongFiles, folder: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * (2 * BLOCK)
        raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        long_store.put(KEY, pieces())
    assert files(folder) == []


def test_erasing_takes_away_what_a_killed_process_left(long_store: SealedLongFiles, folder: Path) -> None:
    long_store.put(KEY, [b"whole"])
    (folder / "0f" / f"{KEY}.00112233.new").write_bytes(b"half")
    long_store.erase(KEY)
    assert files(folder) == []
