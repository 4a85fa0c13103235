"""Every UpkeepClaims gives the upkeep to one replica at a time."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from backends.database import open_engine
from backends.migrations import migrate
from data_pipeline.adapters.upkeep_claims import SqlUpkeepClaims
from data_pipeline.domain.upkeep import UpkeepClaim, UpkeepClaims
from data_pipeline.migrate import MIGRATIONS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def claims(database_url: str) -> AsyncGenerator[UpkeepClaims]:
    engine = open_engine(database_url, pool_size=4)
    await migrate(engine, MIGRATIONS)
    claims = SqlUpkeepClaims(engine)
    yield claims
    await claims.close()


async def test_of_those_who_claim_at_once_one_holds(claims: UpkeepClaims) -> None:
    seen = await claims.look()
    assert seen.holder is None
    claimed = await asyncio.gather(*(claims.claim(seen, f"replica {n}") for n in range(4)))
    assert sorted(claimed) == [False, False, False, True]
    assert (await claims.look()).holder == f"replica {claimed.index(True)}"


async def test_a_renewal_is_the_holders_alone_and_outdates_what_was_seen(
    claims: UpkeepClaims,
) -> None:
    assert await claims.claim(await claims.look(), "a")
    seen = await claims.look()
    assert not await claims.renew("b")
    assert await claims.look() == seen
    assert await claims.renew("a")
    assert not await claims.claim(seen, "b")
    assert await claims.claim(await claims.look(), "b")
    assert not await claims.renew("a")


async def test_what_is_released_is_anybodys(claims: UpkeepClaims) -> None:
    assert await claims.claim(await claims.look(), "a")
    await claims.release("b")
    assert (await claims.look()).holder == "a"
    await claims.release("a")
    seen = await claims.look()
    assert seen == UpkeepClaim(None, seen.renewals)
    assert await claims.claim(seen, "b")
    await claims.ping()
