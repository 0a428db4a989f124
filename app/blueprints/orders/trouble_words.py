"""What is said of money that waits for a person: what is wrong with it, and what to do."""

from app.blueprints.orders.steps import Strip
from app.domain import labels
from app.domain.labels import Badge
from app.domain.outbox import Errand
from app.domain.refunds import RefundStatus
from app.queries.suspect_page import SuspectPage
from app.queries.suspects import Trouble, TroubleRow
from app.web.formats import yuan

TROUBLES = {Trouble.PAYMENT: "核对不上", Trouble.SURPLUS: "多付待退", Trouble.ERRAND: "没送到"}
ERRANDS = {
    Errand.CLOSE_PAYMENT: "没能在微信关闭支付",
    Errand.MESSAGE: "消息没有送到用户",
}


def trouble_badge(row: TroubleRow) -> Badge:
    """What is wrong, in a word."""
    if row.trouble is Trouble.PAYMENT:
        return labels.MISFITS.get(row.misfit or "", Badge("核对不上", "stop"))
    if row.refund_status is not None:
        return labels.REFUND_STATUS[row.refund_status]
    return Badge(ERRANDS[row.errand] if row.errand else "没有办成", "wait")


ADVICE = {
    "amount": "这笔没有算付款，先别交车。打电话和用户核对付了多少，再退回或入账。",
    "payer": "付款的微信不是本人的。打电话问是不是请人代付，是就入账，不是就退回。",
    "app": "是从别的公众号付的。问清楚再入账，问不到就退回。",
    "currency": "付的不是人民币，只能退回。",
    "order": "没有这个商户单号的订单。看是谁付的，有金额一样的应付就入账，没有就退回。",
    "transaction": "同一个商户单号又收到一笔钱。打电话核对，多付的就退回。",
}


def trouble_advice(row: TroubleRow) -> str:
    """What to do, in a sentence."""
    if row.trouble is Trouble.PAYMENT:
        owed = f"应收 {yuan(row.expected_fen)}。" if row.expected_fen is not None else ""
        return owed + ADVICE.get(row.misfit or "", "按微信支付单号在商户平台核对。")
    if row.refund_status in (RefundStatus.REFUSED, RefundStatus.ABNORMAL):
        return "付得晚了或者付了两次，退款没有到账。到财务的「退款」里再试。"
    if row.refund_status is not None:
        return "付得晚了或者付了两次，正在自动退回，到账后这里就没有了。"
    if row.errand is Errand.MESSAGE:
        topic = labels.MESSAGES.get(row.topic or "", ("",))[0]
        return f"消息是「{topic}」。打电话告诉用户，或者再发一次。" if topic else "打电话告诉用户。"
    return "没有关掉以前用户还能付这一笔，付了会自动退回。再试一次，还不行就到商户平台按单号核对。"


def currency(found: SuspectPage) -> str:
    """Which money it is."""
    return {"CNY": "人民币", "": ""}.get(found.currency, f"不是人民币（{found.currency}）")


def suspect_badge(found: SuspectPage) -> Badge:
    """Where money that did not fit is now; while it waits, in which way it does not."""
    if found.is_attached:
        return Badge("已入账", "done")
    if found.refund is not None:
        return labels.REFUND_STATUS[found.refund.status]
    return labels.MISFITS.get(found.misfit, Badge("核对不上", "stop"))


def suspect_strip(found: SuspectPage) -> Strip:
    """What to do with it, or what was done."""
    if found.is_attached:
        what = f"{found.thing.number} {found.thing.paid_for}".strip()
        return Strip("已入账。", f"记为 {what} 的付款。", kind="over", icon="check")
    if found.refund is not None:
        stuck = found.refund.status in (RefundStatus.ABNORMAL, RefundStatus.REFUSED)
        if stuck:
            text = f"{yuan(found.refund.amount_fen)} 没有退到付款人账上，"
            return Strip("退款异常。", text, "到财务的「退款」里处理", kind="stop", icon="alert-triangle")
        if found.refund.status is RefundStatus.DONE:
            return Strip("已退款。", f"{yuan(found.refund.amount_fen)} 已经退回付款人。", kind="over", icon="check")
        text = f"{yuan(found.refund.amount_fen)} 正在退回付款人的微信，"
        return Strip("退款中。", text, "到账后这里变为已退款", kind="wait", icon="clock")
    owed = (
        f"应收 {yuan(found.expected_fen)}，收到 {yuan(found.received_fen)}。" if found.expected_fen is not None else ""
    )
    return Strip("先核对。", owed + ADVICE.get(found.misfit, ""), kind="stop", icon="alert-triangle")
