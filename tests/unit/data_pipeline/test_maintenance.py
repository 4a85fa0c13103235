"""When chunks are merged and dropped, and what a run of a job tells."""

import logging
from collections.abc import Mapping, Sequence

import anyio
import pytest

from backends.ports import FeaturesBegun, PortUnavailable
from data_pipeline.adapters.maintenance_telemetry import MaintenanceTelemetry
from data_pipeline.domain.chunk_store import ChunkGroup, Kind, Merged, Positions
from data_pipeline.domain.deliveries import Lane
from data_pipeline.services.compaction import Compaction, kind_due
from data_pipeline.services.maintenance import Maintenance
from data_pipeline.services.retention import Retention, Sweep
from instrumentation.settings import ServiceSettings
from instrumentation.telemetry import start_telemetry

pytestmark = pytest.mark.anyio

NOW_MS = 1_800_000_000_000
TODAY = "2027-01-15"


def group(
    tenant_id: str = "acme",
    day: str = TODAY,
    chunks: int = 2,
    rows: int = 2,
    size: int = 2,
    objects: int = 0,
) -> ChunkGroup:
    return ChunkGroup(tenant_id, Lane.LIVE, day, chunks, rows, size, objects)


class FakeChunks:
    """Each merge makes one of two chunks of a group; what it is told to fail, fails."""

    def __init__(self, groups: Sequence[ChunkGroup] = ()) -> None:
        self.left = {one.tenant_id: one for one in groups}
        self.merged: list[tuple[str, Kind]] = []
        self.failing: set[str] = set()
        self.changed: set[str] = set()
        self.dropped_before: str | None = None
        self.swept_at_ms: int | None = None

    async def groups(self, upto: Mapping[Lane, int]) -> Sequence[ChunkGroup]:
        assert upto == {Lane.LIVE: 7, Lane.BULK: 8}
        return [one for one in self.left.values() if one.inline_chunks + one.objects > 1]

    async def merge(self, group: ChunkGroup, kind: Kind, positions: Positions) -> Merged | None:
        assert await positions() == {Lane.LIVE: 7, Lane.BULK: 8}
        tenant_id = group.tenant_id
        if tenant_id in self.failing:
            raise PortUnavailable("the object is lost")
        if tenant_id in self.changed:
            return None
        self.merged.append((tenant_id, kind))
        self.left[tenant_id] = group._replace(inline_chunks=group.inline_chunks - 1)
        return Merged(2, 10)

    async def drop(self, before: str, upto: Mapping[Lane, int]) -> Mapping[str, int]:
        self.dropped_before = before
        return {"acme": 3, "other": 4}

    async def sweep(self, now_ms: int) -> int:
        self.swept_at_ms = now_ms
        return 5

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


async def positions() -> Mapping[Lane, int]:
    return {Lane.LIVE: 7, Lane.BULK: 8}


def now_ms() -> int:
    return NOW_MS


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (group(), None),
        (group(rows=49_999, size=8 * 1024 * 1024 - 1), None),
        (group(rows=50_000), Kind.INLINE),
        (group(size=8 * 1024 * 1024), Kind.INLINE),
        (group(chunks=256), Kind.INLINE),
        (group(chunks=1, rows=50_000, objects=7), None),
        (group(chunks=1, rows=50_000, objects=8), Kind.OBJECTS),
        (group(day="2027-01-14"), Kind.ALL),
        (group(day="2027-01-14", chunks=1, objects=1), Kind.ALL),
        (group(day="2027-01-16"), None),
    ],
    ids=range(10),
)
def test_a_day_is_merged_when_it_is_over_or_when_much_has_come(
    one: ChunkGroup, kind: Kind | None
) -> None:
    assert kind_due(one, TODAY) is kind


async def test_tenants_take_turns_until_nothing_is_due() -> None:
    over = "2027-01-14"
    chunks = FakeChunks([group("a", over, chunks=4), group("b", over), group("c")])
    report = await Compaction(chunks, positions, now_ms).run()
    assert [tenant for tenant, _ in chunks.merged] == ["a", "b", "a", "a"]
    assert report == {"merges": 4, "chunks": 8, "events": 40}


async def test_a_group_that_fails_keeps_no_other_from_being_merged() -> None:
    over = "2027-01-14"
    chunks = FakeChunks([group("a", over, chunks=3), group("b", over, chunks=3)])
    chunks.failing = {"a"}
    with pytest.raises(PortUnavailable, match="lost"):
        await Compaction(chunks, positions, now_ms).run()
    assert [tenant for tenant, _ in chunks.merged] == ["b", "b"]


async def test_a_group_that_others_change_waits_for_the_next_run() -> None:
    chunks = FakeChunks([group("a", "2027-01-14")])
    chunks.changed = {"a"}
    with anyio.fail_after(30):
        assert not any((await Compaction(chunks, positions, now_ms).run()).values())


async def test_events_are_kept_for_so_many_days() -> None:
    chunks = FakeChunks()
    report = await Retention(chunks, positions, 14, now_ms).run()
    assert chunks.dropped_before == "2027-01-01"
    assert report == {"tenants": 2, "events": 7}


async def test_without_a_number_of_days_events_are_kept_for_ever() -> None:
    chunks = FakeChunks()
    assert not any((await Retention(chunks, positions, 0, now_ms).run()).values())
    assert chunks.dropped_before is None


async def test_objects_are_swept_by_the_clock() -> None:
    chunks = FakeChunks()
    assert await Sweep(chunks, now_ms).run() == {"objects": 5}
    assert chunks.swept_at_ms == NOW_MS


class Counting:
    """A job that fails at first."""

    name = "counting"
    every_seconds = 0.0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.runs = 0
        self.twice = anyio.Event()

    async def run(self) -> Mapping[str, int]:
        self.runs += 1
        if self.runs > 1:
            self.twice.set()
        if self.runs == 1 and self.error is not None:
            raise self.error
        return {"events": 2, "chunks": 1}


@pytest.fixture
def telemetry():
    telemetry = start_telemetry(ServiceSettings(service_name="data-pipeline"))
    yield telemetry
    telemetry.close()


@pytest.mark.parametrize("error", [PortUnavailable("gone"), ValueError("odd")], ids=repr)
async def test_a_job_that_fails_is_run_again_beside_the_others(telemetry, error: Exception) -> None:
    observer = MaintenanceTelemetry(telemetry.metrics, telemetry.tracing)
    failing, other = Counting(error), Counting()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Maintenance([failing, other], observer).work)
            await failing.twice.wait()
            await other.twice.wait()
            tasks.cancel_scope.cancel()


async def test_a_run_is_timed_counted_and_told(telemetry, caplog) -> None:
    observer = MaintenanceTelemetry(telemetry.metrics, telemetry.tracing)
    job = Counting(PortUnavailable("gone"))
    maintenance = Maintenance([job], observer)
    with caplog.at_level(logging.INFO):
        with pytest.raises(PortUnavailable):
            await maintenance.run_once()
        await maintenance.run_once()
    value = telemetry.metrics.registry.get_sample_value
    labels = {"job_name": "counting"}
    assert value("etl_job_duration_seconds_count", labels) == 2
    failed = value("etl_job_failures_total", {**labels, "reason": "store_unavailable"})
    assert failed == 1
    assert value("etl_records_processed_total", {**labels, "source": "events"}) == 2
    [line] = [one for one in caplog.records if one.name == "data_pipeline"]
    assert (line.events, line.chunks) == (2, 1)


async def test_a_run_while_the_features_are_begun_anew_has_not_failed(telemetry) -> None:
    observer = MaintenanceTelemetry(telemetry.metrics, telemetry.tracing)
    maintenance = Maintenance([Counting(FeaturesBegun("another empties them"))], observer)
    with pytest.raises(FeaturesBegun):
        await maintenance.run_once()
    failed = {"job_name": "counting", "reason": "store_unavailable"}
    assert telemetry.metrics.registry.get_sample_value("etl_job_failures_total", failed) is None
