"""What a transfer of the ledger is, in words: from its entry key, its accounts, and what the money was for."""

from collections.abc import Callable, Mapping

from app.domain.charges import Purpose
from app.domain.labels import PURPOSE
from app.domain.ledger import Account

Words = Callable[[str, Account, Account], str]


def _received(what: str, _debit: Account, credit: Account) -> str:
    if credit is Account.SUSPENSE:
        return "收到一笔对不上的钱"
    return f"多收了{what}，付晚了或付了两次" if credit is Account.SURPLUS else f"收到{what}"


def _withheld(what: str, _debit: Account, credit: Account) -> str:
    return "从押金扣损坏赔偿" if credit is Account.DAMAGES else f"从押金扣{what}"


def _arrived(what: str, _debit: Account, credit: Account) -> str:
    return f"微信以外退了{what}" if credit is Account.OUTSIDE else f"{what}退到用户微信"


def _always(sentence: str) -> Words:
    return lambda what, _debit, _credit: sentence.format(what=what)


SENTENCES: Mapping[str, Words] = {
    "payment": _received,
    "attached": _always("对不上的钱查清了，记为{what}"),
    "pickup": _always("提车，预收的{what}成为收入"),
    "pickup_undone": _always("撤销提车，{what}又是预收"),
    "flash_fee": _always("扫码，应收{what}"),
    "late_fee": _always("应收一天{what}"),
    "waiver": _always("减免一天{what}"),
    "withheld": _withheld,
    "refund": _always("要退{what}，等到账"),
    "refund_done": _arrived,
    "refund_refused": _always("微信关闭退款，{what}没有退成"),
}
"""By how the entry key begins."""


def booking_words(entry_key: str, debit: Account, credit: Account, purpose: Purpose | None) -> str:
    """One sentence."""
    what = PURPOSE[purpose] if purpose else "这笔钱"
    return SENTENCES[entry_key.partition(":")[0]](what, debit, credit)


_REFERENCES = {
    "payment": "微信支付单号",
    "attached": "微信支付单号",
    "refund": "退款单号",
    "refund_done": "退款单号",
    "refund_refused": "退款单号",
}


def reference(entry_key: str) -> tuple[str, str]:
    """What the number is called under which WeChat or we know the money, and the number; empty for what has none."""
    beginning, _, number = entry_key.partition(":")
    return (_REFERENCES[beginning], number) if beginning in _REFERENCES else ("", "")
