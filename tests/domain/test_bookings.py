"""What a transfer is, in words: each event that a verb books has a sentence, and none is for nothing."""

import re
from pathlib import Path

import pytest

import app.usecases
from app.domain.bookings import SENTENCES, booking_words, reference
from app.domain.charges import Purpose
from app.domain.ledger import Account

VERBS = Path(next(iter(app.usecases.__path__)))
BOOKED = re.compile(r"""(?:ledger\.book\(\s*session,\s*|\bkey = )f"([a-z_]+):|literal\("([a-z_]+):""")
"""How entry keys begin, where verbs write them."""


def beginnings() -> set[str]:
    found = (BOOKED.findall(file.read_text()) for file in VERBS.rglob("*.py"))
    return {one or other for pairs in found for one, other in pairs}


def test_every_event_that_is_booked_has_a_sentence() -> None:
    assert beginnings() == set(SENTENCES)


@pytest.mark.parametrize(
    ("entry_key", "debit", "credit", "purpose", "said"),
    [
        ("payment:42", Account.WECHAT, Account.ADVANCES, Purpose.SALE, "收到车款"),
        ("payment:42", Account.WECHAT, Account.SURPLUS, Purpose.SALE, "多收了车款，付晚了或付了两次"),
        ("payment:42", Account.WECHAT, Account.SUSPENSE, None, "收到一笔对不上的钱"),
        ("attached:42", Account.SUSPENSE, Account.DEPOSITS, Purpose.DEPOSIT, "对不上的钱查清了，记为押金"),
        ("withheld:1", Account.DEPOSITS, Account.RECEIVABLES, Purpose.LATE_FEE, "从押金扣逾期费"),
        ("withheld:1", Account.DEPOSITS, Account.DAMAGES, Purpose.DEPOSIT, "从押金扣损坏赔偿"),
        ("refund:R1", Account.SUSPENSE, Account.REFUNDS_PAYABLE, None, "要退这笔钱，等到账"),
        ("refund_done:R1", Account.REFUNDS_PAYABLE, Account.WECHAT, Purpose.DEPOSIT, "押金退到用户微信"),
        ("refund_done:R1", Account.REFUNDS_PAYABLE, Account.OUTSIDE, Purpose.DEPOSIT, "微信以外退了押金"),
        ("refund_refused:R1", Account.REFUNDS_PAYABLE, Account.SALES, Purpose.SALE, "微信关闭退款，车款没有退成"),
    ],
)
def test_what_it_says(entry_key: str, debit: Account, credit: Account, purpose: Purpose | None, said: str) -> None:
    assert booking_words(entry_key, debit, credit, purpose) == said


def test_what_wechat_or_we_call_it_by() -> None:
    assert reference("payment:4200") == ("微信支付单号", "4200")
    assert reference("refund_done:RS1-1") == ("退款单号", "RS1-1")
    assert reference("late_fee:7") == ("", "")
