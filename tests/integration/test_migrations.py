"""The migrations of every service on every database make the tables that the code works with."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.databases import MIGRATIONS, new_database

import backend_api.adapters.product_tables
import backend_api.migrate
import data_pipeline.adapters.tables
import data_pipeline.migrate
import ml_engine.adapters.tables
import ml_engine.migrate
from backends.database import close_engine, open_engine
from backends.migrations import Migrated, SchemaMismatch, migrate, prepare

pytestmark = pytest.mark.anyio


class Schema(NamedTuple):
    """What a service's migrations make."""

    migrations: Path
    metadata: sa.MetaData

    @property
    def newest(self) -> str:
        """The revision of the last script; they are counted."""
        return max(script.name for script in self.migrations.glob("versions/0*.py"))[:4]

    @property
    def service(self) -> str:
        return self.migrations.parent.name


SCHEMAS: Final = [
    Schema(MIGRATIONS[0], backend_api.adapters.product_tables.metadata),
    Schema(MIGRATIONS[1], data_pipeline.adapters.tables.metadata),
    Schema(MIGRATIONS[2], ml_engine.adapters.tables.metadata),
]


@pytest.fixture(params=SCHEMAS, ids=lambda schema: schema.service)
def schema(request: pytest.FixtureRequest) -> Schema:
    return request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """The URL of a database without any schema."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
        return
    with new_database(request.getfixturevalue("postgres"), "template0") as url:
        yield url


@pytest.fixture
async def engine(empty: str) -> AsyncGenerator[AsyncEngine]:
    engine = open_engine(empty, 3)
    yield engine
    await close_engine(engine)


async def differences(engine: AsyncEngine, schema: Schema) -> list[object]:
    def compare(connection: sa.Connection) -> list[object]:
        names = set(schema.metadata.tables)
        options = {"include_name": lambda name, kind, _: kind != "table" or name in names}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, schema.metadata))

    async with engine.connect() as connection:
        return await connection.run_sync(compare)


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda one: sa.inspect(one).get_table_names()))


async def test_the_migrated_schema_is_that_of_the_tables(
    engine: AsyncEngine, schema: Schema
) -> None:
    assert await migrate(engine, schema.migrations) == Migrated(None, schema.newest)
    assert await differences(engine, schema) == []
    await prepare(engine, schema.migrations)


async def test_every_step_can_be_taken_back(engine: AsyncEngine, schema: Schema) -> None:
    newest = int(schema.newest)
    await migrate(engine, schema.migrations)
    for number in range(newest - 1, 0, -1):
        migrated = await migrate(engine, schema.migrations, f"{number:04}")
        assert migrated == Migrated(f"{number + 1:04}", f"{number:04}")
    assert await migrate(engine, schema.migrations) == Migrated("0001", schema.newest)
    assert await differences(engine, schema) == []


DROPPED: Final = {("data_pipeline", "0004"): {"events"}}
"""Tables whose rows a step forwards drops: the log of single events became one of chunks."""


@pytest.mark.slow
async def test_data_outlive_every_step_and_its_taking_back(
    engine: AsyncEngine, schema: Schema
) -> None:
    for number in range(1, int(schema.newest)):
        here, there = f"{number:04}", f"{number + 1:04}"
        await migrate(engine, schema.migrations, here)
        await fill(engine)
        before = await contents(engine)
        assert all(before.values())
        dropped = DROPPED.get((schema.service, there), set())
        await migrate(engine, schema.migrations, there)
        await fill(engine)
        assert_kept(before, await contents(engine), but=dropped)
        await migrate(engine, schema.migrations, here)
        assert_kept(before, await contents(engine), but=dropped)


Rows = list[dict[str, object]]


async def contents(engine: AsyncEngine) -> dict[str, Rows]:
    """All rows of each table but those that tell of the schema."""
    async with engine.connect() as connection:
        return await connection.run_sync(_contents)


async def fill(engine: AsyncEngine) -> None:
    """Put a row into each table that has none."""
    async with engine.begin() as connection:
        await connection.run_sync(_fill)


def assert_kept(before: dict[str, Rows], after: dict[str, Rows], but: set[str]) -> None:
    """Each row of before is there, with the columns that are still there."""
    for table in before.keys() - but:
        for row in before[table]:
            columns = row.keys() & after[table][0].keys()
            found = [{name: one[name] for name in columns} for one in after[table]]
            assert {name: row[name] for name in columns} in found, table


def _reflected(connection: sa.Connection) -> list[sa.Table]:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return [one for one in metadata.sorted_tables if not one.name.endswith("schema_version")]


def _contents(connection: sa.Connection) -> dict[str, Rows]:
    return {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for table in _reflected(connection)
    }


def _fill(connection: sa.Connection) -> None:
    for table in _reflected(connection):
        if connection.execute(sa.select(table)).first() is None:
            values = {column.name: _value(column.type) for column in table.columns}
            connection.execute(table.insert().values(values))


def _value(kind: sa.types.TypeEngine[Any]) -> object:
    if isinstance(kind, sa.JSON):
        return {"a": 1}
    if isinstance(kind, sa.Date):
        return date(2026, 11, 22)
    if isinstance(kind, sa.Boolean):
        return True
    if isinstance(kind, sa.LargeBinary):
        return b"\x00\xff"
    return 1 if isinstance(kind, sa.Integer | sa.Float) else "{}"


async def test_services_share_a_database(engine: AsyncEngine) -> None:
    for schema in SCHEMAS:
        await migrate(engine, schema.migrations)
    made = {name for schema in SCHEMAS for name in schema.metadata.tables}
    versions = {f"{schema.service}_schema_version" for schema in SCHEMAS}
    assert await tables(engine) - {"sqlite_sequence"} == made | versions


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
async def test_several_jobs_at_once_take_turns(empty: str, schema: Schema) -> None:
    engines = [open_engine(empty, 1) for _ in range(3)]
    migrated = await asyncio.gather(*(migrate(engine, schema.migrations) for engine in engines))
    assert sorted(str(one.before) for one in migrated) == [schema.newest, schema.newest, "None"]
    for engine in engines:
        await close_engine(engine)


async def test_a_schema_that_no_script_knows_is_told(engine: AsyncEngine, schema: Schema) -> None:
    await migrate(engine, schema.migrations)
    async with engine.begin() as connection:
        table = f"{schema.service}_schema_version"
        await connection.execute(sa.text(f"UPDATE {table} SET version_num = '9999'"))
    for trial in (prepare, migrate):
        with pytest.raises(SchemaMismatch, match="schema 9999 is not known"):
            await trial(engine, schema.migrations)


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
async def test_a_service_on_a_server_only_looks(engine: AsyncEngine, schema: Schema) -> None:
    needed = f"has schema none and this program needs {schema.newest}"
    with pytest.raises(SchemaMismatch, match=needed):
        await prepare(engine, schema.migrations)
    assert await tables(engine) == set()
    await migrate(engine, schema.migrations, "0001")
    with pytest.raises(SchemaMismatch, match=f"run python -m {schema.service}.migrate first"):
        await prepare(engine, schema.migrations)


async def test_texts_are_in_the_order_of_their_bytes(engine: AsyncEngine) -> None:
    await migrate(engine, SCHEMAS[0].migrations)
    names = ["B", "a", "_", "Z", "é", "-1", "b"]
    tenants = SCHEMAS[0].metadata.tables["tenants"]
    rows = [{"tenant_id": name, "name": name, "created_at": 0} for name in names]
    query = sa.select(tenants.c.tenant_id).order_by(tenants.c.tenant_id)
    async with engine.begin() as connection:
        await connection.execute(tenants.insert(), rows)
        assert (await connection.execute(query)).scalars().all() == sorted(names)


class Ended(NamedTuple):
    """How a job ended, and what it wrote."""

    status: int
    said: str
    told: str


class Job:
    """The job of a service, run in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, main: Callable[[Sequence[str]], None], url: str, *arguments: str) -> Ended:
        self._monkeypatch.setenv("DATABASE_URL", url)
        try:
            main(arguments)
            status = 0
        except SystemExit as error:
            status = int(str(error.code))
        return Ended(status, *self._capsys.readouterr())


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(monkeypatch, capsys)


def test_the_job_says_what_it_did(empty: str, job: Job) -> None:
    main = ml_engine.migrate.main
    newest = ScriptDirectory(str(ml_engine.migrate.MIGRATIONS)).get_current_head()
    assert job(main, empty) == (0, f"ml-engine: the schema was none, is {newest}\n", "")
    assert job(main, empty) == (0, f"ml-engine: the schema is {newest} already\n", "")
    back = (0, f"ml-engine: the schema was {newest}, is 0001\n", "")
    assert job(main, empty, "--to", "0001") == back
    status, _, told = job(main, empty, "--to", "0009")
    assert (status, told.count("\n")) == (1, 1)
    assert "schema 0009 is not known to this program" in told


@pytest.mark.parametrize(
    ("url", "status"),
    [("postgresql+asyncpg://127.0.0.1:1/x", 1), ("postgresql://127.0.0.1:1/x", 2)],
    ids=["away", "not async"],
)
@pytest.mark.parametrize(
    "main", [backend_api.migrate.main, data_pipeline.migrate.main, ml_engine.migrate.main]
)
def test_a_job_that_cannot_work_says_why_in_one_line(
    job: Job, main: Callable[[Sequence[str]], None], url: str, status: int
) -> None:
    ended, said, told = job(main, url)
    assert (ended, said, told.count("\n")) == (status, "", 1)
    assert " cannot " in told
