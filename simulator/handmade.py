"""Notices made by hand: forged, stale and strange ones, sent at once, with the application's answer."""

import secrets
from collections.abc import Mapping
from typing import Any

from simulator import delivery, notices, refunds, trades
from simulator.clock import rfc3339
from simulator.delivery import Attempt, burst
from simulator.refused import Refused
from simulator.world import World

KINDS = {
    "genuine": "如实（可改字段）",
    "forged": "伪造签名",
    "stale": "时间戳过旧",
    "unknown_serial": "序列号不认识",
    "signtest": "微信的签名探测",
    "truncated": "报文截断",
    "other_merchant": "别的商户",
    "unknown_order": "不明订单（钱真的到账）",
}
FIELDS = ("out_trade_no", "transaction_id", "appid", "mchid", "openid", "amount", "currency")
REFUND_FIELDS = ("out_refund_no", "out_trade_no", "refund_id", "mchid", "refund_status", "amount")


class BadNotice(Exception):
    """The wish for a notice makes no sense; the message says why."""


def send(world: World, wish: Mapping[str, Any]) -> tuple[int, Attempt]:
    """Makes the notice that is wished for, sends it once, returns its id and what came of it. Raises BadNotice."""
    kind, event = wish.get("kind"), wish.get("event", notices.PAYMENT)
    if kind not in KINDS:
        raise BadNotice(f"kind must be one of {', '.join(KINDS)}")
    if event not in (notices.PAYMENT, notices.REFUND):
        raise BadNotice("event must be payment or refund")
    facts, url = (_payment if event == notices.PAYMENT else _refund)(world, kind, wish)
    url = str(wish.get("url") or url)
    if not world.may_notify(url):
        raise BadNotice("url must lie on the application or on this machine")
    disguise = kind if kind in delivery.DISGUISES else ""
    if disguise == delivery.STALE:
        disguise += f":{float(wish.get('age', delivery.STALE_AGE))}"
    with world.store.write() as db:
        notice_id = notices.insert(world, db, event, facts, url, state=notices.BY_HAND, disguise=disguise)
    return notice_id, resend(world, notice_id, 1, concurrent=False)[0]


def resend(world: World, notice_id: int, times: int, *, concurrent: bool) -> list[Attempt]:
    """Delivers a notice again, now; what the queue thinks of it does not change. Raises BadNotice."""
    row = notices.notice(world, notice_id)
    if row is None:
        raise BadNotice("no such notice")
    return burst(world, row, times, concurrent=concurrent)


def _payment(world: World, kind: str, wish: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    now = world.clock.now()
    number = str(wish.get("out_trade_no") or f"SIM{secrets.token_hex(8).upper()}")
    openid = str(wish.get("openid") or "o" + secrets.token_urlsafe(20))
    amount = _fen(wish.get("amount", 100))
    if kind == "unknown_order":
        if world.store.row("select 1 from payments where out_trade_no = ?", number):
            raise BadNotice("that order is known")
        url = f"{world.app_url}/wechat/pay/payments"
        row = trades.stray_payment(world, number, openid, amount, url)
        return notices.payment_facts(world, row), url
    known = world.store.row("select * from payments where out_trade_no = ?", number)
    if known is not None:
        stand_in = known["transaction_id"] or trades.new_transaction_id(now)
        facts = notices.payment_facts(world, known, transaction_id=stand_in, paid_at=known["paid_at"] or now)
        url = known["notify_url"]
    else:
        facts = _invented(world, number, openid, amount, now)
        url = f"{world.app_url}/wechat/pay/payments"
    if kind == "other_merchant":
        facts["mchid"] = trades.another_merchant(world)
    return _changed(facts, wish, FIELDS), url


def _invented(world: World, number: str, openid: str, amount: int, now: float) -> dict[str, Any]:
    return {
        "mchid": world.keys.mch_id,
        "appid": world.keys.app_id,
        "out_trade_no": number,
        "transaction_id": trades.new_transaction_id(now),
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": rfc3339(now),
        "payer": {"openid": openid},
        "amount": {"total": amount, "payer_total": amount, "currency": "CNY", "payer_currency": "CNY"},
    }


def _refund(world: World, kind: str, wish: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    number = str(wish.get("out_refund_no") or f"SIM{secrets.token_hex(8).upper()}")
    url = f"{world.app_url}/wechat/pay/refunds"
    try:
        known = refunds.found(world, number)
    except Refused:
        facts = _invented_refund(world, number, _fen(wish.get("amount", 100)))
    else:
        facts = notices.refund_facts(world, known)
        url = known["notify_url"] or url
    if facts["refund_status"] == refunds.PROCESSING:
        facts["refund_status"] = refunds.SUCCESS
    if facts["refund_status"] == refunds.SUCCESS:
        facts.setdefault("success_time", rfc3339(world.clock.now()))
    if kind == "other_merchant":
        facts["mchid"] = trades.another_merchant(world)
    return _changed(facts, wish, REFUND_FIELDS), url


def _invented_refund(world: World, number: str, amount: int) -> dict[str, Any]:
    now = world.clock.now()
    return {
        "mchid": world.keys.mch_id,
        "transaction_id": trades.new_transaction_id(now),
        "out_trade_no": f"SIM{secrets.token_hex(8).upper()}",
        "refund_id": f"50{secrets.randbelow(10**27):027d}",
        "out_refund_no": number,
        "refund_status": refunds.SUCCESS,
        "user_received_account": "支付用户零钱",
        "amount": {"total": amount, "refund": amount, "payer_total": amount, "payer_refund": amount},
    }


def _changed(facts: dict[str, Any], wish: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    for field in fields:
        value = wish.get(field)
        if value is None:
            continue
        if field == "openid":
            facts["payer"] = {"openid": str(value)}
        elif field == "currency":
            facts["amount"] |= {"currency": str(value), "payer_currency": str(value)}
        elif field != "amount":
            facts[field] = str(value)
        elif "refund" in facts["amount"]:
            facts["amount"] |= {"refund": _fen(value), "payer_refund": _fen(value)}
        else:
            facts["amount"] |= {"total": _fen(value), "payer_total": _fen(value)}
    return facts


def _fen(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadNotice("amount must be a whole number of fen from 1")
    return value
