"""The shapes of a scan, of handing over and taking back, of a card's review, and of looking through the tries."""

import re

from wtforms import BooleanField, DateField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Optional

from app.domain import labels
from app.domain.pickup import Answer
from app.domain.rentals import Condition, Place
from app.web.forms import ActForm, QueryForm, plausible_day
from app.web.guards import MOST_ROW_ID

MOST_TYPED = 200
MOST_REASON = 200
ANSWERS = [("", "全部结果"), *((answer.value, labels.SCAN[answer]) for answer in Answer)]
"""What the log may be narrowed to: value in the URL, words."""
OUTCOMES = {
    "stock": (Condition.GOOD, Place.STOCK),
    "repair": (Condition.GOOD, Place.REPAIR),
    "damaged": (Condition.DAMAGED, Place.REPAIR),
}
"""How a vehicle comes back, by the value of the button that is pressed."""
_SCAN_KEY = re.compile(r"[0-9a-f]{32}")


def _trimmed(text: str | None) -> str:
    return (text or "").strip()


def _row_id(field: IntegerField) -> int | None:
    """What was sent, if a row can have it as its id."""
    number = field.data
    return int(number) if number is not None and 0 < number <= MOST_ROW_ID else None


class ScanForm(ActForm):
    """What the box was given. Nothing in it can be wrong: what does not fit counts as not sent."""

    entry = StringField()
    chosen = StringField()  # a candidate, or the same number again
    fresh = StringField()  # a number that leaves what is on the screen behind
    scan_key = StringField()
    open_order = IntegerField(validators=[Optional()])
    open_battery = StringField()
    colour = StringField()  # what stood in the form of the order on the screen
    frame_no = StringField()

    @property
    def typed(self) -> str:
        """What is to be answered."""
        return _trimmed(self.fresh.data or self.chosen.data or self.entry.data)[:MOST_TYPED]

    @property
    def key(self) -> str | None:
        """The scan's own key, of the one shape that counter.js makes."""
        text = self.scan_key.data or ""
        return text if _SCAN_KEY.fullmatch(text) else None

    @property
    def open_order_id(self) -> int | None:
        """The order on the screen, unless it is left behind."""
        return None if self.fresh.data else _row_id(self.open_order)

    @property
    def open_battery_code(self) -> str:
        """The battery on the screen, unless it is left behind."""
        return "" if self.fresh.data else (self.open_battery.data or "")[:MOST_TYPED]


class HandoverForm(ActForm):
    """Handing a vehicle over; the verb checks both."""

    colour = SelectField("颜色", validate_choice=False)
    frame_no = StringField("车架号", [Length(max=60, message="车架号是 5 到 30 位的字母和数字，扫车架上的条码也行。")])


class ReturnForm(ActForm):
    """Taking a vehicle back: the plate is off, and which button was pressed."""

    plate_off = BooleanField("车牌已取下")
    how = StringField()

    @property
    def outcome(self) -> tuple[Condition, Place] | None:
        """How it was found, and where it goes; None for a button that there is not."""
        return OUTCOMES.get(self.how.data or "")


class CardForm(ActForm):
    """The card that was looked at."""

    card_id = IntegerField(validators=[Optional()])

    @property
    def seen_id(self) -> int | None:
        """Its id."""
        return _row_id(self.card_id)


class RejectForm(CardForm):
    """Refusing it; its person reads the reason."""

    reason = StringField(
        "原因",
        [DataRequired("写一句原因，用户看得到。"), Length(max=MOST_REASON, message="原因最多 200 个字")],
        filters=[_trimmed],
    )


class UseForm(ActForm):
    """The use of a battery that stood on the screen."""

    use_id = IntegerField(validators=[Optional()])

    @property
    def seen_use_id(self) -> int | None:
        """Its id: another one is another person's."""
        return _row_id(self.use_id)


class BatteryReturnForm(UseForm):
    """Where a returned battery goes."""

    place = StringField()

    @property
    def to(self) -> Place:
        """To repair if that was pressed, else to stock."""
        return Place.REPAIR if self.place.data == Place.REPAIR else Place.STOCK


class ExchangeForm(UseForm):
    """The battery that is given instead."""

    fresh = StringField()


class TakeInForm(ActForm):
    """Taking in a battery that is not its bringer's: whose use stays open, as far as that is known, and why."""

    whose = StringField(
        "用户自己的电池", [Length(max=MOST_TYPED, message="输电池编号，或手机尾号四位")], filters=[_trimmed]
    )
    bringer = RadioField("核对用户", coerce=int, validate_choice=False, validators=[Optional()])
    reason = TextAreaField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂。"), Length(max=MOST_REASON, message="原因最多 200 个字")],
        filters=[_trimmed],
    )


class UndoForm(ActForm):
    """Taking a pickup back."""

    reason = TextAreaField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂。"), Length(max=MOST_REASON, message="原因最多 200 个字")],
        filters=[_trimmed],
    )


class AttemptFilterForm(QueryForm):
    """Which day, and which answer."""

    day = DateField(validators=[Optional(), plausible_day])
    answer = SelectField(choices=[SelectChoice(value, label) for value, label in ANSWERS], default="")
