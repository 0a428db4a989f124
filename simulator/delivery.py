"""One delivery of a notice to the application: signed as WeChat does, or disguised as a fault will have it."""

import secrets
import threading
import time
from dataclasses import dataclass
from sqlite3 import Row

import requests

from simulator import faults, signing
from simulator.world import World

TIME_LIMIT = 5.0  # seconds that WeChat waits for an answer
GOOD = (200, 204)
STALE_AGE = 600.0  # seconds
FORGED, STALE, UNKNOWN_SERIAL, SIGNTEST, TRUNCATED = "forged", "stale", "unknown_serial", "signtest", "truncated"
DISGUISES = frozenset({FORGED, STALE, UNKNOWN_SERIAL, SIGNTEST, TRUNCATED})


@dataclass(frozen=True, slots=True)
class Disguise:
    """How a delivery differs from an honest one; the empty kind is honest. `age` in seconds, for stale ones."""

    kind: str = ""
    age: float = STALE_AGE


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one delivery: the application's HTTP status, or an error."""

    at: float
    status: int | None
    error: str
    seconds: float
    disguise: str

    @property
    def good(self) -> bool:
        """Whether WeChat would stop sending."""
        return self.status in GOOD


def deliver(world: World, url: str, body: str, disguise: Disguise) -> Attempt:
    """Posts the notice and waits for the answer, 5 seconds at most."""
    at, began = world.clock.now(), time.monotonic()
    status, error = None, ""
    sent = body.encode()
    headers = _headers(world, sent, disguise, at)
    if disguise.kind == TRUNCATED:
        sent = sent[: len(sent) // 2]
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                url, data=sent, headers=headers, timeout=TIME_LIMIT, allow_redirects=False, stream=True
            )
            status = answer.status_code
    except requests.RequestException as failure:
        error = type(failure).__name__
    return Attempt(at, status, error, time.monotonic() - began, disguise.kind)


def _headers(world: World, body: bytes, disguise: Disguise, at: float) -> dict[str, str]:
    keys = world.keys
    key = keys.forger_key if disguise.kind == FORGED else keys.platform_key
    serial = secrets.token_hex(20).upper() if disguise.kind == UNKNOWN_SERIAL else keys.public_key_id
    signed_at = at - disguise.age if disguise.kind == STALE else at
    headers = signing.wechatpay_headers(key, serial, body, signed_at)
    if disguise.kind == SIGNTEST:
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + secrets.token_urlsafe(96)
    return {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": "Mozilla/4.0",
        "Request-ID": signing.nonce_text(),
        **headers,
    }


def burst(world: World, notice: Row, times: int, *, concurrent: bool) -> list[Attempt]:
    """Delivers one notice several times, one after the other or all at once; writes the log; returns the attempts."""
    attempts: list[Attempt] = []

    def once(start: threading.Barrier | None = None) -> None:
        disguise = _disguise(world, notice)
        if start is not None:
            start.wait()
        attempts.append(deliver(world, notice["url"], notice["body"], disguise))

    if concurrent and times > 1:
        start = threading.Barrier(times)
        threads = [threading.Thread(target=once, args=(start,), daemon=True) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for _ in range(times):
            once()
    with world.store.write() as db:
        known = db.execute("select 1 from notices where id = ?", (notice["id"],)).fetchone()
        for attempt in attempts if known else ():
            db.execute(
                "insert into attempts (notice_id, at, status, error, seconds, disguise) values (?, ?, ?, ?, ?, ?)",
                (notice["id"], attempt.at, attempt.status, attempt.error, attempt.seconds, attempt.disguise),
            )
    return attempts


def _disguise(world: World, notice: Row) -> Disguise:
    if notice["disguise"]:
        kind, _, age = notice["disguise"].partition(":")
        return Disguise(kind, float(age)) if age else Disguise(kind)
    if faults.strike(world, "bad_signature", kind=notice["kind"]) is not None:
        return Disguise(FORGED)
    if (fault := faults.strike(world, "stale_timestamp", kind=notice["kind"])) is not None:
        return Disguise(STALE, fault["age"])
    if faults.strike(world, "unknown_serial", kind=notice["kind"]) is not None:
        return Disguise(UNKNOWN_SERIAL)
    return Disguise()
