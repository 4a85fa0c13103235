"""What is stored outlives a restart."""

from pathlib import Path

import pytest

from backend_api.bootstrap import build_administration
from backend_api.domain.audit import CLI
from backend_api.settings import DatabaseSettings
from contracts.public.access import NewKey, NewTenant

pytestmark = pytest.mark.anyio


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
