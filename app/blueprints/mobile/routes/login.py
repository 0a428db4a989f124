"""Logging in through WeChat: silent OAuth, a state that counts once and only in the browser that began (decision 1)."""

import secrets
from datetime import timedelta

import structlog
from flask import Response, request, session, url_for

from app.blueprints.mobile.section import bp, in_wechat, next_page
from app.documents.qr import qr_picture
from app.ports import GatewayRefused, OutcomeUnknown
from app.usecases import customers, sessions
from app.web.current import actor, now, runtime
from app.web.errors import refuse
from app.web.guards import customer, public
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.login import drop_session_cookie, set_session_cookie
from app.web.reading import forget_reads

log = structlog.get_logger()

STATE_BYTES = 16
STATE_LASTS = timedelta(minutes=10)
MOST_PENDING = 4
"""Log-ins that one browser may have under way, in several windows."""
PENDING, LAST_TARGET = "oauth", "came_to"


@bp.get("/login")
@public
def login() -> Response:
    """On to WeChat; outside WeChat, what to do instead. Who is logged in already goes on."""
    target = next_page()
    if actor().is_customer:
        return see_other(target)
    if not in_wechat():
        url = f"{runtime().public_url}{target}"
        return render("mobile/outside.html", url=url, qr=qr_picture(url), home_url=url_for(".vehicles"))
    return_url = f"{runtime().public_url}{url_for('.wechat_return')}"
    return see_other(runtime().oauth.authorize_url(return_url, _new_state(target)))


def _new_state(target: str) -> str:
    state = secrets.token_hex(STATE_BYTES)
    pending = {**session.get(PENDING, {}), state: [int(now().timestamp()), target]}
    session[PENDING] = dict(list(pending.items())[-MOST_PENDING:])
    return state


def _take_state(state: str) -> str | None:
    """Where the log-in of that state wanted to go; once, and only soon after it began in this browser."""
    pending = dict(session.get(PENDING, {}))
    found = pending.pop(state, None)
    session[PENDING] = pending
    if found is None:
        return None
    begun_at, target = found
    age = int(now().timestamp()) - begun_at
    return str(target) if 0 <= age <= STATE_LASTS.total_seconds() else None


@bp.get("/wechat/return")
@public
@limiter.limit("300 per minute")
def wechat_return() -> Response:
    """Back from WeChat. A reload of this address leads on, whoever is logged in stays who they are."""
    target = _take_state(request.args.get("state", ""))
    if target is None:
        if actor().is_customer:
            return see_other(session.get(LAST_TARGET, url_for(".vehicles")))
        return _not_logged_in(400, "登录没有完成", "这一页放得太久了，或者不是从这里打开的。再登录一次就好。", "")
    code = request.args.get("code", "")
    if not code:
        return _not_logged_in(403, "登录没有完成", "微信没有告诉我们你是谁。要预约或看订单，再登录一次。", target)
    try:
        person = runtime().oauth.person(code)
    except GatewayRefused as refused:
        log.warning("oauth_refused", code=refused.code)
        return _not_logged_in(400, "登录没有完成", "微信的登录口令过期了，再登录一次就好。", target)
    except OutcomeUnknown as unknown:
        log.warning("oauth_unknown", error=str(unknown))
        return _not_logged_in(503, "微信暂时没有回应", "等一会儿再登录一次，你选的都还在。", target)
    if person.is_snapshot:
        return render("mobile/snapshot.html", home_url=url_for(".vehicles"), status=403)
    if actor().is_customer:  # another window was faster: its session ends with its cookie
        sessions.close_session(actor=actor(), now=now())
    forget_reads()
    customer_id = customers.meet_customer(app_id=runtime().app_id, openid=person.openid, now=now())
    token = sessions.open_customer_session(customer_id=customer_id, now=now())
    session[LAST_TARGET] = target
    response = see_other(target)
    set_session_cookie(response, "customer", token, sessions.CUSTOMER_LASTS)
    return response


def _not_logged_in(status: int, title: str, text: str, target: str) -> Response:
    retry_url = url_for(".login", next=target) if target else url_for(".login")
    return refuse(status, title=title, text=text, retry_url=retry_url)


@bp.post("/logout")
@customer(registered=False)
def log_out() -> Response:
    """Ends the session on the server, then in the browser."""
    sessions.close_session(actor=actor(), now=now())
    session.clear()
    response = see_other(url_for(".vehicles"))
    drop_session_cookie(response, "customer")
    return response
