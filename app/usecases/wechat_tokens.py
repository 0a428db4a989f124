"""WeChat's access token and ticket in our database: one for all processes, sealed (port TokenStore)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.work import WeChatToken
from app.ports import Vault
from app.usecases.transaction import reading, transactional


@reading
def _read(session: Session, app_id: str, kind: str) -> tuple[bytes, datetime] | None:
    row = session.execute(
        select(WeChatToken.value, WeChatToken.expires_at).where(WeChatToken.app_id == app_id, WeChatToken.kind == kind)
    ).one_or_none()
    return (row.value, row.expires_at) if row else None


@transactional
def _write(session: Session, app_id: str, kind: str, value: bytes, expires_at: datetime) -> None:
    row = session.scalars(
        select(WeChatToken).where(WeChatToken.app_id == app_id, WeChatToken.kind == kind)
    ).one_or_none()
    if row is None:
        session.add(WeChatToken(app_id=app_id, kind=kind, value=value, expires_at=expires_at))
    else:
        row.value, row.expires_at = value, expires_at


class SharedTokens:
    """The store of one official account."""

    def __init__(self, app_id: str, vault: Vault) -> None:
        self.app_id = app_id
        self.vault = vault

    def read(self, kind: str) -> tuple[str, datetime] | None:
        """(value, expires_at UTC), or None; None too for what an older key sealed and this one cannot open."""
        found = _read(self.app_id, kind)
        if found is None:
            return None
        try:
            value = self.vault.unseal(found[0], table="wechat_token", column="value", row=f"{self.app_id}:{kind}")
        except ValueError:
            return None
        return value, found[1]

    def write(self, kind: str, value: str, expires_at: datetime) -> None:
        """Replaces the value."""
        sealed = self.vault.seal(value, table="wechat_token", column="value", row=f"{self.app_id}:{kind}")
        _write(self.app_id, kind, sealed, expires_at)
