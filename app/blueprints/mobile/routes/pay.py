"""Paying a charge through WeChat, and what came of it: paid, cancelled, failed, not known (decisions 13, 15, 16)."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from flask import Response, request, session, url_for
from limits import parse

from app.blueprints.mobile import words
from app.blueprints.mobile.forms import ResultQuery
from app.blueprints.mobile.routes.orders import SAID_PAID, is_confirming, own_order
from app.blueprints.mobile.section import bars, bp, of_customer
from app.documents.qr import qr_picture
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.errors import Rule, RuleBroken
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import my_charges
from app.queries.my_charges import LiveAttempt, MyCharge, Quote
from app.queries.my_late_fees import my_late_fees
from app.usecases import checkout
from app.web.current import actor, now, runtime
from app.web.forms import from_query
from app.web.guards import customer
from app.web.htmx import is_htmx, render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session
from app.web.wechat_page import wx_config

log = structlog.get_logger()

ASK_EVERY = parse("1 per 4 seconds")
"""How often WeChat is asked about one attempt, whoever looks at the page."""
ANSWER_HOLDS = timedelta(seconds=30)
"""An attempt that WeChat called unpaid this recently still counts as unpaid."""
JUST_MADE = timedelta(seconds=30)
"""An attempt this young was made by the press that led here."""
PATIENT_AFTER = 24
"""After so many questions the page asks less often."""


def own_charge(charge_id: int) -> MyCharge:
    """One of the person's own charges as it stands now. Raises NotFound."""
    return my_charges.my_charge(read_session(), actor(), charge_id)


@bp.get("/pay/<int:charge_id>")
@customer(registered=True)
def pay(charge_id: int) -> Response:
    """What is paid, and the sheet of an attempt under way. WeChat is asked first: what is paid is not offered."""
    shown = own_charge(charge_id)
    if not shown.is_next or shown.is_suspect:
        return see_other(words.way_on(shown))
    if shown.is_deposit and bars():
        return see_other(url_for(".frozen"))
    attempt, opens = shown.attempt, "open" in request.args
    if attempt is not None and attempt.prepay_id and not (opens and now() - attempt.created_at < JUST_MADE):
        known = _ask(attempt)
        shown = own_charge(charge_id)
        if not known or not shown.is_next or is_confirming(shown):
            return see_other(url_for(".payment_result", charge_id=charge_id))
        attempt = shown.attempt
    ready = attempt if attempt and attempt.prepay_id and attempt.expires_at > now() else None
    if ready is None and not shown.is_time_to_pay(now()):
        return _pay_page(shown, problem=words.too_late_to_pay(shown))
    return _pay_page(shown, ready=ready, at_once=opens)


@bp.post("/pay/<int:charge_id>")
@customer(registered=True)
@limiter.limit("60 per 15 minutes", key_func=of_customer)
def ask_for_payment(charge_id: int) -> Response:
    """The press on 微信支付."""
    return open_sheet(charge_id)


def open_sheet(charge_id: int) -> Response:
    """Asks WeChat for a payment; the page with its sheet follows. A retry asks for the same attempt."""
    shown = own_charge(charge_id)
    if not shown.is_next or shown.is_suspect:
        return see_other(words.way_on(shown))
    if is_confirming(shown):
        return see_other(url_for(".payment_result", charge_id=charge_id))
    forget_reads()
    try:
        sheet = checkout.ask_for_payment(runtime().till, charge_id, actor=actor(), now=now())
    except RuleBroken as broken:
        late = broken.rule is Rule.PAYMENT_TIME_OVER
        problem = words.too_late_to_pay(shown) if late else labels.refusal(broken)
        return _pay_page(own_charge(charge_id), problem=problem)
    except (OutcomeUnknown, GatewayRefused) as error:
        log.warning("payment_not_prepared", charge_id=charge_id, error=str(error))
        return _not_paid(shown, "mobile/pay_unavailable.html", status=503)
    if sheet is None:
        return see_other(url_for(".payment_result", charge_id=charge_id))
    return see_other(url_for(".pay", charge_id=charge_id, open=1))


def _pay_page(
    shown: MyCharge, *, ready: LiveAttempt | None = None, at_once: bool = False, problem: str = ""
) -> Response:
    here = url_for(".pay", charge_id=shown.charge_id)
    sheet: Mapping[str, str] | None = None
    if ready is not None and ready.prepay_id is not None:
        sheet = runtime().till.gateway.sheet(ready.prepay_id, now())
    return render(
        "mobile/pay.html",
        charge=shown,
        words=words.paying(shown),
        dots=words.dots(shown.order),
        action=here,
        can_pay=shown.can_pay(now()),
        again_url=words.again_url(shown),
        sheet=sheet,
        at_once=at_once,
        pay_until=ready.expires_at if ready else None,
        problem=problem,
        result_url=url_for(".payment_result", charge_id=shown.charge_id),
        code=qr_picture(f"{runtime().public_url}{here}"),
        wx_config=wx_config("chooseWXPay") if sheet else None,
        status=422 if problem and request.method == "POST" else 200,
    )


@bp.get("/pay/<int:charge_id>/result")
@customer(registered=True)
def payment_result(charge_id: int) -> Response:
    """What became of a payment. What the sheet said decides nothing: our books do, and WeChat when asked."""
    query = from_query(ResultQuery)
    said, shown, known = query.said.data, own_charge(charge_id), True
    if shown.is_open and shown.attempt is not None and shown.attempt.prepay_id:
        if said == "ok":
            session[SAID_PAID] = shown.attempt.out_trade_no
        known = _ask(shown.attempt)
        shown = own_charge(charge_id)
    if shown.is_open and shown.attempt is not None and (not known or is_confirming(shown)):
        return _not_known_yet(shown, said, asked=(query.asked.data or 0) + 1)
    if is_htmx():
        return see_other(url_for(".payment_result", charge_id=charge_id, said=said or None))
    if not shown.is_next or shown.is_suspect:
        return _over(shown)
    if not said:
        return see_other(url_for(".pay", charge_id=charge_id))
    return _not_paid(shown, "mobile/pay_cancelled.html" if said == "cancel" else "mobile/pay_failed.html")


def _over(shown: MyCharge) -> Response:
    """Paid, or nothing to pay any more: a vehicle that can be collected has its page, so have late fees."""
    if shown.quote and shown.is_settled:
        return _late_fees_paid(shown, shown.quote)
    if shown.order is None or shown.is_deposit or not shown.order.waits_for_pickup:
        return see_other(words.way_on(shown))
    order = own_order(shown.order.order_id)
    return render("mobile/paid.html", order=order, card=words.card_line(order), code=qr_picture(order.number))


def _late_fees_paid(shown: MyCharge, quote: Quote) -> Response:
    """What is still to be paid or brought back, else what goes again."""
    lates = my_late_fees(read_session(), actor(), now())
    late = next((one for one in lates if (one.use_id, one.order_id) == (quote.use_id, quote.order_id)), None)
    return render(
        "mobile/late_fee_paid.html",
        charge=shown,
        words=words.paying(shown),
        step=words.after_late_fees(quote, late, business_day(now()), bars()),
    )


def _not_paid(shown: MyCharge, template: str, *, status: int = 200) -> Response:
    return render(
        template,
        charge=shown,
        words=words.paying(shown),
        can_pay=shown.can_pay(now()),
        action=url_for(".ask_for_payment", charge_id=shown.charge_id),
        status=status,
    )


def _not_known_yet(shown: MyCharge, said: str, *, asked: int) -> Response:
    again = url_for(".payment_result", charge_id=shown.charge_id, said=said or None)
    return render(
        "mobile/pay_unknown.html",
        block="result",
        charge=shown,
        words=words.paying(shown),
        asked=asked,
        every=5 if asked < PATIENT_AFTER else 20,
        poll_url=url_for(".payment_result", charge_id=shown.charge_id, said=said or None, asked=asked),
        again_url=again,
    )


def _ask(attempt: LiveAttempt) -> bool:
    """Asks WeChat about an attempt, not too often; whether it is known how the attempt stands.

    One whose time is over is closed there on the way. The books may have changed: read the charge anew.
    """
    if not limiter.limiter.hit(ASK_EVERY, "ask", attempt.out_trade_no):
        return attempt.asked_at is not None and now() - attempt.asked_at < ANSWER_HOLDS
    over = attempt.expires_at <= now()
    forget_reads()
    try:
        checkout.settle_attempt(runtime().till, attempt.out_trade_no, close=over, actor=actor(), now=now())
    except (OutcomeUnknown, GatewayRefused) as error:
        log.warning("payment_not_known", out_trade_no=attempt.out_trade_no, error=str(error))
        return False
    return True
