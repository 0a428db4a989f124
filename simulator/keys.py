"""Key material of the pretended merchant and of the pretended WeChat: made once into DATA_DIR, never committed."""

import os
import secrets
import shlex
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

KEY_BITS = 2048
ENV_FILE = "wechat.env"
KEY_FOLDER = "wechat"
MERCHANT_KEY = "merchant_private_key.pem"
PLATFORM_KEY = "platform_private_key.pem"
PLATFORM_PUBLIC_KEY = "platform_public_key.pem"


class NoKeys(Exception):
    """`python -m simulator keys` has not been run for this DATA_DIR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the simulator knows of the application's merchant and account, and what it signs with."""

    app_id: str
    app_secret: str = field(repr=False)
    mch_id: str
    mch_serial_no: str
    merchant_key: RSAPublicKey = field(repr=False)
    platform_key: RSAPrivateKey = field(repr=False)
    public_key_id: str
    api_v3_key: bytes = field(repr=False)
    template_id: str
    forger_key: RSAPrivateKey = field(repr=False)  # of nobody: signs what must not be believed

    @classmethod
    def read(cls, data_dir: Path) -> "Keys":
        """Reads what `make` wrote. Raises NoKeys."""
        try:
            names = read_env(data_dir / ENV_FILE)
            merchant = _load(data_dir / KEY_FOLDER / MERCHANT_KEY)
            platform = _load(data_dir / KEY_FOLDER / PLATFORM_KEY)
        except FileNotFoundError as error:
            raise NoKeys(str(error.filename)) from error
        return cls(
            app_id=names["WECHAT_APP_ID"],
            app_secret=names["WECHAT_APP_SECRET"],
            mch_id=names["WECHAT_MCH_ID"],
            mch_serial_no=names["WECHAT_MCH_SERIAL_NO"],
            merchant_key=merchant.public_key(),
            platform_key=platform,
            public_key_id=names["WECHAT_PAY_PUBLIC_KEY_ID"],
            api_v3_key=names["WECHAT_PAY_API_V3_KEY"].encode(),
            template_id=names["WECHAT_TEMPLATE_ORDER"],
            forger_key=generate_private_key(public_exponent=65537, key_size=KEY_BITS),
        )


def make(data_dir: Path, sim_port: int) -> Path:
    """Makes keys at the first call; later calls only bring URLs and paths up to date. Returns the env file."""
    folder = data_dir / KEY_FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (MERCHANT_KEY, PLATFORM_KEY):
        if not (folder / name).exists():
            _write_secretly(folder / name, _pem(generate_private_key(public_exponent=65537, key_size=KEY_BITS)))
    _write_secretly(folder / PLATFORM_PUBLIC_KEY, _public_pem(_load(folder / PLATFORM_KEY)))
    env_file = data_dir / ENV_FILE
    names = dict(read_env(env_file)) if env_file.exists() else _new_names()
    names |= _places(folder.resolve(), sim_port)
    _write_secretly(env_file, "".join(f"{name}={shlex.quote(value)}\n" for name, value in names.items()).encode())
    return env_file


def read_env(path: Path) -> Mapping[str, str]:
    """The NAME=value lines of a file that a shell can source."""
    pairs = (word.partition("=") for word in shlex.split(path.read_text(), comments=True))
    return {name: value for name, _, value in pairs}


def _new_names() -> dict[str, str]:
    mch_id = "16" + _digits(8)
    return {
        "WECHAT_APP_ID": "wx" + secrets.token_hex(8),
        "WECHAT_APP_SECRET": secrets.token_hex(16),
        "WECHAT_MCH_ID": mch_id,
        "WECHAT_MCH_SERIAL_NO": secrets.token_hex(20).upper(),
        "WECHAT_PAY_PUBLIC_KEY_ID": f"PUB_KEY_ID_01{mch_id}{_digits(22)}",
        "WECHAT_PAY_API_V3_KEY": "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32)),
        "WECHAT_TEMPLATE_ORDER": secrets.token_urlsafe(32),
    }


def _places(folder: Path, sim_port: int) -> dict[str, str]:
    origin = f"http://127.0.0.1:{sim_port}"
    return {
        "WECHAT_API_URL": origin,
        "WECHAT_OPEN_URL": origin,
        "WECHAT_PAY_URL": origin,
        "WECHAT_BRIDGE_URL": f"{origin}/_sim/bridge.js",
        "WECHAT_MCH_PRIVATE_KEY_FILE": str(folder / MERCHANT_KEY),
        "WECHAT_PAY_PUBLIC_KEY_FILE": str(folder / PLATFORM_PUBLIC_KEY),
    }


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))


def _pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _load(path: Path) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key


def _write_secretly(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
