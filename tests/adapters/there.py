"""A tiny WeChat for what the simulator would not do: a loopback server that answers as told, and its own signatures."""

import json
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from app.adapters.wechat import WeChatAccount

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
APP_ID = "wx0123456789abcdef"
APP_SECRET = "the-app-secret"
MCH_ID = "1600000001"
KEY_ID = "PUB_KEY_ID_0116000000012026"
API_V3_KEY = "0123456789abcdef0123456789abcdef"
LONGEST_HANG = 20.0  # seconds; a test ends it long before


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, str]
    target: str  # path and query as they stood on the wire
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False  # answers nothing until the test is over
    drips: float = 0.0  # seconds between two bytes


def said(fields: object, status: int = 200) -> Reply:
    """An unsigned JSON answer."""
    return Reply(status, json.dumps(fields, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


class There:
    """The server. `answer` decides each reply; `seen` is what came in."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], Reply] = lambda _: Reply(404)
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def begin(self) -> None:
        """Forgets the test before; what still hangs belongs to it and ends."""
        self.over.set()
        self.seen, self.over, self.answer = [], threading.Event(), lambda _: Reply(404)

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                over = there.over
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query))
                seen = Seen(self.command, parts.path, query, self.path, dict(self.headers), body)
                there.seen.append(seen)
                reply = there.answer(seen)
                if reply.hangs:
                    over.wait(LONGEST_HANG)
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.write(reply)
                except ConnectionError:
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815  # the base class calls it so

            def write(self, reply: Reply) -> None:
                if not reply.drips:
                    self.wfile.write(reply.body)
                    return
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    if there.over.wait(reply.drips):
                        return

            def log_message(self, *args: object) -> None: ...

        return Handler


@cache
def merchant_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@cache
def wechat_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@cache
def forger_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def an_account(url: str) -> WeChatAccount:
    private = merchant_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = (
        wechat_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return WeChatAccount(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        api_url=url,
        open_url="https://open.weixin.qq.com",
        pay_url=url,
        mch_id=MCH_ID,
        mch_serial_no="5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        mch_private_key=private.decode(),
        pay_public_key=public.decode(),
        pay_public_key_id=KEY_ID,
        api_v3_key=API_V3_KEY,
        template_order="template-of-orders",
        payment_notify_url="https://lieba.example/wechat/pay/payments",
        refund_notify_url="https://lieba.example/wechat/pay/refunds",
    )


def sign(text: str, key: RSAPrivateKey) -> str:
    return b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def verify_ours(signature: str, text: str) -> None:
    """Raises InvalidSignature unless our merchant key signed the text."""
    merchant_key().public_key().verify(b64decode(signature), text.encode(), PKCS1v15(), SHA256())


def seal_headers(body: bytes, at: datetime = NOW, *, key: RSAPrivateKey | None = None) -> dict[str, str]:
    """The five headers that WeChat puts on replies and notices."""
    timestamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": KEY_ID,
        "Wechatpay-Signature": sign(f"{timestamp}\n{nonce}\n{body.decode()}\n", key or wechat_key()),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def signed(fields: object, status: int = 200, *, at: datetime = NOW, key: RSAPrivateKey | None = None) -> Reply:
    """An answer of WeChat Pay; `fields` of None is an empty body."""
    body = b"" if fields is None else json.dumps(fields, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json"} | seal_headers(body, at, key=key))


def envelope(plain: object, event: str | None, *, key: str = API_V3_KEY, **changes: object) -> bytes:
    """The body of a notice: `plain` (text, or fields) sealed with the API v3 key."""
    text = plain if isinstance(plain, str) else json.dumps(plain)
    nonce = secrets.token_hex(6)
    resource = {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(AESGCM(key.encode()).encrypt(nonce.encode(), text.encode(), b"transaction")).decode(),
        "associated_data": "transaction",
        "nonce": nonce,
    }
    fields = {
        "id": secrets.token_hex(16),
        "create_time": "2026-11-24T16:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": resource,
    }
    return json.dumps(fields | changes, ensure_ascii=False).encode()


def payment_fields(**changes: object) -> dict[str, Any]:
    """A paid transaction as WeChat tells of it."""
    fields = {
        "mchid": MCH_ID,
        "appid": APP_ID,
        "out_trade_no": "P20261124000001",
        "transaction_id": "4200000000202611240000000001",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": "2026-11-24T15:59:58+08:00",
        "payer": {"openid": "oAlice_-1"},
        "amount": {"total": 299900, "payer_total": 299900, "currency": "CNY", "payer_currency": "CNY"},
    }
    return fields | changes


def refund_fields(**changes: object) -> dict[str, Any]:
    """A refund as WeChat's notice tells of it."""
    fields = {
        "mchid": MCH_ID,
        "transaction_id": "4200000000202611240000000001",
        "out_trade_no": "P20261124000001",
        "refund_id": "50300000002026112400000001",
        "out_refund_no": "R20261124000001",
        "refund_status": "SUCCESS",
        "success_time": "2026-11-24T15:59:59+08:00",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 299900, "refund": 299900, "payer_total": 299900, "payer_refund": 299900},
    }
    return fields | changes


def refund_reply(**changes: object) -> dict[str, Any]:
    """A refund as WeChat answers about it: no merchant, and the state is called `status`."""
    fields = refund_fields(status="PROCESSING", channel="ORIGINAL", create_time="2026-11-24T15:59:59+08:00")
    for name in ("mchid", "refund_status", "success_time"):
        del fields[name]
    return fields | changes


@dataclass
class FixedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class KeptTokens:
    kept: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def read(self, kind: str) -> tuple[str, datetime] | None:
        return self.kept.get(kind)

    def write(self, kind: str, value: str, expires_at: datetime) -> None:
        self.kept[kind] = (value, expires_at)
