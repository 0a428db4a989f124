"""Photos at rest: nothing of them can be read on the disk, and only their own key opens them."""

import os
import secrets
import stat
from pathlib import Path

import pytest

from app.adapters.photo_store import SealedPhotos
from app.adapters.vault import AesVault
from app.ports import PhotoGone
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
def photos(folder: Path, vault: AesVault) -> SealedPhotos:
    return SealedPhotos(folder, vault)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_photo_comes_back(photos: SealedPhotos) -> None:
    key, jpeg = secrets.token_hex(16), a_photo()
    photos.put(key, jpeg)
    assert photos.get(key) == jpeg


def test_nothing_of_a_photo_can_be_read_on_the_disk(photos: SealedPhotos, folder: Path) -> None:
    jpeg = a_photo(comment="浙江大学 张三".encode())
    photos.put(KEY, jpeg)
    (kept,) = files(folder)
    on_disk = kept.read_bytes()
    assert b"\xff\xd8\xff" not in on_disk[:64]
    readable = [at for at in range(len(jpeg) - CHUNK) if jpeg[at : at + CHUNK] in on_disk]
    assert readable == []


def test_only_the_owner_of_the_process_may_open_them(photos: SealedPhotos, folder: Path) -> None:
    mask = os.umask(0)
    try:
        photos.put(KEY, b"jpeg")
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "0f", folder / "0f" / KEY)] == [
        0o700,
        0o700,
        0o600,
    ]


def test_another_key_does_not_open_a_photo(photos: SealedPhotos, folder: Path) -> None:
    photos.put(KEY, b"mine")
    photos.put(OTHER_KEY, b"yours")
    (folder / "0f" / KEY).replace(folder / "f0" / OTHER_KEY)
    with pytest.raises(ValueError, match="sealed for another place"):
        photos.get(OTHER_KEY)
    with pytest.raises(PhotoGone):
        photos.get(KEY)


def test_a_file_of_the_vaults_other_places_is_no_photo(photos: SealedPhotos, folder: Path, vault: AesVault) -> None:
    photos.put(KEY, b"jpeg")
    (folder / "0f" / KEY).write_bytes(vault.seal("11010519491231002X", table="identity", column="id_number", row=KEY))
    with pytest.raises(ValueError, match="sealed for another place"):
        photos.get(KEY)


def test_a_changed_file_is_refused(photos: SealedPhotos, folder: Path) -> None:
    photos.put(KEY, b"jpeg")
    (kept,) = files(folder)
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="changed"):
        photos.get(KEY)


def test_erased_is_gone_and_may_be_said_twice(photos: SealedPhotos, folder: Path) -> None:
    photos.put(KEY, b"jpeg")
    photos.put(OTHER_KEY, b"stays")
    photos.erase(KEY)
    photos.erase(KEY)
    with pytest.raises(PhotoGone):
        photos.get(KEY)
    assert [path.name for path in files(folder)] == [OTHER_KEY]


def test_what_was_never_kept_is_gone(photos: SealedPhotos) -> None:
    photos.erase(KEY)
    with pytest.raises(KeyError):
        photos.get(KEY)


def test_putting_again_replaces(photos: SealedPhotos, folder: Path) -> None:
    photos.put(KEY, b"first")
    photos.put(KEY, b"second")
    assert photos.get(KEY) == b"second"
    assert len(files(folder)) == 1


def test_a_photo_is_there_whole_or_not_at_all(
    photos: SealedPhotos, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        photos.put(KEY, b"jpeg")
    assert files(folder) == []
    with pytest.raises(PhotoGone):
        photos.get(KEY)


@pytest.mark.parametrize(
    "key",
    ["", "..", "../" + KEY, "0f/" + KEY, KEY + "\n", KEY.upper(), KEY + "0", "a" * 31 + "/", "０" * 32, "\0" * 32],
)
def test_a_key_is_thirty_two_hexadecimal_digits(photos: SealedPhotos, folder: Path, key: str) -> None:
    for act in (lambda: photos.put(key, b"jpeg"), lambda: photos.get(key), lambda: photos.erase(key)):
        with pytest.raises(ValueError, match="no key"):
            act()
    assert not folder.exists()
