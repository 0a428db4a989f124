"""What every installation begins with: regions, schools, stores, number series, ledger accounts, consent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LAST_NUMBER = 9999
REGIONS = (
    ("A", "紫金港", "紫金港店", ("浙江大学",)),
    ("B", "小和山", "小和山店", ("浙江工业大学", "万向职业技术学院", "浙江外国语学院")),
    ("C", "留和路", "留和路店", ("浙江科技学院", "长征职业技术学院")),
)
ACCOUNTS = (
    ("wechat", "asset"),
    ("advances", "liability"),
    ("sales", "income"),
    ("surplus", "liability"),
    ("suspense", "liability"),
    ("refunds_payable", "liability"),
)
CONSENT = (
    "为了实名登记、保证一人一个编号，猎吧租车需要收集你的身份证号码。"
    "号码加密保存，只用于核对身份和查重，不会显示在任何列表里，也不会给第三方。"
    "你可以不同意；不同意就不能预约和购买，但可以继续浏览。"
    "同意之后可以随时联系客服撤回，撤回后我们停止使用并按规定删除。"
)


def table(name: str, *columns: str) -> sa.TableClause:
    """A table by the names of its columns: a migration does not follow the models of later releases."""
    return sa.table(name, *(sa.column(column) for column in columns))


def upgrade() -> None:
    """NUM-1, NUM-3: letters and schools are data."""
    bind = op.get_bind()
    region = table("region", "letter", "name", "id")
    slots = table("number_slot", "series_id", "n", "state")
    series = table("number_series", "region_id", "business", "seq", "id")
    for letter, name, store, schools in REGIONS:
        region_id = bind.execute(sa.insert(region).values(letter=letter, name=name).returning(region.c.id)).scalar_one()
        bind.execute(
            sa.insert(table("store", "region_id", "name", "address", "hours")).values(
                region_id=region_id, name=store, address="", hours=""
            )
        )
        school = table("school", "region_id", "name")
        bind.execute(sa.insert(school), [{"region_id": region_id, "name": one} for one in schools])
        series_id = bind.execute(
            sa.insert(series).values(region_id=region_id, business="M", seq=0).returning(series.c.id)
        ).scalar_one()
        numbers = [{"series_id": series_id, "n": n, "state": "free"} for n in range(1, LAST_NUMBER + 1)]
        bind.execute(sa.insert(slots), numbers)
    accounts = [{"code": code, "kind": kind} for code, kind in ACCOUNTS]
    bind.execute(sa.insert(table("ledger_account", "code", "kind")), accounts)
    consent = table("consent_text", "kind", "version", "body")
    bind.execute(sa.insert(consent).values(kind="id_number", version=1, body=CONSENT))


def downgrade() -> None:
    """Append-only rows cannot be taken back: go back by restoring a backup."""
    raise RuntimeError("restore a backup instead")
