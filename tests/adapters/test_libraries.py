"""What the seam holds on to inside the pinned libraries: an upgrade that takes one of these away must fail here."""

import inspect
from importlib.metadata import version

import requests
import urllib3
import wechatpayv3
import wechatpayv3.core
import wechatpayv3.utils
from wechatpy import WeChatClient
from wechatpy.client.base import BaseWeChatClient
from wechatpy.oauth import WeChatOAuth

from tests.adapters.there import APP_ID, There, an_account

READ_AGAIN = "read app/adapters/wechat again before moving the pin"


def test_the_libraries_are_the_ones_that_were_read() -> None:
    assert version("wechatpy") == "1.8.18", READ_AGAIN
    assert version("wechatpayv3") == "2.0.4", READ_AGAIN


def test_wechatpy_still_has_the_places_that_the_seam_replaces() -> None:
    client, oauth = WeChatClient(APP_ID, "secret", auto_retry=False), WeChatOAuth(APP_ID, "secret", "")
    assert isinstance(client._http, requests.Session)
    assert isinstance(oauth._http, requests.Session)
    assert client.auto_retry is False
    assert isinstance(BaseWeChatClient.access_token, property)
    assert list(inspect.signature(BaseWeChatClient._request).parameters) == [
        "self",
        "method",
        "url_or_endpoint",
        "kwargs",
    ]
    assert "self.auto_retry and errcode" in inspect.getsource(BaseWeChatClient._handle_result)
    assert "API_BASE_URL" in vars(WeChatClient)
    assert {"API_BASE_URL", "OAUTH_BASE_URL"} <= set(vars(WeChatOAuth))


def test_wechatpayv3_still_has_the_places_that_the_seam_replaces(there: There) -> None:
    account = an_account(there.url)
    pay = wechatpayv3.WeChatPay(
        wechatpay_type=wechatpayv3.WeChatPayType.JSAPI,
        mchid=account.mch_id,
        private_key=account.mch_private_key,
        cert_serial_no=account.mch_serial_no,
        appid=account.app_id,
        apiv3_key=account.api_v3_key,
        public_key=account.pay_public_key,
        public_key_id=account.pay_public_key_id,
    )
    assert set(vars(pay._core)) >= {
        "_gate_way",
        "_mchid",
        "_cert_serial_no",
        "_private_key",
        "_apiv3_key",
        "_public_key",
        "_public_key_id",
        "_certificates",
    }
    core = wechatpayv3.core.Core
    assert list(inspect.signature(core._verify_signature).parameters) == ["self", "headers", "body"]
    assert list(inspect.signature(core._update_certificates).parameters) == ["self"]
    assert list(inspect.signature(core.request).parameters)[:4] == ["self", "path", "method", "data"]
    assert list(inspect.signature(wechatpayv3.utils.rsa_sign).parameters) == ["private_key", "sign_str"]
    for call in (pay.pay, pay.query, pay.close, pay.refund, pay.query_refund):
        assert "self._core.request(path" in inspect.getsource(call)
    assert there.seen == []


def test_requests_and_urllib3_still_let_a_body_be_read_piece_by_piece() -> None:
    assert {"_content", "_content_consumed"} <= set(vars(requests.Response()))
    assert "get_redirect_target" in inspect.getsource(requests.Session.resolve_redirects)
    assert callable(urllib3.HTTPResponse.read1)
