"""The shapes of a scan, of handing over, of taking back, and of looking through the tries."""

import re

from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from app.domain import labels
from app.domain.pickup import Answer
from app.web.forms import ActForm, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID

MOST_TYPED = 200
ANSWERS = [("", "全部结果"), *((answer.value, labels.SCAN[answer]) for answer in Answer)]
"""What the log may be narrowed to: value in the URL, words."""
_SCAN_KEY = re.compile(r"[0-9a-f]{32}")


class ScanForm(ActForm):
    """What the box was given. Nothing in it can be wrong: what does not fit counts as not sent."""

    entry = StringField()
    chosen = StringField()  # a candidate, or the same number again
    fresh = StringField()  # a number that leaves the order on the screen behind
    scan_key = StringField()
    open_order = IntegerField(validators=[Optional()])
    colour = StringField()  # what stood in the form of the order on the screen
    frame_no = StringField()

    @property
    def typed(self) -> str:
        """What is to be answered."""
        return (self.fresh.data or self.chosen.data or self.entry.data or "").strip()[:MOST_TYPED]

    @property
    def key(self) -> str | None:
        """The scan's own key, of the one shape that counter.js makes."""
        text = self.scan_key.data or ""
        return text if _SCAN_KEY.fullmatch(text) else None

    @property
    def open_order_id(self) -> int | None:
        """The order on the screen, unless it is left behind."""
        number = self.open_order.data
        return None if self.fresh.data or number is None or not 0 < number <= MOST_ROW_ID else int(number)


class HandoverForm(ActForm):
    """Handing a vehicle over; the verb checks both."""

    colour = SelectField("颜色", validate_choice=False)
    frame_no = StringField("车架号", [Length(max=60, message="车架号是 5 到 30 位的字母和数字，扫车架上的条码也行。")])


class UndoForm(ActForm):
    """Taking a pickup back."""

    reason = TextAreaField(
        "原因",
        [InputRequired("写一句原因，同事以后看得懂。"), Length(max=200, message="原因最多 200 个字")],
        filters=[lambda text: (text or "").strip()],
    )


class AttemptFilterForm(QueryForm):
    """Which day, and which answer."""

    day = DateField(validators=[Optional(), plausible_day])
    answer = SelectField(choices=[SelectChoice(value, label) for value, label in ANSWERS], default="")
