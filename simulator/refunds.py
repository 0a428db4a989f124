"""Refunds: accepted at once, arrived a little later, with a notice."""

import json
import secrets
import sqlite3
from datetime import datetime
from sqlite3 import Row
from typing import Any

from simulator import faults, notices
from simulator.clock import DAY, SHANGHAI
from simulator.refused import Refused, bad_request
from simulator.trades import PAID_STATES, REFUND
from simulator.world import World

WORK = 30.0  # seconds from accepted to arrived, divided by the speed
MOST_REFUNDS = 50  # of one payment
REFUNDABLE_FOR = 365 * DAY
PROCESSING, SUCCESS, ABNORMAL, CLOSED, NEVER = "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED", "NEVER"
ENDS = {"refund_abnormal": ABNORMAL, "refund_closed": CLOSED, "refund_never": NEVER}
_JOINED = (
    "select r.*, p.out_trade_no, p.transaction_id, p.paid_fen from refunds r join payments p on p.id = r.payment_id"
)


def ask(world: World, wanted: dict[str, Any]) -> Row:
    """Takes a refund of a paid payment; the same number with the same facts is answered again. Raises Refused."""
    request = json.dumps(wanted, sort_keys=True, ensure_ascii=False)
    with world.store.write() as db:
        known = db.execute(f"{_JOINED} where r.out_refund_no = ?", (wanted["out_refund_no"],)).fetchone()
        if known is None:
            _accept(world, db, wanted, request)
        elif known["request"] != request:
            raise bad_request("订单金额或退款金额与之前请求不一致，请核实后再试")
    world.wake.set()
    return found(world, wanted["out_refund_no"])


def _accept(world: World, db: sqlite3.Connection, wanted: dict[str, Any], request: str) -> None:
    now = world.clock.now()
    payment = db.execute(
        "select * from payments where transaction_id = ? or out_trade_no = ?",
        (wanted.get("transaction_id"), wanted.get("out_trade_no")),
    ).fetchone()
    _refuse_impossible(db, payment, wanted, now)
    ends_as = next((end for name, end in ENDS.items() if faults.take(db, name) is not None), SUCCESS)
    wait = WORK / world.speed
    db.execute(
        "insert into refunds (out_refund_no, refund_id, payment_id, request, amount_fen, notify_url, status, ends_as,"
        " wait_seconds, due_at, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            wanted["out_refund_no"],
            _new_refund_id(now),
            payment["id"],
            request,
            wanted["amount"]["refund"],
            wanted.get("notify_url", ""),
            PROCESSING,
            ends_as,
            wait,
            None if ends_as == NEVER else now + wait,
            now,
        ),
    )
    db.execute("update payments set state = ? where id = ?", (REFUND, payment["id"]))


def _refuse_impossible(db: sqlite3.Connection, payment: Row | None, wanted: dict[str, Any], now: float) -> None:
    if payment is None:
        raise Refused(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    if payment["state"] not in PAID_STATES:
        raise bad_request("订单未支付，不能退款")
    if wanted["amount"]["total"] != payment["paid_fen"]:
        raise bad_request("原订单金额与实际支付不一致")
    if now - payment["paid_at"] > REFUNDABLE_FOR:
        raise bad_request("订单已超过可退款期限")
    refunds = db.execute("select * from refunds where payment_id = ?", (payment["id"],)).fetchall()
    if len(refunds) >= MOST_REFUNDS:
        raise bad_request("该订单部分退款次数已达上限")
    back = sum(refund["amount_fen"] for refund in refunds if refund["status"] != CLOSED)
    if back + wanted["amount"]["refund"] > payment["paid_fen"]:
        raise bad_request("申请退款金额大于可退金额")


def _new_refund_id(now: float) -> str:
    day = datetime.fromtimestamp(now, SHANGHAI).strftime("%Y%m%d")
    return f"50{secrets.randbelow(10**8):08d}{day}{secrets.randbelow(10**11):011d}"


def found(world: World, out_refund_no: str) -> Row:
    """One refund with its payment's numbers. Raises Refused (404)."""
    row = world.store.row(f"{_JOINED} where r.out_refund_no = ?", out_refund_no)
    if row is None:
        raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return row


def finish_due(world: World) -> None:
    """Every refund whose time has come ends, with its notice. A clock set back leaves none behind."""
    now = world.clock.now()
    if world.store.row("select 1 from refunds where due_at is not null") is None:
        return
    with world.store.write() as db:
        db.execute("update refunds set due_at = ? + wait_seconds where due_at > ? + wait_seconds + 1", (now, now))
        due = db.execute(f"{_JOINED} where r.due_at <= ? order by r.due_at, r.id", (now,)).fetchall()
        for row in due:
            success_at = now if row["ends_as"] == SUCCESS else None
            db.execute(
                "update refunds set status = ends_as, due_at = null, success_at = ?, ended_at = ? where id = ?",
                (success_at, now, row["id"]),
            )
            ended = db.execute(f"{_JOINED} where r.id = ?", (row["id"],)).fetchone()
            if ended["notify_url"]:
                notices.queue(world, db, notices.REFUND, notices.refund_facts(world, ended), ended["notify_url"])


def end_by_hand(world: World, out_refund_no: str, status: str) -> None:
    """WeChat ends a refund that is at work or abnormal, now and as told, with its notice. Raises Refused."""
    with world.store.write() as db:
        changed = db.execute(
            "update refunds set ends_as = ?, due_at = ?, wait_seconds = 0"
            " where out_refund_no = ? and status in ('PROCESSING', 'ABNORMAL')",
            (status, world.clock.now(), out_refund_no),
        ).rowcount
    if changed == 0:
        raise Refused(404, "RESOURCE_NOT_EXISTS", "没有在处理的退款单")
    finish_due(world)
    world.wake.set()
