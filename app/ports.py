"""What the application asks of the outside world, as protocols; `adapters` fulfils them, `runtime` carries them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from app.domain.bills import BillKind
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice


class Clock(Protocol):
    """The one source of the time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


class GatewayRefused(Exception):
    """WeChat answered no, and would answer no again: the request as it stands is wrong. `code` is WeChat's word."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class OutcomeUnknown(Exception):
    """No answer, or none that can be trusted (time limit, 5xx, 429, bad signature): ask again with the same number."""


class Forged(Exception):
    """A callback that WeChat did not send, or not lately: answered with 401, nothing is stored."""


class AlreadyPaid(Exception):
    """Refused to close a payment because it has been paid (ORDERPAID): ask about it."""


class NoBill(Exception):
    """WeChat has no bill for the day: nothing moved, or so it says."""


class BillNotReady(Exception):
    """WeChat is still making the bill: ask again in an hour."""


class BillDamaged(Exception):
    """What was downloaded is not what was announced (its hash), cannot be unzipped, or is too large."""


@dataclass(frozen=True, slots=True)
class PaymentWanted:
    """One payment attempt as WeChat is asked for it. The same fields must be sent on every retry."""

    out_trade_no: str
    description: str  # what the person reads on the payment sheet, at most 127 characters
    amount_fen: int
    openid: str
    expires_at: datetime  # becomes time_expire; UTC here


@dataclass(frozen=True, slots=True)
class RefundWanted:
    """One refund as WeChat is asked for it. `out_refund_no` is the same on every retry."""

    out_trade_no: str
    out_refund_no: str
    amount_fen: int
    total_fen: int  # what was paid
    reason: str  # what the person reads, at most 80 bytes


class TradeState(StrEnum):
    """What WeChat says of a payment attempt when asked."""

    PAID = "paid"  # SUCCESS, and REFUND: money did arrive
    UNPAID = "unpaid"  # NOTPAY, USERPAYING, ACCEPT, PAYERROR: may still be paid
    CLOSED = "closed"  # CLOSED, REVOKED: can never be paid
    UNKNOWN_THERE = "unknown_there"  # ORDER_NOT_EXIST: our request may still be on its way


@dataclass(frozen=True, slots=True)
class TradeFound:
    """WeChat's answer to a question about one attempt. `notice` is there when and only when `state` is PAID."""

    state: TradeState
    notice: PaymentNotice | None = None


class PaymentGateway(Protocol):
    """WeChat Pay. Each call raises GatewayRefused or OutcomeUnknown; each is bounded in time."""

    def prepare(self, wanted: PaymentWanted) -> str:
        """Asks for a payment, returns WeChat's prepay_id. Repeatable with the same fields. Raises AlreadyPaid."""

    def sheet(self, prepay_id: str, now: datetime) -> Mapping[str, str]:
        """The signed arguments of getBrandWCPayRequest: appId, timeStamp, nonceStr, package, signType, paySign."""

    def query(self, out_trade_no: str) -> TradeFound:
        """What WeChat knows of one attempt."""

    def close(self, out_trade_no: str) -> None:
        """Makes an attempt impossible to pay. Repeatable. AlreadyPaid if it has been paid."""

    def refund(self, wanted: RefundWanted) -> RefundNotice:
        """Asks for a refund (accepted is not arrived: see its status). Repeatable with the same number."""

    def query_refund(self, out_refund_no: str) -> RefundNotice | None:
        """What WeChat knows of one refund; None if it has never heard of it."""

    def bill(self, kind: BillKind, day: date) -> bytes:
        """A day's bill, unzipped, its hash checked. Raises NoBill, BillNotReady, BillDamaged."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> PaymentNotice | RefundNotice:
        """Checks a callback (serial, freshness, signature, decryption) and parses it. Raises Forged. Asks nobody."""


@dataclass(frozen=True, slots=True)
class WeChatPerson:
    """Who came back from WeChat's OAuth."""

    openid: str
    is_snapshot: bool  # a 快照页 visitor: a virtual account that is never registered (decision 1)


class OAuth(Protocol):
    """Logging in through WeChat."""

    def authorize_url(self, return_url: str, state: str) -> str:
        """Where the browser is sent; silent (snsapi_base)."""

    def person(self, code: str) -> WeChatPerson:
        """Exchanges the code (single use, 5 minutes). Raises GatewayRefused (bad or used code), OutcomeUnknown."""


class TokenStore(Protocol):
    """Where WeChat's access token and ticket are kept, shared by all processes. Values are sealed by the store."""

    def read(self, kind: str) -> tuple[str, datetime] | None:
        """(value, expires_at UTC), or None."""

    def write(self, kind: str, value: str, expires_at: datetime) -> None:
        """Replaces the value."""


class PageSdk(Protocol):
    """The JS-SDK inside WeChat's browser."""

    def config_for(self, page_url: str, now: datetime) -> Mapping[str, str]:
        """appId, timestamp, nonceStr, signature for wx.config on that page. Raises OutcomeUnknown, GatewayRefused."""


class Messenger(Protocol):
    """Messages to people through the official account."""

    def send(self, openid: str, words: Mapping[str, str], url: str, message_id: str) -> None:
        """Sends the order template (title, detail, remark). `message_id` is the same on each retry (client_msg_id).

        Raises GatewayRefused (the person does not follow us, say) or OutcomeUnknown.
        """


class Vault(Protocol):
    """Sealing of personal data at rest (decision 3): AES-256-GCM, key id, bound to table, column and row."""

    def seal(self, plain: str, *, table: str, column: str, row: str) -> bytes: ...

    def unseal(self, sealed: bytes, *, table: str, column: str, row: str) -> str:
        """Raises ValueError when the value was not sealed for that place or was changed."""

    def seal_bytes(self, plain: bytes, *, table: str, column: str, row: str) -> bytes: ...

    def unseal_bytes(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """Raises ValueError as `unseal` does."""

    def mac(self, plain: str) -> str:
        """A keyed hash, hex, by which an ID number is found without being unsealed."""


class FileGone(KeyError):
    """There is no file under that key: it was erased, or never kept."""


class FileStore(Protocol):
    """Photos, sealed at rest (decision 3). A key is 32 hexadecimal digits, `secrets.token_hex(16)`.

    A file is no part of a transaction: `put` before the verb that names the key, `erase` after the verb that lets go.
    """

    def put(self, key: str, content: bytes) -> None:
        """Keeps a file; it is there for good when this returns."""

    def get(self, key: str) -> bytes:
        """What was kept. Raises FileGone; ValueError when the file was changed or stood under another key."""

    def erase(self, key: str) -> None:
        """Makes it gone. Repeatable."""

    def keys(self, before: datetime) -> Iterable[str]:
        """The keys of what was put before a time."""


class LongFileStore(Protocol):
    """What tasks have made, sealed at rest, written and read piece by piece: memory does not grow with the file."""

    def put(self, key: str, pieces: Iterable[bytes]) -> None:
        """Keeps a file; it is there for good when this returns, and not at all when `pieces` raises."""

    def get(self, key: str) -> Iterator[bytes]:
        """What was kept. Raises FileGone at once; ValueError at the piece that was changed or is not the next one."""

    def erase(self, key: str) -> None:
        """Makes it gone. Repeatable."""
