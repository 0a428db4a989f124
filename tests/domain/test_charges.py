"""The verdict on money that arrived (decisions 15, 16)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.charges import ChargeStatus, Expected, Judgement, PaymentNotice, Verdict, judge, may_attach

NOTICE = PaymentNotice(
    transaction_id="4200001",
    out_trade_no="S261124A0001-1-9f3c2a",
    app_id="wx-ours",
    mch_id="1900000001",
    openid="o-wang",
    amount_fen=239900,
    currency="CNY",
    paid_at=datetime(2026, 11, 24, 4, tzinfo=UTC),
)
EXPECTED = Expected(
    app_id="wx-ours", openid="o-wang", amount_fen=239900, transaction_id=None, charge_status=ChargeStatus.OPEN
)
SUSPECT = Verdict.SUSPECT


@pytest.mark.parametrize(
    ("told", "books", "verdict"),
    [
        ({}, {}, Judgement(Verdict.CONFIRM)),
        # the charge is no longer open
        ({}, {"charge_status": ChargeStatus.VOID}, Judgement(Verdict.LATE)),
        ({}, {"charge_status": ChargeStatus.SETTLED}, Judgement(Verdict.LATE)),
        # told before
        ({}, {"transaction_id": "4200001"}, Judgement(Verdict.REPLAY)),
        ({}, {"transaction_id": "4200001", "charge_status": ChargeStatus.SETTLED}, Judgement(Verdict.REPLAY)),
        ({}, {"transaction_id": "4200002"}, Judgement(SUSPECT, "transaction")),
        # something does not fit
        ({"amount_fen": 239899}, {}, Judgement(SUSPECT, "amount")),
        ({"amount_fen": 239901}, {}, Judgement(SUSPECT, "amount")),
        ({"amount_fen": 0}, {}, Judgement(SUSPECT, "amount")),
        ({"currency": "USD"}, {}, Judgement(SUSPECT, "currency")),
        ({"currency": "cny"}, {}, Judgement(SUSPECT, "currency")),
        ({"openid": "o-li"}, {}, Judgement(SUSPECT, "payer")),
        ({"openid": ""}, {}, Judgement(SUSPECT, "payer")),
        ({"app_id": "wx-theirs"}, {}, Judgement(SUSPECT, "app")),
        ({"amount_fen": 1}, {"charge_status": ChargeStatus.VOID}, Judgement(SUSPECT, "amount")),  # late and wrong
        # the merchant is looked at before anything else
        ({"mch_id": "1900000002"}, {}, Judgement(SUSPECT, "merchant")),
        ({"mch_id": "1900000002", "amount_fen": 1}, {}, Judgement(SUSPECT, "merchant")),
        ({"mch_id": "1900000002"}, {"transaction_id": "4200001"}, Judgement(SUSPECT, "merchant")),
    ],
)
def test_the_verdict(told: dict[str, object], books: dict[str, object], verdict: Judgement) -> None:
    notice = replace(NOTICE, **told)  # type: ignore[arg-type]  # the table's own words
    expected = replace(EXPECTED, **books)  # type: ignore[arg-type]  # the same
    assert judge(notice, expected, our_mch_id="1900000001") == verdict


def test_money_under_a_number_that_is_not_ours() -> None:
    assert judge(NOTICE, None, our_mch_id="1900000001") == Judgement(SUSPECT, "order")
    assert judge(NOTICE, None, our_mch_id="1900000002") == Judgement(SUSPECT, "merchant")


@pytest.mark.parametrize(
    ("misfit", "received", "status", "may"),
    [
        ("order", 300, ChargeStatus.OPEN, True),
        ("payer", 300, ChargeStatus.OPEN, True),  # somebody paid for a friend
        ("amount", 299, ChargeStatus.OPEN, False),
        ("order", 300, ChargeStatus.SETTLED, False),
        ("order", 300, ChargeStatus.VOID, False),
        ("currency", 300, ChargeStatus.OPEN, False),  # the amounts are not of the same money
    ],
)
def test_what_may_be_attached_to_a_charge_of_three_yuan(
    *, misfit: str, received: int, status: ChargeStatus, may: bool
) -> None:
    assert may_attach(misfit, received, 300, status) is may
