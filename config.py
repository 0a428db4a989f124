"""The configuration, read once from the environment; a bad or missing value is named and refused."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

SIMULATOR_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
SHORTEST_SECRET = 32


class BadConfig(Exception):
    """The environment does not make a configuration; the message names each variable that is wrong, one a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that differs between a demo, a test and production."""

    app_env: str  # demo | production
    data_dir: Path
    database_url: str
    public_url: str  # scheme and host that people's phones and WeChat reach us at, no slash at the end
    secret_key: str = field(repr=False)
    vault_keys: Mapping[str, bytes] = field(repr=False)  # key id → 32 bytes; the first one seals, all unseal
    mac_key: bytes = field(repr=False)
    proxies: int  # how many reverse proxies of ours stand in front and set X-Forwarded-*
    secure_cookies: bool
    wechat_app_id: str
    wechat_app_secret: str = field(repr=False)
    wechat_api_url: str
    wechat_open_url: str
    wechat_pay_url: str
    wechat_mch_id: str
    wechat_mch_serial_no: str
    wechat_mch_private_key: str = field(repr=False)  # PEM
    wechat_pay_public_key: str = field(repr=False)  # PEM
    wechat_pay_public_key_id: str
    wechat_pay_api_v3_key: str = field(repr=False)
    wechat_bridge_url: str  # the simulator's bridge script; empty in production
    wechat_template_order: str  # id of the message template about an order

    @property
    def demo(self) -> bool:
        """Whether this is a demo or a test: the clock can be moved, the simulator is allowed."""
        return self.app_env == "demo"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Reads the environment. Raises BadConfig with every fault found."""
        return cls(**_Reader(os.environ if env is None else env).values())  # type: ignore[arg-type]  # built by name


class _Reader:
    """Collects the faults, so that all are told at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.faults: list[str] = []

    def values(self) -> dict[str, object]:
        app_env = self.one_of("APP_ENV", ("demo", "production"), default="demo")
        data_dir = Path(self.env.get("DATA_DIR", "var")).resolve()
        public_url = self.url("PUBLIC_URL", default=f"http://127.0.0.1:{self.env.get('PORT', '8000')}")
        values: dict[str, object] = {
            "app_env": app_env,
            "data_dir": data_dir,
            "database_url": self.database_url(data_dir),
            "public_url": public_url,
            "secret_key": self.secret("SECRET_KEY"),
            "vault_keys": self.vault_keys(),
            "mac_key": self.hex_key("MAC_KEY"),
            "proxies": self.number("PROXIES", default=0),
            "secure_cookies": public_url.startswith("https://"),
            "wechat_app_id": self.text("WECHAT_APP_ID"),
            "wechat_app_secret": self.text("WECHAT_APP_SECRET"),
            "wechat_api_url": self.url("WECHAT_API_URL", default="https://api.weixin.qq.com"),
            "wechat_open_url": self.url("WECHAT_OPEN_URL", default="https://open.weixin.qq.com"),
            "wechat_pay_url": self.url("WECHAT_PAY_URL", default="https://api.mch.weixin.qq.com"),
            "wechat_mch_id": self.text("WECHAT_MCH_ID"),
            "wechat_mch_serial_no": self.text("WECHAT_MCH_SERIAL_NO"),
            "wechat_mch_private_key": self.pem("WECHAT_MCH_PRIVATE_KEY_FILE"),
            "wechat_pay_public_key": self.pem("WECHAT_PAY_PUBLIC_KEY_FILE"),
            "wechat_pay_public_key_id": self.text("WECHAT_PAY_PUBLIC_KEY_ID"),
            "wechat_pay_api_v3_key": self.api_v3_key("WECHAT_PAY_API_V3_KEY"),
            "wechat_bridge_url": self.env.get("WECHAT_BRIDGE_URL", ""),
            "wechat_template_order": self.text("WECHAT_TEMPLATE_ORDER"),
        }
        if app_env == "production":
            self.refuse_the_simulator(values)
        if self.faults:
            raise BadConfig("\n".join(self.faults))
        return values

    def refuse_the_simulator(self, values: Mapping[str, object]) -> None:
        if values["wechat_bridge_url"]:
            self.faults.append("WECHAT_BRIDGE_URL: must be empty in production")
        if not str(values["public_url"]).startswith("https://"):
            self.faults.append("PUBLIC_URL: must be https in production")
        for name in ("wechat_api_url", "wechat_open_url", "wechat_pay_url"):
            url = urlsplit(str(values[name]))
            if url.scheme != "https" or url.hostname in SIMULATOR_HOSTS:
                self.faults.append(
                    f"{name.upper()}: production speaks to WeChat itself over https, not to {url.hostname}"
                )

    def text(self, name: str) -> str:
        value = self.env.get(name, "")
        if not value:
            self.faults.append(f"{name}: is missing")
        return value

    def secret(self, name: str) -> str:
        value = self.text(name)
        if value and len(value) < SHORTEST_SECRET:
            self.faults.append(f"{name}: is shorter than {SHORTEST_SECRET} characters")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        value = self.env.get(name, default)
        if value not in allowed:
            self.faults.append(f"{name}: is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def number(self, name: str, *, default: int) -> int:
        value = self.env.get(name, str(default))
        if not value.isdecimal():
            self.faults.append(f"{name}: is {value!r}, must be a whole number")
            return default
        return int(value)

    def url(self, name: str, *, default: str) -> str:
        value = self.env.get(name, default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
            self.faults.append(f"{name}: is {value!r}, must be http(s)://host[:port]")
        return value

    def database_url(self, data_dir: Path) -> str:
        value = self.env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'lieba.sqlite3'}"
        if not value.startswith(("sqlite:///", "postgresql:", "postgresql+psycopg:")):
            self.faults.append("DATABASE_URL: must begin with sqlite:/// or postgresql://")
        return value

    def hex_key(self, name: str) -> bytes:
        return self.as_key(name, self.text(name))

    def as_key(self, name: str, value: str) -> bytes:
        try:
            key = bytes.fromhex(value)
        except ValueError:
            key = b""
        if value and len(key) != SHORTEST_SECRET:
            self.faults.append(f"{name}: must be 64 hexadecimal digits (32 bytes)")
        return key

    def vault_keys(self) -> Mapping[str, bytes]:
        """VAULT_KEYS is `id:hex[,id:hex …]`; the first key seals, the others only unseal what they once sealed."""
        keys: dict[str, bytes] = {}
        for part in filter(None, self.text("VAULT_KEYS").split(",")):
            key_id, _, value = part.partition(":")
            keys[key_id] = self.as_key("VAULT_KEYS", value or "-")
        return keys

    def api_v3_key(self, name: str) -> str:
        value = self.text(name)
        if value and len(value.encode()) != SHORTEST_SECRET:
            self.faults.append(f"{name}: must be 32 bytes")
        return value

    def pem(self, name: str) -> str:
        path = self.text(name)
        if not path:
            return ""
        try:
            return Path(path).read_text()
        except OSError as error:
            self.faults.append(f"{name}: {path} cannot be read ({error.strerror})")
            return ""
