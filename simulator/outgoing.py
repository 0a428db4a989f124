"""Messages that the application sent to people."""

import json
from typing import Any

from simulator.clock import rfc3339
from simulator.world import World

SAME_FOR = 600.0  # seconds in which the same client_msg_id to the same person is the same message


def put(world: World, openid: str, template_id: str, fields: dict[str, str], *, url: str, client_msg_id: str) -> int:
    """Delivers a message and returns its msgid; a repeated client_msg_id delivers nothing, returns the first one's."""
    now = world.clock.now()
    with world.store.write() as db:
        if client_msg_id:
            known = db.execute(
                "select id from messages where openid = ? and client_msg_id = ? and sent_at > ?",
                (openid, client_msg_id, now - SAME_FOR),
            ).fetchone()
            if known is not None:
                return int(known["id"])
        added = db.execute(
            "insert into messages (openid, template_id, url, fields, client_msg_id, sent_at) values (?, ?, ?, ?, ?, ?)",
            (openid, template_id, url, json.dumps(fields, ensure_ascii=False), client_msg_id, now),
        )
    return int(added.lastrowid or 0)


def outgoing(world: World, *, openid: str | None = None, limit: int = -1) -> list[dict[str, Any]]:
    """What was delivered, the newest first; `limit` -1 is all."""
    rows = world.store.rows(
        "select m.*, p.nickname from messages m left join people p on p.openid = m.openid"
        " where ? is null or m.openid = ? order by m.id desc limit ?",
        *(openid, openid, limit),
    )
    return [
        {
            "msgid": row["id"],
            "openid": row["openid"],
            "nickname": row["nickname"],
            "template_id": row["template_id"],
            "url": row["url"],
            "data": json.loads(row["fields"]),
            "client_msg_id": row["client_msg_id"] or None,
            "sent_at": rfc3339(row["sent_at"]),
        }
        for row in rows
    ]
