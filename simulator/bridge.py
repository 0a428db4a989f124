"""The fake WeixinJSBridge: its script, and the checks that WeChat's own client makes before it obeys a page."""

from typing import Any

from flask import Blueprint, Response, send_from_directory

from simulator import credentials, signing, trades
from simulator.calls import as_json, asked_json
from simulator.people import person
from simulator.web_state import is_outside
from simulator.world import World, the_world

bp = Blueprint("bridge", __name__)
MERCHANT = "猎吧租车"
REASONS = {"expired": "该订单已过期", "paid": "该订单已支付", "closed": "该订单已关闭"}


@bp.get("/_sim/bridge.js")
def script() -> Response:
    """The bridge for pages inside WeChat; nothing for a browser that pretends to be an ordinary one."""
    if is_outside():
        response = Response("// an ordinary browser\n", content_type="text/javascript; charset=utf-8")
    else:
        response = send_from_directory("static", "bridge.js", mimetype="text/javascript", max_age=0)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@bp.post("/_sim/bridge/preverify")
def preverify() -> Response:
    """wx.config: whether the page was signed with a ticket of ours, on a domain of ours."""
    world, asked = the_world(), asked_json()
    return as_json({"err_msg": _page_fault(world, asked) or "system:ok"})


def _page_fault(world: World, asked: dict[str, Any]) -> str:
    url = str(asked.get("url", ""))
    if asked.get("appId") != world.keys.app_id:
        return "config:invalid appid"
    if not world.is_app(url):
        return "config:invalid url domain"
    told = (str(asked.get("nonceStr", "")), str(asked.get("timestamp", "")), url)
    signatures = (signing.page_signature(ticket, *told) for ticket in credentials.good_tickets(world))
    return "" if asked.get("signature") in set(signatures) else "config:fail,invalid signature"


@bp.post("/_sim/bridge/pay")
def pay_sheet() -> Response:
    """getBrandWCPayRequest: whether the sheet may be shown, and what stands on it."""
    world, asked = the_world(), asked_json()
    if asked.get("appId") != world.keys.app_id:
        return _no_sheet("appId 与公众号不符")
    if asked.get("signType") != "RSA":
        return _no_sheet("signType 必须是 RSA")
    signed = (str(asked.get(name, "")) for name in ("appId", "timeStamp", "nonceStr", "package"))
    signature = str(asked.get("paySign", ""))
    if not signing.is_signed(world.keys.merchant_key, signature, *(line.encode() for line in signed)):
        return _no_sheet("支付验证签名失败")
    prepay_id = str(asked["package"]).removeprefix("prepay_id=")
    try:
        payment = trades.sheet(world, prepay_id)
    except trades.NoSuchPrepay:
        return _no_sheet("没有这笔预支付")
    except trades.NotPayable as no:
        return _no_sheet(REASONS[no.reason])
    payer = person(world, payment["openid"])
    return as_json(
        {
            "prepay_id": prepay_id,
            "amount_fen": payment["total_fen"],
            "description": payment["description"],
            "merchant": MERCHANT,
            "payer": payer["nickname"] if payer else payment["openid"],
        }
    )


def _no_sheet(reason: str) -> Response:
    return as_json({"err_msg": "get_brand_wcpay_request:fail", "err_desc": reason})
