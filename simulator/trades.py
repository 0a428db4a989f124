"""Payments: asked for by the merchant, paid (or not) by a person, closed, looked up."""

import json
import secrets
import sqlite3
from datetime import datetime
from sqlite3 import Row
from typing import Any

from simulator import faults, notices
from simulator.clock import DAY, SHANGHAI
from simulator.people import somebody_else
from simulator.refused import Refused, bad_param, bad_request
from simulator.world import World

PREPAY_LASTS = 2 * 3600.0  # seconds
PAYABLE_FOR = 7 * DAY  # when no time_expire was given
SHORTEST_EXPIRY = 60.0  # seconds; a nearer time_expire is refused at the first order
NOTPAY, SUCCESS, REFUND, CLOSED = "NOTPAY", "SUCCESS", "REFUND", "CLOSED"
STATE_WORDS = {NOTPAY: "订单未支付", SUCCESS: "支付成功", REFUND: "转入退款", CLOSED: "订单已关闭"}
PAID_STATES = (SUCCESS, REFUND)


class NoSuchPrepay(Exception):
    """WeChat never gave out this prepay_id."""


class NotPayable(Exception):
    """The sheet cannot be answered; `state` is the payment's, `reason` one of expired, paid, closed."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(f"{state}: {reason}")
        self.state = state
        self.reason = reason


def order(world: World, wanted: dict[str, Any], *, expires_at: float | None) -> str:
    """Takes the merchant's order and returns a new prepay_id. The same order again gives another. Raises Refused."""
    now = world.clock.now()
    request = json.dumps(wanted, sort_keys=True, ensure_ascii=False)
    with world.store.write() as db:
        known = db.execute("select * from payments where out_trade_no = ?", (wanted["out_trade_no"],)).fetchone()
        if known is None:
            payment_id = _first_order(db, wanted, request, expires_at, now)
        else:
            _refuse_changed(known, request, now)
            payment_id = known["id"]
        prepay_id = "wx" + datetime.fromtimestamp(now, SHANGHAI).strftime("%Y%m%d%H%M%S") + secrets.token_hex(10)
        db.execute("insert into prepays values (?, ?, ?)", (prepay_id, payment_id, now + PREPAY_LASTS))
    return prepay_id


def _first_order(
    db: sqlite3.Connection, wanted: dict[str, Any], request: str, expires_at: float | None, now: float
) -> int:
    openid = wanted["payer"]["openid"]
    if db.execute("select 1 from people where openid = ?", (openid,)).fetchone() is None:
        raise Refused(400, "OPENID_MISMATCH", "openid和appid不匹配")
    if expires_at is not None and expires_at < now + SHORTEST_EXPIRY:
        raise bad_param("time_expire必须晚于当前时间1分钟")
    added = db.execute(
        "insert into payments (out_trade_no, request, description, attach, notify_url, openid, total_fen, expires_at,"
        " state, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            wanted["out_trade_no"],
            request,
            wanted["description"],
            wanted.get("attach", ""),
            wanted["notify_url"],
            openid,
            wanted["amount"]["total"],
            expires_at or now + PAYABLE_FOR,
            NOTPAY,
            now,
        ),
    )
    return int(added.lastrowid or 0)


def _refuse_changed(known: Row, request: str, now: float) -> None:
    same = known["request"] == request
    if known["state"] == NOTPAY:
        if not same:
            raise bad_request("请求重入时，参数与首次请求时不一致")
        if known["expires_at"] <= now:
            raise bad_param("订单已过time_expire，不能再支付")
    elif not same:
        raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    elif known["state"] == CLOSED:
        raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
    else:
        raise Refused(400, "ORDERPAID", "该订单已支付")


def found(world: World, *, out_trade_no: str | None = None, transaction_id: str | None = None) -> Row:
    """One payment by either number. Raises Refused (404)."""
    row = world.store.row(
        "select * from payments where out_trade_no = ? or transaction_id = ?", out_trade_no, transaction_id
    )
    if row is None:
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
    return row


def close(world: World, out_trade_no: str) -> None:
    """Makes a payment impossible; again is fine. Raises Refused (404, ORDERPAID)."""
    with world.store.write() as db:
        row = db.execute("select * from payments where out_trade_no = ?", (out_trade_no,)).fetchone()
        if row is None:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        paid = row["state"] in PAID_STATES
        if row["state"] == NOTPAY:
            paid = faults.take(db, "paid_during_close") is not None
            if paid:
                receive(world, db, row)
            else:
                db.execute("update payments set state = ? where id = ?", (CLOSED, row["id"]))
    if paid:
        world.wake.set()
        raise Refused(400, "ORDERPAID", "该订单已支付")


def sheet(world: World, prepay_id: str) -> Row:
    """The payment behind a sheet that can still be answered. Raises NoSuchPrepay, NotPayable."""
    row = world.store.row(_SHEET, prepay_id)
    return _payable(row, world.clock.now())


def pay(world: World, prepay_id: str) -> tuple[str, str]:
    """The person pays; returns the payment's state and the transaction id. Raises NoSuchPrepay, NotPayable.

    Under the fault `wrong_merchant` another merchant gets the money: the state stays NOTPAY.
    """
    with world.store.write() as db:
        row = _payable(db.execute(_SHEET, (prepay_id,)).fetchone(), world.clock.now())
        answer = receive(world, db, row)
    world.wake.set()
    return answer


_SHEET = (
    "select p.*, s.expires_at as sheet_expires_at from prepays s join payments p on p.id = s.payment_id"
    " where s.prepay_id = ?"
)


def _payable(row: Row | None, now: float) -> Row:
    if row is None:
        raise NoSuchPrepay
    if row["state"] != NOTPAY:
        raise NotPayable(row["state"], "closed" if row["state"] == CLOSED else "paid")
    if min(row["expires_at"], row["sheet_expires_at"]) <= now:
        raise NotPayable(NOTPAY, "expired")
    return row


def receive(world: World, db: sqlite3.Connection, row: Row) -> tuple[str, str]:
    """The money moves, and a notice is on its way, as the faults will have it."""
    now = world.clock.now()
    transaction_id = new_transaction_id(now)
    merchant = faults.take(db, "wrong_merchant")
    if merchant is not None:
        told = notices.payment_facts(world, row, transaction_id=transaction_id, paid_at=now)
        told["mchid"] = merchant["mchid"] or another_merchant(world)
        notices.queue(world, db, notices.PAYMENT, told, row["notify_url"])
        return row["state"], transaction_id
    amount, payer, app_id = _what_really_happened(world, db, row)
    db.execute(
        "update payments set state = ?, transaction_id = ?, paid_app_id = ?, paid_openid = ?, paid_fen = ?, paid_at = ?"
        " where id = ?",
        (SUCCESS, transaction_id, app_id, payer, amount, now, row["id"]),
    )
    paid = db.execute("select * from payments where id = ?", (row["id"],)).fetchone()
    notices.queue(world, db, notices.PAYMENT, notices.payment_facts(world, paid), row["notify_url"])
    return SUCCESS, transaction_id


def _what_really_happened(world: World, db: sqlite3.Connection, row: Row) -> tuple[int, str, str]:
    amount, payer, app_id = row["total_fen"], row["openid"], world.keys.app_id
    if (fault := faults.take(db, "wrong_amount")) is not None:
        amount = fault["amount"] or (amount - 1 or amount + 1)
    if (fault := faults.take(db, "wrong_payer")) is not None:
        payer = fault["openid"] or somebody_else(world, db, payer)
    if (fault := faults.take(db, "wrong_app")) is not None:
        app_id = fault["appid"] or "wx" + secrets.token_hex(8)
    return amount, payer, app_id


def stray_payment(world: World, out_trade_no: str, openid: str, amount: int, notify_url: str) -> Row:
    """A payment to our merchant under a number that the merchant never asked for: really in the books."""
    now = world.clock.now()
    with world.store.write() as db:
        db.execute(
            "insert into payments (out_trade_no, request, description, attach, notify_url, openid, total_fen,"
            " expires_at, state, created_at, transaction_id, paid_app_id, paid_openid, paid_fen, paid_at)"
            " values (?, '{}', '不明订单', '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(out_trade_no, notify_url, openid, amount, now, SUCCESS, now),
                *(new_transaction_id(now), world.keys.app_id, openid, amount, now),
            ),
        )
    return found(world, out_trade_no=out_trade_no)


def another_merchant(world: World) -> str:
    """A merchant number that is not ours."""
    return f"{(int(world.keys.mch_id) + 1) % 10**10:010d}"


def new_transaction_id(now: float) -> str:
    """28 digits, as WeChat's."""
    day = datetime.fromtimestamp(now, SHANGHAI).strftime("%Y%m%d")
    return f"42000{secrets.randbelow(10**5):05d}{day}{secrets.randbelow(10**10):010d}"
