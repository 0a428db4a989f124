"""The JSON handles `/_sim/…` by which tests and tools act for people and for WeChat."""

import sqlite3
from typing import Any

from flask import Blueprint, Response, request

from simulator import bills, books, delivery, faults, handmade, notices, outgoing, people, refunds, trades
from simulator.calls import as_json, asked_json
from simulator.clock import rfc3339
from simulator.refused import Refused
from simulator.world import origin_of, the_world

bp = Blueprint("handles", __name__, url_prefix="/_sim")
OUTCOMES = ("ok", "cancel", "fail")
MOST_TIMES = 100


def _bad(reason: str, status: int = 400, **facts: object) -> Response:
    return as_json({"error": reason, **facts}, status)


@bp.get("/health")
def health() -> Response:
    """The simulator answers."""
    world = the_world()
    return as_json(
        {
            "status": "ok",
            "now": rfc3339(world.clock.now()),
            "clock_offset": world.clock.offset(),
            "app_url": world.app_url,
            "speed": world.speed,
        }
    )


@bp.get("/people")
def list_people() -> Response:
    """Everybody whom WeChat knows."""
    return as_json({"people": [_person(row) for row in people.people(the_world())]})


@bp.post("/people")
def make_person() -> Response:
    """A new person."""
    asked = asked_json()
    nickname = str(asked.get("nickname") or "").strip()
    if not nickname:
        return _bad("nickname is missing")
    openid = people.make_person(
        the_world(),
        nickname,
        openid=str(asked["openid"]) if asked.get("openid") else None,
        subscribed=bool(asked.get("subscribed", True)),
        snapshot=bool(asked.get("snapshot", False)),
    )
    return as_json({"openid": openid}, 201)


@bp.post("/people/<openid>")
def change_person(openid: str) -> Response:
    """Begins or ends to follow the official account."""
    world = the_world()
    people.follow(world, openid, subscribed=bool(asked_json().get("subscribed", True)))
    row = people.person(world, openid)
    return _bad("no such person", 404) if row is None else as_json(_person(row))


def _person(row: Any) -> dict[str, Any]:
    return {
        "openid": row["openid"],
        "nickname": row["nickname"],
        "subscribed": bool(row["subscribed"]),
        "snapshot": bool(row["snapshot"]),
    }


@bp.post("/pay/<prepay_id>")
def pay(prepay_id: str) -> Response:
    """What the person does with the payment sheet."""
    world, outcome = the_world(), asked_json().get("outcome")
    if outcome not in OUTCOMES:
        return _bad(f"outcome must be one of {', '.join(OUTCOMES)}")
    try:
        if outcome == "ok":
            state, transaction_id = trades.pay(world, prepay_id)
        else:
            state, transaction_id = trades.sheet(world, prepay_id)["state"], None
    except trades.NoSuchPrepay:
        return _bad("no such prepay_id", 404)
    except trades.NotPayable as no:
        return _bad(no.reason, 409, state=no.state, err_msg="get_brand_wcpay_request:fail")
    return as_json({"state": state, "transaction_id": transaction_id, "err_msg": f"get_brand_wcpay_request:{outcome}"})


@bp.get("/payments")
def list_payments() -> Response:
    """Payments that were asked for, paid or not."""
    return as_json({"payments": books.payments(the_world(), out_trade_no=request.args.get("out_trade_no"))})


@bp.get("/books")
def show_books() -> Response:
    """The oracle."""
    return as_json(books.books(the_world()))


@bp.post("/books")
def plant_books() -> Response:
    """What was paid and refunded before anybody looked: a demo's past, or many rows at once for a test."""
    try:
        books.plant(the_world(), asked_json())
    except (KeyError, TypeError, ValueError, sqlite3.IntegrityError) as bad:
        return _bad(f"no books: {bad!r}")
    return as_json({"status": "ok"}, 201)


@bp.get("/bills")
def list_bills() -> Response:
    """The bills that were made, with what was planted."""
    return as_json({"bills": bills.made(the_world())})


@bp.delete("/bills")
def forget_bills() -> Response:
    """They are made anew when they are next asked for."""
    bills.forget(the_world())
    return list_bills()


@bp.post("/refunds/<out_refund_no>")
def end_refund(out_refund_no: str) -> Response:
    """WeChat ends a refund as told."""
    status = asked_json().get("status")
    if status not in (refunds.SUCCESS, refunds.ABNORMAL, refunds.CLOSED):
        return _bad("status must be one of SUCCESS, ABNORMAL, CLOSED")
    try:
        refunds.end_by_hand(the_world(), out_refund_no, status)
    except Refused as refused:
        return _bad(refused.message, refused.status)
    return as_json({"out_refund_no": out_refund_no, "status": status})


@bp.get("/outgoing")
def list_outgoing() -> Response:
    """Template messages that were delivered."""
    return as_json({"messages": outgoing.outgoing(the_world(), openid=request.args.get("openid"))})


@bp.get("/faults")
def list_faults() -> Response:
    """The faults that are set."""
    return as_json({"faults": [_fault(row) for row in faults.faults(the_world())]})


@bp.post("/faults")
def set_fault() -> Response:
    """Misbehave as told. `times` absent is once, null is until cleared; every other key is a parameter."""
    asked = asked_json()
    params = {key: value for key, value in asked.items() if key not in ("name", "times")}
    world = the_world()
    try:
        fault_id = faults.set_fault(world, str(asked.get("name")), asked.get("times", 1), params)
    except faults.BadFault as bad:
        return _bad(str(bad))
    row = world.store.row("select * from faults where id = ?", fault_id)
    return as_json(_fault(row) if row else {"id": fault_id}, 201)


@bp.delete("/faults")
@bp.delete("/faults/<int:fault_id>")
def clear_faults(fault_id: int | None = None) -> Response:
    """Behave again."""
    faults.clear(the_world(), fault_id)
    return list_faults()


def _fault(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "name": row["name"], "times": row["times"], **faults.params_of(row)}


@bp.get("/notices")
def list_notices() -> Response:
    """Every notice with every attempt to deliver it."""
    return as_json({"notices": notices.log(the_world(), out_trade_no=request.args.get("out_trade_no"))})


@bp.post("/notices")
def send_notice() -> Response:
    """A notice made by hand, sent at once."""
    try:
        notice_id, attempt = handmade.send(the_world(), asked_json())
    except (handmade.BadNotice, ValueError, TypeError) as bad:
        return _bad(str(bad))
    return as_json({"id": notice_id, "status": attempt.status, "error": attempt.error or None})


@bp.post("/notices/<int:notice_id>/resend")
def resend(notice_id: int) -> Response:
    """The same notice again, `times` times, one by one or `concurrent`."""
    asked = asked_json()
    times = asked.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
        return _bad(f"times must be a whole number from 1 to {MOST_TIMES}")
    try:
        attempts: list[delivery.Attempt] = handmade.resend(
            the_world(), notice_id, times, concurrent=bool(asked.get("concurrent", False))
        )
    except handmade.BadNotice as bad:
        return _bad(str(bad), 404)
    return as_json({"status": attempts[-1].status, "statuses": [attempt.status for attempt in attempts]})


@bp.get("/requests")
def list_requests() -> Response:
    """The latest calls of the application and of browsers to WeChat's own addresses, the oldest first."""
    return as_json({"requests": list(the_world().requests)})


@bp.post("/app")
def move_app() -> Response:
    """The application is somewhere else (another port): OAuth may return there, its pages may call the bridge."""
    world, url = the_world(), str(asked_json().get("url", ""))
    if origin_of(url) is None or not world.may_notify(url):
        return _bad("url must be http(s)://host[:port] on this machine")
    world.app_url = url.rstrip("/")
    return health()


@bp.post("/reset")
def reset() -> Response:
    """Nothing ever happened. Keys, the clock, access tokens and tickets stay; people too, if asked."""
    world = the_world()
    world.store.forget(people=not asked_json().get("keep_people", False))
    world.requests.clear()
    return as_json({"status": "ok"})
