"""What these tests stand on: a merchant that speaks through the real library, an application that listens."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from simulator.clock import rfc3339
from simulator.keys import MERCHANT_KEY, PLATFORM_PUBLIC_KEY, read_env
from simulator.server import Simulator

LONGEST_WAIT = 10.0  # seconds until a test gives up
SPEED = 600.0


@dataclass
class Post:
    """One request that the application got."""

    path: str
    headers: dict[str, str]
    body: bytes


class Server(ThreadingHTTPServer):
    """Takes a burst of connections at once."""

    daemon_threads = True
    request_queue_size = 128


@dataclass
class Listener:
    """The application's side: takes notices, answers with the statuses it was given, then 204."""

    answers: list[int] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    pages: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with listener.changed:
                    listener.posts.append(Post(self.path, dict(self.headers), body))
                    status = listener.answers.pop(0) if listener.answers else 204
                    listener.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                body, headers = listener.pages.get(self.path.partition("?")[0], (b"", {}))
                self.send_response(200 if body else 404)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def wait_for(self, count: int) -> list[Post]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= count, LONGEST_WAIT), (
                f"only {len(self.posts)} posts"
            )
            return list(self.posts)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@cache
def library(data_dir: Path, url: str) -> WeChatPay:
    """wechatpayv3 in public-key mode, made once: reading its keys takes a while."""
    env = read_env(data_dir / "wechat.env")
    pay = WeChatPay(
        WeChatPayType.JSAPI,
        mchid=env["WECHAT_MCH_ID"],
        private_key=(data_dir / "wechat" / MERCHANT_KEY).read_text(),
        cert_serial_no=env["WECHAT_MCH_SERIAL_NO"],
        appid=env["WECHAT_APP_ID"],
        apiv3_key=env["WECHAT_PAY_API_V3_KEY"],
        public_key=(data_dir / "wechat" / PLATFORM_PUBLIC_KEY).read_text(),
        public_key_id=env["WECHAT_PAY_PUBLIC_KEY_ID"],
        timeout=(2, 5),
    )
    pay._core._gate_way = url
    return pay


class Merchant:
    """The application's merchant, with wechatpayv3 itself in public-key mode, and the simulator's JSON handles."""

    def __init__(self, simulator: Simulator, data_dir: Path, listener: Listener) -> None:
        self.simulator, self.world, self.listener = simulator, simulator.world, listener
        self.env = read_env(data_dir / "wechat.env")
        self.pay = library(data_dir, simulator.url)

    def get(self, path: str) -> Any:
        return requests.get(self.simulator.url + path, timeout=5).json()

    def post(self, path: str, **asked: object) -> requests.Response:
        return requests.post(self.simulator.url + path, json=asked, timeout=30)

    def person(self, nickname: str = "林小满", **facts: object) -> str:
        return str(self.post("/_sim/people", nickname=nickname, **facts).json()["openid"])

    def fault(self, name: str, **params: object) -> None:
        answer = self.post("/_sim/faults", name=name, **params)
        assert answer.status_code == 201, answer.text

    def create(self, out_trade_no: str, openid: str, **changes: Any) -> tuple[int, Any]:
        facts: dict[str, Any] = {
            "description": "小牛 AM0001",
            "amount": {"total": 259900, "currency": "CNY"},
            "payer": {"openid": openid},
            "notify_url": f"{self.listener.url}/wechat/pay/payments",
            **changes,
        }
        return answer(self.pay.pay(out_trade_no=out_trade_no, **facts))

    def order(self, openid: str | None = None, **changes: Any) -> tuple[str, str]:
        """A new order; its number and prepay_id."""
        number = f"P{uuid.uuid4().hex[:20]}"
        status, told = self.create(number, openid or self.person(), **changes)
        assert status == 200, told
        return number, told["prepay_id"]

    def paid(self, **changes: Any) -> str:
        """An order that was paid; its number."""
        number, prepay_id = self.order(**changes)
        assert self.post(f"/_sim/pay/{prepay_id}", outcome="ok").status_code == 200
        return number

    def refund(self, out_trade_no: str, out_refund_no: str, refund: int, total: int = 259900) -> tuple[int, Any]:
        return answer(
            self.pay.refund(
                out_refund_no=out_refund_no,
                out_trade_no=out_trade_no,
                amount={"refund": refund, "total": total, "currency": "CNY"},
                notify_url=f"{self.listener.url}/wechat/pay/refunds",
            )
        )

    def query(self, out_trade_no: str) -> Any:
        return answer(self.pay.query(out_trade_no=out_trade_no))[1]

    def read(self, post: Post) -> Any:
        """A notice as the library reads it; None when it does not believe it."""
        return self.pay.callback(post.headers, post.body)

    def in_minutes(self, minutes: float) -> str:
        return rfc3339(self.world.clock.now() + minutes * 60)

    def until(self, ready: Callable[[], Any]) -> Any:
        ends = time.monotonic() + LONGEST_WAIT
        pause = threading.Event()
        while not (found := ready()):
            assert time.monotonic() < ends, "it did not happen"
            pause.wait(0.01)
        return found


def answer(reply: tuple[int, Any]) -> tuple[int, Any]:
    """Status and JSON."""
    status, text = reply
    return status, json.loads(text) if text else None


def code_of(reply: tuple[int, Any]) -> tuple[int, str]:
    """Status and WeChat's word of a refusal."""
    return reply[0], reply[1]["code"]


def sum_of(rows: Iterable[dict[str, Any]]) -> int:
    return sum(row["amount"] for row in rows)
