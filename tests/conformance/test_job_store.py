"""Every implementation of the port JobStore."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backends.database import migrate, open_engine
from backends.ports import PortUnavailable
from contracts.training import JobStatus, ModelType, TrainingJob
from ml_engine.adapters.job_store import SqlJobStore
from ml_engine.bootstrap import MIGRATIONS
from ml_engine.training.ports import JobStore

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 1, tzinfo=UTC)


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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[JobStore]:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/jobs.db", pool_size=2)
    await migrate(engine, MIGRATIONS)
    store = SqlJobStore(engine)
    yield store
    await store.close()


async def test_a_saved_job_is_found_as_it_was(store: JobStore) -> None:
    await store.save(job(1))
    assert await store.find("acme", "acme-1") == job(1)


async def test_saving_again_replaces(store: JobStore) -> None:
    await store.save(job(1))
    done = job(1).model_copy(update={"status": JobStatus.COMPLETED, "progress": 1.0})
    await store.save(done)
    assert await store.find("acme", "acme-1") == done
    assert list(await store.unfinished()) == []


async def test_another_tenants_job_is_not_found(store: JobStore) -> None:
    await store.save(job(1))
    assert await store.find("globex", "acme-1") is None
    assert list(await store.of_tenant("globex", 10)) == []


async def test_a_tenants_jobs_come_newest_first(store: JobStore) -> None:
    for number in (2, 1, 3):
        await store.save(job(number))
    assert [one.seed for one in await store.of_tenant("acme", 10)] == [3, 2, 1]


async def test_a_tenants_jobs_come_in_pages_that_stay_right_as_jobs_arrive(
    store: JobStore,
) -> None:
    for number in range(1, 6):
        await store.save(job(number))
    # Two of one moment stand in the order of their ids.
    await store.save(job(30).model_copy(update={"created_at": job(3).created_at}))
    first = await store.of_tenant("acme", 3)
    await store.save(job(9))
    last = first[-1]
    rest = await store.of_tenant("acme", 3, (last.created_at, last.job_id))
    assert [one.seed for one in (*first, *rest)] == [5, 4, 30, 3, 2, 1]


async def test_unfinished_jobs_of_all_tenants_come_oldest_first(store: JobStore) -> None:
    await store.save(job(3, "globex", JobStatus.RUNNING))
    await store.save(job(1, status=JobStatus.FAILED))
    await store.save(job(2))
    assert [one.job_id for one in await store.unfinished()] == ["acme-2", "globex-3"]


async def test_a_lost_database_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/empty.db", pool_size=1)
    store = SqlJobStore(engine)
    with pytest.raises(PortUnavailable):
        await store.ping()
    await store.close()
