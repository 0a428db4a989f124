"""OAuth, tokens, the ticket, messages and the checks of the bridge, by wechatpy where it can."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from wechatpy import WeChatClient, WeChatOAuth
from wechatpy.exceptions import WeChatClientException, WeChatOAuthException

from tests.simulator.ground import Merchant


def authorize(merchant: Merchant, openid: str | None, **changes: str) -> requests.Response:
    asked = {
        "appid": merchant.env["WECHAT_APP_ID"],
        "redirect_uri": f"{merchant.listener.url}/m/wechat/return?next=/m/",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "S1",
        **changes,
    }
    return requests.get(
        f"{merchant.simulator.url}/connect/oauth2/authorize",
        params=asked,
        cookies={"sim_openid": openid} if openid else {},
        allow_redirects=False,
        timeout=5,
    )


def code_for(merchant: Merchant, openid: str) -> str:
    return parse_qs(urlsplit(authorize(merchant, openid).headers["Location"]).query)["code"][0]


def oauth(merchant: Merchant) -> WeChatOAuth:
    client = WeChatOAuth(merchant.env["WECHAT_APP_ID"], merchant.env["WECHAT_APP_SECRET"], "unused")
    client.API_BASE_URL = merchant.simulator.url + "/"
    return client


def account(merchant: Merchant) -> WeChatClient:
    stable = merchant.post(
        "/cgi-bin/stable_token",
        grant_type="client_credential",
        appid=merchant.env["WECHAT_APP_ID"],
        secret=merchant.env["WECHAT_APP_SECRET"],
    ).json()
    client = WeChatClient(
        merchant.env["WECHAT_APP_ID"], "unused", access_token=stable["access_token"], auto_retry=False
    )
    client.API_BASE_URL = merchant.simulator.url + "/cgi-bin/"
    return client


def test_a_known_person_comes_back_at_once_with_a_code(merchant: Merchant) -> None:
    openid = merchant.person()
    back = authorize(merchant, openid)
    assert back.status_code == 302
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert (query["state"], query["next"]) == (["S1"], ["/m/"])
    told = oauth(merchant).fetch_access_token(query["code"][0])
    assert (told["openid"], told["expires_in"], told["scope"]) == (openid, 7200, "snsapi_base")
    assert "is_snapshotuser" not in told


def test_a_code_is_good_once_and_for_five_minutes(merchant: Merchant) -> None:
    client, openid = oauth(merchant), merchant.person()
    code = code_for(merchant, openid)
    client.fetch_access_token(code)
    assert _refused(lambda: client.fetch_access_token(code)) == 40163
    old = code_for(merchant, openid)
    merchant.world.clock.move(301)
    assert _refused(lambda: client.fetch_access_token(old)) == 40029
    assert _refused(lambda: client.fetch_access_token("never given")) == 40029


def test_answers_of_oauth_call_themselves_plain_text(merchant: Merchant) -> None:
    reply = requests.get(f"{merchant.simulator.url}/sns/oauth2/access_token", timeout=5)
    assert reply.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "changes",
    [
        {"appid": "wx0"},
        {"redirect_uri": "https://example.com/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"scope": "snsapi_login"},
        {"response_type": "token"},
    ],
)
def test_a_bad_request_goes_nowhere(merchant: Merchant, changes: dict[str, str]) -> None:
    answered = authorize(merchant, merchant.person(), **changes)
    assert answered.status_code == 400
    assert "Location" not in answered.headers


def test_a_stranger_is_asked_who_they_are_and_goes_on(merchant: Merchant) -> None:
    asked = authorize(merchant, None)
    assert asked.status_code == 200
    assert "你是谁" in asked.text
    onward = asked.request.path_url
    with requests.Session() as browser:
        there = browser.post(
            f"{merchant.simulator.url}/control/people",
            data={"nickname": "周子衡", "next": onward},
            allow_redirects=False,
            timeout=5,
        )
        assert there.headers["Location"] == onward
        back = browser.get(merchant.simulator.url + onward, allow_redirects=False, timeout=5)
    assert back.headers["Location"].startswith(f"{merchant.listener.url}/m/wechat/return?next=")


def test_with_consent_there_is_a_name_and_a_refusal_has_no_code(merchant: Merchant) -> None:
    openid = merchant.person("林小满")
    page = authorize(merchant, openid, scope="snsapi_userinfo")
    assert page.status_code == 200
    answered = {name: _consent(merchant, openid, page, name) for name in ("allow", "deny", "snapshot")}
    assert "code" not in answered["deny"]
    client = oauth(merchant)
    assert client.fetch_access_token(answered["allow"]["code"][0])["unionid"]
    assert client.get_user_info()["nickname"] == "林小满"
    assert client.check_access_token() is True
    first = client.access_token
    client.refresh_access_token(client.refresh_token)
    assert client.access_token != first
    virtual = client.fetch_access_token(answered["snapshot"]["code"][0])
    assert virtual["is_snapshotuser"] == 1
    assert virtual["openid"] != openid


def test_a_snapshot_person_is_one_in_silence_too(merchant: Merchant) -> None:
    openid = merchant.person("访客", snapshot=True)
    assert oauth(merchant).fetch_access_token(code_for(merchant, openid))["is_snapshotuser"] == 1


def test_no_name_without_consent(merchant: Merchant) -> None:
    client = oauth(merchant)
    client.fetch_access_token(code_for(merchant, merchant.person()))
    assert _refused(client.get_user_info) == 48001


def test_an_ordinary_browser_is_told_to_open_wechat(merchant: Merchant) -> None:
    cookies = {"sim_openid": merchant.person(), "sim_browser": "outside"}
    params = {**parse_qs(urlsplit(authorize(merchant, None).request.url or "").query)}
    url = f"{merchant.simulator.url}/connect/oauth2/authorize"
    answered = requests.get(url, params=params, cookies=cookies, allow_redirects=False, timeout=5)
    assert answered.status_code == 400
    assert "微信客户端" in answered.text
    bridge = requests.get(f"{merchant.simulator.url}/_sim/bridge.js", cookies=cookies, timeout=5)
    assert "WeixinJSBridge" not in bridge.text


def test_the_stable_token_is_the_same_until_shortly_before_its_end(merchant: Merchant) -> None:
    first = account(merchant).access_token
    assert account(merchant).access_token == first
    merchant.world.clock.move(7200 - 299)
    second = account(merchant)
    assert second.access_token != first
    assert second.user.get(merchant.person())["subscribe"] == 1


def test_a_new_classic_token_kills_the_one_before(merchant: Merchant) -> None:
    secret = {"appid": merchant.env["WECHAT_APP_ID"], "secret": merchant.env["WECHAT_APP_SECRET"]}
    path = "/cgi-bin/token?grant_type=client_credential&appid={appid}&secret={secret}".format(**secret)
    first, second = (merchant.get(path)["access_token"] for _ in range(2))
    ticket = "/cgi-bin/ticket/getticket?type=jsapi&access_token="
    assert merchant.get(ticket + first)["errcode"] == 40001
    assert merchant.get(ticket + second)["errcode"] == 0
    assert merchant.get(path + "x")["errcode"] == 40125


def test_a_forced_token_is_new_but_not_twice_in_a_row(merchant: Merchant) -> None:
    asked = {
        "grant_type": "client_credential",
        "appid": merchant.env["WECHAT_APP_ID"],
        "secret": merchant.env["WECHAT_APP_SECRET"],
        "force_refresh": True,
    }
    merchant.world.clock.move(60)
    assert "access_token" in merchant.post("/cgi-bin/stable_token", **asked).json()
    assert merchant.post("/cgi-bin/stable_token", **asked).json()["errcode"] == 45011


def test_an_expired_token_is_refused(merchant: Merchant) -> None:
    client = account(merchant)
    merchant.world.clock.move(3 * 7200)
    assert _refused(client.jsapi.get_ticket) == 42001


def test_a_burst_of_dead_tokens_ends(merchant: Merchant) -> None:
    client = account(merchant)
    merchant.fault("expired_token", times=2)
    assert [_refused(client.jsapi.get_ticket) for _ in range(3)] == [40001, 40001, 0]


def test_a_page_signed_by_wechatpy_is_a_good_page(merchant: Merchant) -> None:
    client = account(merchant)
    ticket, stamp, url = client.jsapi.get_ticket()["ticket"], str(int(time.time())), f"{merchant.listener.url}/m/?a=1"
    asked = {
        "appId": merchant.env["WECHAT_APP_ID"],
        "nonceStr": "N1",
        "timestamp": stamp,
        "signature": client.jsapi.get_jsapi_signature("N1", ticket, stamp, url),
        "url": url + "#top",
    }
    for change, verdict in (
        ({}, "system:ok"),
        ({"url": url + "&b=2"}, "config:fail,invalid signature"),
        ({"signature": "0" * 40}, "config:fail,invalid signature"),
        ({"url": "https://example.com/"}, "config:invalid url domain"),
        ({"appId": "wx0"}, "config:invalid appid"),
    ):
        told = merchant.post("/_sim/bridge/preverify", **(asked | change)).json()
        assert told == {"err_msg": verdict}


def test_a_template_message_arrives_once(merchant: Merchant) -> None:
    client, openid = account(merchant), merchant.person()
    message = _message(merchant, openid, client_msg_id="m-1")
    first, again = (client.post("message/template/send", data=message)["msgid"] for _ in range(2))
    assert first == again
    (told,) = merchant.get("/_sim/outgoing")["messages"]
    assert (told["openid"], told["data"], told["client_msg_id"]) == (openid, {"title": "已支付"}, "m-1")


def test_messages_that_cannot_arrive(merchant: Merchant) -> None:
    client, openid = account(merchant), merchant.person()
    stranger = merchant.person("路人", subscribed=False)
    for message, code in (
        (_message(merchant, "o-unknown"), 40003),
        (_message(merchant, openid, template_id="T0"), 40037),
        (_message(merchant, openid, data={}), 47003),
        (_message(merchant, stranger), 43004),
    ):
        assert _refused(lambda message=message: client.post("message/template/send", data=message)) == code
    merchant.post(f"/_sim/people/{stranger}", subscribed=True)
    assert client.post("message/template/send", data=_message(merchant, stranger))["errcode"] == 0
    assert len(merchant.get("/_sim/outgoing")["messages"]) == 1


def test_who_follows(merchant: Merchant) -> None:
    client = account(merchant)
    assert client.user.get(merchant.person())["subscribe"] == 1
    assert client.user.get(merchant.person("路人", subscribed=False))["subscribe"] == 0
    assert _refused(lambda: client.user.get("o-unknown")) == 40003


def test_the_payment_sheet_checks_the_pages_signature(merchant: Merchant) -> None:
    number, prepay_id = merchant.order()
    signed = [merchant.env["WECHAT_APP_ID"], "1700000000", "N1", f"prepay_id={prepay_id}"]
    asked = {
        **dict(zip(("appId", "timeStamp", "nonceStr", "package"), signed, strict=True)),
        "signType": "RSA",
        "paySign": merchant.pay.sign(signed),
    }
    told = merchant.post("/_sim/bridge/pay", **asked).json()
    assert (told["prepay_id"], told["amount_fen"], told["payer"]) == (prepay_id, 259900, "林小满")
    for change, reason in (
        ({"nonceStr": "N2"}, "支付验证签名失败"),
        ({"signType": "MD5"}, "signType 必须是 RSA"),
        ({"appId": "wx0"}, "appId 与公众号不符"),
    ):
        refused = merchant.post("/_sim/bridge/pay", **(asked | change)).json()
        assert refused == {"err_msg": "get_brand_wcpay_request:fail", "err_desc": reason}
    merchant.pay.close(number)
    assert merchant.post("/_sim/bridge/pay", **asked).json()["err_desc"] == "该订单已关闭"


def test_only_the_applications_pages_may_call_the_bridge(merchant: Merchant) -> None:
    url = f"{merchant.simulator.url}/_sim/bridge/preverify"
    ours = requests.options(url, headers={"Origin": merchant.listener.url}, timeout=5)
    assert ours.headers["Access-Control-Allow-Origin"] == merchant.listener.url
    theirs = requests.options(url, headers={"Origin": "https://example.com"}, timeout=5)
    assert "Access-Control-Allow-Origin" not in theirs.headers
    assert requests.post(url, json={}, headers={"Origin": "https://example.com"}, timeout=5).status_code == 403


def _consent(merchant: Merchant, openid: str, page: requests.Response, word: str) -> dict[str, list[str]]:
    back = requests.post(
        merchant.simulator.url + page.request.path_url,
        data={"answer": word},
        cookies={"sim_openid": openid},
        allow_redirects=False,
        timeout=5,
    )
    return parse_qs(urlsplit(back.headers["Location"]).query)


def _message(merchant: Merchant, openid: str, **changes: Any) -> dict[str, Any]:
    return {
        "touser": openid,
        "template_id": merchant.env["WECHAT_TEMPLATE_ORDER"],
        "url": f"{merchant.listener.url}/m/orders/1",
        "data": {"title": {"value": "已支付"}},
        **changes,
    }


def _refused(act: Any) -> int:
    """The errcode of a refusal; 0 when there was none."""
    try:
        act()
    except (WeChatClientException, WeChatOAuthException) as refusal:
        return int(refusal.errcode)
    return 0
