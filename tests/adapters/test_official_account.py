"""The token's way into wechatpy, the page signature, and messages."""

import hashlib
import time
from collections.abc import Callable

import pytest

from app.adapters.wechat import WeChat
from app.ports import GatewayRefused, OutcomeUnknown
from tests.adapters.there import APP_ID, APP_SECRET, NOW, FixedClock, KeptTokens, Reply, Seen, There, said

TOKEN_PATH, TICKET_PATH = "/cgi-bin/stable_token", "/cgi-bin/ticket/getticket"
SEND_PATH = "/cgi-bin/message/template/send"
SENT = {"errcode": 0, "errmsg": "ok", "msgid": 1}
PAGE = "https://lieba.example/m/scan?from=menu"


def answering(answers: dict[str, Callable[[Seen], Reply]]) -> Callable[[Seen], Reply]:
    return lambda seen: answers[seen.path](seen)


def a_new_token_each_time(there: There) -> Callable[[Seen], Reply]:
    return lambda _: said({"access_token": f"T{there.paths().count(TOKEN_PATH)}", "expires_in": 7200})


def send(wechat: WeChat) -> None:
    wechat.messenger.send(
        "oAlice",
        {"title": "订单已支付\n", "detail": "AM0001]]>", "remark": ""},
        "https://lieba.example/m/orders/7",
        "m-1",
    )


def test_the_token_is_asked_for_by_stable_token_and_shared(there: There, wechat: WeChat, tokens: KeptTokens) -> None:
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: said(SENT)})
    send(wechat)
    send(wechat)
    assert there.paths() == [TOKEN_PATH, SEND_PATH, SEND_PATH]
    assert there.seen[0].fields == {
        "grant_type": "client_credential",
        "appid": APP_ID,
        "secret": APP_SECRET,
        "force_refresh": False,
    }
    assert there.seen[0].query == {}
    assert [seen.query for seen in there.seen[1:]] == [{"access_token": "T1"}] * 2
    assert tokens.kept["access_token"][0] == "T1"


def test_a_message_carries_its_words_cleaned_and_its_id(there: There, wechat: WeChat) -> None:
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: said(SENT)})
    send(wechat)
    assert there.seen[1].fields == {
        "touser": "oAlice",
        "template_id": "template-of-orders",
        "url": "https://lieba.example/m/orders/7",
        "client_msg_id": "m-1",
        "data": {"title": {"value": "订单已支付"}, "detail": {"value": "AM0001"}, "remark": {"value": ""}},
    }


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_refused_token_is_renewed_and_the_call_made_once_more(there: There, wechat: WeChat, errcode: int) -> None:
    def sending(seen: Seen) -> Reply:
        return said(SENT if seen.query["access_token"] == "T2" else {"errcode": errcode, "errmsg": "stale"})

    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: sending})
    send(wechat)
    assert there.paths() == [TOKEN_PATH, SEND_PATH, TOKEN_PATH, SEND_PATH]


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_token_that_is_refused_for_ever_makes_two_calls(there: There, wechat: WeChat, errcode: int) -> None:
    stale = said({"errcode": errcode, "errmsg": "stale"})
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: stale})
    with pytest.raises(OutcomeUnknown, match=str(errcode)):
        send(wechat)
    assert there.paths() == [TOKEN_PATH, SEND_PATH, TOKEN_PATH, SEND_PATH]


def test_a_token_that_somebody_else_renewed_meanwhile_is_not_fetched_again(
    there: There, wechat: WeChat, tokens: KeptTokens
) -> None:
    end = NOW.replace(hour=10)
    tokens.write("access_token", "old", end)

    def sending(seen: Seen) -> Reply:
        if seen.query["access_token"] == "theirs":
            return said(SENT)
        tokens.write("access_token", "theirs", end)
        return said({"errcode": 40001, "errmsg": "stale"})

    there.answer = answering({SEND_PATH: sending})
    send(wechat)
    assert there.paths() == [SEND_PATH, SEND_PATH]


@pytest.mark.parametrize("errcode", [43004, 40003, 40037, 47003])
def test_a_message_that_can_never_arrive_is_refused(there: There, wechat: WeChat, errcode: int) -> None:
    refused = said({"errcode": errcode, "errmsg": "no"})
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: refused})
    with pytest.raises(GatewayRefused) as caught:
        send(wechat)
    assert caught.value.code == str(errcode)
    assert there.paths() == [TOKEN_PATH, SEND_PATH]


@pytest.mark.parametrize(
    "reply",
    [
        said({"errcode": -1, "errmsg": "system error"}),
        said({"errcode": 45009, "errmsg": "reach max api daily quota limit"}),
        said({"errcode": "never", "errmsg": "?"}),
        said({}),
        said([]),
        said("ok"),
        Reply(200, b"<html>", {"Content-Type": "text/html"}),
        Reply(200, b"\xff\xfe"),
        Reply(500),
        Reply(502, b"bad gateway"),
        Reply(403),
        Reply(302, headers={"Location": "https://evil.example/"}),
        Reply(hangs=True),
    ],
)
@pytest.mark.parametrize("where", [TOKEN_PATH, SEND_PATH])
def test_an_answer_that_means_nothing_is_an_unknown_outcome(
    there: There, wechat: WeChat, where: str, reply: Reply
) -> None:
    there.answer = answering(
        {TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: said(SENT)} | {where: lambda _: reply}
    )
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        send(wechat)
    assert time.monotonic() - began < 1.5


def test_a_wrong_secret_is_a_refusal(there: There, wechat: WeChat) -> None:
    there.answer = lambda _: said({"errcode": 40125, "errmsg": "invalid appsecret"})
    with pytest.raises(GatewayRefused, match="40125"):
        send(wechat)


def test_a_page_is_signed_as_wechat_documents_it(there: There, wechat: WeChat, tokens: KeptTokens) -> None:
    ticket = said({"errcode": 0, "errmsg": "ok", "ticket": "TICKET", "expires_in": 7200})
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), TICKET_PATH: lambda _: ticket})
    config = wechat.page_sdk.config_for(f"{PAGE}#top", NOW)
    text = f"jsapi_ticket=TICKET&noncestr={config['nonceStr']}&timestamp={config['timestamp']}&url={PAGE}"
    assert config["signature"] == hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  # WeChat's choice
    assert config["appId"] == APP_ID
    assert config["timestamp"] == str(int(NOW.timestamp()))
    assert wechat.page_sdk.config_for(PAGE, NOW)["nonceStr"] != config["nonceStr"]
    assert there.paths() == [TOKEN_PATH, TICKET_PATH]
    assert there.seen[1].query == {"access_token": "T1", "type": "jsapi"}
    assert tokens.kept["jsapi_ticket"][0] == "TICKET"


def test_the_demo_clock_ends_tokens_too(there: There, wechat: WeChat, clock: FixedClock) -> None:
    there.answer = answering({TOKEN_PATH: a_new_token_each_time(there), SEND_PATH: lambda _: said(SENT)})
    send(wechat)
    clock.at = NOW.replace(day=30)
    send(wechat)
    assert there.seen[3].query == {"access_token": "T2"}
