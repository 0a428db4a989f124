"""What a page needs to use WeChat's own functions: the JS-SDK's arguments."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import request

from app.ports import GatewayRefused, OutcomeUnknown
from app.web.current import now, runtime

log = structlog.get_logger()


def wx_config(*functions: str) -> Mapping[str, Any] | None:
    """The arguments of `wx.config` for this very address, for mobile.html; `functions` as the JS-SDK names them.

    None when WeChat gives no ticket: the page works without.
    """
    url = f"{runtime().public_url}{request.full_path.removesuffix('?')}"
    try:
        signed = runtime().page_sdk.config_for(url, now())
    except (OutcomeUnknown, GatewayRefused) as error:
        log.warning("no_page_sdk", error=str(error))
        return None
    return {"debug": False, **signed, "jsApiList": functions}
