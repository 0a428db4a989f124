"""The shapes of what is done with numbers: printing plates, taking one out of use."""

import secrets

from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length, Regexp

from app.blueprints.settings.forms import trimmed
from app.domain.reasons import MOST_REASON
from app.web.forms import ActForm


class PlatesForm(ActForm):
    """Which plates are printed; a reason for those that were printed before."""

    numbers = StringField("编号", [Length(max=2000, message="太长了，分几次打印")], filters=[trimmed])
    reason = StringField("补打的原因", [Length(max=MOST_REASON, message=f"最多 {MOST_REASON} 个字")], filters=[trimmed])
    request_key = HiddenField(default=lambda: secrets.token_hex(16), validators=[Regexp(r"^[0-9a-f]{32}$")])


class ReasonForm(ActForm):
    """Why a number goes out of use, or comes back."""

    reason = StringField(
        "原因",
        [DataRequired("写一句原因，同事以后看得懂"), Length(max=MOST_REASON, message=f"最多 {MOST_REASON} 个字")],
        filters=[trimmed],
    )
