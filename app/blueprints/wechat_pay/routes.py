"""WeChat Pay's callbacks. The status says what WeChat's retry should do: 401 forged, 5xx again please, 204 stored."""

import structlog
from flask import Blueprint, Response, request

from app.domain.charges import PaymentNotice
from app.domain.permissions import Actor
from app.domain.refunds import RefundNotice
from app.ports import Forged
from app.usecases import payments, refund_notices
from app.web.current import now, runtime
from app.web.guards import signed_by_wechat

bp = Blueprint("wechat_pay", __name__, url_prefix="/wechat/pay")
log = structlog.get_logger()


@bp.post("/payments")
@signed_by_wechat
def payment_notice() -> Response:
    """A payment notice: whatever was signed is stored and answered with success, fitting or not. Decision 16."""
    return _take(_read())


@bp.post("/refunds")
@signed_by_wechat
def refund_notice() -> Response:
    """A refund notice."""
    return _take(_read())


def _read() -> PaymentNotice | RefundNotice | None:
    try:
        return runtime().till.gateway.read_notice(dict(request.headers), request.get_data(), now())
    except Forged as error:
        log.warning("forged_notice", path=request.path, why=str(error))
        return None


def _take(notice: PaymentNotice | RefundNotice | None) -> Response:
    till = runtime().till
    if notice is None:
        return Response('{"code":"FAIL","message":"失败"}', 401, content_type="application/json; charset=utf-8")
    if isinstance(notice, PaymentNotice):
        verdict = payments.take_payment_notice(
            notice, merchant=till.merchant, vault=till.vault, actor=Actor.wechat(), now=now()
        )
        log.info("payment_notice", transaction_id=notice.transaction_id, verdict=verdict)
    else:
        status = refund_notices.take_refund_notice(
            notice, our_mch_id=till.merchant.mch_id, vault=till.vault, actor=Actor.wechat(), now=now()
        )
        log.info("refund_notice", out_refund_no=notice.out_refund_no, status=status)
    return Response(status=204)
