"""What a verb or a query may refuse with: facts, no sentences (`labels.refusal` has the words)."""

from enum import StrEnum


class Rule(StrEnum):
    """The rules that an act may break; each has its words in `labels.REFUSALS`."""

    ALREADY_CLOSED = "already_closed"
    ALREADY_COLLECTED = "already_collected"
    ALREADY_PAID = "already_paid"
    CANCEL_TIME_OVER = "cancel_time_over"
    COLOUR_UNKNOWN = "colour_unknown"
    CONSENT_MISSING = "consent_missing"
    FRAME_NO_TAKEN = "frame_no_taken"
    FRAME_NO_WRONG = "frame_no_wrong"
    FROZEN = "frozen"
    ID_NUMBER_TAKEN = "id_number_taken"
    LETTER_TAKEN = "letter_taken"
    LETTER_WRONG = "letter_wrong"
    NAME_TAKEN = "name_taken"
    NAME_WRONG = "name_wrong"
    NOTE_EMPTY = "note_empty"
    NOT_COLLECTED = "not_collected"
    NOT_FROZEN = "not_frozen"
    NOT_MATCHED = "not_matched"
    NOT_PAID = "not_paid"
    NOT_PENDING = "not_pending"
    NOT_RESERVED = "not_reserved"
    NO_CHANGE = "no_change"
    NUMBER_WRONG = "number_wrong"
    OTHER_REGION = "other_region"
    PAYMENT_TIME_OVER = "payment_time_over"
    PHONE_WRONG = "phone_wrong"
    PRICE_MISSING = "price_missing"
    REASON_MISSING = "reason_missing"
    SCHOOL_HAS_ORDERS = "school_has_orders"
    SCHOOL_HAS_PEOPLE = "school_has_people"
    SERIES_FULL = "series_full"
    SOLD_OUT = "sold_out"
    STALE_CHOICE = "stale_choice"
    STILL_OPEN = "still_open"
    TEXT_TOO_LONG = "text_too_long"
    TIME_PAST = "time_past"
    TOO_MANY_UNPAID = "too_many_unpaid"
    UNDO_TIME_OVER = "undo_time_over"
    VALUE_OUT_OF_RANGE = "value_out_of_range"
    WECHAT_WRONG = "wechat_wrong"


class RuleBroken(Exception):
    """An act that the rules refuse. `facts` are what its sentence needs."""

    def __init__(self, rule: Rule, **facts: object) -> None:
        super().__init__(rule.value)
        self.rule = rule
        self.facts = facts


class NotFound(Exception):
    """There is no such thing, or the actor may not see it: the two look the same from outside."""


class Forbidden(Exception):
    """The actor may see the thing but has no right to this act."""


class LostRace(Exception):
    """A compare-and-set found another state than the one it was decided on: the verb is run again from its start."""
