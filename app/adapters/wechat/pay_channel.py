"""wechatpayv3's core as we use it: our session, our clock, WeChat's one public key, and no question to anybody else."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import requests
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core
from wechatpayv3.type import RequestType
from wechatpayv3.utils import rsa_sign

from app.adapters.wechat.account import WeChatAccount
from app.adapters.wechat.http import Outgoing, answered
from app.ports import Clock, OutcomeUnknown

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FRESH_SECONDS = 300  # either way, as WeChat's own libraries have it
PROBE = "WECHATPAY/SIGNTEST/"  # WeChat signs wrongly on purpose now and then, to see whether we look
LARGEST_FILE = 32 << 20  # bytes, zipped: some 300,000 lines of a bill
TIMESTAMP = re.compile(r"[0-9]{1,12}")
SEAL_HEADERS = (
    "Wechatpay-Signature",
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Serial",
    "Wechatpay-Signature-Type",
)


Seal = Mapping[str, str]
"""The five headers that make a reply or a notice trustworthy, each by its name; empty when it is missing."""


def seal_of(headers: Mapping[str, str]) -> Seal:
    """Picks the five headers, whatever their case.

    Nothing else is handed to the library: it prefers other spellings (HTTP_WECHATPAY_…) over the ones checked here.
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    return {name: by_name.get(name.lower(), "") for name in SEAL_HEADERS}


class PayCore(Core):  # type: ignore[misc]  # the library has no types
    """The library's core with another way out.

    The library has no session (so no limits that hold, no list of hosts, redirects followed, proxies from the
    environment), reads the machine's clock, and fetches certificates whenever it meets a serial that it does not know.
    """

    def __init__(self, account: WeChatAccount, clock: Clock, http: Outgoing) -> None:
        super().__init__(
            mchid=account.mch_id,
            cert_serial_no=account.mch_serial_no,
            private_key=account.mch_private_key,
            apiv3_key=account.api_v3_key,
            public_key=account.pay_public_key,
            public_key_id=account.pay_public_key_id,
        )
        self._gate_way = account.pay_url
        self._clock = clock
        self._http = http

    def request(
        self,
        path: str,
        method: RequestType = RequestType.GET,
        data: dict[str, Any] | None = None,
        *,
        skip_verify: bool = False,
    ) -> tuple[int, str | bytes]:
        """One signed request; the status and the text. A 2xx reply has been checked. Raises OutcomeUnknown.

        `skip_verify` is the library's word for the one reply that WeChat does not sign, a bill's file: bytes, and many.
        """
        body = "" if data is None else json.dumps(data)
        request = requests.Request(method.value, self._gate_way + path, data=body.encode() or None)
        prepared = self._http.prepare_request(request)
        prepared.headers.update(
            {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": "lieba-rental",
                "Wechatpay-Serial": self._public_key_id,
                "Authorization": self._authorization(method.value, prepared.path_url, body),
            }
        )
        if skip_verify:
            file = answered(lambda: self._http.send(prepared, largest=LARGEST_FILE))
            return file.status_code, file.content
        response = answered(lambda: self._http.send(prepared))
        try:
            text = response.content.decode()
        except UnicodeDecodeError:
            raise OutcomeUnknown(f"{response.status_code}: not UTF-8") from None
        if response.ok:
            seal = seal_of(response.headers)
            unfit = self.why_unfit(seal, self._clock.now())
            if unfit or not self.has_signed(seal, text):
                raise OutcomeUnknown(f"{response.status_code}: {unfit or 'not the signature of WeChat'}")
        return response.status_code, text

    def why_unfit(self, seal: Seal, now: datetime) -> str | None:
        """What is wrong with the five headers before any arithmetic is done; None if the signature is worth a look."""
        missing = [name for name in SEAL_HEADERS if not seal[name]]
        if missing:
            return f"without {missing[0]}"
        if seal["Wechatpay-Signature-Type"] != SCHEME:
            return "another signature type"
        if seal["Wechatpay-Serial"] != self._public_key_id:
            return "signed with a key that is not ours"
        if seal["Wechatpay-Signature"].startswith(PROBE):
            return "a probe"
        if not TIMESTAMP.fullmatch(seal["Wechatpay-Timestamp"]):
            return "without a time"
        if abs(now.timestamp() - int(seal["Wechatpay-Timestamp"])) > FRESH_SECONDS:
            return "not fresh"
        return None

    def has_signed(self, seal: Seal, text: str) -> bool:
        """Whether WeChat signed exactly this text."""
        return bool(self._verify_signature(seal, text))

    def _authorization(self, method: str, path: str, body: str) -> str:
        """The library would sign with the machine's clock, which is not the demo's."""
        timestamp, nonce = str(int(self._clock.now().timestamp())), uuid4().hex.upper()
        signature = rsa_sign(self._private_key, f"{method}\n{path}\n{timestamp}\n{nonce}\n{body}\n")
        return (
            f'{SCHEME} mchid="{self._mchid}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="{self._cert_serial_no}"'
        )

    def _update_certificates(self) -> None:
        """Never: an unknown serial is refused, not looked up."""


def pay_library(account: WeChatAccount, core: PayCore) -> WeChatPay:
    """The library's front, which shapes the requests, upon our core. Making it asks nobody (public-key mode)."""
    library = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=account.mch_id,
        private_key=account.mch_private_key,
        cert_serial_no=account.mch_serial_no,
        appid=account.app_id,
        apiv3_key=account.api_v3_key,
        notify_url=account.payment_notify_url,
        public_key=account.pay_public_key,
        public_key_id=account.pay_public_key_id,
    )
    library._core = core  # noqa: SLF001  # the only way in
    return library
