"""The demo's own WeChat, when the demo is begun: its people, and a few payments that it really knows of."""

from collections import Counter
from datetime import date, datetime, timedelta

import requests

from app.adapters.wechat.http import Outgoing
from app.db import read_only_session
from app.domain.bills import ready_until
from app.domain.permissions import Actor
from app.ports import GatewayRefused, OutcomeUnknown
from app.queries import people
from app.queries.demo import OpenOrder, PastMoney, open_orders, past_money
from app.runtime import Runtime
from app.usecases import checkout, orders

ACTOR = Actor.job("demo")
PAID_IN_EACH_REGION = 3
IN_ONE_POST = 150
MISPRINTS = ("bill_row_missing", "bill_row_extra", "bill_row_amount", "fund_row_extra")
TIME_LEFT = timedelta(hours=6)


class DemoWeChat:
    """The handles of the simulator that the demo's beginning needs."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = Outgoing(url)

    def answers(self) -> bool:
        """Whether it runs."""
        try:
            return self._http.get(f"{self._url}/_sim/health").ok
        except requests.RequestException:
            return False

    def introduce(self, openid: str, name: str) -> None:
        """Makes a person of ours known there, so that the demo can be seen with that person's phone."""
        self._http.post(f"{self._url}/_sim/people", json={"openid": openid, "nickname": name}).raise_for_status()

    def remember(self, past: PastMoney) -> None:
        """Puts an invented past into its books too, so that its bills agree with ours and its refunds go through."""
        for name, rows in (("payments", past.payments), ("refunds", past.refunds)):
            for begin in range(0, len(rows), IN_ONE_POST):
                some = {name: rows[begin : begin + IN_ONE_POST]}
                self._http.post(f"{self._url}/_sim/books", json=some).raise_for_status()

    def misprint(self, day: date) -> None:
        """Its bills of a day will differ from our books, so that there is something to look at."""
        for name in MISPRINTS:
            fault = {"name": name, "day": str(day)}
            self._http.post(f"{self._url}/_sim/faults", json=fault).raise_for_status()

    def pay(self, prepay_id: str) -> None:
        """The person pays."""
        self._http.post(f"{self._url}/_sim/pay/{prepay_id}", json={"outcome": "ok"}).raise_for_status()


def share_the_past(wechat: DemoWeChat, now: datetime) -> None:
    """WeChat knows of all money that the demo's books begin with; in the newest bills it errs a little."""
    with read_only_session() as session:
        past = past_money(session)
    wechat.remember(past)
    wechat.misprint(ready_until(now))


def introduce_and_pay(wechat: DemoWeChat, runtime: Runtime, now: datetime) -> int:
    """Introduces whoever has an open order, and has some of them enter their number and pay; how many did."""
    with read_only_session() as session:
        open_now = open_orders(session, now + TIME_LEFT)
    seen: Counter[int] = Counter()
    paid = 0
    for order in open_now:
        wechat.introduce(order.openid, order.name)
        seen[order.region_id] += 1
        if seen[order.region_id] % 2 and seen[order.region_id] < 2 * PAID_IN_EACH_REGION:
            _pay(wechat, runtime, order, now)
            paid += 1
    return paid


def _pay(wechat: DemoWeChat, runtime: Runtime, order: OpenOrder, now: datetime) -> None:
    with read_only_session() as session:
        person = people.actor_of_customer(session, order.customer_id)
    if person is None:
        return
    orders.enter_number(order.id, typed=order.number, actor=person, now=now)
    sheet = checkout.ask_for_payment(runtime.till, order.id, actor=person, now=now)
    if sheet is not None:
        wechat.pay(sheet.arguments["package"].removeprefix("prepay_id="))
        checkout.settle_attempt(runtime.till, sheet.out_trade_no, close=False, actor=ACTOR, now=now)


UNWILLING = (GatewayRefused, OutcomeUnknown, requests.RequestException)
"""What a WeChat that is not quite there answers with."""
