"""Every act in the audit log has its sentence, and the sentences say who, what and how much."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.charges import PaymentStatus
from app.domain.orders import OrderStatus
from app.domain.pickup import Answer
from app.domain.refunds import RefundStatus
from app.domain.timeline import SENTENCES, act_line, payment_words, refund_words, try_line

VERBS = Path(__file__).parents[2] / "app" / "usecases"
MADE_UP: dict[str, list[str]] = {
    "order_": [OrderStatus.CANCELLED.value, OrderStatus.EXPIRED.value],
    "refund_": [status.value for status in RefundStatus if status is not RefundStatus.REQUESTED],
}
"""What stands behind the beginning of an action that is put together."""


IN_THE_LOG = {f"audit.{put}": 2 for put in ("put", "put_about", "put_for_order")}
"""What writes into the audit log, and which of its arguments is the action."""


def hands_on(tree: ast.AST) -> dict[str, int]:
    """The functions of a file that hand an action on, by a parameter of that name."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = {function.name: [one.arg for one in function.args.args] for function in functions}
    return {name: parameters.index("action") for name, parameters in names.items() if "action" in parameters}


def words_of(given: ast.expr) -> Iterator[str]:
    """The actions that an argument can be."""
    if isinstance(given, ast.Constant):
        yield str(given.value)
    elif isinstance(given, ast.JoinedStr):
        beginning = ast.literal_eval(given.values[0])
        yield from (f"{beginning}{word}" for word in MADE_UP[beginning])
    else:
        assert ast.unparse(given) == "action", f"an action that no test can read: {ast.unparse(given)}"


def actions_of(tree: ast.AST) -> Iterator[str]:
    """The actions that a verb hands to the audit log, or to a function of its own file that does."""
    places = IN_THE_LOG | hands_on(tree)
    for node in ast.walk(tree):
        place = places.get(ast.unparse(node.func)) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and place is not None:
            yield from words_of(node.args[place])


def all_actions() -> set[str]:
    return {action for file in VERBS.rglob("*.py") for action in actions_of(ast.parse(file.read_text()))}


def test_every_action_of_every_verb_has_a_sentence() -> None:
    found = all_actions()
    assert {"order_reserved", "order_expired", "refund_done", "setting_changed", "number_retired"} <= found
    assert {"deposit_held", "vehicle_returned", "card_approved", "battery_returned", "battery_taken_in"} <= found
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
        ("deposit_held", {"deposit_kind": "flash", "amount_fen": 300_00}, None, "闪充押金已付 ¥300.00，微信支付"),
        ("deposit_withheld", {"item": "后视镜", "amount_fen": 80_00}, None, "押金扣 ¥80.00，后视镜，王*涵"),
        (
            "vehicle_returned",
            {"number": "AZ0001", "condition": "good", "place": "stock", "number_released": True},
            None,
            "已还车，王*涵验车，完好，入库|编号 AZ0001 空出",
        ),
        (
            "damage_settled",
            {"amount_fen": 0},
            "擦伤很轻",
            "损坏已处理，王*涵，没有扣款|原因：擦伤很轻",
        ),
        ("card_rejected", {}, "照片看不清", "学生证未通过，王*涵审核|原因：照片看不清"),
        ("battery_taken", {"number": "A00042"}, None, "扫码使用，王*涵，电池 A00042"),
        ("battery_returned", {"number": "A00042", "ended_by": "exchange"}, None, "换电，王*涵，电池 A00042"),
        (
            "battery_moved",
            {"number": "A00042", "before": "in_stock", "after": "repair"},
            "外壳裂了",
            "改电池状态，王*涵，电池 A00042|在库 → 维修；原因：外壳裂了",
        ),
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


def test_money_says_what_it_is_for() -> None:
    assert payment_words(PaymentStatus.SETTLES, "租车押金") == "支付租车押金"
    assert payment_words(PaymentStatus.SUSPECT, "租金") == "支付租金（核对不上）"
    assert refund_words(RefundStatus.DONE, "闪充押金") == "退闪充押金"
    assert refund_words(RefundStatus.REFUSED, "车款") == "退车款（微信已关闭）"
