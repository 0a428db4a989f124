"""Web OAuth: the page that a browser is sent to, and what the application exchanges the code for."""

import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from simulator import grants
from simulator.calls import as_json, hindrance
from simulator.people import make_person, people, person
from simulator.web_state import OUTSIDE, chosen_openid, is_outside
from simulator.world import World, the_world

bp = Blueprint("oauth", __name__)
BASE, USERINFO = "snsapi_base", "snsapi_userinfo"
WORDS = {
    40001: "invalid credential, access_token is invalid or not latest",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40125: "invalid appsecret",
    40163: "code been used",
    42001: "access_token expired",
    42002: "refresh_token expired",
    48001: "api unauthorized",
}
Page = Response | WerkzeugResponse | str | tuple[str, int]


@bp.get("/connect/oauth2/authorize")
def authorize() -> Page:
    """Silent: back at once with a code. With consent: a page asks. Without a person chosen: a page asks who it is."""
    world = the_world()
    wrong = _wrong_with_request(world)
    if wrong:
        return render_template("oauth_error.html", reason=wrong), 400
    if is_outside():
        return render_template("oauth_error.html", reason=f"请在微信客户端打开链接（{OUTSIDE}）"), 400
    somebody = person(world, chosen_openid())
    if somebody is None:
        here = request.full_path.rstrip("?")
        return render_template("oauth_person.html", people=people(world), here=here)
    scope = request.args["scope"]
    if scope == BASE:
        return _back(grants.new_code(world, somebody["openid"], scope))
    return render_template("oauth_consent.html", person=somebody, query=request.query_string.decode())


@bp.post("/connect/oauth2/authorize")
def consent() -> Page:
    """The answer to the consent page: allow, deny, or be a visitor of a snapshot page (a virtual account)."""
    world = the_world()
    somebody = person(world, chosen_openid())
    wrong = _wrong_with_request(world)
    if wrong or somebody is None:
        return render_template("oauth_error.html", reason=wrong or "没有选人"), 400
    answer = request.form.get("answer")
    if answer == "allow":
        return _back(grants.new_code(world, somebody["openid"], request.args["scope"]))
    if answer == "snapshot":
        virtual = make_person(world, "快照页访客", subscribed=False, snapshot=True)
        return _back(grants.new_code(world, virtual, request.args["scope"]))
    return _back(None)


def _wrong_with_request(world: World) -> str:
    if request.args.get("appid") != world.keys.app_id:
        return "appid 参数错误（40013）"
    if not world.is_app(request.args.get("redirect_uri", "")):
        return "redirect_uri 域名与后台配置不一致（10003）"
    if request.args.get("response_type") != "code":
        return "response_type 必须是 code"
    if request.args.get("scope") not in (BASE, USERINFO):
        return "scope 参数错误或没有 scope 权限（10005）"
    return ""


def _back(code: str | None) -> WerkzeugResponse:
    parts = urlsplit(request.args["redirect_uri"])
    query = parse_qsl(parts.query, keep_blank_values=True)
    if code is not None:
        query.append(("code", code))
    query.append(("state", request.args.get("state", "")))
    return redirect(urlunsplit(parts._replace(query=urlencode(query))))


@bp.get("/sns/oauth2/access_token")
def access_token() -> Response:
    """A code becomes an openid, once."""

    def answer(world: World) -> dict[str, Any] | int:
        if request.args.get("appid") != world.keys.app_id:
            return 40013
        if request.args.get("secret") != world.keys.app_secret:
            return 40125
        if request.args.get("grant_type") != "authorization_code":
            return 40029
        return grants.exchange(world, request.args.get("code", ""))

    return _answered(answer)


@bp.get("/sns/oauth2/refresh_token")
def refresh_token() -> Response:
    """A new user token for an old grant."""

    def answer(world: World) -> dict[str, Any] | int:
        if request.args.get("appid") != world.keys.app_id:
            return 40013
        return grants.refresh(world, request.args.get("refresh_token", ""))

    return _answered(answer)


@bp.get("/sns/userinfo")
def userinfo() -> Response:
    """Name and picture of somebody who consented."""

    def answer(world: World) -> dict[str, Any] | int:
        code = _grant_fault(world)
        if code:
            return code
        grant = grants.grant(world, request.args["access_token"])
        found = person(world, request.args["openid"])
        if grant is None or found is None:
            return 40003
        if grant["scope"] != USERINFO:
            return 48001
        return {
            "openid": found["openid"],
            "nickname": found["nickname"],
            "sex": 0,
            "language": "",
            "city": "",
            "province": "",
            "country": "",
            "headimgurl": "",
            "privilege": [],
            "unionid": found["unionid"],
        }

    return _answered(answer)


@bp.get("/sns/auth")
def auth() -> Response:
    """Whether a user token is still good."""

    def answer(world: World) -> dict[str, Any] | int:
        return _grant_fault(world) or {"errcode": 0, "errmsg": "ok"}

    return _answered(answer)


def _grant_fault(world: World) -> int:
    grant = grants.grant(world, request.args.get("access_token", ""))
    if grant is None:
        return 40001
    if grant["openid"] != request.args.get("openid"):
        return 40003
    return 42001 if grant["expires_at"] <= world.clock.now() else 0


def _answered(answer: Any) -> Response:
    """JSON that calls itself text/plain, as the real one does; an errcode becomes its object."""
    world = the_world()
    status = hindrance(world, "oauth")
    if status is not None:
        return Response("", status=status)
    told = answer(world)
    if isinstance(told, int):
        told = {"errcode": told, "errmsg": f"{WORDS[told]}, rid: {secrets.token_hex(12)}"}
    return as_json(told, mimetype="text/plain")
