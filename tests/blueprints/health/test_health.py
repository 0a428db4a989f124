"""What watches over the processes is told the truth."""

import pytest

from tests.fixtures.databases import Database
from tests.fixtures.house_law import LawfulClient


@pytest.mark.both_engines
def test_a_process_on_a_migrated_database_is_ready(client: LawfulClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.text, answer.headers["Cache-Control"]) == (200, "ok\n", "no-store")


@pytest.mark.parametrize("sql", ["UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version"])
def test_a_process_ahead_of_its_database_is_not_ready(client: LawfulClient, database: Database, sql: str) -> None:
    database.execute(sql)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "database is not migrated\n")
    assert client.get("/healthz").status_code == 200


def test_a_process_without_its_database_is_not_ready(client: LawfulClient, database: Database) -> None:
    database.execute("DROP TABLE alembic_version")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "database does not answer\n")
