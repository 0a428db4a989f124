"""Where the simulator keeps what happened: one SQLite file, one connection, one lock."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA_VERSION = 2
HAPPENINGS = (
    *("attempts", "notices", "refunds", "prepays", "payments", "messages", "faults"),
    *("bill_links", "bills", "planted", "late_rows"),
)
PEOPLE = ("codes", "grants", "people")
SCHEMA = """
create table people (
    openid text primary key, nickname text not null, unionid text not null,
    subscribed integer not null, snapshot integer not null, created_at real not null
);
create table codes (
    code text primary key, openid text not null, scope text not null, created_at real not null, used_at real
);
create table grants (
    access_token text primary key, refresh_token text not null unique, openid text not null, scope text not null,
    expires_at real not null, refresh_expires_at real not null
);
create table credentials (
    value text primary key, kind text not null, made_at real not null, expires_at real not null
);
create table messages (
    id integer primary key, openid text not null, template_id text not null, url text not null,
    fields text not null, client_msg_id text not null, sent_at real not null
);
create index messages_by_client on messages (openid, client_msg_id);
create table payments (
    id integer primary key, out_trade_no text not null unique, request text not null, description text not null,
    attach text not null, notify_url text not null, openid text not null, total_fen integer not null,
    expires_at real not null, state text not null, created_at real not null,
    transaction_id text unique, paid_app_id text, paid_openid text, paid_fen integer, paid_at real
);
create table prepays (
    prepay_id text primary key, payment_id integer not null references payments, expires_at real not null
);
create index prepays_by_payment on prepays (payment_id);
create table refunds (
    id integer primary key, out_refund_no text not null unique, refund_id text not null unique,
    payment_id integer not null references payments, request text not null, amount_fen integer not null,
    notify_url text not null, status text not null, ends_as text not null, wait_seconds real not null,
    due_at real, created_at real not null, success_at real
);
create index refunds_by_payment on refunds (payment_id);
create index refunds_due on refunds (due_at) where due_at is not null;
create table notices (
    id integer primary key, kind text not null, out_trade_no text not null, out_refund_no text not null,
    url text not null, body text not null, plain text not null, state text not null, disguise text not null,
    copies integer not null, concurrent integer not null, failures integer not null,
    wait_seconds real not null, due_at real not null, created_at real not null
);
create index notices_due on notices (due_at) where state = 'waiting';
create index notices_by_trade on notices (out_trade_no);
create table attempts (
    id integer primary key, notice_id integer not null references notices, at real not null,
    status integer, error text not null, seconds real not null, disguise text not null
);
create index attempts_by_notice on attempts (notice_id);
create table faults (id integer primary key, name text not null, times integer, params text not null);
"""
BILLS = """
alter table refunds add column ended_at real;
create index payments_paid on payments (paid_at) where paid_at is not null;
create index refunds_created on refunds (created_at);
create table bills (
    kind text not null, day text not null, rows integer not null, content blob not null, primary key (kind, day)
);
create table bill_links (
    token text primary key, kind text not null, day text not null, zipped integer not null, made_at real not null
);
create table planted (id integer primary key, day text not null, fault text not null, number text not null);
create table late_rows (kind text not null, day text not null, body text not null);
"""
"""What version 2 added; the books of a demo that began with version 1 stay."""


class Store:
    """Reads and writes are short; a write is one transaction and nobody else is inside meanwhile."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = off")  # a simulator may lose its last second to a power cut
        self._db.execute("pragma busy_timeout = 5000")
        self._lay_out()

    def _lay_out(self) -> None:
        version = self._db.execute("pragma user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version == 0:
            self._db.executescript(SCHEMA)
        self._db.executescript(BILLS)
        self._db.execute(f"pragma user_version = {SCHEMA_VERSION}")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, undone by an exception."""
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of one question."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of one question, if there is one."""
        rows = self.rows(sql, *values)
        return rows[0] if rows else None

    def forget(self, *, people: bool) -> None:
        """Everything that happened is gone; access tokens and tickets stay, since the application holds them."""
        with self.write() as db:
            for table in HAPPENINGS + (PEOPLE if people else ()):
                db.execute(f"delete from {table}")  # noqa: S608  # names from above

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            self._db.close()
