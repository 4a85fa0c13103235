"""Several replicas take in imports: each by one at a time, gone on with where one falls silent."""

from typing import Any

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import ENDED, REPLICA, Pipeline, counts, event

from backends.leases import LEASE_SECONDS, Leases
from contracts.imports import ImportStatus
from data_pipeline.bootstrap.background import in_background
from data_pipeline.services.held_imports import HeldImports
from data_pipeline.services.import_files import ImportFiles
from data_pipeline.services.import_worker import ImportWorker

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds that pass for the leases of a replica."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def replica(pipeline: Pipeline, name: str, clock: Clock) -> ImportWorker:
    """The worker of another replica on the same stores, by a clock of its own."""
    held = HeldImports(pipeline.claims, pipeline.queue, name, pipeline.recorder.taken_up)
    held._leases = Leases(clock)
    return ImportWorker(
        held,
        ImportFiles(pipeline.spool, pipeline.folder.parent / name, pipeline.clock),
        pipeline.sources,
        pipeline.erased,
        pipeline.intake,
        pipeline.recorder,
        pipeline.clock,
    )


async def test_a_silent_replicas_import_is_gone_on_with_where_it_stands(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(12)])
    for _ in range(2):
        await pipeline.worker._round()
    clock = Clock()
    other = replica(pipeline, "other", clock)
    for _ in range(int(LEASE_SECONDS)):
        await other._round()
        clock.now += 1
    assert (await pipeline.imports.find("acme", import_id)).rows == 8
    await other._round()
    # The one that was only held up finds that what it has in hand is not its own any more.
    await pipeline.worker._round()
    while (await pipeline.imports.find("acme", import_id)).status not in ENDED:
        await other._round()
    job = await pipeline.imports.find("acme", import_id)
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED, (12, 12, 0, 0))
    told = [what for what, _ in pipeline.recorder.told]
    assert (told.count("taken up"), told.count("left")) == (1, 1)
    assert told.count("chunk of 4") == 3
    assert await pipeline.storage.ledger.imbalances() == []


async def test_a_replica_that_lost_its_import_stores_nothing_more_of_it(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(8)])
    original = pipeline.intake.load

    async def load(*args: Any) -> Any:
        # Another replica takes the import up while this one is about to store a chunk.
        [seen] = await pipeline.claims.waiting(1)
        if seen.holder == REPLICA:
            assert await pipeline.claims.claim(seen, "other")
        return await original(*args)

    pipeline.intake.load = load
    await pipeline.worker._round()
    assert counts(await pipeline.imports.find("acme", import_id)) == (0, 0, 0, 0)
    assert await pipeline.stored() == []
    assert [what for what, _ in pipeline.recorder.told] == ["began", "left"]


async def test_two_replicas_share_the_imports_and_count_each_row_once(pipeline) -> None:
    other = replica(pipeline, "other", Clock())
    tenants = [f"t{n}" for n in range(12)]
    uploaded = [
        (tenant, await pipeline.upload([event(n) for n in range(10)], tenant))
        for tenant in tenants
        for _ in range(2)
    ]
    async with pipeline.working(), in_background(other.work, "other"):
        jobs = [await pipeline.finished(import_id, tenant) for tenant, import_id in uploaded]
    await other.close()
    assert {(job.rows, job.accepted + job.duplicates, job.rejected) for job in jobs} == {
        (10, 10, 0)
    }
    for tenant in tenants:
        assert await pipeline.stored(tenant) == [f"i{n:03d}" for n in range(10)]
    assert await pipeline.storage.ledger.imbalances() == []
    told = [what for what, _ in pipeline.recorder.told]
    assert (told.count("began"), told.count("completed")) == (24, 24)


async def test_a_cancel_reaches_the_replica_that_works_on_it(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(20)])
    other = replica(pipeline, "other", Clock())
    for _ in range(2):
        await other._round()
    await pipeline.imports.cancel("acme", import_id)
    await other._round()
    job = await pipeline.imports.find("acme", import_id)
    assert (job.status, job.rows) == (ImportStatus.CANCELLED, 8)
    assert await pipeline.spool.kept() == []
    assert list((pipeline.folder.parent / "other").iterdir()) == []


async def test_a_replica_that_ends_leaves_its_imports_to_others_at_once(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(20)])
    await pipeline.worker._round()
    await pipeline.worker.close()
    other = replica(pipeline, "other", Clock())
    async with in_background(other.work, "other"):
        job = await pipeline.finished(import_id)
    assert counts(job) == (20, 20, 0, 0)
