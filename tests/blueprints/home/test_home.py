"""The home page: counts that open the lists they count, figures of today, and a word for who has nothing to do here."""

import html
import re
from datetime import timedelta

import pytest
from flask import Flask

from app.domain.permissions import Role
from app.domain.refunds import RefundStatus
from app.domain.rentals import Condition
from app.usecases import flash_charge
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.orders import an_order, cancel, tell_of_refund
from tests.factories.people import a_customer
from tests.factories.rentals import a_card, a_rental_order, give_back
from tests.fixtures.actors import AsStaff
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


def todo(answer_text: str) -> dict[str, tuple[int, str]]:
    """Each row of the to-do list: its number, and the link that the number opens."""
    rows = re.findall(r"<tr>(.*?)</tr>", answer_text.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)
    found = {}
    for row in rows:
        word = re.search(r"</svg><span>([^<]+)</span>", row)
        link = re.search(r'<a class="task"\s+href="([^"]+)"', row)
        count = re.search(r'<td class="count total">\s*<(?:a|span)[^>]*>(\d+)<', row)
        assert word
        assert link
        assert count
        found[word[1]] = (int(count[1]), html.unescape(link[1]))
    return found


def words_of(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


@pytest.fixture
def busy(app: Flask, database: Database) -> None:
    """Something of each kind, in A and B."""
    now = app.extensions[RUNTIME].clock.now()
    an_order(app, paid=True)
    an_order(app, paid=True, region="B")
    an_order(app, paid=True, now=now - timedelta(days=4))
    an_order(app, now=now - timedelta(hours=60))
    an_order(app, region="B")
    an_order(app, picked_up=True, region="B", now=now - timedelta(minutes=5))
    failed = an_order(app, paid=True)
    cancel(app, failed)
    tell_of_refund(app, failed, RefundStatus.ABNORMAL)
    a_rental_order(app, database, paid=True, now=now - timedelta(minutes=5))
    a_rental_order(app, database, paid=True, region="B", now=now - timedelta(days=5))
    a_rental_order(app, database, deposit=None, card=False, now=now - timedelta(hours=60))
    a_rental_order(app, database, picked_up=True, now=now - timedelta(days=42))
    damaged = a_rental_order(app, database, region="B", picked_up=True, now=now - timedelta(minutes=5))
    give_back(app, damaged, region="B", condition=Condition.DAMAGED)
    a_card(app, a_customer(app), approved=False)
    some_batteries(database, "B")
    for n, days in enumerate((20, 1), start=1):
        member = a_member(app, region="B", now=now - timedelta(days=30))
        a_use(app, member, f"B0000{n}", now=now - timedelta(days=days))
        with app.app_context():
            flash_charge.ask_return(actor=member, now=now - timedelta(hours=3))


@pytest.mark.usefixtures("busy")
def test_each_number_opens_a_list_of_just_so_many(as_staff: AsStaff) -> None:
    for role, region in ((Role.MANAGER, None), (Role.MANAGER, "B"), (Role.CLERK, "A"), (Role.FINANCE, None)):
        client = as_staff(role, region=region)
        rows = todo(client.get("/").text)
        for word, (count, link) in rows.items():
            listed = client.get(link)
            assert listed.status_code == 200
            shown = re.search(r'aria-current="page"[^>]*>\S+ <b>(\d+)</b>', listed.text.partition("state-tabs")[2])
            assert shown
            assert int(shown[1]) == count, f"{word} of {role}"
    everything = {word: count for word, (count, _) in todo(as_staff("owner", region=None).get("/").text).items()}
    assert everything == {
        "买车待提车": 3,
        "买车快到期未付款": 1,
        "买车已付未提超期": 1,
        "租车待提车": 2,
        "租车快到期未付款": 1,
        "租车已付未提超期": 1,
        "租车逾期未还": 1,
        "还车损坏待处理": 1,
        "逾期冻结": 0,
        "欠费": 0,
        "电池逾期未还": 1,
        "电池等着收回": 2,
        "待审核学生证": 1,
        "异常支付": 0,
        "退款异常": 1,
    }
    of_b = {word: count for word, (count, _) in todo(as_staff("clerk", region="B").get("/").text).items()}
    assert of_b == {
        "买车待提车": 1,
        "买车快到期未付款": 0,
        "买车已付未提超期": 0,
        "租车待提车": 1,
        "租车快到期未付款": 0,
        "租车已付未提超期": 1,
        "租车逾期未还": 0,
        "还车损坏待处理": 1,
        "逾期冻结": 0,
        "欠费": 0,
        "电池逾期未还": 1,
        "电池等着收回": 2,
        "待审核学生证": 0,
    }
    page = words_of(as_staff("owner", region=None).get("/").text)
    assert "最久的逾期 12 天" in page
    assert "最久的逾期 6 天" in page
    assert "等了 3 小时" in page
    assert "等了不到 1 分钟" in page


@pytest.mark.usefixtures("busy")
def test_the_figures_of_today_are_those_of_the_regions_one_sees_and_mix_nothing(as_staff: AsStaff) -> None:
    said = words_of(as_staff("owner", region=None).get("/").text)
    assert "新预约 5 单买车 2 单租车" in said
    assert "已提车 1 辆买车 1 辆租车 昨天买车 0 辆，租车 0 辆" in said
    assert "收款，含押金 ¥10,556.00 其中押金 ¥600.00，昨天全天 ¥0.00" in said
    assert "退款到账，含押金 ¥0.00 0 笔，另有 0 笔退款中" in said
    of_b = words_of(as_staff("clerk", region="B").get("/").text)
    assert "新预约 3 单买车 1 单租车" in of_b
    assert "收款" not in of_b
    owner = as_staff("owner", region=None)
    assert "新预约 2 单买车 1 单租车" in words_of(owner.get("/?region=A").text)


@pytest.mark.usefixtures("busy")
def test_the_week_stands_as_columns_and_as_a_table(app: Flask, as_staff: AsStaff) -> None:
    client: LawfulClient = as_staff("owner", region=None)
    client.statements_allowed = 24
    page = client.get("/").text
    table = page.partition('class="chart-details"')[2]
    assert len(re.findall(r'<th scope="row">', table)) == 7
    assert page.count("<rect") > 3
    assert 'class="chart-today">5</text>' in page


@pytest.mark.parametrize("role", ["technician", "consultant"])
def test_who_sees_no_orders_is_told_so(as_staff: AsStaff, role: str) -> None:
    answer = as_staff(role).get("/")
    assert answer.status_code == 200
    assert "这里现在没有你要办的事" in answer.text


def test_a_stranger_is_sent_to_log_in(client: LawfulClient) -> None:
    assert client.get("/").location == "/login?next=/"
