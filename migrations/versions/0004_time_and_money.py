"""Time and money: late fees, restrictions as records, refunds outside WeChat, sums of the ledger, bills, closings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.models.base import append_only_statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
PURPOSES = ("sale", "rental_fee", "deposit", "flash_fee", "late_fee")
ACCOUNTS = (
    "wechat",
    "advances",
    "sales",
    "rentals",
    "flash_fees",
    "late_fees",
    "damages",
    "deposits",
    "receivables",
    "surplus",
    "suspense",
    "refunds_payable",
    "outside",
)
CAUSES = (
    "late_notice",
    "not_ours",
    "wechat_wrong",
    "books_wrong",
    "other_day",
    "bank",
    "fee",
    "withdrawal",
    "other",
)
REMEDIES = ("nothing", "booked", "refunded", "asked_wechat", "passed_on", "other")
TROUBLES = ("not_ready", "none_yet", "damaged", "unreadable", "changed", "no_answer", "refused")
NEW_ACCOUNTS = (("late_fees", "income"), ("outside", "liability"))
NEW_APPEND_ONLY = ("late_fee", "late_fee_waiver", "day_close")
REBUILT_APPEND_ONLY = ("deposit_withholding", "ledger_transfer")
PURPOSE_OF = {
    "payment:": """SELECT charge.purpose FROM payment JOIN charge ON charge.id = payment.charge_id
        WHERE payment.transaction_id = substr(ledger_transfer.entry_key, 9)""",
    "refund:": """SELECT charge.purpose FROM refund JOIN payment ON payment.id = refund.payment_id
        JOIN charge ON charge.id = payment.charge_id
        WHERE refund.out_refund_no = substr(ledger_transfer.entry_key, 8)""",
    "refund_done:": """SELECT charge.purpose FROM refund JOIN payment ON payment.id = refund.payment_id
        JOIN charge ON charge.id = payment.charge_id
        WHERE refund.out_refund_no = substr(ledger_transfer.entry_key, 13)""",
    "refund_refused:": """SELECT charge.purpose FROM refund JOIN payment ON payment.id = refund.payment_id
        JOIN charge ON charge.id = payment.charge_id
        WHERE refund.out_refund_no = substr(ledger_transfer.entry_key, 16)""",
    "pickup:": "SELECT purpose FROM charge WHERE order_id = ledger_transfer.order_id",
    "pickup_undone:": "SELECT purpose FROM charge WHERE order_id = ledger_transfer.order_id",
    "flash_fee:": "'flash_fee'",
    "withheld:": """SELECT CASE kind WHEN 'flash_fee' THEN 'flash_fee' ELSE 'deposit' END FROM deposit_withholding
        WHERE 'withheld:' || deposit_withholding.id = ledger_transfer.entry_key""",
}
"""What the money of a transfer was for, by how its entry key begins."""


def word(name: str, *values: str, nullable: bool = False, server_default: str | None = None, kind: str) -> Any:
    """A column that holds one word of several."""
    of = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=20)
    return sa.Column(name, of, nullable=nullable, server_default=server_default)


def widened(batch_op: Any, table: str, kind: str, column: str, *values: str) -> None:
    """A word more in the check of a column."""
    name = op.f(f"ck_{table}_{kind}")
    batch_op.drop_constraint(name, type_="check")
    batch_op.create_check_constraint(name, f"{column} IN ({', '.join(repr(value) for value in values)})")


def partial_index(name: str, table: str, columns: list[Any], where: str, *, unique: bool = False) -> None:
    """An index of some rows, said alike on both engines."""
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def on_sqlite() -> bool:
    """Whether the database is SQLite."""
    return bool(op.get_bind().dialect.name == "sqlite")


def upgrade() -> None:
    """Web and jobs of the release before are stopped meanwhile (decision 0013)."""
    new_tables()
    terms_and_debts()
    changed_tables()
    purposes_of_transfers()
    for table in (*NEW_APPEND_ONLY, *(REBUILT_APPEND_ONLY if on_sqlite() else ())):
        for statement in append_only_statements(table, op.get_bind().dialect.name):
            op.execute(statement)
    accounts = sa.table("ledger_account", sa.column("code"), sa.column("kind"))
    op.get_bind().execute(sa.insert(accounts), [{"code": code, "kind": kind} for code, kind in NEW_ACCOUNTS])
    fold = sa.table("ledger_fold", sa.column("folded_id"), sa.column("seen_id"))
    op.get_bind().execute(sa.insert(fold), [{"folded_id": 0, "seen_id": 0}])


def terms_and_debts() -> None:
    """The day from which a use or rental costs a late fee, and what is owed of them once it is over."""
    for table, counted_from, over in (("battery_use", "began_on", "returned_at"), ("rental", "due_on", "returned_on")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("fees_from", sa.Date(), nullable=True))
            batch_op.add_column(sa.Column("late_owed_fen", BIG, server_default=sa.text("0"), nullable=False))
        if on_sqlite():
            op.execute(f"UPDATE {table} SET fees_from = date({counted_from}, '+' || (free_days + 1) || ' days')")  # noqa: S608  # names of ours
        else:
            op.execute(f"UPDATE {table} SET fees_from = {counted_from} + (free_days + 1)::integer")  # noqa: S608  # the same
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column("fees_from", existing_type=sa.Date(), nullable=False)
            batch_op.alter_column("late_owed_fen", existing_type=BIG, server_default=None, nullable=False)
            batch_op.create_check_constraint(op.f(f"ck_{table}_late_owed_fen_not_negative"), "late_owed_fen >= 0")
            batch_op.create_check_constraint(
                op.f(f"ck_{table}_owes_when_over"), "late_owed_fen = 0 OR returned_at IS NOT NULL"
            )
        partial_index(f"ix_{table}_fees_from", table, ["region_id", "fees_from", "id"], f"{over} IS NULL")
        partial_index(f"ix_{table}_freezes_on", table, ["freezes_on"], f"{over} IS NULL")
        partial_index(f"ix_{table}_owing", table, ["customer_id"], "late_owed_fen > 0")
        partial_index(f"ix_{table}_debt", table, ["returned_at", "id"], "late_owed_fen > 0")
    partial_index("ix_deposit_going_back", "deposit", ["paid_at", "id"], "status IN ('held', 'refunding')")


def changed_tables() -> None:  # noqa: PLR0915  # one step for each table
    """Columns, words and checks more. On SQLite each of these tables is built anew, and loses its triggers."""
    with op.batch_alter_table("charge") as batch_op:
        batch_op.add_column(sa.Column("rental_id", BIG, nullable=True))
        batch_op.add_column(sa.Column("as_of_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("expires_at", TIME, nullable=True))
        batch_op.create_foreign_key(op.f("fk_charge_rental_id"), "rental", ["rental_id"], ["id"])
        widened(batch_op, "charge", "purpose", "purpose", *PURPOSES)
        batch_op.drop_constraint(op.f("ck_charge_subject_fits_purpose"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_charge_subject_fits_purpose"),
            "(purpose IN ('sale', 'rental_fee')) = (order_id IS NOT NULL)"
            " AND (purpose = 'deposit') = (deposit_id IS NOT NULL)"
            " AND (purpose IN ('flash_fee', 'late_fee')) = (coalesce(battery_use_id, rental_id) IS NOT NULL)"
            " AND (purpose = 'late_fee' OR rental_id IS NULL)"
            " AND (battery_use_id IS NULL OR rental_id IS NULL)",
        )
        batch_op.create_check_constraint(
            op.f("ck_charge_a_quote_says_its_day"),
            "(purpose = 'late_fee') = (as_of_on IS NOT NULL) AND (purpose = 'late_fee') = (expires_at IS NOT NULL)",
        )
    quoted = "purpose = 'late_fee' AND status = 'open'"
    partial_index("uq_charge_late_fee_of_use", "charge", ["battery_use_id"], quoted, unique=True)
    partial_index("uq_charge_late_fee_of_rental", "charge", ["rental_id"], quoted, unique=True)
    op.create_index("ix_charge_battery_use_id", "charge", ["battery_use_id"])
    op.create_index("ix_charge_rental_id", "charge", ["rental_id"])

    with op.batch_alter_table("deposit_withholding") as batch_op:
        widened(batch_op, "deposit_withholding", "withholdingkind", "kind", "flash_fee", "late_fee", "damage")

    with op.batch_alter_table("ledger_account") as batch_op:
        widened(batch_op, "ledger_account", "account", "code", *ACCOUNTS)

    with op.batch_alter_table("ledger_transfer") as batch_op:
        batch_op.add_column(word("purpose", *PURPOSES, nullable=True, kind="purpose"))
    op.create_index("ix_ledger_transfer_customer_id", "ledger_transfer", ["customer_id", "id"])
    of_few_transfers("order_id")
    of_few_transfers("deposit_id")

    with op.batch_alter_table("refund") as batch_op:
        batch_op.add_column(word("channel", "wechat", "outside", server_default="wechat", kind="refundchannel"))
        batch_op.add_column(sa.Column("proof_photo_id", BIG, nullable=True))
        batch_op.add_column(word("held_on", *ACCOUNTS, nullable=True, kind="account"))
        batch_op.add_column(sa.Column("request_key", sa.String(40), nullable=True))
        batch_op.add_column(sa.Column("instead_of_id", BIG, nullable=True))
        batch_op.create_unique_constraint(op.f("uq_refund_request_key"), ["request_key"])
        batch_op.create_unique_constraint(op.f("uq_refund_instead_of_id"), ["instead_of_id"])
        batch_op.create_foreign_key(op.f("fk_refund_instead_of_id"), "refund", ["instead_of_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_refund_proof_photo_id"), "photo", ["proof_photo_id"], ["id"])
        batch_op.create_check_constraint(
            op.f("ck_refund_outside_with_proof"), "(channel = 'outside') = (proof_photo_id IS NOT NULL)"
        )
    op.execute(
        """UPDATE refund SET held_on = (SELECT account.code FROM ledger_transfer
            JOIN ledger_account AS account ON account.id = ledger_transfer.debit_id
            WHERE ledger_transfer.entry_key = 'refund:' || refund.out_refund_no AND ledger_transfer.leg = 0)"""
    )
    with op.batch_alter_table("refund") as batch_op:
        batch_op.alter_column("held_on", existing_type=sa.String(20), nullable=False)
    op.create_index("ix_refund_accepted_at", "refund", ["accepted_at"])
    op.create_index("ix_payment_paid_at", "payment", ["paid_at"])

    with op.batch_alter_table("photo") as batch_op:
        widened(batch_op, "photo", "photokind", "kind", "card", "damage", "payout")

    op.drop_index("uq_restriction_open", "restriction")
    with op.batch_alter_table("restriction") as batch_op:
        batch_op.add_column(sa.Column("subject_kind", sa.String(20), server_default="none", nullable=False))
        batch_op.add_column(sa.Column("subject_id", BIG, nullable=True))
        widened(batch_op, "restriction", "cause", "cause", "overdue", "debt", "manual")
    of = ["customer_id", "cause", "subject_kind", sa.text("coalesce(subject_id, 0)")]
    partial_index("uq_restriction_open", "restriction", of, "lifted_at IS NULL", unique=True)
    partial_index("ix_restriction_by_hand", "restriction", ["since", "id"], "lifted_at IS NULL AND cause = 'manual'")

    with op.batch_alter_table("task") as batch_op:
        widened(batch_op, "task", "taskkind", "kind", "battery_labels", "plates", "export")

    partial_index("ix_job_run_failed", "job_run", ["job", "started_at"], "error IS NOT NULL")


def of_few_transfers(column: str) -> None:
    """An index of those transfers alone that have a value in the column."""
    op.drop_index(f"ix_ledger_transfer_{column}", "ledger_transfer")
    partial_index(f"ix_ledger_transfer_{column}", "ledger_transfer", [column], f"{column} IS NOT NULL")


def purposes_of_transfers() -> None:
    """Says of each transfer what its money was for."""
    if not on_sqlite():
        op.execute("DROP TRIGGER ledger_transfer_append_only ON ledger_transfer")
    for beginning, purpose in PURPOSE_OF.items():
        op.execute(f"UPDATE ledger_transfer SET purpose = ({purpose}) WHERE entry_key LIKE '{beginning}%'")  # noqa: S608  # words of ours
    if not on_sqlite():
        op.execute(append_only_statements("ledger_transfer", "postgresql")[1])


def new_tables() -> None:
    """What is kept from now on."""
    op.create_table(
        "bill_day",
        sa.Column(
            "kind",
            sa.Enum("trade", "fund", name="billkind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("sha1", sa.String(length=40), nullable=True),
        sa.Column("lines", BIG, nullable=False),
        sa.Column("fetched_at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_day")),
        sa.UniqueConstraint("kind", "on_day", name=op.f("uq_bill_day_kind_on_day")),
    )
    op.create_table(
        "bill_try",
        word("kind", "trade", "fund", kind="billkind"),
        sa.Column("on_day", sa.Date(), nullable=False),
        word("trouble", *TROUBLES, kind="trouble"),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("tried_at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_try")),
        sa.UniqueConstraint("kind", "on_day", name=op.f("uq_bill_try_kind_on_day")),
    )
    op.create_table(
        "ledger_fold",
        sa.Column("folded_id", BIG, nullable=False),
        sa.Column("seen_id", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_fold")),
    )
    op.create_table(
        "closed_day",
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_closed_day_region_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_closed_day_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_day")),
    )
    op.create_index("uq_closed_day", "closed_day", [sa.literal_column("coalesce(region_id, 0)"), "day_on"], unique=True)
    op.create_table(
        "day_close",
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("closed_at", TIME, nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_day_close_region_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_day_close_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_close")),
    )
    op.create_index("uq_day_close", "day_close", ["on_day", sa.literal_column("coalesce(region_id, 0)")], unique=True)
    op.create_table(
        "job_wanted",
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_job_wanted_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_wanted")),
        sa.UniqueConstraint("job", name=op.f("uq_job_wanted_job")),
    )
    op.create_table(
        "ledger_day",
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("debit_id", BIG, nullable=False),
        sa.Column("credit_id", BIG, nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "sale",
                "rental_fee",
                "deposit",
                "flash_fee",
                "late_fee",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("transfers", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["credit_id"], ["ledger_account.id"], name=op.f("fk_ledger_day_credit_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["ledger_account.id"], name=op.f("fk_ledger_day_debit_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_ledger_day_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_day")),
    )
    op.create_index(
        "uq_ledger_day",
        "ledger_day",
        [
            "booked_on",
            sa.literal_column("coalesce(region_id, 0)"),
            "debit_id",
            "credit_id",
            sa.literal_column("coalesce(purpose, '')"),
        ],
        unique=True,
    )
    op.create_table(
        "late_fee",
        sa.Column("battery_use_id", BIG, nullable=True),
        sa.Column("rental_id", BIG, nullable=True),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "fee",
                "closed",
                "capped",
                "free",
                name="dayreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("posted_at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("reason = 'fee' OR amount_fen = 0", name=op.f("ck_late_fee_only_a_fee_costs")),
        sa.CheckConstraint("(battery_use_id IS NULL) <> (rental_id IS NULL)", name=op.f("ck_late_fee_of_one_thing")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_late_fee_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["battery_use_id"], ["battery_use.id"], name=op.f("fk_late_fee_battery_use_id")),
        sa.ForeignKeyConstraint(["rental_id"], ["rental.id"], name=op.f("fk_late_fee_rental_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_fee")),
    )
    for of in ("battery_use", "rental"):
        there = f"{of}_id IS NOT NULL"
        partial_index(f"uq_late_fee_{of}", "late_fee", ["day_on", f"{of}_id"], there, unique=True)
        partial_index(f"ix_late_fee_{of}_id", "late_fee", [f"{of}_id"], there)
    op.create_table(
        "late_fee_waiver",
        sa.Column("late_fee_id", BIG, nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("request_key", sa.String(length=40), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_late_fee_waiver_of_something")),
        sa.ForeignKeyConstraint(["late_fee_id"], ["late_fee.id"], name=op.f("fk_late_fee_waiver_late_fee_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_late_fee_waiver_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_fee_waiver")),
        sa.UniqueConstraint("late_fee_id", name=op.f("uq_late_fee_waiver_late_fee_id")),
    )
    op.create_index("ix_late_fee_waiver_request_key", "late_fee_waiver", ["request_key"], unique=False)
    op.create_table(
        "bill_item",
        sa.Column("bill_day_id", BIG, nullable=False),
        sa.Column("line_no", BIG, nullable=True),
        sa.Column("at", TIME, nullable=True),
        sa.Column("wechat_id", sa.String(length=64), nullable=True),
        sa.Column("our_no", sa.String(length=64), nullable=True),
        sa.Column("bill_fen", BIG, nullable=True),
        sa.Column("book_fen", BIG, nullable=True),
        sa.Column("payment_id", BIG, nullable=True),
        sa.Column("refund_id", BIG, nullable=True),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "matched",
                "waiting",
                "open",
                "resolved",
                name="itemstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "difference",
            sa.Enum(
                "payment_only_bill",
                "payment_unpaid",
                "payment_only_books",
                "payment_amount",
                "refund_only_bill",
                "refund_only_books",
                "refund_amount",
                "refund_status",
                "twice",
                "other_merchant",
                "fund_missing",
                "fund_only",
                "fund_amount",
                name="difference",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("fee_fen", BIG, nullable=True),
        sa.Column("told", sa.JSON(), nullable=True),
        sa.Column("resolved_by", BIG, nullable=True),
        sa.Column("resolved_at", TIME, nullable=True),
        word("cause", *CAUSES, nullable=True, kind="cause"),
        word("remedy", *REMEDIES, nullable=True, kind="remedy"),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_bill_item_resolved_has_a_time")
        ),
        sa.CheckConstraint(
            "state = 'matched' OR difference IS NOT NULL", name=op.f("ck_bill_item_a_difference_has_a_kind")
        ),
        sa.ForeignKeyConstraint(["bill_day_id"], ["bill_day.id"], name=op.f("fk_bill_item_bill_day_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_bill_item_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_bill_item_refund_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_bill_item_region_id")),
        sa.ForeignKeyConstraint(["resolved_by"], ["staff.id"], name=op.f("fk_bill_item_resolved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_item")),
        sa.UniqueConstraint("bill_day_id", "line_no", name=op.f("uq_bill_item_bill_day_id_line_no")),
    )
    op.create_index("ix_bill_item_payment_id", "bill_item", ["payment_id"], unique=False)
    op.create_index("ix_bill_item_refund_id", "bill_item", ["refund_id"], unique=False)
    op.create_index("ix_bill_item_wechat_id", "bill_item", ["wechat_id"], unique=False)
    op.create_index("ix_bill_item_state", "bill_item", ["state", "bill_day_id", "id"], unique=False)
    op.create_index(
        "uq_bill_item_payment_only_here",
        "bill_item",
        ["bill_day_id", "payment_id"],
        unique=True,
        sqlite_where=sa.text("line_no IS NULL AND payment_id IS NOT NULL"),
        postgresql_where=sa.text("line_no IS NULL AND payment_id IS NOT NULL"),
    )
    op.create_index(
        "uq_bill_item_refund_only_here",
        "bill_item",
        ["bill_day_id", "refund_id"],
        unique=True,
        sqlite_where=sa.text("line_no IS NULL AND refund_id IS NOT NULL"),
        postgresql_where=sa.text("line_no IS NULL AND refund_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Append-only rows cannot be taken back: go back by restoring a backup."""
    raise RuntimeError("restore a backup instead")
