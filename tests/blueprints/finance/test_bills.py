"""对账 over HTTP: the days, the lists, asking WeChat, resolving one and many (decision 33)."""

import re
from datetime import date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.bills import BillKind, Cause, Difference, ItemState, Remedy, Trouble
from app.domain.calendar import SHANGHAI, business_day
from app.domain.charges import PaymentStatus
from app.models.closing import BillItem
from app.models.money import Charge, Payment
from app.models.people import Customer
from app.models.work import JobWanted
from app.ports import OutcomeUnknown, TradeFound, TradeState
from app.usecases import reconciling
from app.web.current import RUNTIME
from tests.factories.bills import Back, Paid, differences, fund_bill, movements, of_payment, take_in, trade_bill
from tests.factories.forms import csrf_token
from tests.factories.gateway import Gateway, with_gateway
from tests.factories.orders import a_notice, an_order
from tests.factories.reading import read
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient

URL = "/finance/bills"
GOOD = {"one-cause": "not_ours", "one-remedy": "nothing", "one-note": "别的收款码"}
BATCH = {"batch-cause": "wechat_wrong", "batch-remedy": "asked_wechat", "batch-note": ""}


@pytest.fixture
def finance(as_staff: AsStaff) -> LawfulClient:
    return as_staff("finance", region=None)


def now(app: Flask) -> datetime:
    moment: datetime = app.extensions[RUNTIME].clock.now()
    return moment


def yesterday(app: Flask) -> date:
    """A day whose bills are ready whatever the time is."""
    return business_day(now(app)) - timedelta(days=2)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), SHANGHAI)


def strange(app: Flask, many: int = 1) -> list[int]:
    """Payments that only the bill has; the ids of their items."""
    day = yesterday(app)
    take_in(
        app,
        BillKind.TRADE,
        day,
        trade_bill(app, [Paid(noon(day), f"T-{n}", f"STRANGE-{n}", 5_00 + n) for n in range(many)]),
    )
    return [item.id for item in differences(app)]


def states(app: Flask) -> list[ItemState]:
    return [item.state for item in differences(app)]


def post(client: LawfulClient, path: str, **form: object) -> TestResponse:
    """What the form's button sends, with the token that it carries."""
    return client.post(f"{URL}{path}", data=form | {"csrf_token": csrf_token(client)})


def listed(client: LawfulClient, query: str = "") -> list[str]:
    """The differences that the page lists."""
    return re.findall(r"c-what.*?state-badge[^>]*>([^<]+)<", client.get(URL + query).text, re.DOTALL)


def said(client: LawfulClient, answer: TestResponse) -> str:
    """What the page says after an act."""
    assert answer.status_code == 303
    page = client.get(answer.location or "").text
    found = re.search(r'class="bill-said".*?<span>(.*?)</span>', page, re.DOTALL)
    return found[1] if found else ""


def test_without_a_payment_there_is_nothing_to_fetch(finance: LawfulClient) -> None:
    page = finance.get(URL).text
    assert "收到第一笔钱以后" in page
    assert "没有要处理的差异" in page


def test_each_day_says_how_its_bills_stand(app: Flask, finance: LawfulClient) -> None:
    day = yesterday(app)
    order_id = an_order(app, now=noon(day), paid=True)
    page = finance.get(URL).text
    assert "还没取" in page
    assert re.search(r"缺 [12] 天的账单", page)
    with app.app_context():
        reconciling.note_trouble(BillKind.TRADE, day, Trouble.NOT_READY, now=now(app))
    assert "没取到，微信还在生成" in finance.get(URL).text
    with read(app) as session:
        row = of_payment(app, session.scalars(select(Payment)).one())
    take_in(app, BillKind.TRADE, day, trade_bill(app, [row, Paid(noon(day), "T", "STRANGE", 5_00)]))
    take_in(app, BillKind.FUND, day, fund_bill(movements(row)))
    page = finance.get(f"{URL}?day={day}").text
    assert "1 笔相符，1 笔差异" in page
    assert "1 笔相符</span>" in page
    assert order_id


def test_a_difference_unfolds_with_everything_known(app: Flask, finance: LawfulClient) -> None:
    (item_id,) = strange(app)
    assert listed(finance) == ["支付只在微信"]
    assert "+5.00" in finance.get(URL).text
    page = finance.get(f"{URL}?item={item_id}").text
    for words in ("猎吧租车,AM0001", "STRANGE-0", "账单：商品名称", "问微信", "记为已处理", 'name="one-cause"'):
        assert words in page
    assert "o-payer" not in page
    block = finance.get(f"{URL}?item={item_id}", headers={"HX-Request": "true"}).text
    assert block.lstrip().startswith('<div id="bill-items"')


def test_a_difference_is_resolved_with_a_reason(app: Flask, finance: LawfulClient) -> None:
    (item_id,) = strange(app)
    path = f"/items/{item_id}/resolve"
    answer = post(finance, path, **GOOD)
    assert answer.status_code == 303
    assert said(finance, answer) == "已记为已处理。"
    assert said(finance, post(finance, path, **GOOD)).startswith("同事已经处理过了")
    (item,) = differences(app)
    assert (item.state, item.cause, item.remedy) == (ItemState.RESOLVED, Cause.NOT_OURS, Remedy.NOTHING)
    page = finance.get(f"{URL}?tab=resolved&item={item_id}").text
    for words in ("不是这个系统收的款", "核对过，不用处理", "别的收款码"):
        assert words in page


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"one-cause": "other", "one-note": " "}, "选了其他，写一句说明"),
        ({"one-remedy": "other", "one-note": ""}, "选了其他，写一句说明"),
        ({"one-note": "长" * 201}, "最多 200 个字"),
        ({"one-cause": ""}, "选一个原因"),
        ({"one-remedy": ""}, "选一种做法"),
    ],
)
def test_what_does_not_fit_is_said_beside_the_field(
    app: Flask, finance: LawfulClient, changes: dict[str, str], words: str
) -> None:
    (item_id,) = strange(app)
    answer = post(finance, f"/items/{item_id}/resolve", **(GOOD | changes))
    assert answer.status_code == 422
    assert words in answer.text
    assert states(app) == [ItemState.OPEN]


def test_several_are_resolved_with_one_reason(app: Flask, finance: LawfulClient) -> None:
    ids = strange(app, 4)
    answer = post(finance, "/resolve", **(BATCH | {"item": ids[:2], "every": ids}))
    assert answer.status_code == 303
    assert states(app) == [ItemState.RESOLVED] * 2 + [ItemState.OPEN] * 2
    post(finance, "/resolve", **(BATCH | {"all": "1", "every": ids}))
    assert states(app) == [ItemState.RESOLVED] * 4


def test_nothing_chosen_is_said_and_the_words_stay(app: Flask, finance: LawfulClient) -> None:
    strange(app)
    answer = post(finance, "/resolve", **(BATCH | {"batch-note": "写过的话"}))
    assert answer.status_code == 422
    assert "先选中要处理的差异" in answer.text
    assert "写过的话" in answer.text


def test_the_lists_are_narrowed_and_paged_by_key(app: Flask, finance: LawfulClient) -> None:
    strange(app, 23)
    first = finance.get(f"{URL}?size=20").text
    assert "第 1–20 笔，共 23 笔" in first
    older = re.search(r'href="([^"]*after=[^"]*)"\s+rel="next"', first)
    assert older
    assert "第 21–23 笔，共 23 笔" in finance.get(older[1].replace("&amp;", "&")).text
    assert listed(finance, "?difference=twice") == listed(finance, "?day=2026-01-01") == []
    assert len(listed(finance, f"?difference=payment_only_bill&day={yesterday(app)}")) == 23


def test_what_waits_is_a_list_of_its_own(app: Flask, finance: LawfulClient) -> None:
    an_order(app, now=noon(yesterday(app)), paid=True)
    take_in(app, BillKind.TRADE, yesterday(app), trade_bill(app, []))
    assert listed(finance, "?tab=waiting") == ["支付只在账本"]
    assert "后面两天的账单里有了，就自动相符" in finance.get(f"{URL}?tab=waiting").text


def asks(app: Flask, gateway: Gateway) -> None:
    app.extensions[RUNTIME] = with_gateway(app, gateway)


def test_asking_brings_the_money_of_an_unpaid_attempt(app: Flask, finance: LawfulClient) -> None:
    day = yesterday(app)
    order_id = an_order(app, now=noon(day), prepared=True)
    with read(app) as session:
        attempt = session.scalars(select(Payment)).one()
    told = Paid(
        noon(day) + timedelta(minutes=1), "4200000000000000000000000777", attempt.out_trade_no, attempt.amount_fen
    )
    take_in(app, BillKind.TRADE, day, trade_bill(app, [told]))
    (item,) = differences(app)
    assert item.difference is Difference.PAYMENT_UNPAID
    with read(app) as session:
        openid = session.scalar(
            select(Customer.openid).join(Charge, Charge.customer_id == Customer.id).where(Charge.order_id == order_id)
        )
    notice = a_notice(
        app,
        attempt.out_trade_no,
        openid=openid or "",
        amount_fen=attempt.amount_fen,
        now=told.at,
        transaction_id=told.transaction_id,
    )
    asks(app, Gateway(on_query=lambda _no: TradeFound(TradeState.PAID, notice)))
    answer = post(finance, f"/items/{item.id}/ask")
    assert said(finance, answer).startswith("微信说这笔已付")
    assert states(app) == [ItemState.MATCHED]
    with read(app) as session:
        assert session.scalars(select(Payment.status)).one() is PaymentStatus.SETTLES


def test_asking_about_a_stranger_makes_it_a_suspect(app: Flask, finance: LawfulClient) -> None:
    (item_id,) = strange(app)
    notice = a_notice(app, "STRANGE-0", openid="o-x", amount_fen=5_00, now=noon(yesterday(app)), transaction_id="T-0")
    asks(app, Gateway(on_query=lambda _no: TradeFound(TradeState.PAID, notice)))
    post(finance, f"/items/{item_id}/ask")
    assert states(app) == [ItemState.MATCHED]
    assert listed(finance) == []
    assert "T-0" in finance.get("/orders/suspects").text


@pytest.mark.parametrize(
    "found, words", [(TradeFound(TradeState.UNKNOWN_THERE), "微信查不到这笔。"), (None, "微信没有回答，过几分钟再问。")]
)
def test_asking_may_bring_nothing(app: Flask, finance: LawfulClient, found: TradeFound | None, words: str) -> None:
    (item_id,) = strange(app)

    def answered(_no: str) -> TradeFound:
        if found is None:
            raise OutcomeUnknown("away")
        return found

    asks(app, Gateway(on_query=answered))
    answer = post(finance, f"/items/{item_id}/ask")
    assert said(finance, answer) == words
    assert states(app) == [ItemState.OPEN]


def test_a_refund_is_asked_about_as_a_refund(app: Flask, finance: LawfulClient) -> None:
    day = yesterday(app)
    take_in(app, BillKind.TRADE, day, trade_bill(app, [Back(noon(day), "R-1", "STRANGE-R", 6_00)]))
    gateway = Gateway()
    asks(app, gateway)
    (item,) = differences(app)
    answer = post(finance, f"/items/{item.id}/ask")
    assert said(finance, answer) == "微信查不到这笔。"
    assert gateway.asked == ["query_refund STRANGE-R"]


def test_fetching_is_wanted_once(app: Flask, finance: LawfulClient, database: Database) -> None:
    for _ in range(2):
        assert said(finance, post(finance, "/fetch")) == "马上去取，过一会儿刷新看。"
    assert database.all(select(JobWanted.job)) == ["fetch_bills"]


def test_a_manager_sees_what_is_of_the_own_region(app: Flask, as_staff: AsStaff) -> None:
    an_order(app, region="A", now=noon(yesterday(app)), paid=True)
    take_in(
        app, BillKind.TRADE, yesterday(app), trade_bill(app, [Paid(noon(yesterday(app)), "T-0", "STRANGE-0", 5_00)])
    )
    with read(app) as session:
        here = session.scalars(select(BillItem.id).where(BillItem.region_id.is_not(None))).one()
    ours, others = as_staff("manager", region="A"), as_staff("manager", region="B")
    assert listed(ours, "?tab=waiting") == ["支付只在账本"]
    assert listed(ours) == listed(others, "?tab=waiting") == []
    assert post(others, f"/items/{here}/resolve", **GOOD).status_code == 404
