"""Signatures and seals as WeChat makes and checks them: Pay v3 (RSA-SHA256, AES-256-GCM), the JS-SDK (SHA-1)."""

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
NONCE_BYTES = 12  # of AES-GCM, and WeChat writes them as ASCII
_FIELD = re.compile(r'(\w+)="([^"]*)"')


def sign(key: RSAPrivateKey, *lines: bytes) -> str:
    """Signs the lines, each ended by a newline; base64."""
    return b64encode(key.sign(_text(lines), PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, signature: str, *lines: bytes) -> bool:
    """Whether the signature (base64) is the key's over these lines."""
    try:
        key.verify(b64decode(signature, validate=True), _text(lines), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def wechatpay_headers(key: RSAPrivateKey, serial: str, body: bytes, at: float) -> dict[str, str]:
    """The five headers on every reply and notice of WeChat Pay; `at` in seconds since 1970."""
    timestamp, nonce = str(int(at)), nonce_text()
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": sign(key, timestamp.encode(), nonce.encode(), body),
        "Wechatpay-Signature-Type": SCHEME,
    }


def authorization_fields(header: str) -> Mapping[str, str] | None:
    """The fields of an Authorization header of WeChat Pay; None when it is of another scheme or lacks one."""
    scheme, _, rest = header.partition(" ")
    fields = dict(_FIELD.findall(rest))
    complete = fields.keys() >= {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
    return fields if scheme == SCHEME and complete else None


def seal(api_v3_key: bytes, plain: bytes, original_type: str) -> dict[str, str]:
    """The encrypted `resource` of a notice; its associated data is its type, as WeChat does it."""
    nonce = secrets.token_hex(NONCE_BYTES // 2)
    ciphertext = AESGCM(api_v3_key).encrypt(nonce.encode(), plain, original_type.encode())
    return {
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(ciphertext).decode(),
        "associated_data": original_type,
        "nonce": nonce,
    }


def page_signature(ticket: str, nonce: str, timestamp: str, url: str) -> str:
    """The JS-SDK's signature of a page; the fragment does not count."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.partition('#')[0]}"
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  # WeChat's choice


def nonce_text() -> str:
    """32 characters that no reader has seen before."""
    return secrets.token_hex(16).upper()


def _text(lines: tuple[bytes, ...]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
