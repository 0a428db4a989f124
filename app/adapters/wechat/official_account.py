"""wechatpy's client as we use it: our hosts, our session, our tokens, and one bounded retry."""

from typing import Any

from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from app.adapters.wechat.account import WeChatAccount
from app.adapters.wechat.answers import STALE_TOKEN, official, seconds_of, text_of
from app.adapters.wechat.http import Outgoing
from app.adapters.wechat.tokens import ACCESS_TOKEN, JSAPI_TICKET, Issued, TokenProvider


class OfficialAccount(WeChatClient):  # type: ignore[misc]  # the library has no types
    """A client whose token comes from the provider.

    The library's own retry calls itself without end while WeChat refuses its token; it is off, and ours tries once.
    Its methods raise wechatpy's exceptions: calls are wrapped in `official`.
    """

    def __init__(self, account: WeChatAccount, tokens: TokenProvider, http: Outgoing) -> None:
        super().__init__(account.app_id, account.app_secret, auto_retry=False)
        self.API_BASE_URL = f"{account.api_url}/cgi-bin/"
        self._http = http
        self._tokens = tokens

    @property
    def access_token(self) -> str:
        """The token that all processes share."""
        return self._tokens.value(ACCESS_TOKEN, self.fetch_access_token)

    def fetch_access_token(self) -> Issued:
        """Asks WeChat for the token: the same one while it is good (`stable_token`; the library does not know it)."""
        asked = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": False}
        answer = official(lambda: self._without_token("stable_token", asked))
        return Issued(text_of(answer, "access_token"), seconds_of(answer, "expires_in"))

    def jsapi_ticket(self) -> str:
        """The ticket that signs pages, shared and kept like the token. Raises OutcomeUnknown, GatewayRefused."""
        return self._tokens.value(JSAPI_TICKET, self._fetch_ticket)

    def _fetch_ticket(self) -> Issued:
        answer = official(lambda: self.jsapi.get_ticket("jsapi"))
        return Issued(text_of(answer, "ticket"), seconds_of(answer, "expires_in"))

    def _without_token(self, endpoint: str, asked: dict[str, object]) -> object:
        return super()._request("post", endpoint, params={"access_token": None}, data=asked)

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> object:
        params = kwargs.pop("params", {})
        used = self.access_token
        try:
            return super()._request(method, url_or_endpoint, params={**params, "access_token": used}, **kwargs)
        except WeChatClientException as error:
            if error.errcode not in STALE_TOKEN:
                raise
        fresh = self._tokens.value_after(used, ACCESS_TOKEN, self.fetch_access_token)
        return super()._request(method, url_or_endpoint, params={**params, "access_token": fresh}, **kwargs)
