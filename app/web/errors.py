"""Every refusal and failure as a page or a block of its own, with an id that is found in the log."""

import secrets
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.domain import labels
from app.domain.errors import Forbidden, LostRace, NotFound, RuleBroken
from app.ports import GatewayRefused, OutcomeUnknown
from app.web.htmx import is_htmx, render
from app.web.login import as_nobody, for_customers
from app.web.reading import forget_reads

log = structlog.get_logger()

WORDS: dict[int, tuple[str, str]] = {
    400: ("这一页放得太久了", "回到上一页刷新，再提交一次。填过的内容要再核对一遍。"),
    403: ("你没有这里的权限", "需要用到的话，找店主或主管开通。"),
    404: ("没有找到这个页面", "它可能已经改了地址，或者不在你能看的区域里。"),
    405: ("这个地址不能这样打开", "回到上一页再试。"),
    409: ("刚刚有人也改了这里", "刷新看看现在的样子，再决定要不要改。"),
    413: ("上传的内容太大", "换一个小一点的文件再试。"),
    422: ("这一步做不了", "看看写着的原因，改好再提交。"),
    429: ("试的次数太多了", "等 15 分钟再试。"),
    500: ("这里出错了", "已经记下来了，先刷新再试一次。"),
    503: ("微信暂时没有回应", "你的操作没有丢。等一分钟再试，不会重复扣款。"),
}


def request_id() -> str:
    """The id of this request, in log lines and on error pages."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(4)
    return str(g.request_id)


def refuse(status: int, *, title: str | None = None, text: str | None = None, **context: Any) -> Response:
    """The page of a refusal; for HTMX just its block: `app.js` shows it in place, a 422 takes the place of the page."""
    words = WORDS.get(status, WORDS[500 if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 400])
    template = "errors/phone.html" if for_customers(request.path) else "errors/staff.html"
    response = render(
        template,
        block="content",
        status=status,
        title=title or words[0],
        text=text or words[1],
        error_id=request_id() if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.BAD_REQUEST else "",
        **context,
    )
    if is_htmx() and status == HTTPStatus.UNPROCESSABLE_ENTITY:
        response.headers["HX-Retarget"] = "#content"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def install(app: Flask) -> None:
    """One handler for each kind of refusal."""

    @app.errorhandler(RuleBroken)
    def rule_broken(error: RuleBroken) -> Response:
        return refuse(422, text=labels.refusal(error))

    @app.errorhandler(NotFound)
    def not_found(_error: NotFound) -> Response:
        return refuse(404)

    @app.errorhandler(Forbidden)
    def forbidden(_error: Forbidden) -> Response:
        return refuse(403)

    @app.errorhandler(LostRace)
    def lost_race(_error: LostRace) -> Response:
        return refuse(409)

    @app.errorhandler(CSRFError)
    def no_csrf(_error: CSRFError) -> Response:
        return refuse(400)

    @app.errorhandler(GatewayRefused)
    @app.errorhandler(OutcomeUnknown)
    def no_answer(error: Exception) -> Response:
        log.warning("wechat_unavailable", request_id=request_id(), path=request.path, error=str(error))
        return refuse(503)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = refuse(error.code or 500)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(Exception)
    def anything(error: Exception) -> Response:
        log.error("unexpected", request_id=request_id(), path=request.path, method=request.method, exc_info=error)
        forget_reads()
        as_nobody()  # whatever failed, the page of the failure must not fail too
        return refuse(500)
