"""Keeping what WeChat told us: sealed, once for each thing told."""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice
from app.models.money import NoticeKind, WeChatNotice
from app.ports import Vault
from app.usecases.compare_and_set import changed_one, insert_into


def keep_once(
    session: Session,
    kind: NoticeKind,
    key: str,
    notice: PaymentNotice | RefundNotice,
    *,
    vault: Vault,
    now: datetime,
) -> bool:
    """Stores the notice under its key; False if it is already there (a concurrent twin is waited for)."""
    told = json.dumps(asdict(notice), default=str, ensure_ascii=False)
    statement = insert_into(session, WeChatNotice).values(
        kind=kind, key=key, body=vault.seal(told, table="wechat_notice", column="body", row=key), received_at=now
    )
    stored = session.scalars(
        statement.on_conflict_do_nothing(index_elements=["kind", "key"]).returning(WeChatNotice.id)
    ).one_or_none()
    return stored is not None


def note_verdict(session: Session, kind: NoticeKind, key: str, verdict: str) -> None:
    """Writes what the notice was judged to be."""
    changed_one(
        session,
        update(WeChatNotice).where(WeChatNotice.kind == kind, WeChatNotice.key == key).values(verdict=verdict),
    )
