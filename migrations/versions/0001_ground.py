"""All tables of the first release, and the triggers that make some of them append-only."""

import sqlalchemy as sa
from alembic import op

from app.models.base import append_only_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = (
    "audit",
    "charge_line",
    "consent_text",
    "ledger_transfer",
    "pickup_attempt",
    "price",
    "setting_version",
    "stock_movement",
)


def upgrade() -> None:  # noqa: PLR0915  # one step for each table
    """Works beside the release before it."""
    op.create_table(
        "consent_text",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_text")),
        sa.UniqueConstraint("kind", "version", name=op.f("uq_consent_text_kind_version")),
    )
    op.create_table(
        "job_run",
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", BIG, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
    )
    op.create_index("ix_job_run_job", "job_run", ["job", "id"], unique=False)
    op.create_index("ix_job_run_started_at", "job_run", ["started_at"], unique=False)

    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
        sa.UniqueConstraint("name", name=op.f("uq_lease_name")),
    )
    op.create_table(
        "ledger_account",
        sa.Column(
            "code",
            sa.Enum(
                "wechat",
                "advances",
                "sales",
                "surplus",
                "suspense",
                "refunds_payable",
                name="account",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "asset", "liability", "income", name="accountkind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("code", name=op.f("uq_ledger_account_code")),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "kind",
            sa.Enum(
                "refund",
                "close_payment",
                "message",
                name="errand",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("due", "done", "parked", name="outboxstatus", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("tries", BIG, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_outbox_kind_key")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("status = 'due'"),
        postgresql_where=sa.text("status = 'due'"),
    )
    op.create_index("ix_outbox_status", "outbox", ["status"], unique=False)

    op.create_table(
        "rate_counter",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("hits", BIG, nullable=False),
        sa.Column("resets_at", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_counter")),
        sa.UniqueConstraint("key", name=op.f("uq_rate_counter_key")),
    )
    op.create_table(
        "region",
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("length(letter) = 1 AND letter BETWEEN 'A' AND 'Z'", name=op.f("ck_region_letter")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("letter", name=op.f("uq_region_letter")),
    )
    op.create_table(
        "staff",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("link_hash", sa.String(length=64), nullable=True),
        sa.Column("link_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_staff_link_hash")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
    )
    op.create_table(
        "vehicle_model",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("colours", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("picture", sa.String(length=80), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicle_model")),
        sa.UniqueConstraint("name", name=op.f("uq_vehicle_model_name")),
    )
    op.create_table(
        "wechat_notice",
        sa.Column(
            "kind",
            sa.Enum("payment", "refund", name="noticekind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_notice")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_wechat_notice_kind_key")),
    )
    op.create_table(
        "wechat_token",
        sa.Column("app_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_token")),
        sa.UniqueConstraint("app_id", "kind", name=op.f("uq_wechat_token_app_id_kind")),
    )
    op.create_table(
        "contact",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "customer_service", "repair", name="contactkind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("wechat", sa.String(length=40), nullable=False),
        sa.Column("hours", sa.String(length=40), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_contact_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("region_id", "kind", name=op.f("uq_contact_region_id_kind")),
    )
    op.create_table(
        "listing",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("model_id", BIG, nullable=False),
        sa.Column(
            "business",
            sa.Enum("M", "Z", "P", name="business", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("stock", BIG, nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_listing_stock_not_negative")),
        sa.ForeignKeyConstraint(["model_id"], ["vehicle_model.id"], name=op.f("fk_listing_model_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_listing_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing")),
        sa.UniqueConstraint("region_id", "model_id", "business", name=op.f("uq_listing_region_id_model_id_business")),
    )
    op.create_table(
        "number_series",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "business",
            sa.Enum("M", "Z", "P", name="business", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_number_series_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_series")),
        sa.UniqueConstraint("region_id", "business", name=op.f("uq_number_series_region_id_business")),
    )
    op.create_table(
        "order_day",
        sa.Column(
            "business",
            sa.Enum("M", "Z", "P", name="business", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "reserved",
                "completed",
                "cancelled",
                "expired",
                name="orderstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("orders", BIG, nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("orders >= 0", name=op.f("ck_order_day_orders_not_negative")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_order_day_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_day")),
        sa.UniqueConstraint(
            "business", "region_id", "status", "on_day", name=op.f("uq_order_day_business_region_id_status_on_day")
        ),
    )
    op.create_table(
        "school",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_school_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school")),
        sa.UniqueConstraint("name", name=op.f("uq_school_name")),
    )
    op.create_index("ix_school_region_id", "school", ["region_id"], unique=False)

    op.create_table(
        "setting_version",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("value", BIG, nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_setting_version_region_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_setting_version_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_version")),
    )
    op.create_index(
        "ix_setting_version_lookup", "setting_version", ["key", "region_id", "effective_at", "id"], unique=False
    )

    op.create_table(
        "staff_role",
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "manager",
                "clerk",
                "finance",
                "technician",
                "consultant",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_staff_role_region_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_role_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_role")),
    )
    op.create_table(
        "store",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("hours", sa.String(length=40), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_store_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store")),
        sa.UniqueConstraint("region_id", name=op.f("uq_store_region_id")),
    )
    op.create_table(
        "customer",
        sa.Column("app_id", sa.String(length=32), nullable=False),
        sa.Column("openid", sa.String(length=64), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "visitor",
                "registered",
                "erased",
                name="customerstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("school_id", BIG, nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_customer_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("app_id", "openid", name=op.f("uq_customer_app_id_openid")),
    )
    op.create_index("ix_customer_school_id", "customer", ["school_id"], unique=False)

    op.create_table(
        "price",
        sa.Column("listing_id", BIG, nullable=False),
        sa.Column("days", BIG, nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("was_fen", BIG, nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_price_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_price_listing_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_price_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
    )
    op.create_index("ix_price_lookup", "price", ["listing_id", "days", "effective_at", "id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text_id", BIG, nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id")),
        sa.ForeignKeyConstraint(["text_id"], ["consent_text.id"], name=op.f("fk_consent_text_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(
        "uq_consent_standing",
        "consent",
        ["customer_id", "kind"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )

    op.create_table(
        "identity",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("phone", sa.String(length=11), nullable=False),
        sa.Column("id_number", sa.LargeBinary(), nullable=False),
        sa.Column("id_mac", sa.String(length=64), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_identity_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_identity_customer_id")),
        sa.UniqueConstraint("id_mac", name=op.f("uq_identity_id_mac")),
    )
    op.create_index("ix_identity_name", "identity", ["name"], unique=False)
    op.create_index("ix_identity_phone", "identity", ["phone"], unique=False)

    op.create_table(
        "identity_key",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_identity_key_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_key")),
        sa.UniqueConstraint("kind", "key", "customer_id", name=op.f("uq_identity_key_kind_key_customer_id")),
    )
    op.create_index("ix_identity_key_customer_id", "identity_key", ["customer_id"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(staff_id IS NULL) <> (customer_id IS NULL)", name=op.f("ck_login_session_of_one")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_login_session_customer_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_login_session_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    op.create_index("ix_login_session_customer_id", "login_session", ["customer_id"], unique=False)
    op.create_index("ix_login_session_ends_at", "login_session", ["ends_at"], unique=False)
    op.create_index("ix_login_session_staff_id", "login_session", ["staff_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("order_no", sa.String(length=20), nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "business",
            sa.Enum("M", "Z", "P", name="business", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("listing_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("request_key", sa.String(length=40), nullable=False),
        sa.Column(
            "intent",
            sa.Enum("reserve", "buy", name="intent", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("colour", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=6), nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("cancel_paid_hours", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "reserved",
                "completed",
                "cancelled",
                "expired",
                name="orderstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("turn", BIG, nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("picked_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("picked_up_by", BIG, nullable=True),
        sa.Column("frame_no", sa.String(length=40), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(length=200), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(status = 'completed') = (picked_up_at IS NOT NULL)", name=op.f("ck_orders_completed_is_picked_up")
        ),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'expired')) = (closed_at IS NOT NULL)", name=op.f("ck_orders_closed_has_a_time")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_orders_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_orders_customer_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_orders_listing_id")),
        sa.ForeignKeyConstraint(["picked_up_by"], ["staff.id"], name=op.f("fk_orders_picked_up_by")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_orders_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("customer_id", "request_key", name=op.f("uq_orders_customer_id_request_key")),
        sa.UniqueConstraint("order_no", name=op.f("uq_orders_order_no")),
    )
    op.create_index("ix_orders_business", "orders", ["business", "reserved_at", "id"], unique=False)
    op.create_index("ix_orders_business_region", "orders", ["business", "region_id", "reserved_at", "id"], unique=False)
    op.create_index(
        "ix_orders_business_region_status",
        "orders",
        ["business", "region_id", "status", "reserved_at", "id"],
        unique=False,
    )
    op.create_index("ix_orders_business_status", "orders", ["business", "status", "reserved_at", "id"], unique=False)
    op.create_index("ix_orders_customer_id", "orders", ["customer_id", "reserved_at"], unique=False)
    op.create_index("ix_orders_deadline", "orders", ["status", "expires_at"], unique=False)
    op.create_index(
        "ix_orders_listing_id", "orders", ["listing_id", "reserved_at", "id", "status", "amount_fen"], unique=False
    )
    op.create_index("ix_orders_number", "orders", ["number", "id"], unique=False)
    op.create_index("ix_orders_picked_up_at", "orders", ["region_id", "picked_up_at"], unique=False)
    op.create_index(
        "uq_orders_frame_no",
        "orders",
        ["frame_no"],
        unique=True,
        sqlite_where=sa.text("status = 'completed'"),
        postgresql_where=sa.text("status = 'completed'"),
    )

    op.create_table(
        "restriction",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column(
            "cause",
            sa.Enum("manual", name="cause", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_restriction_customer_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_restriction_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restriction")),
    )
    op.create_index(
        "uq_restriction_open",
        "restriction",
        ["customer_id", "cause"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )

    op.create_table(
        "audit",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "actor_kind",
            sa.Enum(
                "visitor",
                "customer",
                "staff",
                "job",
                "wechat",
                name="actorkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", BIG, nullable=True),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", BIG, nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_audit_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_audit_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_audit_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_customer_id", "audit", ["customer_id", "id"], unique=False)
    op.create_index("ix_audit_order_id", "audit", ["order_id", "id"], unique=False)
    op.create_index("ix_audit_subject", "audit", ["subject_kind", "subject_id", "id"], unique=False)

    op.create_table(
        "charge",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("region_id", BIG, nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sale", name="purpose", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open", "settled", "void", name="chargestatus", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(status = 'settled') = (settled_at IS NOT NULL)", name=op.f("ck_charge_settled_has_a_time")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_charge_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_charge_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_charge_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_charge_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
        sa.UniqueConstraint("order_id", "purpose", name=op.f("uq_charge_order_id_purpose")),
    )
    op.create_index("ix_charge_customer_id", "charge", ["customer_id"], unique=False)

    op.create_table(
        "ledger_transfer",
        sa.Column("entry_key", sa.String(length=80), nullable=False),
        sa.Column("leg", BIG, nullable=False),
        sa.Column("debit_id", BIG, nullable=False),
        sa.Column("credit_id", BIG, nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("region_id", BIG, nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_ledger_transfer_of_something")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_transfer_between_two")),
        sa.ForeignKeyConstraint(["credit_id"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_credit_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_ledger_transfer_customer_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_debit_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_ledger_transfer_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_ledger_transfer_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfer")),
        sa.UniqueConstraint("entry_key", "leg", name=op.f("uq_ledger_transfer_entry_key_leg")),
    )
    op.create_index("ix_ledger_transfer_booked_on", "ledger_transfer", ["booked_on", "region_id"], unique=False)
    op.create_index("ix_ledger_transfer_credit_id", "ledger_transfer", ["credit_id", "booked_on"], unique=False)
    op.create_index("ix_ledger_transfer_debit_id", "ledger_transfer", ["debit_id", "booked_on"], unique=False)
    op.create_index("ix_ledger_transfer_order_id", "ledger_transfer", ["order_id"], unique=False)

    op.create_table(
        "note",
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_note_order_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_note_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_order_id", "note", ["order_id", "id"], unique=False)

    op.create_table(
        "number_slot",
        sa.Column("series_id", BIG, nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "free",
                "held",
                "waiting",
                "kept",
                name="slotstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(state <> 'free') = (order_id IS NOT NULL)", name=op.f("ck_number_slot_taken_by_an_order")),
        sa.CheckConstraint("n BETWEEN 1 AND 9999", name=op.f("ck_number_slot_n_in_range")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_number_slot_order_id")),
        sa.ForeignKeyConstraint(["series_id"], ["number_series.id"], name=op.f("fk_number_slot_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_slot")),
        sa.UniqueConstraint("order_id", name=op.f("uq_number_slot_order_id")),
        sa.UniqueConstraint("series_id", "n", name=op.f("uq_number_slot_series_id_n")),
    )
    op.create_index(
        "ix_number_slot_free",
        "number_slot",
        ["series_id", "n"],
        unique=False,
        sqlite_where=sa.text("state = 'free'"),
        postgresql_where=sa.text("state = 'free'"),
    )

    op.create_table(
        "pickup_attempt",
        sa.Column("region_id", BIG, nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("scan_key", sa.String(length=32), nullable=True),
        sa.Column("typed", sa.String(length=6), nullable=True),
        sa.Column(
            "answer",
            sa.Enum(
                "ready",
                "not_this_persons",
                "other_store",
                "not_paid",
                "frozen",
                "expired",
                "cancelled",
                "collected",
                "unknown",
                "choose",
                name="answer",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(staff_id IS NULL) <> (customer_id IS NULL)", name=op.f("ck_pickup_attempt_by_one")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_pickup_attempt_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_pickup_attempt_order_id")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_pickup_attempt_region_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_pickup_attempt_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup_attempt")),
        sa.UniqueConstraint("scan_key", name=op.f("uq_pickup_attempt_scan_key")),
    )
    op.create_index("ix_pickup_attempt_order_id", "pickup_attempt", ["order_id"], unique=False)
    op.create_index("ix_pickup_attempt_region_id", "pickup_attempt", ["region_id", "at", "id"], unique=False)

    op.create_table(
        "stock_movement",
        sa.Column("listing_id", BIG, nullable=False),
        sa.Column("delta", BIG, nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "reserved",
                "closed",
                "by_hand",
                name="stockreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("turn", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name=op.f("fk_stock_movement_listing_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_stock_movement_order_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_stock_movement_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
        sa.UniqueConstraint("order_id", "reason", "turn", name=op.f("uq_stock_movement_order_id_reason_turn")),
    )
    op.create_index("ix_stock_movement_listing_id", "stock_movement", ["listing_id"], unique=False)

    op.create_table(
        "charge_line",
        sa.Column("charge_id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("price", name="linekind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_charge_line_charge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_line")),
    )
    op.create_index("ix_charge_line_charge_id", "charge_line", ["charge_id"], unique=False)

    op.create_table(
        "number_holding",
        sa.Column("slot_id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("from_seq", BIG, nullable=False),
        sa.Column("to_seq", BIG, nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revived", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(to_seq IS NULL) = (to_at IS NULL)", name=op.f("ck_number_holding_ends_whole")),
        sa.CheckConstraint("to_seq IS NULL OR to_seq > from_seq", name=op.f("ck_number_holding_ends_after_it_began")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_number_holding_order_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["number_slot.id"], name=op.f("fk_number_holding_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_holding")),
    )
    op.create_index("ix_number_holding_order_id", "number_holding", ["order_id"], unique=False)
    op.create_index("ix_number_holding_slot_id", "number_holding", ["slot_id", "from_seq"], unique=False)
    op.create_index(
        "uq_number_holding_live",
        "number_holding",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text("to_seq IS NULL"),
        postgresql_where=sa.text("to_seq IS NULL"),
    )

    op.create_table(
        "payment",
        sa.Column("charge_id", BIG, nullable=True),
        sa.Column("out_trade_no", sa.String(length=40), nullable=False),
        sa.Column("transaction_id", sa.String(length=40), nullable=True),
        sa.Column("prepay_id", sa.String(length=80), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "created",
                "prepared",
                "closed",
                "settles",
                "surplus",
                "suspect",
                name="paymentstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("received_fen", BIG, nullable=True),
        sa.Column("refunded_fen", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("misfit", sa.String(length=20), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint(
            "(status IN ('settles', 'surplus', 'suspect')) = (received_fen IS NOT NULL)",
            name=op.f("ck_payment_received_has_an_amount"),
        ),
        sa.CheckConstraint(
            "charge_id IS NOT NULL OR status = 'suspect'", name=op.f("ck_payment_only_a_suspect_has_no_charge")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_payment_amount_fen_not_negative")),
        sa.CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= coalesce(received_fen, 0)",
            name=op.f("ck_payment_refunded_at_most_received"),
        ),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_payment_charge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("out_trade_no", name=op.f("uq_payment_out_trade_no")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_payment_transaction_id")),
    )
    op.create_index("ix_payment_charge_id", "payment", ["charge_id"], unique=False)
    op.create_index("ix_payment_status", "payment", ["status", "created_at"], unique=False)
    op.create_index(
        "uq_payment_live",
        "payment",
        ["charge_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('created', 'prepared')"),
        postgresql_where=sa.text("status IN ('created', 'prepared')"),
    )
    op.create_index(
        "uq_payment_settles",
        "payment",
        ["charge_id"],
        unique=True,
        sqlite_where=sa.text("status = 'settles'"),
        postgresql_where=sa.text("status = 'settles'"),
    )

    op.create_table(
        "refund",
        sa.Column("payment_id", BIG, nullable=False),
        sa.Column("out_refund_no", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", BIG, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "accepted",
                "done",
                "abnormal",
                "refused",
                name="refundstatus",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.CheckConstraint("(status = 'done') = (done_at IS NOT NULL)", name=op.f("ck_refund_done_has_a_time")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refund_of_something")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_refund_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("out_refund_no", name=op.f("uq_refund_out_refund_no")),
    )
    op.create_index("ix_refund_payment_id", "refund", ["payment_id"], unique=False)
    op.create_index("ix_refund_status", "refund", ["status", "requested_at"], unique=False)
    op.create_index("uq_staff_role", "staff_role", ["staff_id", "role", sa.text("coalesce(region_id, 0)")], unique=True)
    for table in APPEND_ONLY:
        for statement in append_only_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    """Takes it back."""

    op.drop_table("refund")

    op.drop_table("payment")

    op.drop_table("number_holding")

    op.drop_table("charge_line")

    op.drop_table("stock_movement")

    op.drop_table("pickup_attempt")

    op.drop_table("number_slot")

    op.drop_table("note")

    op.drop_table("ledger_transfer")

    op.drop_table("charge")

    op.drop_table("audit")

    op.drop_table("restriction")

    op.drop_table("orders")

    op.drop_table("login_session")

    op.drop_table("identity_key")

    op.drop_table("identity")

    op.drop_table("consent")

    op.drop_table("price")

    op.drop_table("customer")
    op.drop_table("store")
    op.drop_table("staff_role")

    op.drop_table("setting_version")

    op.drop_table("school")
    op.drop_table("order_day")
    op.drop_table("number_series")
    op.drop_table("listing")
    op.drop_table("contact")
    op.drop_table("wechat_token")
    op.drop_table("wechat_notice")
    op.drop_table("vehicle_model")
    op.drop_table("staff")
    op.drop_table("region")
    op.drop_table("rate_counter")

    op.drop_table("outbox")
    op.drop_table("ledger_account")
    op.drop_table("lease")

    op.drop_table("job_run")
    op.drop_table("consent_text")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
