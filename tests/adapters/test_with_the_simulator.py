"""Each call of the seam against the simulated WeChat, which checks every signature itself."""

import queue
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.adapters.clock import DemoClock
from app.adapters.wechat import WeChat, WeChatAccount
from app.domain.charges import PaymentNotice
from app.domain.refunds import RefundNotice, RefundStatus
from app.ports import AlreadyPaid, Forged, GatewayRefused, OutcomeUnknown, PaymentWanted, RefundWanted, TradeState
from tests.adapters.there import KeptTokens, Reply, Seen, There
from tests.fixtures.simulators import Simulator

SECONDS_FOR_A_NOTICE = 10


@pytest.fixture
def demo_clock(simulator: Simulator) -> Iterator[DemoClock]:
    clock = DemoClock(simulator.folder / "clock-offset")
    yield clock
    clock.move_to(timedelta())


@pytest.fixture
def real(simulator: Simulator, app_url: str, demo_clock: DemoClock) -> WeChat:
    env = simulator.wechat_env
    account = WeChatAccount(
        app_id=env["WECHAT_APP_ID"],
        app_secret=env["WECHAT_APP_SECRET"],
        api_url=env["WECHAT_API_URL"],
        open_url=env["WECHAT_OPEN_URL"],
        pay_url=env["WECHAT_PAY_URL"],
        mch_id=env["WECHAT_MCH_ID"],
        mch_serial_no=env["WECHAT_MCH_SERIAL_NO"],
        mch_private_key=Path(env["WECHAT_MCH_PRIVATE_KEY_FILE"]).read_text(),
        pay_public_key=Path(env["WECHAT_PAY_PUBLIC_KEY_FILE"]).read_text(),
        pay_public_key_id=env["WECHAT_PAY_PUBLIC_KEY_ID"],
        api_v3_key=env["WECHAT_PAY_API_V3_KEY"],
        template_order=env["WECHAT_TEMPLATE_ORDER"],
        payment_notify_url=f"{app_url}/wechat/pay/payments",
        refund_notify_url=f"{app_url}/wechat/pay/refunds",
    )
    return WeChat.of(account, tokens=KeptTokens(), clock=demo_clock)


@pytest.fixture
def notices(app_port: int) -> Iterator["queue.Queue[Seen]"]:
    """What WeChat sends to the application, answered with success."""
    came: queue.Queue[Seen] = queue.Queue()

    def take(seen: Seen) -> Reply:
        came.put(seen)
        return Reply(204)

    app = There(app_port)
    app.answer = take
    yield came
    app.stop()


@pytest.fixture
def wanted(simulator: Simulator, demo_clock: DemoClock) -> PaymentWanted:
    return PaymentWanted(
        "P20261124000001", "猎吧租车 AM0001", 299900, simulator.person(), demo_clock.now() + timedelta(minutes=15)
    )


def refund_of(wanted: PaymentWanted) -> RefundWanted:
    return RefundWanted(wanted.out_trade_no, "R20261124000001", wanted.amount_fen, wanted.amount_fen, "取消订单")


def test_a_payment_is_asked_for_paid_told_queried_and_refunded(
    simulator: Simulator, real: WeChat, wanted: PaymentWanted, notices: "queue.Queue[Seen]", demo_clock: DemoClock
) -> None:
    payments = real.payments
    assert payments.query(wanted.out_trade_no).state is TradeState.UNKNOWN_THERE
    prepay_id = payments.prepare(wanted)
    assert payments.prepare(wanted)
    assert payments.query(wanted.out_trade_no).state is TradeState.UNPAID
    assert payments.sheet(prepay_id, demo_clock.now())["package"] == f"prepay_id={prepay_id}"

    simulator.pay(prepay_id)
    seen = notices.get(timeout=SECONDS_FOR_A_NOTICE)
    assert seen.path == "/wechat/pay/payments"
    told = payments.read_notice(seen.headers, seen.body, demo_clock.now())
    assert isinstance(told, PaymentNotice)
    assert (told.openid, told.amount_fen, told.currency) == (wanted.openid, wanted.amount_fen, "CNY")
    found = payments.query(wanted.out_trade_no)
    assert (found.state, found.notice) == (TradeState.PAID, told)
    with pytest.raises(AlreadyPaid):
        payments.prepare(wanted)
    with pytest.raises(AlreadyPaid):
        payments.close(wanted.out_trade_no)

    refund = refund_of(wanted)
    assert payments.query_refund(refund.out_refund_no) is None
    accepted = payments.refund(refund)
    assert accepted.status in (RefundStatus.ACCEPTED, RefundStatus.DONE)
    assert payments.refund(refund).refund_id == accepted.refund_id
    seen = notices.get(timeout=SECONDS_FOR_A_NOTICE)
    assert seen.path == "/wechat/pay/refunds"
    arrived = payments.read_notice(seen.headers, seen.body, demo_clock.now())
    assert isinstance(arrived, RefundNotice)
    assert (arrived.status, arrived.amount_fen) == (RefundStatus.DONE, wanted.amount_fen)
    assert payments.query_refund(refund.out_refund_no) == arrived
    assert payments.query(wanted.out_trade_no).state is TradeState.PAID
    with pytest.raises(GatewayRefused):
        payments.refund(replace(refund, out_refund_no="R20261124000002"))


def test_a_closed_attempt_stays_closed(real: WeChat, wanted: PaymentWanted) -> None:
    with pytest.raises(GatewayRefused, match="ORDER_NOT_EXIST"):
        real.payments.close(wanted.out_trade_no)
    real.payments.prepare(wanted)
    real.payments.close(wanted.out_trade_no)
    real.payments.close(wanted.out_trade_no)
    assert real.payments.query(wanted.out_trade_no).state is TradeState.CLOSED
    with pytest.raises(GatewayRefused):
        real.payments.prepare(wanted)


@pytest.mark.parametrize("fault", ["reply_lost", "bad_reply_signature"])
def test_a_reply_that_is_lost_or_forged_leaves_the_same_number_to_ask_with(
    simulator: Simulator, real: WeChat, wanted: PaymentWanted, fault: str
) -> None:
    simulator.misbehave(name=fault, on="create")
    with pytest.raises(OutcomeUnknown):
        real.payments.prepare(wanted)
    assert real.payments.query(wanted.out_trade_no).state is TradeState.UNPAID
    simulator.pay(real.payments.prepare(wanted))
    simulator.misbehave(name=fault, on="refund")
    with pytest.raises(OutcomeUnknown):
        real.payments.refund(refund_of(wanted))
    assert real.payments.refund(refund_of(wanted)).amount_fen == wanted.amount_fen
    assert len(simulator.books()["refunds"]) == 1


def test_the_notice_of_a_moved_clock_is_fresh_by_that_clock_alone(
    simulator: Simulator, real: WeChat, wanted: PaymentWanted, notices: "queue.Queue[Seen]", demo_clock: DemoClock
) -> None:
    machine_now = demo_clock.now()
    demo_clock.move_to(timedelta(days=15))
    simulator.pay(real.payments.prepare(replace(wanted, expires_at=demo_clock.now() + timedelta(minutes=15))))
    seen = notices.get(timeout=SECONDS_FOR_A_NOTICE)
    real.payments.read_notice(seen.headers, seen.body, demo_clock.now())
    with pytest.raises(Forged, match="not fresh"):
        real.payments.read_notice(seen.headers, seen.body, machine_now)


def test_a_person_logs_in_once_with_each_code(simulator: Simulator, real: WeChat, app_url: str) -> None:
    openid = simulator.person()
    url = real.oauth.authorize_url(f"{app_url}/m/wechat/return", "state123")
    with requests.Session() as browser:
        browser.headers["User-Agent"] = "Mozilla/5.0 MicroMessenger/8.0.50"
        browser.cookies.set("sim_openid", openid)
        back = browser.get(url, allow_redirects=False, timeout=10)
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert query["state"] == ["state123"]
    (code,) = query["code"]
    assert real.oauth.person(code).openid == openid
    with pytest.raises(GatewayRefused, match="40163"):
        real.oauth.person(code)
    with pytest.raises(GatewayRefused, match="40029"):
        real.oauth.person("never-given")


def test_a_message_arrives_once_and_a_stale_token_is_renewed(simulator: Simulator, real: WeChat) -> None:
    openid = simulator.person()
    words = {"title": "订单已支付", "detail": "AM0001", "remark": "请到店提车"}
    real.messenger.send(openid, words, "https://lieba.example/m/orders/7", "m-1")
    simulator.misbehave(name="expired_token", on="message")
    real.messenger.send(openid, words, "https://lieba.example/m/orders/7", "m-1")
    real.messenger.send(openid, words, "https://lieba.example/m/orders/7", "m-2")
    assert len(simulator.outgoing()["messages"]) == 2
    stranger = simulator.post("/_sim/people", nickname="路人", subscribed=False)["openid"]
    with pytest.raises(GatewayRefused, match="43004"):
        real.messenger.send(stranger, words, "", "m-3")


def test_a_page_passes_the_real_check_of_its_signature(
    simulator: Simulator, real: WeChat, app_url: str, demo_clock: DemoClock
) -> None:
    page = f"{app_url}/m/scan?from=menu"
    config = real.page_sdk.config_for(page, demo_clock.now())
    for url, verdict in ((page, "system:ok"), (f"{page}&x", "config:fail,invalid signature")):
        asked = {**config, "url": url, "jsApiList": ["scanQRCode"]}
        assert simulator.post("/_sim/bridge/preverify", **asked) == {"err_msg": verdict}
