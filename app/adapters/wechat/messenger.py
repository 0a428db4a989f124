"""Template messages to people, through the official account."""

from collections.abc import Mapping

from app.adapters.wechat.answers import official
from app.adapters.wechat.official_account import OfficialAccount
from app.adapters.wechat.wire import clean
from app.ports import OutcomeUnknown


class Messenger:
    """ports.Messenger, by wechatpy."""

    def __init__(self, official_account: OfficialAccount, template_id: str) -> None:
        self._official_account = official_account
        self._template_id = template_id

    def send(self, openid: str, words: Mapping[str, str], url: str, message_id: str) -> None:
        """Sends the template; WeChat drops a second one with the same `message_id` (for 10 minutes, it says).

        The library's own call cannot carry `client_msg_id`, so the message is put together here.
        Raises GatewayRefused (43004: the person does not follow us), OutcomeUnknown.
        """
        message = {
            "touser": openid,
            "template_id": self._template_id,
            "url": url,
            "client_msg_id": message_id,
            "data": {name: {"value": clean(text)} for name, text in words.items()},
        }
        answer = official(lambda: self._official_account.post("message/template/send", data=message))
        if not isinstance(answer, dict) or answer.get("errcode") != 0:
            raise OutcomeUnknown("no errcode in the answer")
