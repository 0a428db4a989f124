"""A payment gateway that answers as a test wants and remembers what it was asked: a port's stand-in, not WeChat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from flask import Flask

from app.domain.bills import BillKind
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice, RefundStatus
from app.ports import NoBill, PaymentWanted, RefundWanted, TradeFound, TradeState
from app.runtime import Runtime
from app.web.current import RUNTIME

MCH_ID = "1900000001"


def _unpaid(_out_trade_no: str) -> TradeFound:
    return TradeFound(TradeState.UNPAID)


def accepted(wanted: RefundWanted) -> RefundNotice:
    """WeChat is at work on the refund."""
    return a_refund_notice(wanted.out_refund_no, wanted.out_trade_no, wanted.amount_fen, RefundStatus.ACCEPTED)


def a_refund_notice(out_refund_no: str, out_trade_no: str, amount_fen: int, status: RefundStatus) -> RefundNotice:
    """What WeChat says of a refund."""
    done_at = datetime(2026, 11, 1, tzinfo=UTC) if status is RefundStatus.DONE else None
    return RefundNotice(out_refund_no, out_trade_no, f"id-{out_refund_no}", status, amount_fen, done_at, MCH_ID)


def no_bill(_kind: BillKind, day: date) -> bytes:
    """Nothing moved."""
    raise NoBill(str(day))


@dataclass
class Gateway:
    """Each answer is a function of what was asked; raise in it what WeChat's silence or refusal would raise.

    An answer about a refund is of the merchant that asked, as the real gateway's is.
    """

    on_query: Callable[[str], TradeFound] = _unpaid
    on_close: Callable[[str], None] = lambda _out_trade_no: None
    on_refund: Callable[[RefundWanted], RefundNotice] = accepted
    on_query_refund: Callable[[str], RefundNotice | None] = lambda _out_refund_no: None
    on_bill: Callable[[BillKind, date], bytes] = no_bill
    asked: list[str] = field(default_factory=list)
    mch_id: str = MCH_ID

    def prepare(self, wanted: PaymentWanted) -> str:
        self.asked.append(f"prepare {wanted.out_trade_no}")
        return "wx-prepared"

    def sheet(self, prepay_id: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002
        return {"package": f"prepay_id={prepay_id}"}

    def query(self, out_trade_no: str) -> TradeFound:
        self.asked.append(f"query {out_trade_no}")
        return self.on_query(out_trade_no)

    def close(self, out_trade_no: str) -> None:
        self.asked.append(f"close {out_trade_no}")
        self.on_close(out_trade_no)

    def refund(self, wanted: RefundWanted) -> RefundNotice:
        self.asked.append(f"refund {wanted.out_refund_no}")
        return replace(self.on_refund(wanted), mch_id=self.mch_id)

    def query_refund(self, out_refund_no: str) -> RefundNotice | None:
        self.asked.append(f"query_refund {out_refund_no}")
        found = self.on_query_refund(out_refund_no)
        return found and replace(found, mch_id=self.mch_id)

    def bill(self, kind: BillKind, day: date) -> bytes:
        self.asked.append(f"bill {kind} {day}")
        return self.on_bill(kind, day)

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> PaymentNotice | RefundNotice:
        raise NotImplementedError


@dataclass
class Post:
    """A messenger that keeps what it was given."""

    on_send: Callable[[str], None] = lambda _openid: None
    sent: list[tuple[str, Mapping[str, str], str, str]] = field(default_factory=list)

    def send(self, openid: str, words: Mapping[str, str], url: str, message_id: str) -> None:
        self.on_send(openid)
        self.sent.append((openid, words, url, message_id))


def with_gateway(app: Flask, gateway: Gateway, post: Post | None = None) -> Runtime:
    """The application's runtime, speaking to a stand-in instead of WeChat."""
    runtime: Runtime = app.extensions[RUNTIME]
    gateway.mch_id = runtime.till.merchant.mch_id
    return replace(
        runtime, till=replace(runtime.till, gateway=gateway), messenger=runtime.messenger if post is None else post
    )
