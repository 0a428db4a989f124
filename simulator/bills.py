"""The bills of a day, as WeChat writes them: trades, and movements of the account; with what faults plant into them.

A day's two bills are made together when one of them is first asked for, and never change after that.
"""

import hashlib
import json
import random
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from sqlite3 import Row
from typing import Any, TypeVar

from simulator import faults, trades
from simulator.clock import SHANGHAI
from simulator.refused import Refused, bad_param, bad_request
from simulator.world import World

R = TypeVar("R", bound="BillRow")

TRADE, FUND = "trade", "fund"
PAYMENT, REFUND = "payment", "refund"
READY_AT = time(10)  # of the next day
MADE_AT = timedelta(hours=9)  # of the next day: what ended later stands there as on its way
KEPT = timedelta(days=90)
BOM, END = "﻿", "\r\n"
TRADE_HEADERS = (
    *("交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型"),
    *("交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额"),
    *("充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额"),
    "费率备注",
)
TRADE_TOTALS = (
    *("总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额"),
)
OLD_NAMES = {"应结订单金额": "总金额", "代金券金额": "企业红包金额", "充值券退款金额": "企业红包退款金额"}
OLD_TOTALS = {"应结订单总金额": "总交易额", "退款总金额": "总退款金额", "充值券退款总金额": "总企业红包退款金额"}
NOT_YET = ("订单金额", "申请退款金额", "费率备注", "订单总金额", "申请退款总金额")  # in the bills of old
FUND_HEADERS = (
    *(
        "记账时间",
        "微信支付业务单号",
        "资金流水单号",
        "业务名称",
        "业务类型",
        "收支类型",
        "收支金额(元)",
        "账户结余(元)",
    ),
    *("资金变更提交申请人", "备注", "业务凭证号"),
)
FUND_TOTALS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
EXTRA_COLUMN = "优惠备注"
STATES = {"SUCCESS": "SUCCESS", "ABNORMAL": "CHANGE", "CLOSED": "FAIL"}
"""A refund's state in the bill: other words than the interface's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """What a row of either bill has."""

    at: float
    kind: str = ""  # payment, refund, or neither
    about: str  # the payment or refund that it is of: planted in one bill, the other bill leaves it alone
    fen: int
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade(BillRow):
    """One row of the trades."""

    app_id: str
    mch_id: str
    transaction_id: str
    out_trade_no: str
    openid: str
    fee_fen: int = 0
    goods: str = ""
    attach: str = ""
    out_refund_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement(BillRow):
    """One row of the movements; fen is signed."""

    flow_no: str
    name: str
    type: str
    applicant: str
    note: str
    voucher: str


def asked_for(world: World, kind: str, day_text: str | None) -> tuple[str, bytes]:
    """The day and its bill. Raises Refused: a day that makes no sense, too long ago, not ready, or without anything."""
    try:
        day = date.fromisoformat(day_text or "")
    except ValueError:
        raise bad_param("bill_date格式有误：YYYY-MM-DD") from None
    now = datetime.fromtimestamp(world.clock.now(), SHANGHAI)
    if day >= now.date():
        raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    if now.date() - day > KEPT:
        raise bad_request("仅支持三个月内的账单下载申请")
    ready_at = datetime.combine(day + timedelta(days=1), READY_AT, SHANGHAI)
    if now < ready_at or faults.strike(world, "bill_not_ready") is not None:
        raise Refused(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
    with world.store.write() as db:
        if not db.execute("select 1 from bills where day = ?", (str(day),)).fetchone():
            _make(world, db, day)
        bill = db.execute("select * from bills where kind = ? and day = ?", (kind, str(day))).fetchone()
    if bill["rows"] == 0 or faults.strike(world, "bill_none") is not None:
        raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在，请检查当前商户号在指定日期内是否有交易")
    return str(day), bytes(bill["content"])


def made(world: World) -> list[dict[str, Any]]:
    """The bills that were made, and what faults planted into them: the oracle of a reconciliation."""
    planted = world.store.rows("select day, fault, number from planted order by id")
    return [
        {
            "kind": bill["kind"],
            "day": bill["day"],
            "rows": bill["rows"],
            "sha1": hashlib.sha1(bill["content"]).hexdigest(),  # noqa: S324  # WeChat's choice
            "planted": [
                {"fault": row["fault"], "number": row["number"]}
                for row in planted
                if row["day"] == bill["day"] and (row["fault"].startswith("fund_") == (bill["kind"] == FUND))
            ],
        }
        for bill in world.store.rows("select * from bills order by day, kind desc")
    ]


def forget(world: World) -> None:
    """Every bill is made anew when it is next asked for, with the faults of then."""
    with world.store.write() as db:
        for table in ("bill_links", "bills", "planted", "late_rows"):
            db.execute(f"delete from {table}")  # noqa: S608  # names from above


def _make(world: World, db: sqlite3.Connection, day: date) -> None:
    """Both bills of a day."""
    begin = datetime.combine(day, time(), SHANGHAI).timestamp()
    end = datetime.combine(day + timedelta(days=1), time(), SHANGHAI).timestamp()
    percent = Decimal(str(next((fault["percent"] for fault in faults.take_each(db, "bill_fees", day=str(day))), 0)))
    maker = _Maker(world, db, day, begin, percent, dice=random.Random(f"{world.keys.mch_id} {day}"))
    rows = [*_payments(world, db, begin, end), *_refunds(world, db, begin, end)]
    true_trades = sorted((maker.with_fee(row) for row in rows), key=lambda row: row.at)
    moved = [*maker.movements(true_trades), *maker.backs(_closed(db, begin, end))]
    movements = sorted(moved, key=lambda row: row.at)
    told = maker.plant_trades(maker.on_time(Trade, "bill_row_late", true_trades))
    flowed = maker.plant_movements(maker.on_time(Movement, "fund_row_late", movements))
    file = _File(
        old=bool(faults.take_each(db, "bill_old_headers", day=str(day))),
        extra=bool(faults.take_each(db, "bill_extra_column", day=str(day))),
        bad_sum=bool(faults.take_each(db, "bill_bad_sum", day=str(day))),
    )
    for kind, many, content in (
        (TRADE, len(told), file.trades(told, percent)),
        (FUND, len(flowed), file.movements(flowed, _balance_before(db, begin))),
    ):
        db.execute("insert into bills values (?, ?, ?, ?)", (kind, str(day), many, content))


def _payments(world: World, db: sqlite3.Connection, begin: float, end: float) -> Iterable[Trade]:
    for row in db.execute("select * from payments where paid_at >= ? and paid_at < ?", (begin, end)):
        yield Trade(
            at=row["paid_at"],
            kind=PAYMENT,
            about=row["transaction_id"],
            app_id=row["paid_app_id"],
            mch_id=world.keys.mch_id,
            transaction_id=row["transaction_id"],
            out_trade_no=row["out_trade_no"],
            openid=row["paid_openid"],
            fen=row["paid_fen"],
            goods=row["description"],
            attach=row["attach"],
        )


_REFUNDS = (
    "select r.*, p.transaction_id, p.out_trade_no, p.paid_app_id, p.paid_openid, p.description, p.attach"
    " from refunds r join payments p on p.id = r.payment_id"
)


def _refunds(world: World, db: sqlite3.Connection, begin: float, end: float) -> Iterable[Trade]:
    """Those that were accepted on the day, as they stood when the bill was made."""
    made_at = end + MADE_AT.total_seconds()
    for row in db.execute(f"{_REFUNDS} where r.created_at >= ? and r.created_at < ?", (begin, end)):
        ended = row["ended_at"] is not None and row["ended_at"] < made_at
        yield Trade(
            at=row["created_at"],
            kind=REFUND,
            about=row["refund_id"],
            app_id=row["paid_app_id"],
            mch_id=world.keys.mch_id,
            transaction_id=row["transaction_id"],
            out_trade_no=row["out_trade_no"],
            openid=row["paid_openid"],
            fen=row["amount_fen"],
            goods=row["description"],
            attach=row["attach"],
            out_refund_no=row["out_refund_no"],
            status=STATES.get(row["status"], "PROCESSING") if ended else "PROCESSING",
        )


def _closed(db: sqlite3.Connection, begin: float, end: float) -> list[Row]:
    """Refunds that were closed on the day: their money is back."""
    return db.execute(
        f"{_REFUNDS} where r.status = 'CLOSED' and r.ended_at >= ? and r.ended_at < ?", (begin, end)
    ).fetchall()


def _balance_before(db: sqlite3.Connection, begin: float) -> int:
    row = db.execute(
        "select (select coalesce(sum(paid_fen), 0) from payments where paid_at < :at)"
        " - (select coalesce(sum(amount_fen), 0) from refunds where created_at < :at)"
        " + (select coalesce(sum(amount_fen), 0) from refunds where status = 'CLOSED' and ended_at < :at)",
        {"at": begin},
    ).fetchone()
    return int(row[0])


@dataclass(slots=True)
class _Maker:
    """Makes the rows of one day, and plants into them what the faults ask for; no row is planted twice."""

    world: World
    db: sqlite3.Connection
    day: date
    begin: float
    percent: Decimal
    dice: random.Random

    def with_fee(self, row: Trade) -> Trade:
        """What WeChat keeps of a payment, or gives back of it with a refund (then negative)."""
        fee = int((Decimal(row.fen) * self.percent / 100).to_integral_value(ROUND_HALF_UP))
        return replace(row, fee_fen=-fee if row.kind == REFUND else fee)

    def movements(self, rows: Iterable[Trade]) -> Iterable[Movement]:
        """A payment and its fee are two movements; a refund is one, less the fee that comes back with it."""
        mine = f"{self.world.keys.mch_id}API"
        for row in rows:
            if row.kind == REFUND:
                note = f"退款总金额{_yuan(row.fen)}元;含手续费{_yuan(-row.fee_fen)}元"
                yield Movement(
                    **self._flow(row.at, row.about, row.out_refund_no, mine, note),
                    name="退款",
                    type="退款",
                    fen=-row.fen - row.fee_fen,
                    kind=REFUND,
                )
                continue
            told = self._flow(row.at, row.about, row.out_trade_no, "system", f"结算总金额 {_yuan(row.fen)} 元")
            yield Movement(**told, name="交易", type="交易", fen=row.fen, kind=PAYMENT)
            if row.fee_fen:
                fee = self._flow(row.at, row.about, row.out_trade_no, "system", f"费率 {self.percent}%")
                yield Movement(**fee, name="交易", type="扣除交易手续费", fen=-row.fee_fen)

    def backs(self, rows: Iterable[Row]) -> Iterable[Movement]:
        """The money of refunds that were closed."""
        for row in rows:
            told = self._flow(row["ended_at"], row["refund_id"], row["out_refund_no"], "system", "退款关闭")
            yield Movement(**told, name="退款", type="退款退回", fen=row["amount_fen"])

    def _flow(self, at: float, wechat_id: str, voucher: str, applicant: str, note: str) -> dict[str, Any]:
        flow_no = f"{self.world.keys.mch_id}{self.day:%Y%m%d}{self.dice.randrange(10**12):012d}"
        return {
            "at": at,
            "about": wechat_id,
            "flow_no": flow_no,
            "applicant": applicant,
            "note": note,
            "voucher": voucher,
        }

    def on_time(self, row_of: Callable[..., R], fault: str, rows: list[R]) -> list[R]:
        """Without the rows that come a day later, and with those that should have come a day earlier."""
        wanted = "select body from late_rows where kind = ? and day = ?"
        came = self.db.execute(wanted, (fault, str(self.day))).fetchall()
        late = self._picked(fault, rows)
        for row, _ in late.values():
            next_day = str(self.day + timedelta(days=1))
            self.db.execute("insert into late_rows values (?, ?, ?)", (fault, next_day, json.dumps(asdict(row))))
        kept = [row for row in rows if id(row) not in late]
        return sorted([*kept, *(row_of(**json.loads(row["body"])) for row in came)], key=lambda row: row.at)

    def plant_trades(self, rows: list[Trade]) -> list[Trade]:
        """Rows missing, changed, twice, invented."""
        told = self._without("bill_row_missing", rows)
        told = self._changed("bill_row_amount", told, lambda row, wanted: replace(row, fen=row.fen + wanted["by"]))
        told = self._changed("bill_refund_status", told, lambda row, wanted: replace(row, status=wanted["status"]))
        told += self._picked_alone("bill_row_twice", told)
        for fault in ("bill_row_extra", "bill_other_merchant"):
            for wanted in faults.take_each(self.db, fault, day=str(self.day)):
                for _ in range(wanted["rows"]):
                    row = self._invented(wanted.get("of", PAYMENT))
                    if fault == "bill_other_merchant":
                        row = replace(row, mch_id=trades.another_merchant(self.world))
                    self._note(fault, row.about)
                    told.append(row)
        return sorted(told, key=lambda row: row.at)

    def plant_movements(self, rows: list[Movement]) -> list[Movement]:
        """The same of movements."""
        told = self._without("fund_row_missing", rows)
        told = self._changed("fund_amount", told, lambda row, wanted: replace(row, fen=row.fen + wanted["by"]))
        told += self._picked_alone("fund_row_twice", told)
        for wanted in faults.take_each(self.db, "fund_row_extra", day=str(self.day)):
            for _ in range(wanted["rows"]):
                at = self.begin + self.dice.randrange(86_400)
                told_of = self._flow(at, f"4{self.dice.randrange(10**27):027d}", "", "system", "提现")
                row = Movement(**told_of, name="提现", type="提现", fen=-self.dice.randrange(1_00, 9_999_00))
                self._note("fund_row_extra", row.about)
                told.append(row)
        return sorted(told, key=lambda row: row.at)

    def _without(self, fault: str, rows: list[R]) -> list[R]:
        gone = self._picked(fault, rows)
        return [row for row in rows if id(row) not in gone]

    def _changed(self, fault: str, rows: list[R], change: Callable[[R, Mapping[str, Any]], R]) -> list[R]:
        picked = self._picked(fault, rows)
        return [change(*picked[id(row)]) if id(row) in picked else row for row in rows]

    def _picked_alone(self, fault: str, rows: list[R]) -> list[R]:
        return [row for row, _ in self._picked(fault, rows).values()]

    def _picked(self, fault: str, rows: Sequence[R]) -> dict[int, tuple[R, Mapping[str, Any]]]:
        """So many rows, spread over the day, of payments or refunds for which nothing was planted yet."""
        picked: dict[int, tuple[R, Mapping[str, Any]]] = {}
        for wanted in faults.take_each(self.db, fault, day=str(self.day)):
            known = {
                row["number"] for row in self.db.execute("select number from planted where day = ?", (str(self.day),))
            }
            of, unlike = wanted.get("of", REFUND), wanted.get("status")
            free = [row for row in rows if row.kind == of and row.about not in known and row.status != unlike]
            many = min(int(wanted["rows"]), len(free))
            for nth in range(many):
                row = free[nth * len(free) // many]
                picked[id(row)] = (row, wanted)
                self._note(fault, row.about)
        return picked

    def _note(self, fault: str, number: str) -> None:
        self.db.execute("insert into planted (day, fault, number) values (?, ?, ?)", (str(self.day), fault, number))

    def _invented(self, of: str) -> Trade:
        at = self.begin + self.dice.randrange(86_400)
        transaction_id = trades.new_transaction_id(at)
        row = Trade(
            at=at,
            kind=PAYMENT,
            about=transaction_id,
            app_id=self.world.keys.app_id,
            mch_id=self.world.keys.mch_id,
            transaction_id=transaction_id,
            out_trade_no=f"X{secrets.token_hex(8).upper()}",
            openid="o" + secrets.token_urlsafe(20),
            fen=self.dice.randrange(1_00, 3_000_00),
            goods="线下收款,扫码",
        )
        if of == PAYMENT:
            return row
        refund_id = f"50{self.dice.randrange(10**27):027d}"
        return replace(
            row, kind=REFUND, about=refund_id, status="SUCCESS", out_refund_no=f"RX{secrets.token_hex(8).upper()}"
        )


@dataclass(frozen=True, slots=True)
class _File:
    """Writes the rows as the files that are downloaded."""

    old: bool
    extra: bool
    bad_sum: bool

    def trades(self, rows: Sequence[Trade], percent: Decimal) -> bytes:
        """The bill of trades, bill_type ALL."""
        paid = sum(row.fen for row in rows if row.kind == PAYMENT)
        back = sum(row.fen for row in rows if row.kind == REFUND)
        fees = sum(row.fee_fen for row in rows)
        totals = (str(len(rows)), _yuan(paid), _yuan(back), "0.00", _fee(fees), _yuan(paid), _yuan(back))
        return self._written(TRADE_HEADERS, (_trade_values(row, percent) for row in rows), TRADE_TOTALS, totals)

    def movements(self, rows: Sequence[Movement], balance_fen: int) -> bytes:
        """The bill of movements, account_type BASIC."""
        into = [row.fen for row in rows if row.fen > 0]
        out = [-row.fen for row in rows if row.fen <= 0]
        values = []
        for row in rows:
            balance_fen += row.fen
            values.append(_movement_values(row, balance_fen))
        totals = (str(len(rows)), str(len(into)), _yuan(sum(into)), str(len(out)), _yuan(sum(out)))
        return self._written(FUND_HEADERS, values, FUND_TOTALS, totals)

    def _written(
        self, headers: Sequence[str], rows: Iterable[Sequence[str]], totals: Sequence[str], sums: Sequence[str]
    ) -> bytes:
        if self.bad_sum:
            sums = (str(int(sums[0]) + 1), *sums[1:])
        kept = [place for place, header in enumerate(headers) if not (self.old and header in NOT_YET)]
        summed = [place for place, total in enumerate(totals) if not (self.old and total in NOT_YET)]
        names = [OLD_NAMES.get(headers[place], headers[place]) if self.old else headers[place] for place in kept]
        of = [OLD_TOTALS.get(totals[place], totals[place]) if self.old else totals[place] for place in summed]
        more = ["无"] if self.extra else []
        lines = [
            ",".join([*names, *([EXTRA_COLUMN] if self.extra else [])]),
            *(_ticked([*(row[place] for place in kept), *more]) for row in rows),
            ",".join(of),
            _ticked([sums[place] for place in summed]),
        ]
        return (BOM + "".join(line + END for line in lines)).encode()


def _trade_values(row: Trade, percent: Decimal) -> tuple[str, ...]:
    refund = row.kind == REFUND
    zero = "0.00"
    return (
        *(_when(row.at), row.app_id, row.mch_id, "0", "", row.transaction_id, row.out_trade_no, row.openid, "JSAPI"),
        *("REFUND" if refund else "SUCCESS", "OTHERS", "CNY", zero if refund else _yuan(row.fen), zero),
        *(row.about if refund else "0", row.out_refund_no or "0", _yuan(row.fen) if refund else zero, zero),
        *("ORIGINAL" if refund else "", row.status, row.goods, row.attach, _fee(row.fee_fen), f"{percent:.2f}%"),
        *(zero if refund else _yuan(row.fen), _yuan(row.fen) if refund else zero, ""),
    )


def _movement_values(row: Movement, balance_fen: int) -> tuple[str, ...]:
    direction = "收入" if row.fen > 0 else "支出"
    return (
        *(_when(row.at), row.about, row.flow_no, row.name, row.type, direction, _yuan(abs(row.fen))),
        *(_yuan(balance_fen), row.applicant, row.note, row.voucher),
    )


def _ticked(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def _fee(fen: int) -> str:
    """Fees have five places."""
    return f"{Decimal(fen) / 100:.5f}"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
