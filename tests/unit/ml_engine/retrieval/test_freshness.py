from dataclasses import dataclass, field

import pytest

from backends.ports import PortUnavailable
from ml_engine.registry.ports import ServingChange
from ml_engine.retrieval.freshness import Freshness

pytestmark = pytest.mark.anyio


@dataclass
class Models:
    """What is in memory; its catalogue can be away."""

    in_memory: dict[str, str]
    away: bool = False
    followed: list[str] = field(default_factory=list[str])

    def versions(self) -> dict[str, str]:
        return self.in_memory

    async def serving(self, tenant_id: str) -> None:
        if self.away:
            raise PortUnavailable("the feature store is away")
        self.followed.append(tenant_id)


@dataclass
class Registry:
    named: dict[str, str]

    away: bool = False

    async def serving_changes(self) -> list[ServingChange]:
        if self.away:
            raise PortUnavailable("the database is away")
        return [ServingChange(n, *one) for n, one in enumerate(self.named.items(), start=1)]


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_vectors_of_the_named_version_are_as_old_as_the_last_look() -> None:
    models, clock = Models({"acme": "v1"}), Clock()
    freshness = Freshness(models, Registry({"acme": "v1"}), clock)
    assert freshness.age_seconds == 0
    await freshness.look()
    clock.now += 60
    assert freshness.age_seconds == 60
    await freshness.look()
    assert freshness.age_seconds == 0
    assert models.followed == ["acme", "acme"]


async def test_a_version_that_this_replica_has_not_loaded_makes_them_age() -> None:
    registry, clock = Registry({"acme": "v1", "globex": "v7"}), Clock()
    freshness = Freshness(Models({"acme": "v1", "globex": "v7"}), registry, clock)
    await freshness.look()
    registry.named["acme"] = "v2"
    for _ in range(3):
        clock.now += 60
        await freshness.look()
    assert freshness.age_seconds == 180
    registry.named["acme"] = "v1"
    await freshness.look()
    assert freshness.age_seconds == 0


async def test_a_catalogue_that_cannot_be_read_makes_them_age() -> None:
    models, clock = Models({"acme": "v1"}), Clock()
    freshness = Freshness(models, Registry({"acme": "v1"}), clock)
    await freshness.look()
    models.away = True
    clock.now += 90
    await freshness.look()
    assert freshness.age_seconds == 90


async def test_a_first_model_that_this_replica_has_not_loaded_makes_them_age() -> None:
    models, clock = Models({}), Clock()
    freshness = Freshness(models, Registry({"acme": "v1"}), clock)
    await freshness.look()
    clock.now += 90
    await freshness.look()
    assert freshness.age_seconds == 90
    models.in_memory["acme"] = "v1"
    await freshness.look()
    assert freshness.age_seconds == 0


async def test_a_registry_that_cannot_be_read_makes_them_age() -> None:
    registry, clock = Registry({"acme": "v1"}), Clock()
    freshness = Freshness(Models({"acme": "v1"}), registry, clock)
    await freshness.look()
    registry.away = True
    clock.now += 90
    await freshness.look()
    assert freshness.age_seconds == 90
