"""Every UsageStore adds a batch once and keeps sums exact."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.key_store import SqlApiKeyStore
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.adapters.usage_store import SqlUsageStore
from backend_api.domain.access_ports import UsageStore
from backend_api.domain.audit import CLI
from backend_api.domain.usage import UsageBatch, UsageCount, UsageKey
from backend_api.services.changes import NothingRemembered
from backend_api.services.keys import KeyService
from backend_api.services.tenants import TenantService
from contracts.public.access import NewKey, NewTenant

pytestmark = pytest.mark.anyio
DAY = date(2026, 11, 30)
HUGE = 2**62


@pytest.fixture
def store(engine: AsyncEngine) -> UsageStore:
    return SqlUsageStore(engine)


def batch(name: str, *, day: date = DAY, tenant_id: str = "acme", cost: int = 5) -> UsageBatch:
    key = UsageKey(day, tenant_id, "/api/v1/x", "EUR")
    return UsageBatch(name, {key: UsageCount("/api/v1/x", "EUR", 3, 2, 20, cost)})


async def test_batches_add_up(store: UsageStore) -> None:
    await store.add(batch("a"))
    await store.add(batch("b"))
    ((day, tenant_id, count),) = await store.counts(DAY, DAY, None)
    assert (day, tenant_id) == (DAY, "acme")
    assert count == UsageCount("/api/v1/x", "EUR", 6, 4, 40, 10)


async def test_a_batch_that_is_given_again_counts_once(store: UsageStore) -> None:
    for _ in range(3):
        await store.add(batch("a"))
    assert await store.requests_since("acme", DAY) == 3


async def test_large_sums_are_exact(store: UsageStore) -> None:
    await store.add(batch("a", cost=HUGE))
    await store.add(batch("b", cost=1))
    ((_, _, count),) = await store.counts(DAY, DAY, "acme")
    assert count.cost == HUGE + 1


async def test_days_and_tenants_are_apart_and_in_order(store: UsageStore) -> None:
    await store.add(batch("a", day=DAY))
    await store.add(batch("b", day=DAY - timedelta(days=1)))
    await store.add(batch("c", day=DAY - timedelta(days=2)))
    await store.add(batch("d", tenant_id="globex"))
    found = await store.counts(DAY - timedelta(days=1), DAY, None)
    days = [(day, tenant_id) for day, tenant_id, _ in found]
    assert days == [(DAY - timedelta(days=1), "acme"), (DAY, "acme"), (DAY, "globex")]
    assert len(await store.counts(DAY, DAY, "globex")) == 1
    assert await store.requests_since("acme", DAY - timedelta(days=1)) == 6
    assert await store.requests_since("nobody", DAY) == 0


async def test_the_last_use_of_a_key_goes_forward_only(engine: AsyncEngine) -> None:
    changes = NothingRemembered()
    await TenantService(SqlTenantStore(engine), changes).create(NewTenant(tenant_id="acme"), CLI)
    keys = KeyService(SqlApiKeyStore(engine), changes)
    key_id = (await keys.create("acme", NewKey(), CLI)).key_id
    late = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    store = SqlUsageStore(engine)
    await store.add(UsageBatch("a", {}, {key_id: late}))
    await store.add(UsageBatch("b", {}, {key_id: late - timedelta(hours=1), "gone": late}))
    assert (await keys.get("acme", key_id)).last_used_at == late


async def test_a_working_store_answers_a_ping(store: UsageStore) -> None:
    await store.ping()
