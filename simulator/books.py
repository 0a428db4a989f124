"""The simulator's own books: what was really paid and refunded, whatever anybody was told about it."""

import json
from collections.abc import Mapping
from typing import Any

from simulator.clock import from_rfc3339, rfc3339
from simulator.world import World


def books(world: World) -> dict[str, list[dict[str, Any]]]:
    """Payments that our merchant received and refunds that it asked for, the oldest first; amounts in fen."""
    return {
        "payments": [
            {
                "out_trade_no": row["out_trade_no"],
                "transaction_id": row["transaction_id"],
                "mchid": world.keys.mch_id,
                "appid": row["paid_app_id"],
                "openid": row["paid_openid"],
                "amount": row["paid_fen"],
                "state": row["state"],
                "success_time": rfc3339(row["paid_at"]),
            }
            for row in world.store.rows("select * from payments where transaction_id is not null order by id")
        ],
        "refunds": refunds(world),
    }


def refunds(world: World, *, limit: int = -1, newest_first: bool = False) -> list[dict[str, Any]]:
    """Refunds that our merchant asked for; `success_time` is there once the money arrived."""
    rows = world.store.rows(
        "select r.*, p.out_trade_no, p.transaction_id from refunds r join payments p on p.id = r.payment_id"
        " order by case when ? then -r.id else r.id end limit ?",
        *(newest_first, limit),
    )
    return [
        {
            "out_refund_no": row["out_refund_no"],
            "out_trade_no": row["out_trade_no"],
            "transaction_id": row["transaction_id"],
            "amount": row["amount_fen"],
            "status": row["status"],
            "success_time": None if row["success_at"] is None else rfc3339(row["success_at"]),
        }
        for row in rows
    ]


def payments(world: World, *, out_trade_no: str | None = None, limit: int = -1) -> list[dict[str, Any]]:
    """Every payment that was asked for, paid or not, with its newest prepay_id; the newest first."""
    rows = world.store.rows(
        "select p.*, w.nickname, (select prepay_id from prepays s where s.payment_id = p.id"
        " order by s.expires_at desc limit 1) as prepay_id"
        " from payments p left join people w on w.openid = coalesce(p.paid_openid, p.openid)"
        " where ? is null or p.out_trade_no = ? order by p.id desc limit ?",
        *(out_trade_no, out_trade_no, limit),
    )
    now = world.clock.now()
    return [
        {
            "out_trade_no": row["out_trade_no"],
            "prepay_id": row["prepay_id"],
            "description": row["description"],
            "openid": row["openid"],
            "nickname": row["nickname"],
            "total": row["total_fen"],
            "state": row["state"],
            "payable": row["state"] == "NOTPAY" and row["expires_at"] > now,
            "time_expire": rfc3339(row["expires_at"]),
            "created_at": rfc3339(row["created_at"]),
            "transaction_id": row["transaction_id"],
            "paid_amount": row["paid_fen"],
        }
        for row in rows
    ]


def plant(world: World, told: Mapping[str, Any]) -> None:
    """Adds payments that were made and refunds that ended. Raises KeyError, TypeError, ValueError, IntegrityError.

    What is there already stays as it is. Times are RFC 3339, amounts fen; `status` of a refund as it ended.
    """
    with world.store.write() as db:
        db.executemany(
            "insert into payments (out_trade_no, request, description, attach, notify_url, openid, total_fen,"
            " expires_at, state, created_at, transaction_id, paid_app_id, paid_openid, paid_fen, paid_at)"
            " values (:no, '{}', :words, '', '', :openid, :fen, :at, 'SUCCESS', :at, :id, :app, :openid, :fen, :at)"
            " on conflict do nothing",
            [
                {
                    "no": row["out_trade_no"],
                    "id": row["transaction_id"],
                    "words": row.get("description", "猎吧租车"),
                    "openid": row["openid"],
                    "fen": int(row["amount"]),
                    "at": from_rfc3339(row["success_time"]),
                    "app": row.get("appid") or world.keys.app_id,
                }
                for row in told.get("payments", ())
            ],
        )
        rows = [
            {
                "no": row["out_refund_no"],
                "id": row["refund_id"],
                "of": row["out_trade_no"],
                "fen": int(row["amount"]),
                "status": row.get("status", "SUCCESS"),
                "at": from_rfc3339(row["create_time"]),
                "ended": from_rfc3339(row["end_time"]),
            }
            for row in told.get("refunds", ())
        ]
        db.executemany(
            "insert into refunds (out_refund_no, refund_id, payment_id, request, amount_fen, notify_url, status,"
            " ends_as, wait_seconds, created_at, success_at, ended_at)"
            " select :no, :id, id, :request, :fen, '', :status, :status, 0, :at,"
            " case :status when 'SUCCESS' then :ended end, :ended from payments"
            " where out_trade_no = :of on conflict do nothing",
            [row | {"request": json.dumps({"out_refund_no": row["no"]})} for row in rows],
        )
        db.executemany("update payments set state = 'REFUND' where out_trade_no = :of", rows)
