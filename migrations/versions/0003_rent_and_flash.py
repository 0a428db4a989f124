"""Rent and flash charge: cards, plans, deposits, rentals, batteries; what was there learns to serve them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models.base import append_only_statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LAST_NUMBER = 9999
HANDED_OVER = "status = 'completed' AND (business = 'M' OR occupies_rental)"
REBUILT_APPEND_ONLY = ("charge_line", "ledger_transfer", "pickup_attempt", "stock_movement")
ALL_ACCOUNTS = (
    "wechat",
    "advances",
    "sales",
    "rentals",
    "flash_fees",
    "damages",
    "deposits",
    "receivables",
    "surplus",
    "suspense",
    "refunds_payable",
)
ANSWERS = (
    "ready",
    "not_this_persons",
    "other_store",
    "not_paid",
    "deposit_missing",
    "card_not_approved",
    "frozen",
    "expired",
    "cancelled",
    "collected",
    "unknown",
    "choose",
    "rented_out",
    "battery_out",
    "battery_in",
    "battery_away",
)
ORDER_CHECKS = {
    "a_closed_one_occupies_nothing": "NOT occupies_rental OR closed_at IS NULL",
    "rented_for_some_days": "(business = 'M') = (days = 0)",
    "only_a_rental_occupies": "NOT occupies_rental OR business IN ('Z', 'P')",
    "a_rental_names_its_deposits": (
        "(business = 'M') = (rental_deposit_fen IS NULL) AND (business = 'M') = (flash_deposit_fen IS NULL)"
    ),
}
ACCOUNTS = (
    ("rentals", "income"),
    ("flash_fees", "income"),
    ("damages", "income"),
    ("deposits", "liability"),
    ("receivables", "asset"),
)
CONSENT = (
    "租车和开通闪充要看你的学生证。照片去掉位置等信息后加密保存，只有审核的店员能看，只用来核对是不是本人在读。"
    "学号加密保存，不会显示在任何列表里，也不会给第三方。"
    "你可以不同意；不同意就不能租车和开通闪充，但可以买车。"
    "重新提交后，上一张照片会删除；也可以随时联系客服撤回同意。"
)


def words(column: str, *values: str) -> str:
    """The check of a column that holds one word of several."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def widened(batch_op: Any, table: str, kind: str, column: str, *values: str) -> None:
    """A word more in the check of a column."""
    name = f"ck_{table}_{kind}"
    batch_op.drop_constraint(op.f(name), type_="check")
    batch_op.create_check_constraint(op.f(name), words(column, *values))


def upgrade() -> None:
    """Works beside the release before it, which writes none of the new columns."""
    new_tables()
    changed_tables()
    for table in ("deposit_withholding", *REBUILT_APPEND_ONLY):
        on_sqlite = op.get_bind().dialect.name == "sqlite"
        if on_sqlite or table == "deposit_withholding":
            for statement in append_only_statements(table, op.get_bind().dialect.name):
                op.execute(statement)
    reference_data()
    messages_of_before()


def new_tables() -> None:
    """What rent and flash charge bring along."""
    op.create_table(
        "battery",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "in_stock",
                "in_use",
                "repair",
                "scrapped",
                "lost",
                name="batterystate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("n BETWEEN 1 AND 99999", name=op.f("ck_battery_n_in_range")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_battery_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_battery")),
        sa.UniqueConstraint("region_id", "n", name=op.f("uq_battery_region_id_n")),
    )
    op.create_index("ix_battery_state", "battery", ["region_id", "state", "n"], unique=False)

    op.create_table(
        "task",
        sa.Column(
            "kind",
            sa.Enum("battery_labels", "plates", name="taskkind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("asked_by", BIG, nullable=False),
        sa.Column("request_key", sa.String(length=40), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "due",
                "running",
                "done",
                "failed",
                name="taskstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("done", BIG, nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("file_key", sa.String(length=32), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_task_asked_by")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_task_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("request_key", name=op.f("uq_task_request_key")),
    )
    op.create_index("ix_task_asked_by", "task", ["asked_by", "id"], unique=False)
    op.create_index("ix_task_expires_at", "task", ["expires_at"], unique=False)
    op.create_index("ix_task_status", "task", ["status", "id"], unique=False)

    op.create_table(
        "plan",
        sa.Column("listing_id", BIG, nullable=False),
        sa.Column("days", BIG, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("days > 0", name=op.f("ck_plan_for_some_days")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_plan_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("listing_id", "days", name=op.f("uq_plan_listing_id_days")),
    )
    op.create_table(
        "battery_person",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_battery_person_customer_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_battery_person_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_battery_person")),
        sa.UniqueConstraint("customer_id", "region_id", name=op.f("uq_battery_person_customer_id_region_id")),
    )
    op.create_index("ix_battery_person_region_id", "battery_person", ["region_id", "first"], unique=False)

    op.create_table(
        "photo",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("card", "damage", name="photokind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_photo_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo")),
        sa.UniqueConstraint("key", name=op.f("uq_photo_key")),
    )
    op.create_index("ix_photo_customer_id", "photo", ["customer_id"], unique=False)

    op.create_table(
        "deposit",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("rental", "flash", name="depositkind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "due",
                "void",
                "held",
                "refunding",
                "refunded",
                name="depositstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withheld_fen", BIG, nullable=False),
        sa.Column("refunded_fen", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(status IN ('due', 'void')) = (paid_at IS NULL)", name=op.f("ck_deposit_held_once_paid")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_deposit_amount_fen_not_negative")),
        sa.CheckConstraint("refunded_fen >= 0", name=op.f("ck_deposit_refunded_fen_not_negative")),
        sa.CheckConstraint("withheld_fen + refunded_fen <= amount_fen", name=op.f("ck_deposit_gives_what_it_has")),
        sa.CheckConstraint("withheld_fen >= 0", name=op.f("ck_deposit_withheld_fen_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_deposit_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_deposit_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_deposit_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit")),
    )
    op.create_index("ix_deposit_customer_id", "deposit", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_deposit_members",
        "deposit",
        ["region_id"],
        unique=False,
        sqlite_where=sa.text("kind = 'flash' AND status = 'held'"),
        postgresql_where=sa.text("kind = 'flash' AND status = 'held'"),
    )
    op.create_index("ix_deposit_order_id", "deposit", ["order_id"], unique=False)
    op.create_index("ix_deposit_status", "deposit", ["status", "region_id", "id"], unique=False)
    op.create_index(
        "uq_deposit_standing",
        "deposit",
        ["customer_id", "kind"],
        unique=True,
        sqlite_where=sa.text("status IN ('due', 'held')"),
        postgresql_where=sa.text("status IN ('due', 'held')"),
    )

    op.create_table(
        "student_card",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("photo_id", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "approved",
                "rejected",
                "withdrawn",
                name="cardstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("request_key", sa.String(length=40), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", BIG, nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(status = 'rejected') = (reason IS NOT NULL)", name=op.f("ck_student_card_rejected_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_student_card_customer_id")),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name=op.f("fk_student_card_photo_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["staff.id"], name=op.f("fk_student_card_reviewed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_card")),
        sa.UniqueConstraint("customer_id", "request_key", name=op.f("uq_student_card_customer_id_request_key")),
    )
    op.create_index("ix_student_card_customer_id", "student_card", ["customer_id", "id"], unique=False)
    op.create_index("ix_student_card_status", "student_card", ["status", "submitted_at", "id"], unique=False)
    op.create_index(
        "uq_student_card_standing",
        "student_card",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'approved')"),
        postgresql_where=sa.text("status IN ('pending', 'approved')"),
    )

    op.create_table(
        "battery_use",
        sa.Column("battery_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("deposit_id", BIG, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("price_fen", BIG, nullable=False),
        sa.Column("free_days", BIG, nullable=False),
        sa.Column("late_fee_fen", BIG, nullable=False),
        sa.Column("freeze_days", BIG, nullable=False),
        sa.Column("cap_fen", BIG, nullable=False),
        sa.Column("freezes_on", sa.Date(), nullable=False),
        sa.Column("return_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("returned_by", BIG, nullable=True),
        sa.Column(
            "ended_by",
            sa.Enum("clerk", "exchange", "lost", name="endedby", native_enum=False, create_constraint=True, length=20),
            nullable=True,
        ),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("settled_by", BIG, nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(returned_on IS NULL) = (ended_by IS NULL)", name=op.f("ck_battery_use_ended_somehow")),
        sa.CheckConstraint("(returned_on IS NULL) = (returned_at IS NULL)", name=op.f("ck_battery_use_returned_whole")),
        sa.CheckConstraint("price_fen >= 0", name=op.f("ck_battery_use_price_fen_not_negative")),
        sa.CheckConstraint("settled_at IS NULL OR disputed", name=op.f("ck_battery_use_only_a_dispute_is_settled")),
        sa.ForeignKeyConstraint(["battery_id"], ["battery.id"], name=op.f("fk_battery_use_battery_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_battery_use_customer_id")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("fk_battery_use_deposit_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_battery_use_region_id")),
        sa.ForeignKeyConstraint(["returned_by"], ["staff.id"], name=op.f("fk_battery_use_returned_by")),
        sa.ForeignKeyConstraint(["settled_by"], ["staff.id"], name=op.f("fk_battery_use_settled_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_battery_use")),
    )
    op.create_index("ix_battery_use_battery_id", "battery_use", ["battery_id", "began_at", "id"], unique=False)
    op.create_index("ix_battery_use_began_at", "battery_use", ["began_at", "id"], unique=False)
    op.create_index("ix_battery_use_customer_id", "battery_use", ["customer_id", "began_at", "id"], unique=False)
    op.create_index(
        "ix_battery_use_disputed",
        "battery_use",
        ["region_id", "began_at", "id"],
        unique=False,
        sqlite_where=sa.text("disputed AND settled_at IS NULL"),
        postgresql_where=sa.text("disputed AND settled_at IS NULL"),
    )
    op.create_index(
        "ix_battery_use_open",
        "battery_use",
        ["region_id", "began_at", "id"],
        unique=False,
        sqlite_where=sa.text("returned_at IS NULL"),
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    partial_index("ix_battery_use_returned_at", "battery_use", ["region_id", "returned_at"], "returned_at IS NOT NULL")
    op.create_index("ix_battery_use_region_id", "battery_use", ["region_id", "began_at", "id"], unique=False)
    op.create_index(
        "uq_battery_use_battery",
        "battery_use",
        ["battery_id"],
        unique=True,
        sqlite_where=sa.text("returned_at IS NULL"),
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    op.create_index(
        "uq_battery_use_customer",
        "battery_use",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text("returned_at IS NULL"),
        postgresql_where=sa.text("returned_at IS NULL"),
    )

    op.create_table(
        "rental",
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("deposit_id", BIG, nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("free_days", BIG, nullable=False),
        sa.Column("late_fee_fen", BIG, nullable=False),
        sa.Column("freeze_days", BIG, nullable=False),
        sa.Column("cap_fen", BIG, nullable=False),
        sa.Column("freezes_on", sa.Date(), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_by", BIG, nullable=True),
        sa.Column(
            "returned_to",
            sa.Enum("stock", "repair", name="place", native_enum=False, create_constraint=True, length=20),
            nullable=True,
        ),
        sa.Column(
            "condition",
            sa.Enum("good", "damaged", name="condition", native_enum=False, create_constraint=True, length=20),
            nullable=True,
        ),
        sa.Column("plate_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(returned_on IS NULL) = (condition IS NULL)", name=op.f("ck_rental_returned_in_some_condition")
        ),
        sa.CheckConstraint("(returned_on IS NULL) = (returned_at IS NULL)", name=op.f("ck_rental_returned_whole")),
        sa.CheckConstraint(
            "(returned_on IS NULL) = (returned_to IS NULL)", name=op.f("ck_rental_returned_to_some_place")
        ),
        sa.CheckConstraint(
            "settled_at IS NULL OR returned_at IS NOT NULL", name=op.f("ck_rental_settled_after_the_return")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_rental_customer_id")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("fk_rental_deposit_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_rental_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_rental_region_id")),
        sa.ForeignKeyConstraint(["returned_by"], ["staff.id"], name=op.f("fk_rental_returned_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rental")),
        sa.UniqueConstraint("order_id", name=op.f("uq_rental_order_id")),
    )
    partial_index("ix_rental_returned_at", "rental", ["region_id", "returned_at"], "returned_at IS NOT NULL")
    op.create_index("ix_rental_customer_id", "rental", ["customer_id"], unique=False)
    op.create_index("ix_rental_deposit_id", "rental", ["deposit_id"], unique=False)
    op.create_index(
        "ix_rental_out",
        "rental",
        ["due_on", "id"],
        unique=False,
        sqlite_where=sa.text("returned_on IS NULL"),
        postgresql_where=sa.text("returned_on IS NULL"),
    )
    op.create_index(
        "ix_rental_unsettled",
        "rental",
        ["region_id", "returned_at", "id"],
        unique=False,
        sqlite_where=sa.text("returned_at IS NOT NULL AND settled_at IS NULL"),
        postgresql_where=sa.text("returned_at IS NOT NULL AND settled_at IS NULL"),
    )

    op.create_table(
        "deposit_withholding",
        sa.Column("deposit_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "flash_fee", "damage", name="withholdingkind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("battery_use_id", BIG, nullable=True),
        sa.Column("rental_id", BIG, nullable=True),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("photo_id", BIG, nullable=True),
        sa.Column("request_key", sa.String(length=40), nullable=True),
        sa.Column("nth", BIG, nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "kind <> 'damage' OR photo_id IS NOT NULL", name=op.f("ck_deposit_withholding_damage_has_a_photo")
        ),
        sa.CheckConstraint(
            "(battery_use_id IS NULL) <> (rental_id IS NULL)", name=op.f("ck_deposit_withholding_for_one_thing")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposit_withholding_of_something")),
        sa.ForeignKeyConstraint(
            ["battery_use_id"], ["battery_use.id"], name=op.f("fk_deposit_withholding_battery_use_id")
        ),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("fk_deposit_withholding_deposit_id")),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name=op.f("fk_deposit_withholding_photo_id")),
        sa.ForeignKeyConstraint(["rental_id"], ["rental.id"], name=op.f("fk_deposit_withholding_rental_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_deposit_withholding_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_withholding")),
        sa.UniqueConstraint("request_key", "nth", name=op.f("uq_deposit_withholding_request_key_nth")),
    )
    op.create_index("ix_deposit_withholding_deposit_id", "deposit_withholding", ["deposit_id"], unique=False)


def changed_tables() -> None:  # noqa: PLR0915  # one step for each table
    """Columns, words and checks more. On SQLite each of these tables is built anew, and loses its triggers."""
    with op.batch_alter_table("charge") as batch_op:
        batch_op.add_column(sa.Column("deposit_id", BIG, nullable=True))
        batch_op.add_column(sa.Column("battery_use_id", BIG, nullable=True))
        batch_op.alter_column("order_id", existing_type=BIG, nullable=True)
        batch_op.create_foreign_key(op.f("fk_charge_deposit_id"), "deposit", ["deposit_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_charge_battery_use_id"), "battery_use", ["battery_use_id"], ["id"])
        widened(batch_op, "charge", "purpose", "purpose", "sale", "rental_fee", "deposit", "flash_fee")
        batch_op.create_check_constraint(
            op.f("ck_charge_subject_fits_purpose"),
            "(purpose IN ('sale', 'rental_fee')) = (order_id IS NOT NULL)"
            " AND (purpose = 'deposit') = (deposit_id IS NOT NULL)"
            " AND (purpose = 'flash_fee') = (battery_use_id IS NOT NULL)",
        )
    partial_index("uq_charge_deposit", "charge", ["deposit_id"], "deposit_id IS NOT NULL", unique=True)
    partial_index("uq_charge_flash_fee", "charge", ["battery_use_id"], "purpose = 'flash_fee'", unique=True)

    with op.batch_alter_table("charge_line") as batch_op:
        widened(batch_op, "charge_line", "linekind", "kind", "price", "deposit", "fee")

    with op.batch_alter_table("identity") as batch_op:
        batch_op.add_column(sa.Column("student_no", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("ledger_account") as batch_op:
        widened(batch_op, "ledger_account", "account", "code", *ALL_ACCOUNTS)

    with op.batch_alter_table("ledger_transfer") as batch_op:
        batch_op.add_column(sa.Column("deposit_id", BIG, nullable=True))
        batch_op.create_foreign_key(op.f("fk_ledger_transfer_deposit_id"), "deposit", ["deposit_id"], ["id"])
    op.create_index("ix_ledger_transfer_deposit_id", "ledger_transfer", ["deposit_id"])

    with op.batch_alter_table("number_holding") as batch_op:
        batch_op.alter_column("order_id", existing_type=BIG, nullable=True)

    with op.batch_alter_table("number_slot") as batch_op:
        batch_op.add_column(sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True))
        widened(batch_op, "number_slot", "slotstate", "state", "free", "held", "waiting", "kept", "retired")
        batch_op.drop_constraint(op.f("ck_number_slot_taken_by_an_order"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_number_slot_taken_by_an_order"),
            "(state IN ('held', 'waiting', 'kept')) = (order_id IS NOT NULL)",
        )

    with op.batch_alter_table("order_day") as batch_op:
        batch_op.add_column(sa.Column("out", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.drop_constraint(op.f("uq_order_day_business_region_id_status_on_day"), type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_order_day_business_region_id_status_out_on_day"),
            ["business", "region_id", "status", "out", "on_day"],
        )

    op.drop_index("uq_orders_frame_no", "orders")
    with op.batch_alter_table("orders") as batch_op:
        batch_op.add_column(sa.Column("days", BIG, server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("occupies_rental", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("rental_deposit_fen", BIG, nullable=True))
        batch_op.add_column(sa.Column("flash_deposit_fen", BIG, nullable=True))
        for name, check in ORDER_CHECKS.items():
            batch_op.create_check_constraint(op.f(f"ck_orders_{name}"), check)
    partial_index("uq_orders_frame_no", "orders", ["frame_no"], HANDED_OVER, unique=True)
    partial_index("uq_orders_one_rental", "orders", ["customer_id"], "occupies_rental", unique=True)
    out = "occupies_rental AND status = 'completed'"
    partial_index("ix_orders_out", "orders", ["business", "region_id", "reserved_at", "id"], out)

    with op.batch_alter_table("pickup_attempt") as batch_op:
        widened(batch_op, "pickup_attempt", "answer", "answer", *ANSWERS)

    with op.batch_alter_table("restriction") as batch_op:
        widened(batch_op, "restriction", "cause", "cause", "overdue", "manual")

    op.drop_index("ix_stock_movement_listing_id", "stock_movement")
    with op.batch_alter_table("stock_movement") as batch_op:
        batch_op.add_column(sa.Column("note", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("request_key", sa.String(length=40), nullable=True))
        batch_op.create_unique_constraint(op.f("uq_stock_movement_request_key"), ["request_key"])
        widened(batch_op, "stock_movement", "stockreason", "reason", "reserved", "closed", "returned", "by_hand")
    op.create_index("ix_stock_movement_listing_id", "stock_movement", ["listing_id", "at", "id"])


def partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """An index of some rows, said alike on both engines."""
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def reference_data() -> None:
    """The accounts, the numbers of the two new businesses in every region, and what is agreed to with a card."""
    bind = op.get_bind()
    accounts = sa.table("ledger_account", sa.column("code"), sa.column("kind"))
    bind.execute(sa.insert(accounts), [{"code": code, "kind": kind} for code, kind in ACCOUNTS])
    region = sa.table("region", sa.column("id"))
    series = sa.table("number_series", sa.column("id"), sa.column("region_id"), sa.column("business"), sa.column("seq"))
    slots = sa.table("number_slot", sa.column("series_id"), sa.column("n"), sa.column("state"))
    for region_id in bind.execute(sa.select(region.c.id)).scalars().all():
        for business in ("Z", "P"):
            series_id = bind.execute(
                sa.insert(series).values(region_id=region_id, business=business, seq=0).returning(series.c.id)
            ).scalar_one()
            numbers = [{"series_id": series_id, "n": n, "state": "free"} for n in range(1, LAST_NUMBER + 1)]
            bind.execute(sa.insert(slots), numbers)
    consent = sa.table("consent_text", sa.column("kind"), sa.column("version"), sa.column("body"))
    bind.execute(sa.insert(consent).values(kind="student_card", version=1, body=CONSENT))


def messages_of_before() -> None:
    """What people are still to be told: an order's message has become one of any page."""
    bind = op.get_bind()
    outbox = sa.table(
        "outbox", sa.column("id", BIG), sa.column("kind"), sa.column("status"), sa.column("payload", sa.JSON)
    )
    wanted = sa.select(outbox.c.id, outbox.c.payload).where(outbox.c.kind == "message", outbox.c.status != "done")
    for row in bind.execute(wanted).all():
        facts = {name: row.payload[name] for name in ("number", "amount_fen") if name in row.payload}
        payload = {
            "topic": row.payload["topic"],
            "customer_id": row.payload["customer_id"],
            "page": f"/m/orders/{row.payload['order_id']}",
            "facts": facts,
        }
        bind.execute(sa.update(outbox).where(outbox.c.id == row.id).values(payload=payload))


def downgrade() -> None:
    """Append-only rows cannot be taken back: go back by restoring a backup."""
    raise RuntimeError("restore a backup instead")
