import pytest

from app.domain.order_story import STORY, told


@pytest.mark.parametrize(
    ("action", "facts", "mine", "said"),
    [
        ("order_reserved", {"number": "AM0001"}, True, "预约成功，占好编号 AM0001"),
        ("order_paid", {"amount_fen": 239900}, False, "付款 ¥2,399.00，微信支付"),
        ("order_cancelled", {}, True, "你取消了订单"),
        ("order_cancelled", {}, False, "店里取消了订单"),
        ("order_expired", {"number": "AM0001"}, False, "预约过期，编号 AM0001 已经空出"),
        ("refund_done", {"amount_fen": 239900}, False, "退款到账 ¥2,399.00，退回你的微信"),
    ],
)
def test_what_a_person_is_told(action: str, facts: dict[str, object], mine: bool, said: str) -> None:
    line = told(action, facts, by_its_person=mine)
    assert line is not None
    assert line.lead + line.text == said


def test_a_deposit_that_is_back_is_told_once() -> None:
    facts = {"amount_fen": 30000}
    line = told("refund_done", facts, by_its_person=False, of_deposit=True)
    assert line is not None
    assert line.lead + line.text == "押金退回 ¥300.00 到账"
    assert told("deposit_refunded", facts, by_its_person=False, of_deposit=True) is None


@pytest.mark.parametrize("action", ["payment_begun", "payment_closed", "customer_frozen", "note_written"])
def test_what_is_the_stores_own_business(action: str) -> None:
    assert told(action, {}, by_its_person=False) is None


@pytest.mark.parametrize("action", STORY)
def test_each_line_stands_without_facts(action: str) -> None:
    """An old row may lack a fact: the page is shown all the same."""
    line = told(action, {}, by_its_person=False)
    assert line is not None
    assert line.mark in {"began", "done", "stopped", ""}
    assert line.lead
