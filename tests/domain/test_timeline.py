"""Every act in the audit log has its sentence, and the sentences say who, what and how much."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.orders import OrderStatus
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.timeline import SENTENCES, act_line, try_line

VERBS = Path(__file__).parents[2] / "app" / "usecases"
MADE_UP: dict[str, list[str]] = {
    "order_": [OrderStatus.CANCELLED.value, OrderStatus.EXPIRED.value],
    "refund_": [status.value for status in RefundStatus if status is not RefundStatus.REQUESTED],
}
"""What stands behind the beginning of an action that is put together."""


def actions_of(tree: ast.AST) -> Iterator[str]:
    """The actions that a verb hands to the audit log, or to a function of its own file that does."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        handed = ast.unparse(node.func)
        if handed not in ("audit.put", "audit.put_for_order", "_put"):
            continue
        places = slice(None) if handed == "_put" else slice(2, 3)
        for given in node.args[places]:
            if isinstance(given, ast.Constant):
                yield str(given.value)
            elif isinstance(given, ast.JoinedStr):
                beginning = ast.literal_eval(given.values[0])
                yield from (f"{beginning}{word}" for word in MADE_UP[beginning])


def all_actions() -> set[str]:
    return {action for file in VERBS.rglob("*.py") for action in actions_of(ast.parse(file.read_text()))}


def test_every_action_of_every_verb_has_a_sentence() -> None:
    assert {"order_reserved", "order_expired", "refund_done", "setting_changed"} <= all_actions()
    assert sorted(all_actions() - SENTENCES.keys()) == []


def test_no_sentence_is_for_nothing() -> None:
    assert sorted(SENTENCES.keys() - all_actions()) == []


@pytest.mark.parametrize(
    ("action", "facts", "reason", "said"),
    [
        (
            "order_reserved",
            {"intent": "buy", "number": "AM0001", "amount_fen": 2599_00},
            None,
            "立即购买，王*涵占用编号 AM0001，应付 ¥2,599.00",
        ),
        (
            "order_paid",
            {"amount_fen": 2599_00, "transaction_id": "42"},
            None,
            "已支付 ¥2,599.00，微信支付，金额核对一致",
        ),
        (
            "order_cancelled",
            {"number": "AM0001"},
            "不想要了",
            "订单取消，王*涵|编号 AM0001 空出，库存加 1；原因：不想要了",
        ),
        (
            "order_expired",
            {"number": "AM0001", "number_waits": True},
            None,
            "预约过期，王*涵|编号 AM0001 等微信确认没有收款后空出",
        ),
        ("payment_suspect", {"misfit": "amount", "amount_fen": 100}, None, "收到 ¥1.00，金额不符，没有入账，等人处理"),
        ("refund_wanted", {"amount_fen": 100}, None, "退款 ¥1.00，王*涵发起，原路退回"),
        ("what_nobody_knows", {}, None, "王*涵改动了这个订单"),
    ],
)
def test_a_sentence_says_who_what_and_how_much(
    action: str, facts: dict[str, object], reason: str | None, said: str
) -> None:
    line = act_line(action, "王*涵", facts, reason)
    assert f"{line.lead}{line.text}{'|' if line.detail else ''}{line.detail}" == said


def test_a_try_at_the_counter_says_what_was_typed_and_the_answer() -> None:
    assert try_line(Answer.NOT_PAID, "沈店员", "AM0001", at_counter=True).text == "沈店员在柜台查 AM0001：还没付款"
    assert try_line(Answer.NOT_THIS_PERSONS, "王*涵", None, at_counter=False).text == (
        "王*涵在手机上输入 看不懂的内容，和订单的编号不符"
    )
