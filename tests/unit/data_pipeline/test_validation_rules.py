"""The rules in force are read once, and changed for everybody at once."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from backends.ports import PortUnavailable
from contracts.validation_rules import EventRules, RuleSet
from data_pipeline.domain.validation_rules import STANDARD_RULES, VersionedRules
from data_pipeline.services import validation_rules
from data_pipeline.services.validation_rules import ValidationRules

pytestmark = pytest.mark.anyio

STRICT = RuleSet(events=EventRules(max_seconds_ahead=0))


class Store:
    """Keeps versions in a list, counts its reads, and can be away."""

    def __init__(self) -> None:
        self.versions: dict[str, list[VersionedRules]] = {}
        self.reads = 0
        self.fails = False

    async def current(self, tenant_id: str) -> VersionedRules:
        await self.ping()
        self.reads += 1
        return self.versions.get(tenant_id, [STANDARD_RULES])[-1]

    async def add(self, tenant_id: str, rules: RuleSet, created_at_ms: int) -> VersionedRules:
        versions = self.versions.setdefault(tenant_id, [])
        versions.append(VersionedRules(len(versions) + 1, rules, created_at_ms))
        await self.ping()
        return versions[-1]

    async def page(
        self, tenant_id: str, before: int | None, limit: int
    ) -> Sequence[VersionedRules]:
        await self.ping()
        return self.versions.get(tenant_id, [])[::-1][:limit]

    async def ping(self) -> None:
        if self.fails:
            raise PortUnavailable("away")

    async def close(self) -> None: ...


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def service(store: Store) -> ValidationRules:
    return ValidationRules(store, lambda: 1_750_000_000_000)


async def test_rules_are_read_once(store: Store, service: ValidationRules) -> None:
    for _ in range(3):
        assert await service.current("acme") == STANDARD_RULES
    assert store.reads == 1


async def test_new_rules_are_in_force_at_once(store: Store, service: ValidationRules) -> None:
    await service.current("acme")
    replaced = await service.replace("acme", STRICT)
    assert (replaced.version, replaced.rules) == (1, STRICT)
    assert replaced.created_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    assert await service.current("acme") == VersionedRules(1, STRICT, 1_750_000_000_000)
    assert store.reads == 1
    await service.reset("acme")
    assert await service.current("acme") == VersionedRules(2, RuleSet(), 1_750_000_000_000)
    assert [one.version for one in await service.versions("acme", None, 10)] == [2, 1]


async def test_the_standard_was_set_at_no_time(service: ValidationRules) -> None:
    shown = await service.show("acme")
    assert (shown.version, shown.created_at, shown.rules) == (0, None, RuleSet())


async def test_after_a_write_that_failed_the_store_says_what_is_in_force(
    store: Store, service: ValidationRules
) -> None:
    await service.current("acme")
    store.fails = True
    with pytest.raises(PortUnavailable):
        await service.replace("acme", STRICT)
    with pytest.raises(PortUnavailable):
        await service.current("acme")
    store.fails = False
    assert (await service.current("acme")).rules == STRICT


async def test_rules_of_few_tenants_are_kept(
    monkeypatch: pytest.MonkeyPatch, store: Store, service: ValidationRules
) -> None:
    monkeypatch.setattr(validation_rules, "_MAX_TENANTS", 2)
    for tenant in ("a", "b", "a", "c", "a"):
        await service.current(tenant)
    assert store.reads == 3
    await service.current("b")
    assert store.reads == 4
