"""Personal data sealed at rest: AES-256-GCM under named keys, each value bound to its table, column and row."""

import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
LONGEST_KEY_ID = 255


class AesVault:
    """Seals with the first key; unseals with whichever key the value names (decision 3).

    A sealed value is: length of the key id (1 byte), key id, nonce (12 bytes), ciphertext with its tag (16 bytes).
    """

    def __init__(self, keys: Mapping[str, bytes], mac_key: bytes) -> None:
        """`keys`: key id → 32 bytes, the sealing key first. `mac_key`: 32 bytes. Raises ValueError for unfit keys."""
        for key_id, key in keys.items():
            if not (key_id.isascii() and 0 < len(key_id) <= LONGEST_KEY_ID and len(key) == KEY_BYTES):
                raise ValueError(f"vault key {key_id!r}: needs an ASCII id and {KEY_BYTES} bytes")
        if not keys or len(mac_key) != KEY_BYTES:
            raise ValueError(f"the vault needs a sealing key and a MAC key of {KEY_BYTES} bytes")
        self._ciphers = {key_id.encode(): AESGCM(key) for key_id, key in keys.items()}
        self._sealing_id = next(iter(self._ciphers))
        self._mac_key = mac_key

    def seal(self, plain: str, *, table: str, column: str, row: str) -> bytes:
        """The value under the first key, for that place alone. Two seals of one value differ."""
        return self.seal_bytes(plain.encode(), table=table, column=column, row=row)

    def unseal(self, sealed: bytes, *, table: str, column: str, row: str) -> str:
        """The value. Raises ValueError when it was not sealed for that place, was changed, or its key is not here."""
        return self.unseal_bytes(sealed, table=table, column=column, row=row).decode()

    def seal_bytes(self, plain: bytes, *, table: str, column: str, row: str) -> bytes:
        """As `seal`, for what is no text."""
        nonce = os.urandom(NONCE_BYTES)
        place = _place(self._sealing_id, table, column, row)
        sealed = self._ciphers[self._sealing_id].encrypt(nonce, plain, place)
        return bytes([len(self._sealing_id)]) + self._sealing_id + nonce + sealed

    def unseal_bytes(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """As `unseal`, for what is no text."""
        key_id, nonce, ciphertext = _parts(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise ValueError(f"no vault key {key_id!r} for {table}.{column}")
        try:
            return cipher.decrypt(nonce, ciphertext, _place(key_id, table, column, row))
        except InvalidTag:
            pass
        raise ValueError(f"{table}.{column} was changed or was sealed for another place")

    def mac(self, plain: str) -> str:
        """The keyed hash (HMAC-SHA256, 64 hexadecimal digits) by which a value is found without being unsealed."""
        return hmac.new(self._mac_key, plain.encode(), hashlib.sha256).hexdigest()


def _place(key_id: bytes, table: str, column: str, row: str) -> bytes:
    if "|" in table or "|" in column:
        raise ValueError(f"{table!r} {column!r}: a bar would make two places look the same")
    return b"|".join((key_id, table.encode(), column.encode(), row.encode()))


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    sealed = bytes(sealed)
    after_id = 1 + (sealed[0] if sealed else 0)
    if len(sealed) < after_id + NONCE_BYTES + TAG_BYTES:
        raise ValueError("too short to be a sealed value")
    return sealed[1:after_id], sealed[after_id : after_id + NONCE_BYTES], sealed[after_id + NONCE_BYTES :]
