"""The words of the section: what each figure and each account is."""

from collections.abc import Mapping

from app.domain.closing import Figure
from app.domain.ledger import Account

FIGURE: Mapping[Figure, str] = {
    Figure.SALE: "车款",
    Figure.RENTAL_FEE: "租金",
    Figure.FLASH_FEE: "闪充使用费",
    Figure.LATE_FEE: "逾期费",
    Figure.INCOME: "收入小计",
    Figure.UNSETTLED: "多收和待核实",
    Figure.DEPOSITS_IN: "收押金",
    Figure.DEPOSITS_OUT: "退押金",
    Figure.REFUNDS: "退款",
    Figure.NET: "净收",
    Figure.PAID_OUTSIDE: "微信以外退款",
    Figure.LATE_POSTED: "应收逾期费",
    Figure.LATE_WAIVED: "减免逾期费",
    Figure.LATE_WITHHELD: "押金扣逾期费",
}
MEANING: Mapping[Figure, str] = {
    Figure.SALE: "当天微信收到的买车钱，提没提车都算",
    Figure.RENTAL_FEE: "当天微信收到的租车钱，提没提车都算",
    Figure.FLASH_FEE: "当天用户付的扫电池的钱，从押金扣的不算",
    Figure.LATE_FEE: "当天用户付的逾期费，从押金扣的不算",
    Figure.INCOME: "左边各项相加",
    Figure.UNSETTLED: "付晚了、付了两次或对不上的钱，查清或退回以前不算收入",
    Figure.DEPOSITS_IN: "当天微信收到的押金，是负债，不算收入",
    Figure.DEPOSITS_OUT: "当天退到用户微信的押金，多付的押金也算",
    Figure.REFUNDS: "当天退到用户微信的其他钱；申请了还没到账的不算",
    Figure.NET: "收到的减去退出的，就是微信商户账户当天多了多少",
}
"""What stands in each column, in one line."""

STANDING: Mapping[Account, str] = {Account.DEPOSITS: "在册押金", Account.REFUNDS_PAYABLE: "应退"}
OF_A_MONTH = (Figure.INCOME, Figure.DEPOSITS_IN, Figure.DEPOSITS_OUT, Figure.REFUNDS, Figure.NET)
OF_A_CLOSING = (Figure.INCOME, Figure.DEPOSITS_IN, Figure.DEPOSITS_OUT, Figure.REFUNDS)
"""The figures of each day of a month, and of the day that is about to be closed."""
ACCOUNT: Mapping[Account, str] = {
    Account.WECHAT: "在微信支付商户账户里的钱",
    Account.RECEIVABLES: "用户还没付的闪充使用费和逾期费",
    Account.DEPOSITS: "替用户保管的押金",
    Account.ADVANCES: "付了款、还没提车的车款和租金",
    Account.REFUNDS_PAYABLE: "要退给用户、还没到账的钱",
    Account.SURPLUS: "付晚了或付了两次，要退回去的钱",
    Account.SUSPENSE: "对不上订单或金额的钱，等人查清",
    Account.OUTSIDE: "店主在微信以外垫钱退给用户的",
    Account.SALES: "已经提走的车",
    Account.RENTALS: "已经提走的租车的租金",
    Account.FLASH_FEES: "已经扫过的电池的使用费",
    Account.LATE_FEES: "已经发生的逾期费，减免的不算",
    Account.DAMAGES: "从押金里扣的损坏赔偿",
}
"""What each account holds, in one line."""
