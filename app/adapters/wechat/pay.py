"""WeChat Pay, API v3 JSAPI, by wechatpayv3: every outcome is an answer, a refusal, or not known."""

import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, TypeVar

from app.adapters.wechat import wire
from app.adapters.wechat.account import WeChatAccount
from app.adapters.wechat.http import Outgoing
from app.adapters.wechat.notices import read_notice
from app.adapters.wechat.pay_channel import PayCore, pay_library
from app.domain.bills import BillKind
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice
from app.ports import (
    AlreadyPaid,
    BillDamaged,
    BillNotReady,
    Clock,
    GatewayRefused,
    NoBill,
    OutcomeUnknown,
    PaymentWanted,
    RefundWanted,
    TradeFound,
    TradeState,
)

T = TypeVar("T")
OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
TRADE_STATES = {
    "SUCCESS": TradeState.PAID,
    "REFUND": TradeState.PAID,
    "NOTPAY": TradeState.UNPAID,
    "USERPAYING": TradeState.UNPAID,
    "ACCEPT": TradeState.UNPAID,
    "PAYERROR": TradeState.UNPAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
}
# WeChat's documents spell some words with and without underscores: compared without.
PAID = "ORDERPAID"
PAID_WORDS = "已支付"  # an INVALID_REQUEST may say it in words alone; a wrong guess costs one question
CLOSED = "ORDERCLOSED"
NO_BILL, BILL_NOT_READY = "NOSTATEMENTEXIST", "STATEMENTCREATING"
NOT_THERE = frozenset({"ORDERNOTEXIST", "RESOURCENOTEXISTS"})
PASSING = frozenset({"SYSTEMERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEEDED", "BANKERROR"})
GZIP_MAGIC = b"\x1f\x8b"
LARGEST_BILL = 128 << 20  # bytes, unzipped
PASSING_STATUS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class PaymentGateway:
    """ports.PaymentGateway, by wechatpayv3 in public-key mode."""

    def __init__(self, account: WeChatAccount, clock: Clock, http: Outgoing) -> None:
        """Asks nobody. Raises ValueError when a key cannot be read."""
        self._account = account
        try:
            self._core = PayCore(account, clock, http)
            self._library = pay_library(account, self._core)
        except Exception as error:  # noqa: BLE001  # the library raises bare Exception
            raise ValueError(f"the keys of WeChat Pay: {error}") from None

    def prepare(self, wanted: PaymentWanted) -> str:
        """Asks for a payment, returns its prepay_id (good for 2 hours). AlreadyPaid, GatewayRefused, OutcomeUnknown."""
        _fits(OUT_TRADE_NO, wanted.out_trade_no)
        description = wire.description(wanted.description)
        if not description:
            raise GatewayRefused("PARAM_ERROR", "a payment needs a description")
        answer = _answer_unless_paid(
            lambda: self._library.pay(
                description=description,
                out_trade_no=wanted.out_trade_no,
                amount={"total": wanted.amount_fen, "currency": "CNY"},
                payer={"openid": wanted.openid},
                time_expire=wire.written_time(wanted.expires_at),
            ),
            done=HTTPStatus.OK,
        )
        prepay_id = answer.get("prepay_id")
        if not isinstance(prepay_id, str) or not prepay_id:
            raise OutcomeUnknown("no prepay_id in the answer")
        return prepay_id

    def sheet(self, prepay_id: str, now: datetime) -> Mapping[str, str]:
        """The signed arguments of getBrandWCPayRequest, all of them text."""
        timestamp, nonce, package = str(int(now.timestamp())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        return {
            "appId": self._account.app_id,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._library.sign([self._account.app_id, timestamp, nonce, package]),
        }

    def query(self, out_trade_no: str) -> TradeFound:
        """What WeChat knows of one attempt. Raises GatewayRefused, OutcomeUnknown."""
        _fits(OUT_TRADE_NO, out_trade_no)
        try:
            answer = _answer(lambda: self._library.query(out_trade_no=out_trade_no))
        except GatewayRefused as refusal:
            if _bare(refusal.code) in NOT_THERE:
                return TradeFound(TradeState.UNKNOWN_THERE)
            raise
        _same(answer, out_trade_no=out_trade_no, mchid=self._account.mch_id)
        state = TRADE_STATES.get(str(answer.get("trade_state")))
        if state is None:
            raise OutcomeUnknown(f"trade_state {answer.get('trade_state')!r}")
        return TradeFound(state, _parsed(lambda: wire.payment(answer)) if state is TradeState.PAID else None)

    def close(self, out_trade_no: str) -> None:
        """Makes an attempt impossible to pay; twice is well. Raises AlreadyPaid, GatewayRefused, OutcomeUnknown.

        ORDER_NOT_EXIST is a refusal too: our request for that payment may still be on its way.
        """
        _fits(OUT_TRADE_NO, out_trade_no)
        try:
            _answer_unless_paid(lambda: self._library.close(out_trade_no=out_trade_no), done=HTTPStatus.NO_CONTENT)
        except GatewayRefused as refusal:
            if _bare(refusal.code) != CLOSED:
                raise

    def refund(self, wanted: RefundWanted) -> RefundNotice:
        """Asks for a refund, returns how it stands. Raises GatewayRefused, OutcomeUnknown."""
        _fits(OUT_TRADE_NO, wanted.out_trade_no)
        _fits(OUT_REFUND_NO, wanted.out_refund_no)
        answer = _answer(
            lambda: self._library.refund(
                out_refund_no=wanted.out_refund_no,
                out_trade_no=wanted.out_trade_no,
                amount={"refund": wanted.amount_fen, "total": wanted.total_fen, "currency": "CNY"},
                reason=wire.reason(wanted.reason) or None,
                notify_url=self._account.refund_notify_url,
            )
        )
        _same(answer, out_refund_no=wanted.out_refund_no, out_trade_no=wanted.out_trade_no)
        found = self._refund_in(answer)
        if found.amount_fen != wanted.amount_fen:
            raise OutcomeUnknown(f"asked to refund {wanted.amount_fen} fen, the answer says {found.amount_fen}")
        return found

    def query_refund(self, out_refund_no: str) -> RefundNotice | None:
        """What WeChat knows of one refund; None if it has never heard of it. Raises GatewayRefused, OutcomeUnknown."""
        _fits(OUT_REFUND_NO, out_refund_no)
        try:
            answer = _answer(lambda: self._library.query_refund(out_refund_no=out_refund_no))
        except GatewayRefused as refusal:
            if _bare(refusal.code) in NOT_THERE:
                return None
            raise
        _same(answer, out_refund_no=out_refund_no)
        return self._refund_in(answer)

    def bill(self, kind: BillKind, day: date) -> bytes:
        """A day's bill: asked for, fetched, unzipped, its hash checked.

        Raises NoBill, BillNotReady, BillDamaged, GatewayRefused, OutcomeUnknown.
        """
        ask = self._library.trade_bill if kind is BillKind.TRADE else self._library.fundflow_bill
        try:
            told = _answer(lambda: ask(bill_date=f"{day:%Y-%m-%d}"))
        except GatewayRefused as refusal:
            if _bare(refusal.code) == NO_BILL:
                raise NoBill(str(day)) from None
            if _bare(refusal.code) == BILL_NOT_READY:
                raise BillNotReady(str(day)) from None
            raise
        url = str(told.get("download_url"))
        if not url.startswith(f"{self._account.pay_url}/"):
            raise OutcomeUnknown("the file of the bill is on another host")
        status, file = self._library.download_bill(url)
        if status != HTTPStatus.OK:
            _answer(lambda: (status, file.decode(errors="replace")))
        content = _unzipped(file)
        if told.get("hash_type") != "SHA1" or hashlib.sha1(content).hexdigest() != told.get("hash_value"):  # noqa: S324  # WeChat's choice
            raise BillDamaged("another hash than announced")
        return content

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> PaymentNotice | RefundNotice:
        """Checks a callback and parses it. Raises Forged. Asks nobody."""
        return read_notice(self._core, self._library, headers, body, now)

    def _refund_in(self, answer: Mapping[str, Any]) -> RefundNotice:
        return _parsed(lambda: wire.refund(answer, status_field="status", mch_id=self._account.mch_id))


def _unzipped(file: bytes) -> bytes:
    """The file, unzipped if it is zipped. Raises BillDamaged."""
    if not file.startswith(GZIP_MAGIC):
        return file
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unzip.decompress(file, LARGEST_BILL)
    except zlib.error:
        raise BillDamaged("cannot be unzipped") from None
    if not unzip.eof:
        raise BillDamaged("too large" if unzip.unconsumed_tail else "cut off")
    return content


def _answer(call: Callable[[], tuple[int, str]], *, done: HTTPStatus = HTTPStatus.OK) -> Mapping[str, Any]:
    """The fields of an answer with the status `done` (none of 204). Raises GatewayRefused, OutcomeUnknown.

    A refusal must say its code: a page of some gateway on the way that happens to be a 403 is no answer of WeChat's.
    202 means that WeChat has not finished; it asks for the same request again.
    """
    status, text = call()
    if status == done == HTTPStatus.NO_CONTENT:
        return {}
    fields = _fields(text)
    if status == done and fields is not None:
        return fields
    code, message = (str((fields or {}).get(name) or "") for name in ("code", "message"))
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in PASSING_STATUS
    if not (refused and code) or _bare(code) in PASSING:
        raise OutcomeUnknown(f"{status} {code}: {message}")
    raise GatewayRefused(code, message)


def _answer_unless_paid(call: Callable[[], tuple[int, str]], *, done: HTTPStatus) -> Mapping[str, Any]:
    """The same, of a call that a paid attempt refuses. Raises AlreadyPaid besides."""
    try:
        return _answer(call, done=done)
    except GatewayRefused as refusal:
        if _bare(refusal.code) == PAID or (refusal.code == "INVALID_REQUEST" and PAID_WORDS in str(refusal)):
            raise AlreadyPaid(refusal.code) from None
        raise


def _fields(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _bare(code: str) -> str:
    return code.replace("_", "")


def _fits(pattern: re.Pattern[str], number: str) -> None:
    """A number stands in the URL: what WeChat would refuse is not sent."""
    if not pattern.fullmatch(number):
        raise GatewayRefused("PARAM_ERROR", "not the shape of a number")


def _same(answer: Mapping[str, Any], **ours: str) -> None:
    """An answer about something else is no answer."""
    for name, value in ours.items():
        if answer.get(name) != value:
            raise OutcomeUnknown(f"the answer is about another {name}")


def _parsed(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except wire.Malformed as malformed:
        raise OutcomeUnknown(f"malformed {malformed}") from None
