"""WeChat Pay v3, JSAPI, over HTTP: every request's signature is checked, every reply is signed."""

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from simulator import faults, refunds, signing, trades
from simulator.calls import cut, hindrance
from simulator.clock import from_rfc3339, rfc3339
from simulator.refused import Refused, bad_param
from simulator.world import World, the_world

bp = Blueprint("pay_api", __name__)
FRESH = 300.0  # seconds that a request's timestamp may differ
TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
LONGEST_REASON = 80  # bytes
TOO_MANY = 429
NO_BODY = b""
Answer = dict[str, Any] | None
View = Callable[..., Answer]


def signed_call(call: str) -> Callable[[View], Callable[..., Response]]:
    """Checks the signature, lets the faults strike, runs the view, signs its answer (None is 204)."""

    def around(view: View) -> Callable[..., Response]:
        @wraps(view)
        def answered(**numbers: str) -> Response:
            world = the_world()
            try:
                check_signature(world)
                let_faults_strike(world, call)
                answer = view(world, **numbers)
            except Refused as refused:
                return refusal(world, refused)
            if faults.strike(world, "reply_lost", on=call) is not None:
                return cut()
            forged = faults.strike(world, "bad_reply_signature", on=call) is not None
            return _signed(world, answer, 204 if answer is None else 200, forged=forged)

        return answered

    return around


def let_faults_strike(world: World, call: str) -> None:
    """Waits or raises Refused, as told."""
    status = hindrance(world, call)
    if status == TOO_MANY:
        raise Refused(TOO_MANY, "FREQUENCY_LIMITED", "频率超限")
    if status is not None:
        raise Refused(status, "SYSTEM_ERROR", "系统异常，请稍后重试")


def check_signature(world: World) -> None:
    """Raises Refused (401) unless our merchant signed exactly this request just now."""
    fields = signing.authorization_fields(request.headers.get("Authorization", ""))
    if fields is None:
        raise Refused(401, "SIGN_ERROR", "Http头Authorization格式错误或缺失")
    if fields["mchid"] != world.keys.mch_id:
        raise Refused(401, "SIGN_ERROR", "商户号不存在")
    if fields["serial_no"] != world.keys.mch_serial_no:
        raise Refused(401, "SIGN_ERROR", "商户证书序列号有误")
    if not fields["timestamp"].isdecimal() or not _fresh(world, int(fields["timestamp"])):
        raise Refused(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    signed = (request.method, _raw_path(), fields["timestamp"], fields["nonce_str"])
    lines = (*(line.encode() for line in signed), request.get_data())
    if not signing.is_signed(world.keys.merchant_key, fields["signature"], *lines):
        raise Refused(401, "SIGN_ERROR", "签名错误，请检查后再试")


def _fresh(world: World, timestamp: int) -> bool:
    """By the one clock, or by the machine's: the merchant's library signs with the latter and knows no demo clock."""
    return any(abs(now - timestamp) <= FRESH for now in (world.clock.now(), world.clock.machine_now()))


def _raw_path() -> str:
    return str(request.environ.get("RAW_URI") or request.full_path.rstrip("?"))


def refusal(world: World, refused: Refused) -> Response:
    """The signed answer that says no."""
    return _signed(world, {"code": refused.code, "message": refused.message}, refused.status)


def _signed(world: World, answer: Answer, status: int, *, forged: bool = False) -> Response:
    body = NO_BODY if answer is None else json.dumps(answer, ensure_ascii=False).encode()
    key = world.keys.forger_key if forged else world.keys.platform_key
    response = Response(body, status=status, content_type="application/json; charset=utf-8")
    response.headers.update(
        {
            "Request-ID": signing.nonce_text(),
            **signing.wechatpay_headers(key, world.keys.public_key_id, body, world.clock.now()),
        }
    )
    return response


@bp.post("/v3/pay/transactions/jsapi")
@signed_call("create")
def create(world: World) -> Answer:
    """下单: an order becomes a prepay_id."""
    wanted = _json()
    if wanted.get("appid") != world.keys.app_id:
        raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
    _check_merchant(world, wanted.get("mchid"))
    _text(wanted, "description", 127)
    _trade_no(wanted)
    _notify_url(world, wanted, required=True)
    _text(wanted, "attach", 128, required=False)
    _fen(_object(wanted, "amount"), "total")
    if _object(wanted, "amount").get("currency", "CNY") != "CNY":
        raise bad_param("amount.currency仅支持CNY")
    _text(_object(wanted, "payer"), "openid", 128)
    return {"prepay_id": trades.order(world, wanted, expires_at=_expiry(wanted))}


@bp.get("/v3/pay/transactions/out-trade-no/<out_trade_no>")
@signed_call("query")
def query(world: World, out_trade_no: str) -> Answer:
    """查单 by the merchant's number."""
    _check_merchant(world, request.args.get("mchid"))
    return _trade(world, trades.found(world, out_trade_no=out_trade_no))


@bp.get("/v3/pay/transactions/id/<transaction_id>")
@signed_call("query")
def query_by_id(world: World, transaction_id: str) -> Answer:
    """查单 by WeChat's number."""
    _check_merchant(world, request.args.get("mchid"))
    return _trade(world, trades.found(world, transaction_id=transaction_id))


@bp.post("/v3/pay/transactions/out-trade-no/<out_trade_no>/close")
@signed_call("close")
def close(world: World, out_trade_no: str) -> Answer:
    """关单."""
    _check_merchant(world, _json().get("mchid"))
    trades.close(world, out_trade_no)
    return None


@bp.post("/v3/refund/domestic/refunds")
@signed_call("refund")
def refund(world: World) -> Answer:
    """申请退款."""
    wanted = _json()
    if not (wanted.get("transaction_id") or wanted.get("out_trade_no")):
        raise bad_param("transaction_id和out_trade_no必须二选一")
    if not REFUND_NO.fullmatch(str(wanted.get("out_refund_no", ""))):
        raise bad_param("out_refund_no格式有误")
    if len(str(wanted.get("reason", "")).encode()) > LONGEST_REASON:
        raise bad_param("reason超过80个字节")
    amount = _object(wanted, "amount")
    for name in ("refund", "total"):
        _fen(amount, name)
    if amount.get("currency") != "CNY":
        raise bad_param("amount.currency仅支持CNY")
    _notify_url(world, wanted, required=False)
    return _refund(refunds.ask(world, wanted))


@bp.get("/v3/refund/domestic/refunds/<out_refund_no>")
@signed_call("query_refund")
def query_refund(world: World, out_refund_no: str) -> Answer:
    """查退款."""
    return _refund(refunds.found(world, out_refund_no))


@bp.get("/v3/certificates")
@signed_call("certificates")
def certificates(world: World) -> Answer:
    """A merchant in public-key mode has no platform certificates."""
    raise Refused(404, "RESOURCE_NOT_EXISTS", f"商户{world.keys.mch_id}无可用的平台证书，请使用微信支付公钥")


def _trade(world: World, row: Any) -> Answer:
    answer: dict[str, Any] = {
        "appid": row["paid_app_id"] or world.keys.app_id,
        "mchid": world.keys.mch_id,
        "out_trade_no": row["out_trade_no"],
        "attach": row["attach"],
        "trade_type": "JSAPI",
        "trade_state": row["state"],
        "trade_state_desc": trades.STATE_WORDS[row["state"]],
        "payer": {},
        "amount": {"total": row["total_fen"], "currency": "CNY"},
        "promotion_detail": [],
    }
    if row["transaction_id"] is not None:
        answer |= {
            "transaction_id": row["transaction_id"],
            "bank_type": "OTHERS",
            "success_time": rfc3339(row["paid_at"]),
            "payer": {"openid": row["paid_openid"]},
            "amount": {
                "total": row["paid_fen"],
                "payer_total": row["paid_fen"],
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return answer


def _refund(row: Any) -> Answer:
    answer = {
        "refund_id": row["refund_id"],
        "out_refund_no": row["out_refund_no"],
        "transaction_id": row["transaction_id"],
        "out_trade_no": row["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(row["created_at"]),
        "status": row["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": row["paid_fen"],
            "refund": row["amount_fen"],
            "from": [],
            "payer_total": row["paid_fen"],
            "payer_refund": row["amount_fen"],
            "settlement_refund": row["amount_fen"],
            "settlement_total": row["paid_fen"],
            "discount_refund": 0,
            "currency": "CNY",
            "refund_fee": 0,
        },
        "promotion_detail": [],
    }
    if row["success_at"] is not None:
        answer["success_time"] = rfc3339(row["success_at"])
    return answer


def _json() -> dict[str, Any]:
    try:
        wanted = json.loads(request.get_data())
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise bad_param("请求体不是合法的JSON")
    return wanted


def _check_merchant(world: World, mch_id: object) -> None:
    if not mch_id:
        raise bad_param("缺少mchid")
    if mch_id != world.keys.mch_id:
        raise Refused(403, "NO_AUTH", "mchid与签名的商户号不一致")


def _trade_no(wanted: dict[str, Any]) -> None:
    if not TRADE_NO.fullmatch(str(wanted.get("out_trade_no", ""))):
        raise bad_param("out_trade_no格式有误：6-32个字符，只能是数字、大小写字母_-|*")


def _text(wanted: dict[str, Any], name: str, most: int, *, required: bool = True) -> None:
    value = wanted.get(name, "")
    if not isinstance(value, str) or len(value) > most or (required and not value):
        raise bad_param(f"{name}缺失或超过{most}个字符")


def _object(wanted: dict[str, Any], name: str) -> dict[str, Any]:
    value = wanted.get(name)
    if not isinstance(value, dict):
        raise bad_param(f"缺少{name}")
    return value


def _fen(amount: dict[str, Any], name: str) -> None:
    value = amount.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_param(f"amount.{name}必须是大于0的整数")


def _notify_url(world: World, wanted: dict[str, Any], *, required: bool) -> None:
    value = wanted.get("notify_url", "")
    if not value and not required:
        return
    if not isinstance(value, str) or not value or "?" in value or not world.may_notify(value):
        raise bad_param("notify_url必须是可以访问的地址，且不能带参数")


def _expiry(wanted: dict[str, Any]) -> float | None:
    value = wanted.get("time_expire")
    if value is None:
        return None
    try:
        return from_rfc3339(str(value))
    except ValueError:
        raise bad_param("time_expire不符合RFC3339格式") from None
