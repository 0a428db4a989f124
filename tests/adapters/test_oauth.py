import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.adapters.wechat import WeChat
from app.ports import GatewayRefused, OutcomeUnknown, WeChatPerson
from tests.adapters.there import APP_ID, APP_SECRET, Reply, There, said

PERSON = {
    "access_token": "user-token",
    "expires_in": 7200,
    "refresh_token": "user-refresh",
    "openid": "oAlice_-1",
    "scope": "snsapi_base",
}


def test_the_browser_is_sent_to_wechat_silently(wechat: WeChat) -> None:
    url = urlsplit(wechat.oauth.authorize_url("https://lieba.example/m/wechat/return?a=1&b=2", "abcDEF123"))
    assert (url.scheme, url.netloc, url.path) == ("https", "open.weixin.qq.com", "/connect/oauth2/authorize")
    assert url.fragment == "wechat_redirect"
    assert parse_qsl(url.query) == [
        ("appid", APP_ID),
        ("redirect_uri", "https://lieba.example/m/wechat/return?a=1&b=2"),
        ("response_type", "code"),
        ("scope", "snsapi_base"),
        ("state", "abcDEF123"),
    ]


@pytest.mark.parametrize("state", ["", "a-b", "a&scope=snsapi_userinfo", "状", "a" * 129])
def test_a_state_that_wechat_would_change_is_refused(wechat: WeChat, state: str) -> None:
    with pytest.raises(ValueError, match="state"):
        wechat.oauth.authorize_url("https://lieba.example/", state)


@pytest.mark.parametrize(
    ("more", "is_snapshot"), [({}, False), ({"is_snapshotuser": 0}, False), ({"is_snapshotuser": 1}, True)]
)
def test_a_code_becomes_a_person(there: There, wechat: WeChat, more: dict[str, int], is_snapshot: bool) -> None:
    there.answer = lambda _: Reply(200, said(PERSON | more).body, {"Content-Type": "text/plain"})  # as the real one
    assert wechat.oauth.person("the-code_1") == WeChatPerson("oAlice_-1", is_snapshot=is_snapshot)
    assert there.paths() == ["/sns/oauth2/access_token"]
    assert there.seen[0].query == {
        "appid": APP_ID,
        "secret": APP_SECRET,
        "code": "the-code_1",
        "grant_type": "authorization_code",
    }


@pytest.mark.parametrize("errcode", [40029, 40163, 41008, 40226])
def test_a_bad_or_used_code_is_refused(there: There, wechat: WeChat, errcode: int) -> None:
    there.answer = lambda _: said({"errcode": errcode, "errmsg": "code been used"})
    with pytest.raises(GatewayRefused) as caught:
        wechat.oauth.person("code")
    assert caught.value.code == str(errcode)


@pytest.mark.parametrize("code", ["", "a b", "a&appid=other", "码", "a" * 513])
def test_what_is_no_code_is_not_sent(there: There, wechat: WeChat, code: str) -> None:
    with pytest.raises(GatewayRefused, match="40029"):
        wechat.oauth.person(code)
    assert there.seen == []


@pytest.mark.parametrize(
    "reply",
    [
        said({"errcode": -1, "errmsg": "system error"}),
        said({"errcode": 40029}),  # without its words: the library stumbles
        said({name: value for name, value in PERSON.items() if name != "openid"}),
        said(PERSON | {"openid": 7}),
        said(PERSON | {"openid": ""}),
        said([]),
        said(None),
        Reply(200, b"<html>"),
        Reply(500),
        Reply(429),
        Reply(302, headers={"Location": "/elsewhere"}),
        Reply(hangs=True),
    ],
)
def test_an_answer_that_means_nothing_is_an_unknown_outcome(there: There, wechat: WeChat, reply: Reply) -> None:
    there.answer = lambda _: reply
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        wechat.oauth.person("code")
    assert time.monotonic() - began < 1.5
    assert len(there.seen) == 1
