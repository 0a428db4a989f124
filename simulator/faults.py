"""Misbehaviour on demand: what can be asked for, and the taking of it at the moment it strikes."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from simulator.world import World

PAY_CALLS = ("create", "query", "close", "refund", "query_refund", "bill")
CALLS = (*PAY_CALLS, "download", "oauth", "token", "ticket", "message", "user")
CALL_WORDS = {
    "create": "下单",
    "query": "查单",
    "close": "关单",
    "refund": "退款",
    "query_refund": "查退款",
    "bill": "申请账单",
    "download": "下载账单",
    "oauth": "网页授权",
    "token": "取 access_token",
    "ticket": "取 jsapi_ticket",
    "message": "发模板消息",
    "user": "查用户",
}
KINDS = ("payment", "refund")
KIND_WORDS = {"payment": "支付通知", "refund": "退款通知"}


class BadFault(Exception):
    """No such fault, or not with these parameters; the message says which."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a fault; `default` None means: chosen when it strikes."""

    type: type[int] | type[float] | type[str]
    word: str
    default: int | float | str | None = None
    choices: tuple[str, ...] = ()
    choice_words: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to misbehave."""

    word: str
    effect: str
    params: Mapping[str, Param]


def _on(calls: tuple[str, ...]) -> Param:
    return Param(str, "哪个接口", None, calls, CALL_WORDS)


_ROWS = Param(int, "几行", 1)
_OF = Param(str, "哪种", "payment", KINDS, {"payment": "支付", "refund": "退款"})
_DAY = Param(str, "哪天的账单（YYYY-MM-DD，空：先做的那天）")
_BY = Param(int, "差几分", 1)
_REFUND_STATES = ("SUCCESS", "PROCESSING", "FAIL", "CHANGE")
_NOTICE = Param(str, "哪种通知", None, KINDS, KIND_WORDS)
FAULTS: dict[str, Kind] = {
    "wrong_amount": Kind("金额不符", "付的是另一个金额，账上也是", {"amount": Param(int, "实付（分）")}),
    "wrong_payer": Kind("付款人不符", "另一个人付了钱，账上也是", {"openid": Param(str, "付款人 openid")}),
    "wrong_app": Kind("公众号不符", "钱经另一个公众号付来", {"appid": Param(str, "appid")}),
    "wrong_merchant": Kind("商户不符", "钱付给了别的商户，账上没有，通知却送来", {"mchid": Param(str, "商户号")}),
    "duplicate": Kind(
        "重复通知",
        "同一通知多送几次",
        {
            "extra": Param(int, "多送几次", 3),
            "mode": Param(
                str, "怎么送", "serial", ("serial", "concurrent"), {"serial": "一个接一个", "concurrent": "同时"}
            ),
            "kind": _NOTICE,
        },
    ),
    "late": Kind("通知迟到", "第一次通知晚到", {"seconds": Param(float, "晚几秒", 120.0), "kind": _NOTICE}),
    "never": Kind("不通知", "通知永远不来，只能查单", {"kind": _NOTICE}),
    "bad_signature": Kind("签名错误", "通知的签名不是微信的", {"kind": _NOTICE}),
    "stale_timestamp": Kind(
        "时间过旧", "通知的时间戳是很久以前", {"age": Param(float, "旧几秒", 600.0), "kind": _NOTICE}
    ),
    "unknown_serial": Kind("序列号不认识", "通知用没见过的证书序列号", {"kind": _NOTICE}),
    "reply_lost": Kind("应答丢失", "事情办了，连接断开，没有应答", {"on": _on(PAY_CALLS)}),
    "slow": Kind("很慢", "等一会儿才办", {"seconds": Param(float, "慢几秒", 3.0), "on": _on(CALLS)}),
    "status_5xx": Kind("5xx", "不办事，答 5xx", {"status": Param(int, "状态码", 500), "on": _on(CALLS)}),
    "status_429": Kind("429", "不办事，答 429", {"on": _on(CALLS)}),
    "bad_reply_signature": Kind("应答签名错误", "事情办了，应答的签名不对", {"on": _on(PAY_CALLS)}),
    "paid_during_close": Kind("关单时已付", "关单的一刻人刚好付了：ORDERPAID，通知随后到", {}),
    "expired_token": Kind(
        "access_token 失效", "带 access_token 的接口答 40001", {"on": _on(("ticket", "message", "user"))}
    ),
    "refund_abnormal": Kind("退款异常", "退款最后是 ABNORMAL", {}),
    "refund_closed": Kind("退款关闭", "退款最后是 CLOSED", {}),
    "refund_never": Kind("退款不到", "退款一直是 PROCESSING", {}),
    "bill_row_missing": Kind("少一行", "交易账单少几行", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "bill_row_extra": Kind("多一行", "交易账单多几行没有的交易", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "bill_row_amount": Kind("金额不同", "交易账单里的金额不同", {"rows": _ROWS, "of": _OF, "by": _BY, "day": _DAY}),
    "bill_row_twice": Kind("重复的行", "交易账单里同一行出现两次", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "bill_row_late": Kind("晚一天", "这几行在次日的交易账单里", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "bill_refund_status": Kind(
        "退款状态不同",
        "交易账单里的退款状态不同",
        {
            "rows": _ROWS,
            "status": Param(str, "写成", "FAIL", _REFUND_STATES, {one: one for one in _REFUND_STATES}),
            "day": _DAY,
        },
    ),
    "bill_other_merchant": Kind("别家的行", "交易账单里有别的商户的行", {"rows": _ROWS, "day": _DAY}),
    "fund_row_missing": Kind("资金少一行", "资金账单少几笔", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "fund_row_extra": Kind("资金多一行", "资金账单多几笔提现", {"rows": _ROWS, "day": _DAY}),
    "fund_amount": Kind("资金金额不同", "资金账单里的金额不同", {"rows": _ROWS, "of": _OF, "by": _BY, "day": _DAY}),
    "fund_row_twice": Kind("资金重复", "资金账单里同一笔出现两次", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "fund_row_late": Kind("资金晚一天", "这几笔在次日的资金账单里", {"rows": _ROWS, "of": _OF, "day": _DAY}),
    "bill_fees": Kind("收手续费", "账单里有手续费", {"percent": Param(float, "费率（%）", 0.6), "day": _DAY}),
    "bill_old_headers": Kind("旧表头", "交易账单是早期的列：总金额、企业红包金额，没有订单金额", {"day": _DAY}),
    "bill_extra_column": Kind("多一列", "两种账单都多一列没见过的", {"day": _DAY}),
    "bill_bad_sum": Kind("合计不符", "两种账单的合计和各行对不上", {"day": _DAY}),
    "bill_not_ready": Kind("账单还没好", "申请账单答 STATEMENT_CREATING", {}),
    "bill_none": Kind("没有账单", "申请账单答 NO_STATEMENT_EXIST", {}),
    "bill_bad_hash": Kind("摘要不符", "hash_value 和文件对不上", {}),
    "bill_cut": Kind("文件不完整", "下载到的文件只有一半", {}),
}
GROUPS = (
    ("付款", ("wrong_amount", "wrong_payer", "wrong_app", "wrong_merchant", "paid_during_close")),
    ("通知", ("duplicate", "late", "never", "bad_signature", "stale_timestamp", "unknown_serial")),
    ("接口", ("reply_lost", "slow", "status_5xx", "status_429", "bad_reply_signature", "expired_token")),
    ("退款", ("refund_abnormal", "refund_closed", "refund_never")),
    (
        "交易账单",
        (
            *("bill_row_missing", "bill_row_extra", "bill_row_amount", "bill_row_twice", "bill_row_late"),
            *("bill_refund_status", "bill_other_merchant"),
        ),
    ),
    ("资金账单", ("fund_row_missing", "fund_row_extra", "fund_amount", "fund_row_twice", "fund_row_late", "bill_fees")),
    (
        "账单文件",
        (
            *("bill_old_headers", "bill_extra_column", "bill_bad_sum"),
            *("bill_not_ready", "bill_none", "bill_bad_hash", "bill_cut"),
        ),
    ),
)


def set_fault(world: World, name: str, times: int | None, params: Mapping[str, Any]) -> int:
    """From now on WeChat misbehaves, `times` times or (None) until told otherwise; returns the id. Raises BadFault."""
    kind = FAULTS.get(name)
    if kind is None:
        raise BadFault(f"no fault {name!r}; there are: {', '.join(FAULTS)}")
    if times is not None and (type(times) is not int or times < 1):
        raise BadFault("times must be a whole number from 1, or null")
    kept = {key: _checked(kind, key, value) for key, value in params.items() if value is not None}
    with world.store.write() as db:
        added = db.execute(
            "insert into faults (name, times, params) values (?, ?, ?)", (name, times, json.dumps(kept))
        ).lastrowid
    return int(added or 0)


def _checked(kind: Kind, key: str, value: Any) -> Any:
    param = kind.params.get(key)
    if param is None:
        raise BadFault(f"unknown parameter {key!r}; there are: {', '.join(kind.params) or 'none'}")
    try:
        value = param.type(value)
    except (TypeError, ValueError):
        raise BadFault(f"{key} must be {param.type.__name__}") from None
    if param.choices and value not in param.choices:
        raise BadFault(f"{key} must be one of {', '.join(param.choices)}")
    return value


def take(db: sqlite3.Connection, name: str, **strikes: str) -> dict[str, Any] | None:
    """The parameters of the oldest fault of this name that strikes here, used up by one; None without one."""
    for row in db.execute("select * from faults where name = ? order by id", (name,)).fetchall():
        params = json.loads(row["params"])
        if any(params.get(key, value) != value for key, value in strikes.items()):
            continue
        _use_up(db, row)
        return _with_defaults(name, params)
    return None


def take_each(db: sqlite3.Connection, name: str, **strikes: str) -> list[dict[str, Any]]:
    """The parameters of every fault of this name that strikes here, each used up by one."""
    taken = []
    for row in db.execute("select * from faults where name = ? order by id", (name,)).fetchall():
        params = json.loads(row["params"])
        if any(params.get(key, value) != value for key, value in strikes.items()):
            continue
        _use_up(db, row)
        taken.append(_with_defaults(name, params))
    return taken


def _use_up(db: sqlite3.Connection, row: Row) -> None:
    if row["times"] is not None:
        db.execute("update faults set times = times - 1 where id = ?", (row["id"],))
        db.execute("delete from faults where id = ? and times < 1", (row["id"],))


def _with_defaults(name: str, params: dict[str, Any]) -> dict[str, Any]:
    return {key: param.default for key, param in FAULTS[name].params.items()} | params


def strike(world: World, name: str, **strikes: str) -> dict[str, Any] | None:
    """`take` in a transaction of its own; costs one read while there is no such fault."""
    if world.store.row("select 1 from faults where name = ?", name) is None:
        return None
    with world.store.write() as db:
        return take(db, name, **strikes)


def faults(world: World) -> list[Row]:
    """All that are set, the oldest first."""
    return world.store.rows("select * from faults order by id")


def params_of(row: Row) -> dict[str, Any]:
    """The parameters that were given."""
    return dict(json.loads(row["params"]))


def words_of(row: Row) -> dict[str, str]:
    """The parameters that were given, in the words of the control page."""
    kinds = FAULTS[row["name"]].params
    return {
        kinds[key].word: str((kinds[key].choice_words or {}).get(value, value)) for key, value in params_of(row).items()
    }


def clear(world: World, fault_id: int | None = None) -> None:
    """One fault ends, or all of them."""
    with world.store.write() as db:
        db.execute("delete from faults where ? is null or id = ?", (fault_id, fault_id))
