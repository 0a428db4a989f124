"""What the official account's interfaces answer: error numbers into permanent and passing, garbage into unknown."""

import logging
from collections.abc import Callable
from typing import TypeVar

from wechatpy.exceptions import WeChatException

from app.adapters.wechat.http import answered
from app.ports import GatewayRefused, OutcomeUnknown

log = logging.getLogger(__name__)
T = TypeVar("T")
STALE_TOKEN = frozenset({40001, 40014, 42001})
PASSING = STALE_TOKEN | {-1, 45009, 45011}  # WeChat is busy, the day's or the minute's quota is used up


def official(call: Callable[[], T]) -> T:
    """The answer of a wechatpy call. Raises GatewayRefused (permanent) or OutcomeUnknown (passing, or not understood).

    wechatpy takes its dictionaries apart without looking: what it stumbles over is an answer that means nothing.
    """
    try:
        return answered(call)
    except WeChatException as error:
        code, message = error.errcode, str(error.errmsg or "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("an answer of WeChat's was not understood", exc_info=True)
        code, message = None, f"not understood: {type(error).__name__}"
    if code is None or code in PASSING:
        raise OutcomeUnknown(f"{code}: {message}")
    raise GatewayRefused(str(code), message)


def text_of(answer: object, name: str) -> str:
    """A text field of an answer. Raises OutcomeUnknown when it is not there."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown(f"no {name} in the answer")
    return value


def seconds_of(answer: object, name: str) -> int:
    """A positive number of seconds in an answer. Raises OutcomeUnknown when it is not there."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if type(value) is not int or value <= 0:
        raise OutcomeUnknown(f"no {name} in the answer")
    return value
