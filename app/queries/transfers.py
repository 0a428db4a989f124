"""The ledger's transfers, newest day first: of a day, an account, a figure, a person, an order or a deposit.

Their number and sum come from the sums by day, except for what is narrowed to people, orders or deposits: those rows
are few, and an index has them. Nothing reads the ledger from end to end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, tuple_, union
from sqlalchemy.orm import Session

from app.domain.calendar import business_day
from app.domain.charges import Purpose
from app.domain.closing import Flow, Sum, signed
from app.domain.finding import Search, Shape
from app.domain.identity import masked_name, masked_phone
from app.domain.ledger import Account
from app.domain.numbering import BatteryNumber
from app.domain.permissions import Actor, Permission
from app.models.batteries import Battery, BatteryUse
from app.models.directory import Region
from app.models.late_fees import LateFee, LateFeeWaiver
from app.models.money import Charge, LedgerTransfer, Payment, Refund
from app.models.orders import Order
from app.models.people import Identity
from app.queries.ledger import DaySum, Within, account_ids, sums
from app.queries.order_search import conditions_of, paid_by, person_condition
from app.queries.orders import RENTED, SALES
from app.queries.paging import LONGEST_ID, READ_AT_ONCE

RECEIVED = ("payment", "attached")
REFUNDED = ("refund", "refund_done", "refund_refused")
"""How the entry keys begin that go on with WeChat's number of a payment, and with our number of a refund."""
USES: tuple[tuple[tuple[str, ...], Any, Select[*tuple[Any, ...]]], ...] = (
    (("late_fee",), LateFee.id, select(LateFee.id, LateFee.battery_use_id)),
    (
        ("waiver",),
        LateFeeWaiver.id,
        select(LateFeeWaiver.id, LateFee.battery_use_id).join(LateFee, LateFee.id == LateFeeWaiver.late_fee_id),
    ),
    (
        RECEIVED,
        Payment.transaction_id,
        select(Payment.transaction_id, Charge.battery_use_id).join(Charge, Charge.id == Payment.charge_id),
    ),
    (
        REFUNDED,
        Refund.out_refund_no,
        select(Refund.out_refund_no, Charge.battery_use_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Charge, Charge.id == Payment.charge_id),
    ),
)
"""Of entry keys that begin so: the column that they go on with, and the battery use that it is about."""
MOST_ORDERS = 500
"""Orders that a search may stand for; a number has few."""


@dataclass(frozen=True, slots=True)
class DayKey:
    """Where a page ends: the day a transfer is booked on, and its id. As text it stands in URLs."""

    on: date
    id: int

    def __str__(self) -> str:
        return f"{self.on:%Y%m%d}-{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Reads a key; None for nothing or for anything else."""
        on, _, row_id = (text or "").partition("-")
        if not (row_id.isascii() and row_id.isdecimal()) or len(row_id) > LONGEST_ID:
            return None
        try:
            return cls(datetime.strptime(on, "%Y%m%d").date(), int(row_id))  # noqa: DTZ007  # a day has no zone
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class TransferFilters:
    """What is asked for. Of several flows any may hold; without one every transfer counts as it is."""

    region_id: int | None = None
    nowhere: bool = False  # only what belongs to no region
    first: date | None = None
    last: date | None = None
    flows: tuple[Flow, ...] = ()
    purpose: Purpose | None = None
    customer_id: int | None = None
    order_id: int | None = None
    deposit_id: int | None = None
    search: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow:
    """One transfer. `sign` is how it counts in what was asked for; person and thing are there where it has them."""

    id: int
    entry_key: str
    at: datetime
    booked_on: date
    letter: str
    debit: Account
    credit: Account
    purpose: Purpose | None
    amount_fen: int
    sign: int
    customer_id: int | None
    name: str
    phone: str
    order_id: int | None
    number: str
    deposit_id: int | None
    battery_id: int | None
    battery: str

    @property
    def is_moved(self) -> bool:
        """Whether its own day was closed when it came."""
        return self.booked_on != business_day(self.at)


@dataclass(frozen=True, slots=True)
class TransferList:
    """One page, and what all of them come to, fen."""

    rows: tuple[TransferRow, ...]
    first: int  # the place of the page's first transfer, from 1; 0 without any
    total: int
    amount_fen: int
    newer: DayKey | None
    older: DayKey | None
    too_many: bool  # more people have the name than are looked at

    @property
    def last(self) -> int:
        """The place of the page's last transfer."""
        return max(self.first + len(self.rows) - 1, 0)


def transfers(
    session: Session, actor: Actor, filters: TransferFilters, *, after: DayKey | None, before: DayKey | None, size: int
) -> TransferList:
    """A page of the transfers that the actor may see."""
    asked = _Asked(session, actor, filters)
    found, newer, older = asked.page(before or after, rising=before is not None, size=size)
    total, amount_fen = asked.totals()
    place = 1 + (asked.how_many_newer(found[0]) if newer else 0) if found else 0
    rows = asked.rows(found)
    return TransferList(rows, place, total, amount_fen, newer, older, asked.too_many)


def how_many(session: Session, actor: Actor, filters: TransferFilters) -> int:
    """The number of the transfers that the actor may see."""
    return _Asked(session, actor, filters).totals()[0]


def every_transfer(session: Session, actor: Actor, filters: TransferFilters) -> Iterator[TransferRow]:
    """All transfers of the list, as it shows them and in its order, read page by page."""
    asked, key = _Asked(session, actor, filters), None
    while True:
        found, _, key = asked.page(key, rising=False, size=READ_AT_ONCE)
        yield from asked.rows(found)
        if key is None:
            return


class _Asked:
    """One question to the ledger, and its answers."""

    def __init__(self, session: Session, actor: Actor, filters: TransferFilters) -> None:
        self.session, self.filters = session, filters
        self.ids = account_ids(session)
        self.names = {row_id: account for account, row_id in self.ids.items()}
        self.within = _within(actor, filters)
        self.too_many = False
        self.whose = self._whose()
        self.sums = [] if self.whose is not None else self._sums(filters.first, filters.last)

    def _whose(self) -> list[ColumnElement[bool]] | None:
        """Conditions of people, orders or deposits, each for an index, of which any may hold; None: whoever's."""
        filters = self.filters
        named: list[ColumnElement[bool]] = [
            column == wanted
            for column, wanted in (
                (LedgerTransfer.customer_id, filters.customer_id),
                (LedgerTransfer.order_id, filters.order_id),
                (LedgerTransfer.deposit_id, filters.deposit_id),
            )
            if wanted is not None
        ]
        if filters.search is None:
            return [and_(*named)] if named else None
        return [and_(condition, *named) for condition in self._found(filters.search)]

    def _found(self, search: Search) -> list[ColumnElement[bool]]:
        if search.shape in (Shape.TRANSACTION, Shape.TRADE_NO):
            return [LedgerTransfer.entry_key.in_(_keys_of_payment(self.session, search))]
        person, self.too_many = person_condition(self.session, search, LedgerTransfer.__table__.c.customer_id)
        conditions = [] if person is None else [person]
        if search.shape in (Shape.NUMBER, Shape.ORDER_NO, Shape.DIGITS):
            of_orders, _ = conditions_of(self.session, search, (*SALES, *RENTED))
            orders = self.session.scalars(select(Order.id).where(of_orders[-1]).limit(MOST_ORDERS)).all()
            conditions.append(LedgerTransfer.order_id.in_(orders))
        return conditions

    def _conditions(self, until: date | None) -> list[ColumnElement[bool]]:
        """All that holds, with one bound on each side: of two an index may begin at the looser one."""
        filters = self.filters
        conditions = [*self.within.condition(LedgerTransfer)]
        if filters.purpose is not None:
            conditions.append(LedgerTransfer.purpose == filters.purpose)
        firsts, lasts = [filters.first], [filters.last, until]
        if self.sums:  # what is rare is not looked for beyond its days
            firsts.append(min(one.first_on for one in self.sums))
            lasts.append(max(one.last_on for one in self.sums))
        if known := [day for day in firsts if day is not None]:
            conditions.append(LedgerTransfer.booked_on >= max(known))
        if known := [day for day in lasts if day is not None]:
            conditions.append(LedgerTransfer.booked_on <= min(known))
        return conditions

    def _flow(self, flow: Flow) -> ColumnElement[bool]:
        parts: list[ColumnElement[bool]] = []
        if flow.debit is not None:
            parts.append(LedgerTransfer.debit_id == self.ids[flow.debit])
        if flow.credit is not None:
            parts.append(LedgerTransfer.credit_id == self.ids[flow.credit])
        if flow.purposes is not None:
            known = LedgerTransfer.purpose.in_([purpose for purpose in flow.purposes if purpose is not None])
            parts.append(or_(known, LedgerTransfer.purpose.is_(None)) if None in flow.purposes else known)
        return and_(*parts)

    def _branches(self, until: date | None = None) -> list[list[ColumnElement[bool]]]:
        """What is asked for up to a day, cut so that each piece reads along one index; a transfer may fit several."""
        conditions = self._conditions(until)
        flows = [self._flow(flow) for flow in self.filters.flows]
        if self.whose is not None:
            any_flow = [or_(*flows)] if flows else []
            return [[whose, *any_flow, *conditions] for whose in self.whose]
        if not self.sums:
            return []
        return [[flow, *conditions] for flow in flows] or [conditions]

    def page(self, key: DayKey | None, *, rising: bool, size: int) -> tuple[list[DayKey], DayKey | None, DayKey | None]:
        """The keys of a page, and those that its neighbours begin beyond."""
        columns = LedgerTransfer.__table__.c
        place = (columns.booked_on, columns.id)
        order = [column.asc() if rising else column.desc() for column in place]
        pages = []
        for branch in self._branches(key.on if key and not rising else None):
            wanted = select(*place).where(*branch).order_by(*order).limit(size + 1)
            if key is not None:
                edge = tuple_(*place)
                wanted = wanted.where(edge > (key.on, key.id) if rising else edge < (key.on, key.id))
            pages.append(wanted.subquery())
        if not pages:
            return [], None, None
        merged = union(*(select(page.c.booked_on, page.c.id) for page in pages)).subquery()
        order = [column.asc() if rising else column.desc() for column in (merged.c.booked_on, merged.c.id)]
        found = [DayKey(*row) for row in self.session.execute(select(merged).order_by(*order).limit(size + 1))]
        more, found = len(found) > size, found[:size]
        if rising:
            found.reverse()
        if not found:
            return [], None, None
        has_newer, has_older = (more, True) if rising else (key is not None, more)
        return found, found[0] if has_newer else None, found[-1] if has_older else None

    def totals(self) -> tuple[int, int]:
        """How many, and what they come to."""
        if self.whose is not None:
            return self._narrowed_totals()
        amount_fen = sum(self._sign(one) * one.amount_fen for one in self.sums)
        return sum(one.transfers for one in self.sums), amount_fen

    def _sums(self, first: date | None, last: date | None) -> list[DaySum]:
        """The sums of what is asked for, of some days."""
        found = sums(self.session, self.within, first=first, last=last)
        return [one for one in found if self._sign(one) and self.filters.purpose in (None, one.purpose)]

    def _sign(self, one: Sum) -> int:
        flows = self.filters.flows
        return signed(flows, one.debit, one.credit, one.purpose) if flows else 1

    def _narrowed_totals(self, *more: ColumnElement[bool]) -> tuple[int, int]:
        branches = self._branches()
        if not branches:
            return 0, 0
        ids = union(*(select(LedgerTransfer.id).where(*branch, *more) for branch in branches))
        signs = [(self._flow(flow), literal(flow.sign)) for flow in self.filters.flows]
        sign = case(*signs, else_=0) if signs else literal(1)
        counted = func.count(), func.sum(sign * LedgerTransfer.amount_fen)
        row = self.session.execute(select(*counted).where(LedgerTransfer.id.in_(ids))).one()
        return int(row[0]), int(row[1] or 0)

    def how_many_newer(self, key: DayKey) -> int:
        """How many stand before a transfer: of the days after its own by their sums, of its own day one by one."""
        later = (LedgerTransfer.booked_on == key.on, LedgerTransfer.id > key.id)
        if self.whose is not None:
            place = tuple_(LedgerTransfer.booked_on, LedgerTransfer.id)
            return self._narrowed_totals(place > (key.on, key.id))[0]
        that_day = [select(LedgerTransfer.id).where(*branch, *later) for branch in self._branches()]
        same_day = self.session.scalars(select(func.count()).select_from(union(*that_day).subquery())).one()
        days_after = self._sums(key.on + timedelta(days=1), self.filters.last)
        return same_day + sum(one.transfers for one in days_after)

    def rows(self, keys: Sequence[DayKey]) -> tuple[TransferRow, ...]:
        """The transfers of a page."""
        ids = [key.id for key in keys]
        found = self.session.execute(
            select(LedgerTransfer, Region.letter, Identity.name, Identity.phone, Order.number)
            .outerjoin(Region, Region.id == LedgerTransfer.region_id)
            .outerjoin(Identity, Identity.customer_id == LedgerTransfer.customer_id)
            .outerjoin(Order, Order.id == LedgerTransfer.order_id)
            .where(LedgerTransfer.id.in_(ids))
        ).all()
        batteries = _batteries(self.session, [row.LedgerTransfer for row in found])
        rows = {row.LedgerTransfer.id: self._row(row, batteries) for row in found}
        return tuple(rows[row_id] for row_id in ids)

    def _row(self, row: Any, batteries: Mapping[str, tuple[int, BatteryNumber]]) -> TransferRow:
        transfer: LedgerTransfer = row.LedgerTransfer
        debit, credit = self.names[transfer.debit_id], self.names[transfer.credit_id]
        battery_id, battery = batteries.get(transfer.entry_key, (None, ""))
        flows = self.filters.flows
        return TransferRow(
            id=transfer.id,
            entry_key=transfer.entry_key,
            at=transfer.at,
            booked_on=transfer.booked_on,
            letter=row.letter or "",
            debit=debit,
            credit=credit,
            purpose=transfer.purpose,
            amount_fen=transfer.amount_fen,
            sign=signed(flows, debit, credit, transfer.purpose) if flows else 1,
            customer_id=transfer.customer_id,
            name=masked_name(row.name) if row.name else "",
            phone=masked_phone(row.phone) if row.phone else "",
            order_id=transfer.order_id,
            number=row.number or "",
            deposit_id=transfer.deposit_id,
            battery_id=battery_id,
            battery=str(battery),
        )


def _within(actor: Actor, filters: TransferFilters) -> Within:
    scope = actor.scope(Permission.LEDGER_VIEW)
    if filters.nowhere:
        return Within([None] if scope.everywhere else [])
    return Within(scope.within(filters.region_id))


def _keys_of_payment(session: Session, search: Search) -> list[str]:
    """The entry keys of a payment and of its refunds."""
    payment = session.execute(select(Payment.id, Payment.transaction_id).where(paid_by(search))).one_or_none()
    if payment is None:
        return []
    numbers = session.scalars(select(Refund.out_refund_no).where(Refund.payment_id == payment.id)).all()
    received = [f"{beginning}:{payment.transaction_id}" for beginning in RECEIVED]
    return received + [f"{beginning}:{number}" for beginning in REFUNDED for number in numbers]


def _batteries(session: Session, rows: Sequence[LedgerTransfer]) -> dict[str, tuple[int, BatteryNumber]]:
    """The battery of each transfer that is about no order and no deposit, by entry key."""
    keys: dict[str, list[str]] = {}
    for row in rows:
        if row.customer_id is not None and row.order_id is None and row.deposit_id is None:
            beginning, _, name = row.entry_key.partition(":")
            keys.setdefault(beginning, []).append(name)
    uses: dict[str, int] = {f"flash_fee:{use_id}": int(use_id) for use_id in keys.get("flash_fee", ())}
    for beginnings, column, wanted in USES:
        names = [name for beginning in beginnings for name in keys.get(beginning, ())]
        if names:
            found = session.execute(wanted.where(column.in_(map(column.type.python_type, names))))
            uses |= {f"{beginning}:{row[0]}": row[1] for row in found for beginning in beginnings}
    batteries = session.execute(
        select(BatteryUse.id, Battery.id, Region.letter, Battery.n)
        .join(Battery, Battery.id == BatteryUse.battery_id)
        .join(Region, Region.id == Battery.region_id)
        .where(BatteryUse.id.in_(uses.values()))
    )
    of_use = {use_id: (battery_id, BatteryNumber(letter, n)) for use_id, battery_id, letter, n in batteries}
    return {key: of_use[use_id] for key, use_id in uses.items() if use_id in of_use}
