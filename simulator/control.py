"""The control page for people: everything that the JSON handles can do, in Chinese, without JavaScript."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from simulator import books, faults, handmade, notices, outgoing, people, refunds, trades
from simulator.clock import DAY, rfc3339
from simulator.refused import Refused
from simulator.web_state import choose, chosen_openid, go_outside, is_outside
from simulator.world import the_world

bp = Blueprint("control", __name__)
SHOWN = 20  # the latest of each kind
PAYMENT_STATES = {"NOTPAY": "未支付", "SUCCESS": "已支付", "REFUND": "转入退款", "CLOSED": "已关闭"}
REFUND_STATES = {"PROCESSING": "处理中", "SUCCESS": "已到账", "ABNORMAL": "异常", "CLOSED": "已关闭"}
NOTICE_STATES = {
    notices.WAITING: "等着送",
    notices.SENT: "已送到",
    notices.GIVEN_UP: "不再送",
    notices.NEVER: "不送（故障）",
    notices.BY_HAND: "手工",
}
BADGES = {
    "SUCCESS": "ok",
    "REFUND": "act",
    "NOTPAY": "quiet",
    "CLOSED": "quiet",
    "PROCESSING": "act",
    "ABNORMAL": "bad",
    notices.WAITING: "warn",
    notices.SENT: "ok",
    notices.GIVEN_UP: "bad",
    notices.NEVER: "bad",
}
DISGUISES = {
    "forged": "签名伪造",
    "stale": "时间过旧",
    "unknown_serial": "序列号不认识",
    "signtest": "签名探测",
    "truncated": "截断",
}
OUTCOMES = {"ok": "支付成功", "cancel": "取消了", "fail": "支付失败"}
REASONS = {"expired": "这笔支付已过期", "paid": "这笔支付已经付过", "closed": "这笔支付已关闭"}


@bp.get("/")
def home() -> str:
    """Everything on one page."""
    world = the_world()
    me = people.person(world, chosen_openid())
    return render_template(
        "control.html",
        said=request.args.get("said", ""),
        me=me,
        papers=people.made_up_papers(me["openid"]) if me else None,
        outside=is_outside(),
        app_url=world.app_url,
        speed=world.speed,
        now=rfc3339(world.clock.now()),
        offset=world.clock.offset(),
        people=people.people(world),
        payments=books.payments(world, limit=SHOWN),
        refunds=books.refunds(world, limit=SHOWN, newest_first=True),
        notices=notices.log(world, limit=SHOWN),
        messages=outgoing.outgoing(world, limit=SHOWN),
        set_faults=[{"row": row, "params": faults.words_of(row)} for row in faults.faults(world)],
        fault_groups=faults.GROUPS,
        kinds=faults.FAULTS,
        notice_kinds=handmade.KINDS,
        disguise_words=DISGUISES,
        payment_states=PAYMENT_STATES,
        refund_states=REFUND_STATES,
        notice_states=NOTICE_STATES,
        event_words=faults.KIND_WORDS,
        badges=BADGES,
    )


def _back(said: str, part: str) -> Response:
    return redirect(url_for("control.home", said=said, _anchor=part), 303)


@bp.post("/control/people")
def make_person() -> Response:
    """A new person, who is also chosen."""
    nickname = request.form.get("nickname", "").strip()[:32]
    if not nickname:
        return _back("写一个昵称，才能加人", "people")
    openid = people.make_person(
        the_world(), nickname, subscribed="subscribed" in request.form, snapshot="snapshot" in request.form
    )
    return choose(_onward(f"现在你是{nickname}"), openid)


@bp.post("/control/choose")
def choose_person() -> Response:
    """This browser is that person's phone from now on."""
    chosen = people.person(the_world(), request.form.get("openid", ""))
    if chosen is None:
        return _back("没有这个人", "people")
    return choose(_onward(f"现在你是{chosen['nickname']}"), chosen["openid"])


def _onward(said: str) -> Response:
    """To the page that asked who it is, if it is one of ours, else to the control page."""
    onward = request.form.get("next", "")
    if onward.startswith("/connect/oauth2/authorize?"):
        return redirect(onward, 303)
    return _back(said, "people")


@bp.post("/control/people/<openid>")
def follow(openid: str) -> Response:
    """Follows the official account, or no longer."""
    subscribed = request.form.get("subscribed") == "1"
    people.follow(the_world(), openid, subscribed=subscribed)
    return _back("已关注" if subscribed else "已取消关注", "people")


@bp.post("/control/browser")
def browser() -> Response:
    """This browser is WeChat's, or an ordinary one."""
    outside = request.form.get("outside") == "1"
    said = "现在是普通浏览器：手机页面会说怎么办" if outside else "现在是微信里的浏览器"
    return go_outside(_back(said, "people"), outside=outside)


@bp.post("/control/pay/<prepay_id>")
def pay(prepay_id: str) -> Response:
    """Answers a payment sheet from here."""
    world, outcome = the_world(), request.form.get("outcome", "")
    try:
        if outcome == "ok":
            trades.pay(world, prepay_id)
        else:
            trades.sheet(world, prepay_id)
    except trades.NoSuchPrepay:
        return _back("没有这笔预支付", "payments")
    except trades.NotPayable as no:
        return _back(REASONS[no.reason], "payments")
    return _back(OUTCOMES.get(outcome, "什么也没做"), "payments")


@bp.post("/control/refunds/<out_refund_no>")
def end_refund(out_refund_no: str) -> Response:
    """WeChat ends a refund now."""
    status = request.form.get("status", "")
    if status not in (refunds.SUCCESS, refunds.ABNORMAL, refunds.CLOSED):
        return _back("没有这种结果", "refunds")
    try:
        refunds.end_by_hand(the_world(), out_refund_no, status)
    except Refused as refused:
        return _back(refused.message, "refunds")
    return _back(f"退款{REFUND_STATES[status]}", "refunds")


@bp.post("/control/notices")
def send_notice() -> Response:
    """A notice made by hand."""
    wish: dict[str, Any] = {name: value for name, value in request.form.items() if value}
    if "amount" in wish:
        wish["amount"] = int(wish["amount"]) if wish["amount"].isdecimal() else wish["amount"]
    try:
        _, attempt = handmade.send(the_world(), wish)
    except handmade.BadNotice as bad:
        return _back(f"没有送：{bad}", "notices")
    return _back(_answered(attempt.status, attempt.error), "notices")


@bp.post("/control/notices/<int:notice_id>")
def resend(notice_id: int) -> Response:
    """The same notice again."""
    try:
        attempt = handmade.resend(the_world(), notice_id, 1, concurrent=False)[0]
    except handmade.BadNotice:
        return _back("没有这个通知", "notices")
    return _back(_answered(attempt.status, attempt.error), "notices")


def _answered(status: int | None, error: str) -> str:
    return f"送到了，应用答 {status}" if status is not None else f"没有送到：{error}"


@bp.post("/control/faults")
def set_fault() -> Response:
    """Misbehave as told; an empty number of times is until cleared."""
    name = request.form.get("name", "")
    times = request.form.get("times", "").strip()
    params = {key: value for key, value in request.form.items() if key not in ("name", "times") and value}
    try:
        faults.set_fault(the_world(), name, int(times) if times else None, params)
    except (faults.BadFault, ValueError) as bad:
        return _back(f"没有设：{bad}", "faults")
    return _back(f"已设故障「{faults.FAULTS[name].word}」", "faults")


@bp.post("/control/faults/clear")
def clear_faults() -> Response:
    """One fault ends, or all."""
    number = request.form.get("id", "")
    faults.clear(the_world(), int(number) if number.isdecimal() else None)
    return _back("故障已清除", "faults")


@bp.post("/control/clock")
def clock() -> Response:
    """Moves the one clock of application and simulator."""
    world = the_world()
    move = request.form.get("move", "")
    if move == "reset":
        world.clock.reset()
    elif move.isdecimal():
        world.clock.move(int(move) * DAY)
    world.wake.set()
    return _back(f"现在是 {rfc3339(world.clock.now())[:16].replace('T', ' ')}", "clock")


@bp.post("/control/reset")
def reset() -> Response:
    """Nothing ever happened."""
    world = the_world()
    world.store.forget(people="keep_people" not in request.form)
    world.requests.clear()
    return _back("已清空", "reset")
