"""The simulator's own books: what was really paid and refunded, whatever anybody was told about it."""

from typing import Any

from simulator.clock import rfc3339
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
