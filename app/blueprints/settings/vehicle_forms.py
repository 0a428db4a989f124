"""The shapes of what is set on vehicles: a model, a listing, a plan, a price, a movement of stock."""

import secrets

from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, ValidationError

from app.blueprints.settings.forms import LookForm, WholeNumberField, trimmed
from app.domain.directory import checked_name
from app.domain.labels import BUSINESS, STOCK_CAUSE
from app.domain.vehicles import (
    MOST_MODEL_NAME,
    MOST_PLAN_NAME,
    PICTURES,
    ModelFacts,
    PriceTag,
    StockCause,
    checked_colours,
    checked_days,
    checked_facts,
    checked_quantity,
    checked_stock_note,
    read_colours,
    read_facts,
)
from app.web.forms import ActForm, MoneyField, fits


class ModelForm(ActForm):
    """A model: colours between commas, one sentence about it a line."""

    name = StringField(
        "车型名",
        [fits(lambda typed: checked_name(typed, MOST_MODEL_NAME))],
        filters=[trimmed],
        render_kw={"autocomplete": "off"},
    )
    colours = StringField(
        "颜色",
        [fits(lambda typed: checked_colours(read_colours(typed)))],
        filters=[trimmed],
        render_kw={"autocomplete": "off"},
    )
    facts = TextAreaField(
        "参数", [fits(lambda typed: checked_facts(read_facts(typed)))], filters=[trimmed], render_kw={"rows": 4}
    )
    picture = RadioField(
        "图片", choices=[SelectChoice(file, f"图 {n}") for n, file in enumerate(PICTURES, 1)], default=PICTURES[0]
    )

    def facts_typed(self) -> ModelFacts:
        """What was typed, not yet checked."""
        return ModelFacts.typed(self.name.data, self.colours.data, self.facts.data, self.picture.data)


class ListingForm(ActForm):
    """Where a model is offered, and for what."""

    region = SelectField("区域")
    business = SelectField(
        "用来", choices=[SelectChoice(business.value, words) for business, words in BUSINESS.items()]
    )


_plan_name = fits(lambda typed: checked_name(typed, MOST_PLAN_NAME))


class NewPlanForm(ActForm):
    """A term that a rental is offered for."""

    name = StringField(
        "名字", [_plan_name], filters=[trimmed], render_kw={"autocomplete": "off", "placeholder": "例如：月租"}
    )
    days = WholeNumberField("天数", [InputRequired("写几天，比如 30"), fits(checked_days)])


class PlanForm(ActForm):
    """What can be changed of it."""

    name = StringField("名字", [_plan_name], filters=[trimmed], render_kw={"autocomplete": "off"})
    shown = BooleanField("手机上可以选这个租期")


class PriceForm(LookForm):
    """A price, the one before it, and from when it holds."""

    value = MoneyField("价格")
    was = MoneyField("原价")

    def validate_value(self, field: MoneyField) -> None:
        """Needed, and within the bounds of prices."""
        if field.data is None and not field.errors:
            raise ValidationError("写一个价格")
        fits(lambda fen: PriceTag(fen).checked())(self, field)

    def validate_was(self, field: MoneyField) -> None:
        """Higher than the price, where there is one to compare with."""
        tag = self.tag
        if tag is not None and not self.value.errors:
            fits(lambda _: tag.checked())(self, field)

    @property
    def tag(self) -> PriceTag | None:
        """What was typed, not yet checked."""
        return None if self.value.data is None else PriceTag(self.value.data, self.was.data)

    def what_was_asked(self) -> str:
        return f"{self.value.data}|{self.was.data}|{self.effective_at.data}"


class StockForm(ActForm):
    """How many came in or went out, and why. `request_key` makes a form that is sent twice one movement."""

    cause = SelectField(
        "原因",
        [DataRequired("选一个原因")],
        choices=[
            SelectChoice("", "选一个"),
            *(SelectChoice(cause.value, words) for cause, words in STOCK_CAUSE.items()),
        ],
    )
    quantity = WholeNumberField("数量", [InputRequired("写几辆，比如 5"), fits(checked_quantity)])
    note = StringField("说明", filters=[trimmed], render_kw={"autocomplete": "off", "placeholder": "例如：九月第二批"})
    request_key = HiddenField(default=lambda: secrets.token_hex(16))

    def validate_note(self, field: StringField) -> None:
        """Needed where the cause alone says nothing."""
        if not self.cause.errors:
            fits(lambda note: checked_stock_note(StockCause(self.cause.data), note))(self, field)
