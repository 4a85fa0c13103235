"""Every implementation of the ports JobStore, JobClaims and JobCheckpoints."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import open_engine
from backends.ports import PortUnavailable
from contracts.training import JobStatus, ModelType, TrainingJob
from ml_engine.adapters.job_checkpoints import SqlJobCheckpoints
from ml_engine.adapters.job_store import SqlJobStore
from ml_engine.training.ports import ClaimLost, OpenJob

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 20


def job(number: int, tenant_id: str = "acme", status: JobStatus = JobStatus.QUEUED) -> TrainingJob:
    return TrainingJob(
        job_id=f"{tenant_id}-{number}",
        tenant_id=tenant_id,
        snapshot_id="0" * 16,
        model_type=ModelType.TWO_TOWER,
        seed=number,
        status=status,
        stage="queued",
        progress=0.0,
        created_at=START + timedelta(minutes=number),
    )


Store = SqlJobStore


@pytest.fixture
def store(engine: AsyncEngine) -> Store:
    return SqlJobStore(engine)


@pytest.fixture
def other(other_engine: AsyncEngine) -> Store:
    """Another replica's way to the same jobs."""
    return SqlJobStore(other_engine)


def running(one: TrainingJob) -> TrainingJob:
    changes = {"status": JobStatus.RUNNING, "started_at": one.created_at, "attempts": 1}
    return one.model_copy(update=changes)


async def seen(store: Store) -> OpenJob:
    """The only open job."""
    (one,) = await store.open_jobs()
    return one


async def test_an_added_job_is_found_as_it_was(store: Store) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.find("acme", "acme-1") == job(1)


async def test_a_new_job_is_held_by_nobody_and_keeps_its_trace(store: Store) -> None:
    await store.add(job(1), {"traceparent": "00-1-2-01"}, LIMIT)
    assert await store.open_jobs() == [OpenJob(job(1), trace_headers={"traceparent": "00-1-2-01"})]


async def test_of_jobs_that_come_in_at_once_no_more_are_taken_than_may_wait(
    store: Store, other: Store
) -> None:
    both = (store, other)
    added = await asyncio.gather(*(both[n % 2].add(job(n), {}, 3) for n in range(8)))
    assert sum(added) == 3
    assert len(await store.open_jobs()) == 3


async def test_what_a_holder_keeps_is_there_for_the_next_one_until_the_job_ends(
    store: Store, engine: AsyncEngine, other_engine: AsyncEngine
) -> None:
    checkpoints, others = SqlJobCheckpoints(engine), SqlJobCheckpoints(other_engine)
    await store.add(job(1), {}, LIMIT)
    assert await checkpoints.of_job("acme-1") == {}
    await store.claim(await seen(store), "a", running(job(1)))
    await checkpoints.keep("a", "acme-1", "parameters", {"rank": 8})
    await checkpoints.keep("a", "acme-1", "report", {"models": [0.1]})
    kept = {"parameters": {"rank": 8}, "report": {"models": [0.1]}}
    await store.release("a", job(1))
    assert await others.of_job("acme-1") == kept
    with pytest.raises(ClaimLost):
        await checkpoints.keep("a", "acme-1", "late", {})
    await store.claim(await seen(store), "b", running(job(1)))
    assert await others.of_job("acme-1") == kept
    await store.release("b", job(1, status=JobStatus.COMPLETED))
    assert await others.of_job("acme-1") == {}


async def test_of_two_that_claim_at_once_one_holds_the_job(store: Store, other: Store) -> None:
    await store.add(job(1), {}, LIMIT)
    look = await seen(store)
    claims = [one.claim(look, name, running(job(1))) for one, name in ((store, "a"), (other, "b"))]
    won = await asyncio.gather(*claims)
    assert sorted(won) == [False, True]
    one = await seen(store)
    assert (one.holder, one.job) == ("a" if won[0] else "b", running(job(1)))
    assert one.last_turn == job(1).created_at


async def test_only_the_holder_writes_how_a_job_goes(store: Store, other: Store) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.claim(await seen(store), "a", running(job(1)))
    half = running(job(1)).model_copy(update={"progress": 0.5})
    assert await store.renew("a", half) is False
    done = half.model_copy(update={"status": JobStatus.COMPLETED})
    for write in (other.renew, other.release):
        with pytest.raises(ClaimLost):
            await write("b", done)
    assert await store.find("acme", "acme-1") == half


async def test_a_claim_that_was_renewed_since_it_was_seen_is_not_taken_over(
    store: Store, other: Store
) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.claim(await seen(store), "a", running(job(1)))
    look = await seen(other)
    await store.renew("a", running(job(1)))
    assert not await other.claim(look, "b", running(job(1)))
    assert await other.claim(await seen(other), "b", running(job(1)))
    with pytest.raises(ClaimLost):
        await store.renew("a", running(job(1)))


async def test_a_released_job_is_anybodys_until_it_has_ended(store: Store, other: Store) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.claim(await seen(store), "a", running(job(1)))
    await store.release("a", running(job(1)))
    look = await seen(other)
    assert look.holder is None
    assert await other.claim(look, "b", running(job(1)))
    done = running(job(1)).model_copy(update={"status": JobStatus.COMPLETED, "progress": 1.0})
    await other.release("b", done)
    assert list(await store.open_jobs()) == []
    assert await store.find("acme", "acme-1") == done
    assert not await store.claim(look, "a", running(job(1)))
    with pytest.raises(ClaimLost):
        await other.renew("b", running(job(1)))


async def test_the_wish_to_cancel_reaches_the_holder_at_its_next_renewal(
    store: Store, other: Store
) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.claim(await seen(store), "a", running(job(1)))
    await other.want_cancelled("acme-1")
    assert (await seen(store)).cancel_wanted
    assert await store.renew("a", running(job(1))) is True


async def test_an_open_job_tells_when_its_tenant_had_its_last_turn(store: Store) -> None:
    for number, tenant_id in ((1, "acme"), (2, "acme"), (3, "globex")):
        await store.add(job(number, tenant_id), {}, LIMIT)
    first = (await store.open_jobs())[0]
    assert await store.claim(first, "a", running(first.job))
    done = running(first.job).model_copy(update={"status": JobStatus.COMPLETED})
    await store.release("a", done)
    turns = {one.job.tenant_id: one.last_turn for one in await store.open_jobs()}
    assert turns == {"acme": first.job.created_at, "globex": None}


async def test_another_tenants_job_is_not_found(store: Store) -> None:
    await store.add(job(1), {}, LIMIT)
    assert await store.find("globex", "acme-1") is None
    assert list(await store.of_tenant("globex", 10)) == []


async def test_a_tenants_jobs_come_newest_first(store: Store) -> None:
    for number in (2, 1, 3):
        await store.add(job(number), {}, LIMIT)
    assert [one.seed for one in await store.of_tenant("acme", 10)] == [3, 2, 1]


async def test_a_tenants_jobs_come_in_pages_that_stay_right_as_jobs_arrive(
    store: Store,
) -> None:
    for number in range(1, 6):
        await store.add(job(number), {}, LIMIT)
    # Two of one moment stand in the order of their ids.
    await store.add(job(30).model_copy(update={"created_at": job(3).created_at}), {}, LIMIT)
    first = await store.of_tenant("acme", 3)
    await store.add(job(9), {}, LIMIT)
    last = first[-1]
    rest = await store.of_tenant("acme", 3, (last.created_at, last.job_id))
    assert [one.seed for one in (*first, *rest)] == [5, 4, 30, 3, 2, 1]


async def test_open_jobs_of_all_tenants_come_oldest_first(store: Store) -> None:
    await store.add(job(3, "globex", JobStatus.RUNNING), {}, LIMIT)
    await store.add(job(1, status=JobStatus.FAILED), {}, LIMIT)
    await store.add(job(2), {}, LIMIT)
    assert [one.job.job_id for one in await store.open_jobs()] == ["acme-2", "globex-3"]


async def test_a_lost_database_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1)
    store = SqlJobStore(engine)
    with pytest.raises(PortUnavailable):
        await store.ping()
    await store.close()


async def test_no_more_jobs_of_a_tenant_are_kept_than_may_be_open(store: Store) -> None:
    assert await store.add(job(1), {}, limit=2)
    assert await store.add(job(2), {}, limit=2)
    assert not await store.add(job(3), {}, limit=2)
    assert await store.find("acme", "acme-3") is None
    assert await store.add(job(3, "globex"), {}, limit=2)
    assert await store.claim((await store.open_jobs())[0], "a", running(job(1)))
    await store.release("a", job(1, status=JobStatus.FAILED))
    assert await store.add(job(3), {}, limit=2)
