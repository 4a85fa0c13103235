"""Scenarios, schedules, erasures and logged answers as every database keeps them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.erasure_store import SqlErasureStore, read_erasure_secret
from backend_api.adapters.idempotency_store import SqlIdempotencyStore
from backend_api.adapters.idempotent_answers import SqlIdempotentAnswers
from backend_api.adapters.recommendation_log_store import SqlRecommendationLogStore
from backend_api.adapters.scenario_store import SqlScenarioStore
from backend_api.adapters.schedule_store import SqlScheduleStore
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.domain.audit import CLI
from backend_api.domain.erasures import Erasure
from backend_api.domain.idempotency import Attempt, KeptAnswer
from backend_api.domain.product_errors import ScenarioNotFound, ScheduleNotFound
from backend_api.domain.recommendations import LoggedRecommendation
from backend_api.domain.schedules import new_schedule
from contracts.public.access import Tenant, TenantChanges, TenantStatus
from contracts.public.recommendations import Scenario
from contracts.recommendations import RankingOptions
from contracts.training import TrainingParameters
from contracts.users import ErasedPlace

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
TENANTS = ("acme", "globex")


@pytest.fixture
async def engine(engine: AsyncEngine) -> AsyncEngine:
    """A database that knows two tenants."""
    for name in TENANTS:
        new = Tenant(
            tenant_id=name,
            name=name,
            plan_id="standard",
            status=TenantStatus.ACTIVE,
            created_at=NOW,
        )
        entry = CLI.did("tenant.create", name, NOW, tenant_id=name)
        await SqlTenantStore(engine).add(new, entry)
    return engine


async def test_scenarios_are_put_listed_and_deleted(engine: AsyncEngine) -> None:
    store = SqlScenarioStore(engine)
    for name in ("b", "_a", "B"):
        await store.put("acme", Scenario(name=name, options=RankingOptions(num_items=1)))
    replacing = Scenario(name="b", options=RankingOptions(num_items=2))
    await asyncio.gather(*(store.put("acme", replacing) for _ in range(5)))
    assert await store.find("acme", "b") == replacing
    assert await store.find("globex", "b") is None
    listed = await store.list_after("acme", "", 2)
    listed = [*listed, *await store.list_after("acme", listed[-1].name, 2)]
    assert [one.name for one in listed] == ["B", "_a", "b"]
    await store.delete("acme", "b")
    with pytest.raises(ScenarioNotFound):
        await store.delete("acme", "b")


async def test_one_of_many_claims_a_schedule(engine: AsyncEngine) -> None:
    store = SqlScheduleStore(engine)
    schedule = new_schedule("acme", TrainingParameters(), 1, 1_000, NOW)
    await asyncio.gather(*(store.put(schedule) for _ in range(5)))
    assert await store.find("acme") == schedule
    moved = schedule.begun(NOW + timedelta(minutes=1), "cut off")
    claimed = await asyncio.gather(*(store.claim(schedule, moved) for _ in range(5)))
    assert sorted(claimed) == [False] * 4 + [True]
    assert await store.find("acme") == moved
    await store.ended(moved, "job-1", None)
    await store.ended(moved, None, "away")
    assert await store.find("acme") == replace(moved, last_job_id="job-1", last_error="away")


async def test_the_earliest_schedule_is_that_of_an_active_tenant(engine: AsyncEngine) -> None:
    store = SqlScheduleStore(engine)
    assert await store.earliest() is None
    for hours, name in enumerate(TENANTS, 1):
        await store.put(new_schedule(name, TrainingParameters(), hours, None, NOW))
    earliest = await store.earliest()
    assert earliest is not None
    assert earliest.tenant_id == "acme"
    entry = CLI.did("tenant.suspend", "acme", NOW, tenant_id="acme")
    suspended = TenantChanges(status=TenantStatus.SUSPENDED)
    await SqlTenantStore(engine).change("acme", suspended, entry)
    earliest = await store.earliest()
    assert earliest is not None
    assert earliest.tenant_id == "globex"
    await store.delete("globex")
    with pytest.raises(ScheduleNotFound):
        await store.delete("globex")


def erasure(number: int, user: str = "u") -> Erasure:
    return Erasure(f"{number:036}", "acme", user * 64, NOW, begun_at=NOW)


async def test_erasures_of_one_user_at_once_are_one(engine: AsyncEngine) -> None:
    store = SqlErasureStore(engine)
    begun = await asyncio.gather(*(store.begin(erasure(number)) for number in range(5)))
    assert len({one.erasure_id for one in begun}) == 1
    done = replace(
        begun[0], completed_at=NOW, places=(ErasedPlace(place="x", removed=2, remaining=0),)
    )
    await store.complete(done)
    assert await store.find("acme", done.erasure_id) == done
    assert await store.list_before("acme", "9", 5) == [done]
    assert await store.list_before("globex", "9", 5) == []
    assert await store.begin(erasure(7)) == erasure(7)


async def test_the_secret_of_the_receipts_is_made_once(engine: AsyncEngine) -> None:
    secret = await read_erasure_secret(engine)
    assert len(secret) == 32
    assert await read_erasure_secret(engine) == secret


def logged(number: int, user_id: str | None = "u", tenant_id: str = "acme") -> LoggedRecommendation:
    return LoggedRecommendation(
        f"{number:036}", tenant_id, user_id, NOW, b'{"asked":1}', b'{"items":["\x00\xff"]}'
    )


async def test_answers_are_found_purged_and_erased(engine: AsyncEngine) -> None:
    store = SqlRecommendationLogStore(engine)
    entries = [logged(1), logged(2, None), logged(3, "v"), logged(4), logged(5, "u", "globex")]
    await store.add(entries)
    assert await store.find("acme", entries[0].recommendation_id) == entries[0]
    assert await store.find("globex", entries[0].recommendation_id) is None
    assert await store.of_users("acme", ["u", "w"]) == [entries[0], entries[3]]
    assert await store.purge(entries[2].recommendation_id, 1) == 1
    assert await store.purge(entries[2].recommendation_id, 9) == 1
    assert await store.erase("acme", ["u"]) == 1
    assert await store.count("acme", ["u"]) == 0
    assert await store.count("globex", ["u"]) == 1


async def test_kept_answers_that_name_a_user_are_erased(engine: AsyncEngine) -> None:
    store, answers = SqlIdempotencyStore(engine), SqlIdempotentAnswers(engine)
    later = NOW + timedelta(hours=1)
    for key, body in (("one", b'{"user_id":"u-1"}'), ("two", b'{"user_id":"u-10"}')):
        attempt = Attempt("acme", key, key, later)
        await store.begin(attempt, NOW)
        await store.keep(attempt, KeptAnswer("f" * 64, 200, [], body), later)
    assert await answers.count("acme", ["u-1", "u-2"]) == 1
    assert await answers.count("globex", ["u-1"]) == 0
    assert await answers.erase("acme", ["u-1"]) == 1
    assert await answers.count("acme", ["u-1", "u-10"]) == 1
