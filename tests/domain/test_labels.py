"""Every state, answer and refusal has its words (the glossary's, for what people see)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from app.domain import labels
from app.domain.charges import PaymentStatus, Purpose
from app.domain.deposits import Tie
from app.domain.directory import ContactKind
from app.domain.errors import Rule, RuleBroken
from app.domain.identity import BadIdentity
from app.domain.ledger import Account, AccountKind
from app.domain.numbering import Business
from app.domain.orders import Intent, OrderStatus
from app.domain.permissions import Role
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.settings import SettingGroup
from app.domain.standing import OrderState, PayState, Todo

FACTS: dict[str, object] = {
    "amount_fen": 239900,
    "first": "2026-11-25",
    "expires_at": datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
    "frame_no": "LB12345",
    "hours": 24,
    "last": "AM9999",
    "least": 1,
    "letter": "A",
    "limit": 3,
    "minutes": 30,
    "most": 200,
    "name": "紫金港",
    "number": "AM0001",
    "orders": 2,
    "people": 2,
    "price_fen": 239900,
    "back_fen": 100_50,
    "reason": "核实身份",
    "school": "浙江大学",
    "since": datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
    "unit": "小时",
    "value": "48 小时",
    "again": 2,
    "count": 2,
    "day": "2026-11-23",
    "prefix": "AZ",
    "charge_id": 1,
    "days": 30,
    "free": 14,
    "freeze": 10,
    "left_fen": 10000,
    "order_id": 1,
    "stock": 2,
    "ties": (Tie.RENTAL, Tie.DAMAGE),
    "wanted_fen": 20000,
    "where": "A 紫金港",
    "at": datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
}
"""What the verbs tell with a refusal."""


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_its_sentence(rule: Rule) -> None:
    said = labels.refusal(RuleBroken(rule, **FACTS))
    assert said.endswith("。")
    assert "{" not in said
    assert "None" not in said


@pytest.mark.parametrize(
    ("rule", "facts", "said"),
    [
        (Rule.FROZEN, {"since": FACTS["since"], "reason": "核实身份"}, "11-24 17:05 起冻结：核实身份"),
        (Rule.NOT_PAID, {"amount_fen": 239900}, "¥2,399.00"),
        (Rule.SERIES_FULL, {"last": "AM9999"}, "AM9999"),
        (Rule.FRAME_NO_TAKEN, {"frame_no": "LB12345", "number": None}, "别的店的订单"),
        (Rule.PAYMENT_TIME_OVER, {"expires_at": FACTS["expires_at"]}, "11-24 17:05"),
    ],
)
def test_a_sentence_carries_its_facts(rule: Rule, facts: dict[str, object], said: str) -> None:
    assert said in labels.refusal(RuleBroken(rule, **facts))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (labels.ORDER_STATUS, OrderStatus),
        (labels.PAYMENT_STATUS, PaymentStatus),
        (labels.REFUND_STATUS, RefundStatus),
        (labels.PAY_STATE, PayState),
        (labels.TODO, Todo),
        (labels.ORDER_STATE, OrderState),
        (labels.PURPOSE, Purpose),
        (labels.ACCOUNT, Account),
        (labels.ACCOUNT_KIND, AccountKind),
        (labels.BUSINESS, Business),
        (labels.INTENT, Intent),
        (labels.ROLE, Role),
        (labels.SETTING_GROUP, SettingGroup),
        (labels.CONTACT, ContactKind),
        (labels.SCAN, Answer),
        (labels.SCAN_LOOK, Answer),
    ],
)
def test_every_member_has_a_word(words: Mapping[StrEnum, object], kind: type[StrEnum]) -> None:
    assert set(words) == set(kind)


@pytest.mark.req("ORD-2")
def test_the_words_of_an_orders_states() -> None:
    assert [labels.ORDER_STATUS[status].word for status in OrderStatus] == ["已预约", "已完成", "已取消", "已过期"]


@pytest.mark.parametrize(
    "badge", [*labels.ORDER_STATUS.values(), *labels.PAYMENT_STATUS.values(), *labels.REFUND_STATUS.values()]
)
def test_a_badge_has_one_of_the_six_looks(badge: labels.Badge) -> None:
    assert badge.look in {"open", "wait", "done", "past", "void", "stop"}


def test_every_misfit_of_the_verdict_has_a_word() -> None:
    assert set(labels.MISFITS) == {"merchant", "app", "order", "payer", "amount", "currency", "transaction"}


@pytest.mark.parametrize(("field", "fault"), labels.IDENTITY_FAULTS)
def test_every_fault_of_the_registration_has_a_sentence(field: str, fault: str) -> None:
    assert labels.identity_fault(field, BadIdentity(fault))


@pytest.mark.parametrize("topic", labels.MESSAGES)
def test_a_message_says_which_number_and_how_much(topic: str) -> None:
    said = labels.message(topic, {"number": "AM0001", "amount_fen": 239900, "item": "车篮"})
    assert set(said) == {"title", "detail", "remark"}
    about_money = not topic.startswith(("card_", "restriction_", "remind_"))
    assert ("¥2,399.00" in said["remark"]) is about_money
    assert "{" not in "".join(said.values())
