"""One replica at a time does the upkeep, whichever dies."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backends import leases
from backends.database import open_engine
from backends.migrations import migrate
from backends.ports import PortUnavailable
from data_pipeline.adapters.upkeep_claims import SqlUpkeepClaims
from data_pipeline.domain.upkeep import UpkeepClaim
from data_pipeline.migrate import MIGRATIONS
from data_pipeline.services import sole_upkeep
from data_pipeline.services.sole_upkeep import SoleUpkeep

pytestmark = pytest.mark.anyio

PATIENCE = 10.0


class Claims(SqlUpkeepClaims):
    """Claims of a replica whose database, or whose own life, may go away."""

    away = False
    dead = False

    async def look(self) -> UpkeepClaim:
        await self._reached()
        return await super().look()

    async def renew(self, holder: str) -> bool:
        await self._reached()
        return await super().renew(holder)

    async def release(self, holder: str) -> None:
        await self._reached()
        await super().release(holder)

    async def _reached(self) -> None:
        if self.dead:
            await asyncio.Event().wait()
        if self.away:
            raise PortUnavailable("away")


class World:
    """Replicas, and who of them does the upkeep; a silent one that died is left out."""

    def __init__(self, folder: Path) -> None:
        self.engine = open_engine(f"sqlite+aiosqlite:///{folder}/upkeep.db", 4)
        self.working: list[str] = []
        self.claims: dict[str, Claims] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.most = 0

    def start(self, name: str) -> None:
        self.claims[name] = Claims(self.engine)

        async def upkeep() -> None:
            self.working.append(name)
            self.most = max(self.most, len(self.working))
            try:
                await asyncio.Event().wait()
            finally:
                if name in self.working:
                    self.working.remove(name)

        sole = SoleUpkeep(self.claims[name], name, upkeep, lambda: None, lambda: None)
        self.tasks[name] = asyncio.create_task(sole.work())

    def kill(self, name: str) -> None:
        self.claims[name].dead = True
        self.working.remove(name)

    async def one_works(self) -> str:
        async with asyncio.timeout(PATIENCE):
            while not self.working:
                await asyncio.sleep(0.001)
        return self.working[0]

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.wait([*self.tasks.values()], timeout=PATIENCE)
        await self.engine.dispose()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    monkeypatch.setattr(sole_upkeep, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(sole_upkeep, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    world = World(tmp_path)
    await migrate(world.engine, MIGRATIONS)
    for name in ("a", "b", "c"):
        world.start(name)
    yield world
    await world.close()


async def test_one_replica_works_and_another_goes_on_when_it_dies(world: World) -> None:
    first = await world.one_works()
    await asyncio.sleep(0.1)
    assert world.working == [first]
    world.kill(first)
    second = await world.one_works()
    assert second != first
    assert world.most == 1


async def test_one_that_ends_leaves_the_upkeep_to_others(world: World) -> None:
    first = await world.one_works()
    world.tasks[first].cancel()
    await asyncio.wait([world.tasks[first]])
    assert (await world.claims["a"].look()).holder != first
    assert await world.one_works() != first


async def test_an_outage_of_the_database_moves_nothing(world: World) -> None:
    first = await world.one_works()
    for claims in world.claims.values():
        claims.away = True
    await asyncio.sleep(0.2)
    assert world.working == [first]
    for claims in world.claims.values():
        claims.away = False
    await asyncio.sleep(0.1)
    assert world.working == [first]


async def test_one_whose_claim_is_anothers_stops(world: World) -> None:
    first = await world.one_works()
    claims = world.claims[first]
    while not await claims.claim(await claims.look(), "nobody here"):
        pass
    async with asyncio.timeout(PATIENCE):
        while first in world.working:
            await asyncio.sleep(0.001)
