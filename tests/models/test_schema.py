"""The migrated schema is the schema of the models: tables, columns, indexes, checks, triggers, on both engines.

`alembic check` sees no trigger, no check and no predicate of a partial index; this does.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from app.models import Base
from tests.fixtures.databases import Database
from tests.fixtures.postgres import PostgresServer

Schema = set[tuple[str, ...]]

POSTGRES_CATALOGUE = {
    "column": """
        SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, ''),
               coalesce(character_maximum_length::text, '')
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraint": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "index": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "function": """
        SELECT proname, '', pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
}


def one_line(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace('"', "")).replace("( ", "(").replace(" )", ")").strip()


def parts_of_table(sql: str) -> Iterator[str]:
    """The columns and constraints of a CREATE TABLE, in whatever order they stand."""
    body, depth, part = sql[sql.index("(") + 1 : sql.rindex(")")], 0, ""
    for letter in body:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield one_line(part)
            part = ""
        else:
            part += letter
    yield one_line(part)


def sqlite_schema(engine: Engine) -> Schema:
    found: Schema = set()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        for kind, name, table, sql in rows:
            if kind == "table":
                found |= {(table, kind, part) for part in parts_of_table(sql)}
            else:
                found.add((table, kind, name, one_line(sql)))
    return found


def postgres_schema(engine: Engine) -> Schema:
    with engine.connect() as connection:
        return {
            (str(row[0]), kind, *map(str, row[1:]))
            for kind, question in POSTGRES_CATALOGUE.items()
            for row in connection.execute(text(question))
        }


def schema_of(engine: Engine) -> Schema:
    whole = sqlite_schema(engine) if engine.dialect.name == "sqlite" else postgres_schema(engine)
    return {part for part in whole if part[0] not in ("alembic_version", "sqlite_sequence")}


@pytest.fixture
def of_the_models(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Schema]:
    """The schema that the models make in an empty database."""
    if database.engine_name == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'models.sqlite3'}")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        engine = create_engine(server.url(server.create()))
    Base.metadata.create_all(engine)
    yield schema_of(engine)
    engine.dispose()


@pytest.mark.both_engines
def test_a_migrated_database_is_what_the_models_say(database: Database, of_the_models: Schema) -> None:
    migrated = schema_of(database.engine)
    assert sorted(migrated - of_the_models) == [], "only in the migrated database"
    assert sorted(of_the_models - migrated) == [], "only in the models"
    assert len(migrated) > len(Base.metadata.tables)


@pytest.mark.both_engines
def test_append_only_tables_have_their_triggers(database: Database) -> None:
    guarded = {part[0] for part in schema_of(database.engine) if part[1] == "trigger"}
    assert guarded == {table.name for table in Base.metadata.sorted_tables if table.info.get("append_only")}
