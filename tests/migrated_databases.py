"""New files of SQLite get the schema that the migrations gave the first one, not by running them.

Alembic takes some ten times as long as the statements that make the same schema.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from backends.migrations import HEAD, Migrated

Migrate = Callable[[Connection, Path, str], Migrated]

_SCHEMA = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class _Contents(NamedTuple):
    """What makes a database as the migrations leave a new one."""

    schema: list[str]
    rows: list[tuple[str, list[tuple[object, ...]]]]


def remembering(migrate: Migrate) -> Migrate:
    """The same, run once for the new databases of each folder of migrations."""
    known: dict[Path, tuple[_Contents, Migrated]] = {}

    def remembered(connection: Connection, migrations: Path, target: str) -> Migrated:
        if connection.dialect.name != "sqlite" or target != HEAD or _tables(connection):
            return migrate(connection, migrations, target)
        if migrations in known:
            contents, migrated = known[migrations]
            _write(connection, contents)
            return migrated
        migrated = migrate(connection, migrations, target)
        known[migrations] = _read(connection), migrated
        return migrated

    return remembered


def _tables(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql(_TABLES).scalars())


def _read(connection: Connection) -> _Contents:
    schema = list(connection.exec_driver_sql(_SCHEMA).scalars())
    rows = [
        (table, [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"')])
        for table in _tables(connection)
    ]
    return _Contents(schema, [(table, found) for table, found in rows if found])


def _write(connection: Connection, contents: _Contents) -> None:
    for statement in contents.schema:
        connection.exec_driver_sql(statement)
    for table, rows in contents.rows:
        places = ", ".join("?" * len(rows[0]))
        connection.exec_driver_sql(f'INSERT INTO "{table}" VALUES ({places})', rows)
