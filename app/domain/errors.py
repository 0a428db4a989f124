"""What a verb or a query may refuse with: facts, no sentences (`labels.refusal` has the words)."""

from enum import StrEnum


class Rule(StrEnum):
    """The rules that an act may break; each has its words in `labels.REFUSALS`."""

    ALREADY_CLOSED = "already_closed"
    ALREADY_COLLECTED = "already_collected"
    ALREADY_PAID = "already_paid"
    ALREADY_RECORDED = "already_recorded"
    ALREADY_RETURNED = "already_returned"
    AMOUNT_WRONG = "amount_wrong"
    BATTERIES_EXIST = "batteries_exist"
    BATTERY_CHANGED = "battery_changed"
    BATTERY_HELD = "battery_held"
    BATTERY_MOVE_WRONG = "battery_move_wrong"
    BATTERY_NOT_OUT = "battery_not_out"
    BATTERY_NOT_READY = "battery_not_ready"
    BATTERY_RANGE_WRONG = "battery_range_wrong"
    BATTERY_TAKEN = "battery_taken"
    BATTERY_UNKNOWN = "battery_unknown"
    CANCEL_TIME_OVER = "cancel_time_over"
    CARD_MISSING = "card_missing"
    CARD_NOT_APPROVED = "card_not_approved"
    CARD_STANDS = "card_stands"
    COLOURS_MISSING = "colours_missing"
    COLOUR_UNKNOWN = "colour_unknown"
    CONSENT_MISSING = "consent_missing"
    DAMAGE_SETTLED = "damage_settled"
    DAYS_WRONG = "days_wrong"
    DEPOSIT_HELD = "deposit_held"
    DEPOSIT_MISSING = "deposit_missing"
    DEPOSIT_NOT_HELD = "deposit_not_held"
    DEPOSIT_TIED = "deposit_tied"
    DISPUTE_SETTLED = "dispute_settled"
    FIRST_PRICE = "first_price"
    FLASH_FEE_UNPAID = "flash_fee_unpaid"
    FLASH_NOT_OPENED = "flash_not_opened"
    FRAME_NO_TAKEN = "frame_no_taken"
    FRAME_NO_WRONG = "frame_no_wrong"
    FROZEN = "frozen"
    ID_NUMBER_TAKEN = "id_number_taken"
    ITEM_MISSING = "item_missing"
    LETTER_TAKEN = "letter_taken"
    LETTER_WRONG = "letter_wrong"
    LISTING_EXISTS = "listing_exists"
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
    NO_RENTAL = "no_rental"
    NUMBER_NOT_FREE = "number_not_free"
    NUMBER_NOT_RETIRED = "number_not_retired"
    NUMBER_WRONG = "number_wrong"
    ONE_RENTAL = "one_rental"
    OTHER_REGION = "other_region"
    PAYMENT_TIME_OVER = "payment_time_over"
    PHONE_WRONG = "phone_wrong"
    PICTURE_MISSING = "picture_missing"
    PLAN_EXISTS = "plan_exists"
    PLATE_ON = "plate_on"
    PRICE_MISSING = "price_missing"
    PRINTED_BEFORE = "printed_before"
    PRINT_RANGE_WRONG = "print_range_wrong"
    PRINT_TOO_MANY = "print_too_many"
    QUANTITY_WRONG = "quantity_wrong"
    REASON_MISSING = "reason_missing"
    SCHOOL_HAS_ORDERS = "school_has_orders"
    SCHOOL_HAS_PEOPLE = "school_has_people"
    SERIES_FULL = "series_full"
    SETTINGS_CLASH = "settings_clash"
    SOLD_OUT = "sold_out"
    STALE_CHOICE = "stale_choice"
    STILL_OPEN = "still_open"
    STOCK_TOO_LOW = "stock_too_low"
    STUDENT_NO_WRONG = "student_no_wrong"
    TEXT_TOO_LONG = "text_too_long"
    TIME_PAST = "time_past"
    TOO_MANY = "too_many"
    TOO_MANY_UNPAID = "too_many_unpaid"
    UNDO_TIME_OVER = "undo_time_over"
    VALUE_OUT_OF_RANGE = "value_out_of_range"
    WAS_PRICE_WRONG = "was_price_wrong"
    WECHAT_WRONG = "wechat_wrong"
    WITHHOLD_TOO_MUCH = "withhold_too_much"


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
