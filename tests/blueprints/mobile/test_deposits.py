"""押金 on the phone: what is held, what was withheld, where each refund is, and asking for it."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.deposits import DamageItem, DepositKind, DepositStatus
from app.domain.permissions import Actor, Role
from app.domain.pictures import PhotoKind
from app.domain.refunds import RefundNotice, RefundStatus
from app.domain.rentals import Condition, Place
from app.domain.restrictions import Cause
from app.models.deposits import Deposit
from app.models.money import Charge, Payment, Refund
from app.models.people import Restriction
from app.usecases import orders, refund_notices, rentals
from app.web.current import RUNTIME
from tests.factories.flash import a_member, a_use, some_batteries
from tests.factories.people import a_customer, a_member_of_staff
from tests.factories.phone import press, words
from tests.factories.rentals import a_card, a_deposit, a_photo, a_rental_order, give_back
from tests.fixtures.actors import AsCustomer
from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@pytest.fixture
def renter(app: Flask) -> Actor:
    return a_customer(app)


@pytest.fixture
def phone(as_customer: AsCustomer, renter: Actor) -> LawfulClient:
    return as_customer(renter)


def tell_of_refund(app: Flask, database: Database, status: RefundStatus) -> None:
    """WeChat tells how the newest refund goes on."""
    runtime = app.extensions[RUNTIME]
    now = runtime.clock.now()
    refund, payment = database.all(
        select(Refund, Payment).join(Payment, Payment.id == Refund.payment_id).order_by(Refund.id.desc())
    )[0]
    notice = RefundNotice(
        out_refund_no=refund.out_refund_no,
        out_trade_no=payment.out_trade_no,
        refund_id=f"5030{refund.id:024d}",
        status=status,
        amount_fen=refund.amount_fen,
        done_at=now if status is RefundStatus.DONE else None,
        mch_id=runtime.till.merchant.mch_id,
    )
    with app.app_context():
        refund_notices.take_refund_notice(
            notice, our_mch_id=notice.mch_id, vault=runtime.vault, actor=Actor.wechat(), now=now
        )


def test_without_any_it_says_when_one_is_paid(phone: LawfulClient) -> None:
    assert "还没有付过押金" in words(phone.get("/m/deposits"))


def test_one_that_was_agreed_on_can_be_paid(phone: LawfulClient, app: Flask, renter: Actor, database: Database) -> None:
    a_card(app, renter)
    charge_id = a_deposit(app, renter, DepositKind.FLASH, paid=False)
    page = phone.get("/m/deposits")
    assert "闪充押金 待支付 押金 ¥300.00 已扣 ¥0.00 可退 ¥300.00" in words(page)
    assert f'href="/m/pay/{charge_id}"' in page.text
    with database.write() as session:  # money that does not fit has come for it
        attempt = Payment(
            charge_id=charge_id,
            out_trade_no="F1",
            transaction_id="42",
            status="suspect",
            amount_fen=300_00,
            received_fen=1_00,
            created_at=database.one(select(Deposit.made_at)),
            expires_at=database.one(select(Deposit.made_at)),
            misfit="amount",
        )
        session.add(attempt)
    page = phone.get("/m/deposits")
    assert "你付的 ¥1.00 和押金对不上，店里正在核对" in words(page)
    assert "/m/pay/" not in page.text
    page = phone.get("/m/flash")
    assert "你付的 ¥1.00 和押金对不上" in words(page)
    assert "付押金" not in words(page)


@pytest.mark.parametrize(
    ("tie", "says"),
    [
        ("order", "还押着编号 AZ0001 的租车预约，取消或还车后自动退"),
        ("rental", "没还的车，先到柜台还车"),
        ("damage", "还车时的损坏还没处理，店里处理完就能退"),
        ("battery", "没还的电池，先到柜台还电池"),
    ],
)
def test_what_it_still_secures_stands_where_the_button_would_be(
    phone: LawfulClient, app: Flask, renter: Actor, database: Database, tie: str, says: str
) -> None:
    if tie == "battery":
        some_batteries(database)
        a_use(app, a_member(app, customer=renter))
    else:
        order_id = a_rental_order(app, database, customer=renter, picked_up=tie != "order")
        if tie == "damage":
            give_back(app, order_id, condition=Condition.DAMAGED, place=Place.REPAIR)
    page = words(phone.get("/m/deposits"))
    assert f"现在不能退： {says}" in page
    assert "申请退还" not in page
    press(phone, "/m/deposits/rental/back")
    assert database.one(select(Deposit.status)) is DepositStatus.HELD


def test_a_flash_deposit_goes_back_by_leaving(as_customer: AsCustomer, app: Flask) -> None:
    page = as_customer(a_member(app)).get("/m/deposits")
    assert "闪充押金 已支付" in words(page)
    assert 'href="/m/flash/leave"' in page.text


def test_a_rental_deposit_that_secures_nothing_can_be_asked_for_once(
    phone: LawfulClient, app: Flask, renter: Actor, database: Database
) -> None:
    """It goes back by itself; one that a freeze held back is asked for here."""
    order_id, now = a_rental_order(app, database, customer=renter), app.extensions[RUNTIME].clock.now()
    database.add(Restriction(customer_id=renter.id, cause=Cause.MANUAL, since=now, reason="借给别人用"))
    with app.app_context():
        orders.cancel_order(order_id, reason="", actor=renter, now=now)
    assert "账户冻结，解冻以后就能退，押金不会没收" in words(phone.get("/m/deposits"))
    assert press(phone, "/m/deposits/rental/back").status_code == 422
    with database.write() as session:
        session.execute(update(Restriction).values(lifted_at=now))
    page = phone.get("/m/deposits")
    assert "申请退还 ¥300.00" in words(page)
    for _ in range(2):
        assert press(phone, "/m/deposits/rental/back").location == "/m/deposits"
    assert database.count(Refund) == 1
    assert "租车押金 退款中" in words(phone.get("/m/deposits"))


@pytest.mark.req("FLOW-RENT-3")
def test_each_withheld_item_and_where_the_refund_is(
    phone: LawfulClient, app: Flask, renter: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=renter, picked_up=True)
    give_back(app, order_id, condition=Condition.DAMAGED, place=Place.REPAIR)
    manager, now = a_member_of_staff(app, role=Role.MANAGER), app.extensions[RUNTIME].clock.now()
    with app.app_context():
        rentals.settle_damage(
            order_id,
            items=[DamageItem("左后视镜", 40_00), DamageItem("车筐", 25_50)],
            photo=a_photo(PhotoKind.DAMAGE),
            reason="摔过",
            request_key="damage-1",
            actor=manager,
            now=now,
        )
    page = words(phone.get("/m/deposits"))
    for said in (
        "租车押金 退款中",
        "押金 ¥300.00 已扣 ¥65.50 可退 ¥234.50",
        "左后视镜 AZ0001",
        "− ¥40.00",
        "车筐 AZ0001",
        "− ¥25.50",
        "退款 ¥234.50",
        "银行卡 1 到 3 天 退款中",
    ):
        assert said in page
    tell_of_refund(app, database, RefundStatus.ABNORMAL)
    page = words(phone.get("/m/deposits"))
    assert "租车押金 退款异常" in page
    assert "没有到账，店里正在处理" in page
    tell_of_refund(app, database, RefundStatus.DONE)
    page = words(phone.get("/m/deposits"))
    assert "租车押金 已退款" in page
    assert "退回你的微信 已退款" in page


def test_one_that_was_dropped_before_it_was_paid_is_forgotten(
    phone: LawfulClient, app: Flask, renter: Actor, database: Database
) -> None:
    order_id = a_rental_order(app, database, customer=renter, deposit=None)
    a_deposit(app, renter, DepositKind.RENTAL, order_id=order_id, paid=False)
    a_deposit(app, renter, DepositKind.FLASH, paid=False)
    page = words(phone.get("/m/deposits"))
    assert "闪充押金 待支付" in page
    assert "租车押金" not in page
    assert database.count(Deposit, Deposit.status == DepositStatus.VOID) == 1
    assert database.count(Charge, Charge.deposit_id.is_not(None)) == 2


def test_nobody_reads_anothers(app: Flask, as_customer: AsCustomer, client: LawfulClient) -> None:
    a_member(app)
    assert "还没有付过押金" in words(as_customer().get("/m/deposits"))
    assert client.get("/m/deposits").location.startswith("/m/login")
    assert press(as_customer(registered=False), "/m/deposits/rental/back").location.startswith("/m/register")
