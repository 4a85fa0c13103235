"""The schema of a service's database, kept by the Alembic scripts in the service's folder.

SQLite belongs to one process, which brings the schema up to date when it starts. On a server that
is the work of a job of its own (`backends.migration_job`), and a service only looks.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.availability import available
from backends.turns import take_turn

HEAD: Final = "head"
_TEXTS: Final = sa.text(
    "SELECT table_name, column_name, data_type, character_maximum_length AS length"
    " FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = ANY(:tables)"
    " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
)


class SchemaMismatch(Exception):
    """The database has another schema than this program needs; the message is one line."""


class Migrated(NamedTuple):
    """The revisions before and after; None for an empty database."""

    before: str | None
    after: str | None


async def prepare(engine: AsyncEngine, migrations: Path) -> None:
    """Bring SQLite's schema up to date with the scripts; see that a server's is.

    Raises:
        SchemaMismatch: it is behind the scripts, or ahead of them.
        PortUnavailable: the database cannot be used.
    """
    if engine.dialect.name == "sqlite":
        await migrate(engine, migrations)
        return
    present, needed = await present_revision(engine, migrations), newest_revision(migrations)
    _known(migrations, present)
    if present != needed:
        job = f"python -m {migrations.parent.name}.migrate"
        raise SchemaMismatch(
            f"the database has schema {present or 'none'} and this program needs {needed}: "
            f"run {job} first"
        )


async def present_revision(engine: AsyncEngine, migrations: Path) -> str | None:
    """The revision that the database has, None for an empty one. Raises `PortUnavailable`."""
    with available("database"):
        async with engine.connect() as connection:
            return await connection.run_sync(_present, migrations)


def newest_revision(migrations: Path) -> str:
    """The revision that the scripts lead to."""
    head = _scripts(migrations).get_current_head()
    assert head is not None  # noqa: S101 - each service has scripts
    return head


async def migrate(engine: AsyncEngine, migrations: Path, target: str = HEAD) -> Migrated:
    """Bring the schema to a revision of the scripts, in one transaction and by one at a time.

    Raises:
        SchemaMismatch: the database, or `target`, has a revision that is none of the scripts.
        PortUnavailable: the database cannot be used.
    """
    with available("database"):
        async with engine.begin() as connection:
            await take_turn(connection, "schema")
            return await connection.run_sync(_migrate, migrations, target)


def run(metadata: sa.MetaData, version_table: str) -> None:
    """What the `env.py` of each folder of scripts does: run them on the connection given."""
    attributes = context.config.attributes
    attributes["metadata"] = metadata
    context.configure(
        connection=attributes["connection"],
        target_metadata=metadata,
        # The services may share a database, so each keeps its own account of its schema.
        version_table=version_table,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _migrate(connection: sa.Connection, migrations: Path, target: str) -> Migrated:
    before = _present(connection, migrations)
    _known(migrations, before)
    wanted = newest_revision(migrations) if target == HEAD else target
    _known(migrations, wanted)
    if wanted == before:
        return Migrated(before, before)
    config = _config(connection, migrations)
    newest_first = [script.revision for script in _scripts(migrations).walk_revisions()]
    if before is not None and newest_first.index(wanted) > newest_first.index(before):
        command.downgrade(config, wanted)
    else:
        command.upgrade(config, wanted)
    if connection.dialect.name == "postgresql":
        _compare_by_bytes(connection, list(config.attributes["metadata"].tables))
    return Migrated(before, wanted)


def _compare_by_bytes(connection: sa.Connection, tables: Sequence[str]) -> None:
    """Order texts as SQLite and Python do, whatever the language of the database is."""
    quoted = connection.dialect.identifier_preparer.quote
    for table, column, kind, length in connection.execute(_TEXTS, {"tables": tables}).all():
        full = f"varchar({length})" if length else kind
        connection.exec_driver_sql(
            f'ALTER TABLE {quoted(table)} ALTER COLUMN {quoted(column)} TYPE {full} COLLATE "C"'
        )


def _present(connection: sa.Connection, migrations: Path) -> str | None:
    """The revision that the database has."""
    found: list[str | None] = []

    def look(_: object, environment: MigrationContext) -> list[object]:
        found.append(environment.get_current_revision())
        return []

    scripts = _scripts(migrations)
    config = _config(connection, migrations)
    with EnvironmentContext(config, scripts, fn=look, dont_mutate=True):
        scripts.run_env()
    (revision,) = found
    return revision


def _known(migrations: Path, revision: str | None) -> None:
    known = {script.revision for script in _scripts(migrations).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaMismatch(
            f"schema {revision} is not known to this program, whose newest is {max(known)}: "
            "a newer program made it"
        )


def _config(connection: sa.Connection, migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    return config


@cache
def _scripts(migrations: Path) -> ScriptDirectory:
    return ScriptDirectory(str(migrations))
