"""Tenants, plans, keys and their audit log as every database keeps them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.audit_log import SqlAuditLog
from backend_api.adapters.key_store import SqlAccessDirectory, SqlApiKeyStore
from backend_api.adapters.plan_store import SqlPlanStore
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.domain.access_errors import PlanInUse, PlanNotFound
from backend_api.domain.audit import CLI
from backend_api.domain.errors import NoSuchKey, NoSuchTenant, TenantExists
from backend_api.domain.keys import StoredKey
from contracts.public.access import (
    ApiKey,
    AuditEntry,
    Plan,
    RateLimit,
    RouteClass,
    Scope,
    Tenant,
    TenantChanges,
    TenantStatus,
)

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    tenants: SqlTenantStore
    plans: SqlPlanStore
    keys: SqlApiKeyStore
    directory: SqlAccessDirectory
    audit: SqlAuditLog


@pytest.fixture
def stores(engine: AsyncEngine) -> Stores:
    return Stores(
        SqlTenantStore(engine),
        SqlPlanStore(engine),
        SqlApiKeyStore(engine),
        SqlAccessDirectory(engine),
        SqlAuditLog(engine),
    )


def did(action: str, target: str, tenant_id: str | None = None, at: datetime = NOW) -> AuditEntry:
    return CLI.did(action, target, at, tenant_id=tenant_id, why="a test")


def tenant(tenant_id: str, plan_id: str = "standard") -> Tenant:
    return Tenant(
        tenant_id=tenant_id,
        name=tenant_id.title(),
        plan_id=plan_id,
        status=TenantStatus.ACTIVE,
        created_at=NOW,
    )


def plan(plan_id: str, price: str = "0.123456") -> Plan:
    return Plan(
        plan_id=plan_id,
        limits={RouteClass.SERVING: RateLimit(per_second=0.5, burst=7)},
        monthly_requests=2**40,
        price_per_1000_requests=Decimal(price),
        currency="EUR",
    )


def key(key_id: str, tenant_id: str | None, at: datetime = NOW) -> StoredKey:
    stored = ApiKey(
        key_id=key_id,
        tenant_id=tenant_id,
        name=None,
        scopes=[Scope.READ],
        created_at=at,
        expires_at=None,
        last_used_at=None,
        revoked_at=None,
    )
    return StoredKey(stored, "h" * 64)


async def test_tenants_are_kept_changed_and_listed_by_their_ids(stores: Stores) -> None:
    for tenant_id in ("b-2", "b", "a1", "b1"):
        await stores.tenants.add(tenant(tenant_id), did("tenant.create", tenant_id))
    assert await stores.tenants.find("b") == tenant("b")
    assert await stores.tenants.find("c") is None
    first = await stores.tenants.page(2, None)
    rest = await stores.tenants.page(9, first[-1].tenant_id)
    assert [one.tenant_id for one in [*first, *rest]] == ["a1", "b", "b-2", "b1"]
    changes = TenantChanges(name="Bee", plan_id="free", status=TenantStatus.SUSPENDED)
    changed = await stores.tenants.change("b", changes, did("tenant.change", "b"))
    assert (changed.name, changed.plan_id, changed.status) == ("Bee", "free", "suspended")
    assert await stores.tenants.find("b") == changed


async def test_a_tenant_needs_an_id_and_a_plan_of_its_own(stores: Stores) -> None:
    await stores.tenants.add(tenant("acme"), did("tenant.create", "acme"))
    with pytest.raises(TenantExists):
        await stores.tenants.add(tenant("acme"), did("tenant.create", "acme"))
    with pytest.raises(PlanNotFound):
        await stores.tenants.add(tenant("other", "none"), did("tenant.create", "other"))
    with pytest.raises(NoSuchTenant):
        await stores.tenants.change("other", TenantChanges(name="x"), did("change", "other"))


async def test_a_plan_is_kept_as_it_is_and_deleted_where_nobody_is_on_it(stores: Stores) -> None:
    assert await stores.plans.put(plan("gold"), did("plan.put", "gold"))
    assert await stores.plans.find("gold") == plan("gold")
    assert not await stores.plans.put(plan("gold", "2"), did("plan.put", "gold"))
    first = await stores.plans.page(2, None)
    rest = await stores.plans.page(9, first[-1].plan_id)
    assert [one.plan_id for one in first] == ["enterprise", "free"]
    assert [one.plan_id for one in rest] == ["gold", "standard"]
    await stores.tenants.add(tenant("acme", "gold"), did("tenant.create", "acme"))
    with pytest.raises(PlanInUse):
        await stores.plans.delete("gold", did("plan.delete", "gold"))
    await stores.tenants.change("acme", TenantChanges(plan_id="free"), did("change", "acme"))
    await stores.plans.delete("gold", did("plan.delete", "gold"))
    with pytest.raises(PlanNotFound):
        await stores.plans.delete("gold", did("plan.delete", "gold"))


async def test_of_many_who_put_a_plan_at_once_one_made_it(stores: Stores) -> None:
    put = [stores.plans.put(plan("gold", str(n)), did("plan.put", "gold")) for n in range(5)]
    assert sorted(await asyncio.gather(*put)) == [False] * 4 + [True]


async def test_a_plan_is_not_deleted_while_tenants_come_to_it(stores: Stores) -> None:
    for trial in range(5):
        name = f"gold-{trial}"
        await stores.plans.put(plan(name), did("plan.put", name))
        came, went = await asyncio.gather(
            stores.tenants.add(tenant(f"t{trial}", name), did("tenant.create", f"t{trial}")),
            stores.plans.delete(name, did("plan.delete", name)),
            return_exceptions=True,
        )
        assert (type(came), type(went)) in [(type(None), PlanInUse), (PlanNotFound, type(None))]


async def test_a_key_is_found_with_its_tenant_and_plan(stores: Stores) -> None:
    await stores.plans.put(plan("gold"), did("plan.put", "gold"))
    await stores.tenants.add(tenant("acme", "gold"), did("tenant.create", "acme"))
    await stores.keys.add(key("k1", "acme"), did("key.create", "k1"))
    await stores.keys.add(key("op", None), did("key.create", "op"))
    with pytest.raises(NoSuchTenant):
        await stores.keys.add(key("k2", "nobody"), did("key.create", "k2"))
    record = await stores.directory.find("k1")
    assert record is not None
    assert (record.access.tenant_id, record.access.currency) == ("acme", "EUR")
    assert record.access.limits == {"serving": (0.5, 7)}
    of_operator = await stores.directory.find("op")
    assert of_operator is not None
    assert of_operator.access.tenant_id is None
    assert await stores.directory.find("k2") is None


async def test_keys_are_listed_rotated_and_revoked(stores: Stores) -> None:
    await stores.tenants.add(tenant("acme"), did("tenant.create", "acme"))
    for number in range(3):
        await stores.keys.add(key(f"k{number}", "acme"), did("key.create", f"k{number}"))
    first = await stores.keys.page("acme", 2, None)
    after = (round(first[-1].created_at.timestamp() * 1000), first[-1].key_id)
    rest = await stores.keys.page("acme", 2, after)
    assert [one.key_id for one in [*first, *rest]] == ["k0", "k1", "k2"]
    until = NOW + timedelta(hours=1)
    await stores.keys.add(key("k3", "acme"), did("key.rotate", "k3"), replaces=("k0", until))
    replaced = await stores.keys.find("acme", "k0")
    assert replaced is not None
    assert replaced.expires_at == until
    await stores.keys.revoke("acme", "k1", NOW, did("key.revoke", "k1"))
    await stores.keys.revoke("acme", "k1", until, did("key.revoke", "k1"))
    revoked = await stores.keys.find("acme", "k1")
    assert revoked is not None
    assert revoked.revoked_at == NOW
    with pytest.raises(NoSuchKey):
        await stores.keys.revoke(None, "k2", NOW, did("key.revoke", "k2"))


async def test_the_audit_log_tells_of_what_happened_and_of_nothing_else(stores: Stores) -> None:
    for number in range(4):
        moment = NOW + timedelta(seconds=number // 2)
        await stores.audit.add(did("act", str(number), "acme" if number else None, moment))
    with pytest.raises(NoSuchKey):
        await stores.keys.revoke("acme", "none", NOW, did("key.revoke", "none"))
    first = await stores.audit.page(None, 3, None)
    before = (round(first[-1].at.timestamp() * 1000), first[-1].audit_id)
    rest = await stores.audit.page(None, 3, before)
    assert {one.target for one in first[:2]} == {"2", "3"}
    assert {one.target for one in [*first, *rest]} == {"0", "1", "2", "3"}
    assert len(await stores.audit.page("acme", 9, None)) == 3
    assert first[0].details == {"why": "a test"}
