"""Notices of WeChat Pay: their facts, their sealed body, and their place in the queue."""

import json
import secrets
import sqlite3
import uuid
from sqlite3 import Row
from typing import Any

from simulator import faults, signing
from simulator.clock import rfc3339
from simulator.world import World

WAITING, SENT, GIVEN_UP, NEVER, BY_HAND = "waiting", "sent", "given_up", "never", "by_hand"
PAYMENT, REFUND = "payment", "refund"
_SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}


def payment_facts(
    world: World, payment: Row, *, transaction_id: str | None = None, paid_at: float | None = None
) -> dict[str, Any]:
    """A successful payment as a notice tells it; the two arguments stand in for a payment that is not in the books."""
    amount = payment["total_fen"] if payment["paid_fen"] is None else payment["paid_fen"]
    return {
        "mchid": world.keys.mch_id,
        "appid": payment["paid_app_id"] or world.keys.app_id,
        "out_trade_no": payment["out_trade_no"],
        "transaction_id": transaction_id or payment["transaction_id"],
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": payment["attach"],
        "success_time": rfc3339(paid_at or payment["paid_at"]),
        "payer": {"openid": payment["paid_openid"] or payment["openid"]},
        "amount": {"total": amount, "payer_total": amount, "currency": "CNY", "payer_currency": "CNY"},
    }


def refund_facts(world: World, refund: Row) -> dict[str, Any]:
    """An ended refund as a notice tells it; no appid in it, as with the real one."""
    facts = {
        "mchid": world.keys.mch_id,
        "transaction_id": refund["transaction_id"],
        "out_trade_no": refund["out_trade_no"],
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_status": refund["status"],
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": refund["paid_fen"],
            "refund": refund["amount_fen"],
            "payer_total": refund["paid_fen"],
            "payer_refund": refund["amount_fen"],
        },
    }
    if refund["success_at"] is not None:
        facts["success_time"] = rfc3339(refund["success_at"])
    return facts


def body_of(world: World, kind: str, facts: dict[str, Any]) -> str:
    """The JSON of a notice; it stays the same on every delivery."""
    event = "TRANSACTION.SUCCESS" if kind == PAYMENT else f"REFUND.{facts['refund_status']}"
    plain = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    envelope = {
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        "create_time": rfc3339(world.clock.now()),
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": _SUMMARIES.get(event, event),
        "resource": signing.seal(world.keys.api_v3_key, plain, "transaction" if kind == PAYMENT else "refund"),
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def queue(world: World, db: sqlite3.Connection, kind: str, facts: dict[str, Any], url: str) -> None:
    """Queues the notice of a payment or a refund, as the faults will have it."""
    never = faults.take(db, "never", kind=kind)
    late = faults.take(db, "late", kind=kind) if never is None else None
    duplicate = faults.take(db, "duplicate", kind=kind) if never is None else None
    insert(
        world,
        db,
        kind,
        facts,
        url,
        state=WAITING if never is None else NEVER,
        wait=late["seconds"] if late else 0.0,
        copies=1 + duplicate["extra"] if duplicate else 1,
        concurrent=duplicate is not None and duplicate["mode"] == "concurrent",
    )


def insert(
    world: World,
    db: sqlite3.Connection,
    kind: str,
    facts: dict[str, Any],
    url: str,
    *,
    state: str,
    disguise: str = "",
    wait: float = 0.0,
    copies: int = 1,
    concurrent: bool = False,
) -> int:
    """Writes a notice down and returns its id. `wait` in seconds of the one clock."""
    now = world.clock.now()
    added = db.execute(
        "insert into notices (kind, out_trade_no, out_refund_no, url, body, plain, state, disguise, copies, concurrent,"
        " failures, wait_seconds, due_at, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            *(kind, facts["out_trade_no"], facts.get("out_refund_no", ""), url),
            *(body_of(world, kind, facts), json.dumps(facts, ensure_ascii=False), state, disguise),
            *(copies, concurrent, wait, now + wait, now),
        ),
    )
    return int(added.lastrowid or 0)


def notice(world: World, notice_id: int) -> Row | None:
    """One notice."""
    return world.store.row("select * from notices where id = ?", notice_id)


def log(world: World, *, out_trade_no: str | None = None, limit: int = -1) -> list[dict[str, Any]]:
    """Notices with every attempt to deliver them, the newest first; `limit` -1 is all."""
    rows = world.store.rows(
        "select * from notices where ? is null or out_trade_no = ? order by id desc limit ?",
        *(out_trade_no, out_trade_no, limit),
    )
    told = [_as_told(row) for row in rows]
    by_id = {row["id"]: row["attempts"] for row in told}
    lowest = min(by_id, default=0)
    for attempt in world.store.rows("select * from attempts where notice_id >= ? order by id", lowest):
        if attempt["notice_id"] in by_id:
            by_id[attempt["notice_id"]].append(
                {
                    "at": rfc3339(attempt["at"]),
                    "status": attempt["status"],
                    "error": attempt["error"] or None,
                    "seconds": round(attempt["seconds"], 3),
                    "disguise": attempt["disguise"] or None,
                }
            )
    return told


def _as_told(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "disguise": row["disguise"].partition(":")[0] or None,
        "out_trade_no": row["out_trade_no"],
        "out_refund_no": row["out_refund_no"] or None,
        "url": row["url"],
        "due_at": rfc3339(row["due_at"]) if row["state"] == WAITING else None,
        "created_at": rfc3339(row["created_at"]),
        "facts": json.loads(row["plain"]),
        "attempts": [],
    }
