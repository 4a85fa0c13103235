"""The migrations make the tables that the code works with."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backend_api.adapters.tables import metadata
from backend_api.bootstrap import MIGRATIONS, build_administration
from backend_api.domain.audit import CLI
from backend_api.settings import DatabaseSettings
from backends.database import migrate, open_engine
from contracts.public.access import NewKey, NewTenant

pytestmark = pytest.mark.anyio


async def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/new.db", pool_size=1)
    await migrate(engine, MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": "backend_api_schema_version"}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_what_is_stored_outlives_a_restart(tmp_path: Path) -> None:
    settings = DatabaseSettings(data_dir=tmp_path)
    async with build_administration(settings) as administration:
        new = NewTenant(tenant_id="acme", name="Acme Ltd")
        created = await administration.tenants.create(new, CLI)
        key = await administration.keys.create("acme", NewKey(), CLI)
    async with build_administration(settings) as administration:
        stored = await administration.tenants.get("acme")
        keys = (await administration.keys.page("acme", 10)).data
    assert (stored.tenant_id, stored.name) == ("acme", "Acme Ltd")
    assert abs((stored.created_at - created.created_at).total_seconds()) < 0.001
    assert [one.key_id for one in keys] == [key.key_id]
