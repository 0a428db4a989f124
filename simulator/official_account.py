"""The official account's interface `/cgi-bin/…`: access token, ticket, template messages, who follows."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from simulator import credentials, faults, outgoing
from simulator.calls import as_json, hindrance
from simulator.people import person
from simulator.world import World, the_world

bp = Blueprint("official_account", __name__, url_prefix="/cgi-bin")
WORDS = {
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40037: "invalid template_id",
    40097: "invalid args",
    40125: "invalid appsecret",
    41001: "access_token missing",
    42001: "access_token expired",
    43004: "require subscribe",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid",
}
Answer = dict[str, Any]


class Wrong(Exception):
    """The answer is an errcode."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def account_call(call: str, *, token: bool) -> Callable[[Callable[[World], Answer]], Callable[[], Response]]:
    """Lets the faults strike, checks the access token where one is needed, answers JSON, errors too."""

    def around(view: Callable[[World], Answer]) -> Callable[[], Response]:
        @wraps(view)
        def answered() -> Response:
            world = the_world()
            status = hindrance(world, call)
            if status is not None:
                return Response("", status=status)
            try:
                if token:
                    _check_token(world, call)
                return as_json(view(world))
            except Wrong as wrong:
                return as_json({"errcode": wrong.code, "errmsg": WORDS[wrong.code]})

        return answered

    return around


def _check_token(world: World, call: str) -> None:
    if faults.strike(world, "expired_token", on=call) is not None:
        raise Wrong(40001)
    code = credentials.token_fault(world, request.args.get("access_token", ""))
    if code is not None:
        raise Wrong(code)


def _check_secret(world: World, told: Any) -> None:
    if told.get("grant_type") != "client_credential":
        raise Wrong(40002)
    if told.get("appid") != world.keys.app_id:
        raise Wrong(40013)
    if told.get("secret") != world.keys.app_secret:
        raise Wrong(40125)


def _json() -> Answer:
    try:
        told = json.loads(request.get_data())
    except ValueError:
        raise Wrong(47001) from None
    if not isinstance(told, dict):
        raise Wrong(47001)
    return told


@bp.get("/token")
@account_call("token", token=False)
def token(world: World) -> Answer:
    """The classic token: each call kills the one before."""
    _check_secret(world, request.args)
    value, seconds = credentials.classic_token(world)
    return {"access_token": value, "expires_in": seconds}


@bp.post("/stable_token")
@account_call("token", token=False)
def stable_token(world: World) -> Answer:
    """The stable token: the same for all who ask, while it is good."""
    told = _json()
    _check_secret(world, told)
    try:
        value, seconds = credentials.stable_token(world, force=bool(told.get("force_refresh")))
    except credentials.TooOften as too_often:
        raise Wrong(45009 if too_often.daily else 45011) from None
    return {"access_token": value, "expires_in": seconds}


@bp.get("/ticket/getticket")
@account_call("ticket", token=True)
def ticket(world: World) -> Answer:
    """The ticket that pages are signed with."""
    if request.args.get("type") != "jsapi":
        raise Wrong(40097)
    value, seconds = credentials.ticket(world)
    return {"errcode": 0, "errmsg": "ok", "ticket": value, "expires_in": seconds}


@bp.post("/message/template/send")
@account_call("message", token=True)
def send_template(world: World) -> Answer:
    """A template message to somebody who follows."""
    told = _json()
    receiver = person(world, str(told.get("touser", "")))
    if receiver is None:
        raise Wrong(40003)
    if told.get("template_id") != world.keys.template_id:
        raise Wrong(40037)
    fields = told.get("data")
    if not isinstance(fields, dict) or not fields or not all(_has_value(field) for field in fields.values()):
        raise Wrong(47003)
    if not receiver["subscribed"]:
        raise Wrong(43004)
    number = outgoing.put(
        world,
        receiver["openid"],
        told["template_id"],
        {name: str(field["value"]) for name, field in fields.items()},
        url=str(told.get("url") or ""),
        client_msg_id=str(told.get("client_msg_id") or ""),
    )
    return {"errcode": 0, "errmsg": "ok", "msgid": number}


def _has_value(field: object) -> bool:
    return isinstance(field, dict) and "value" in field


@bp.get("/user/info")
@account_call("user", token=True)
def user_info(world: World) -> Answer:
    """Whether somebody follows. No name and no picture, as since 2021."""
    found = person(world, request.args.get("openid", ""))
    if found is None:
        raise Wrong(40003)
    if not found["subscribed"]:
        return {"subscribe": 0, "openid": found["openid"], "unionid": found["unionid"]}
    return {
        "subscribe": 1,
        "openid": found["openid"],
        "language": "zh_CN",
        "subscribe_time": int(found["created_at"]),
        "unionid": found["unionid"],
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": "ADD_SCENE_SEARCH",
        "qr_scene": 0,
        "qr_scene_str": "",
    }
