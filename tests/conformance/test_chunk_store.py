"""Every ChunkStore changes how events are kept, and nothing else."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.conformance.chunked_logs import DAY_MS, FAR_MS, NOW_MS, TODAY, Killed, Log, killed_at

from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from data_pipeline.adapters import chunk_merging, chunk_store
from data_pipeline.adapters.chunk_reader import ChunkReader
from data_pipeline.adapters.chunk_store import GRACE_MS
from data_pipeline.adapters.tables import event_chunks, event_log_removals, loose_objects
from data_pipeline.domain.chunk_store import ChunkGroup, ChunkStore, Kind, Merged
from data_pipeline.domain.deliveries import Lane

pytestmark = pytest.mark.anyio


@pytest.fixture
async def log(engine: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Log]:
    log = Log(engine, UrlObjectStore((tmp_path / "objects").as_uri()), tmp_path)
    yield log
    await log.close()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few events are many: merged ones go to an object."""
    monkeypatch.setattr(chunk_merging, "INLINE_ROWS", 3)
    monkeypatch.setattr(chunk_merging, "SORTED_GROUP_ROWS", 4)


async def test_groups_are_of_one_tenant_lane_and_day_and_have_two_small_chunks(log: Log) -> None:
    await log.store(2)
    await log.store(3)
    await log.store(1, lane=Lane.BULK)
    await log.store(4, received_at_ms=NOW_MS - DAY_MS)
    for _ in range(3):
        await log.store(1, tenant_id="other", lane=Lane.BULK)
    groups = await log.chunks.groups(log.upto)
    assert [group._replace(inline_bytes=0) for group in groups] == [
        ChunkGroup("acme", Lane.LIVE, TODAY, 2, 5, 0, 0),
        ChunkGroup("other", Lane.BULK, TODAY, 3, 3, 0, 0),
    ]
    assert all(group.inline_bytes > 0 for group in groups)


async def test_a_chunk_that_is_large_enough_is_left_alone(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_store, "SMALL_ROWS", 5)
    await log.store(6)
    await log.store(5)
    assert await log.chunks.groups(log.upto) == []
    await log.store(1)
    assert await log.merge() == Merged(2, 6)
    assert await log.chunks.groups(log.upto) == []


@pytest.mark.usefixtures("large")
async def test_merged_events_are_the_same_events_in_one_object_by_user_and_time(log: Log) -> None:
    for rows in (1, 2, 30):
        await log.store(rows)
    await log.store(2, tenant_id="other")
    before, others = await log.rows(), await log.rows("other")
    old = {chunk.last_sequence: chunk for chunk in await log.table(event_chunks)}
    assert await log.merge() == Merged(3, 33)
    assert (await log.rows(), await log.rows("other")) == (before, others)
    chunk = next(one for one in await log.table(event_chunks) if one.tenant_id == "acme")
    assert (chunk.first_sequence, chunk.last_sequence, chunk.rows) == (1, 33, 33)
    assert (chunk.oldest_ms, chunk.newest_ms) == (old[1].oldest_ms, old[33].newest_ms)
    assert (await log.keys(), chunk.content) == ([chunk.object_key], None)
    assert chunk.size == len(await log.objects.get(chunk.object_key))
    assert await log.table(loose_objects) == []
    reader = ChunkReader(log.engine, log.objects)
    batches = [batch async for batch in reader.scan("acme", ["user_id", "timestamp", "sequence"])]
    assert [len(batch) for batch in batches] == [4] * 8 + [1]
    order = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert order == sorted(order)


async def test_few_events_stay_in_the_row_and_can_be_merged_again(log: Log) -> None:
    await log.store(2)
    await log.store(3, received_at_ms=NOW_MS + 5)
    assert await log.merge() == Merged(2, 5)
    await log.store(4, received_at_ms=NOW_MS + 9)
    before = await log.rows()
    assert await log.merge() == Merged(2, 9)
    assert await log.rows() == before
    assert {row["received_at"].microsecond for row in before} == {0, 5_000, 9_000}
    [chunk] = await log.table(event_chunks)
    assert (chunk.oldest_ms, chunk.newest_ms) == (NOW_MS, NOW_MS + 9)
    assert chunk.object_key is None
    assert await log.keys() == []


@pytest.mark.usefixtures("large")
async def test_what_was_merged_can_be_read_until_it_is_swept(log: Log) -> None:
    for _ in range(2):
        await log.store(4)
        await log.store(4)
        await log.merge(Kind.INLINE)
    old = await log.keys()
    assert len(old) == 2
    assert await log.merge(Kind.OBJECTS) == Merged(2, 16)
    assert set(await log.keys()) > set(old)
    assert {row.object_key for row in await log.table(loose_objects)} == set(old)
    since_ms = max(row.since_ms for row in await log.table(loose_objects))
    assert await log.chunks.sweep(since_ms) == 0
    assert await log.chunks.sweep(since_ms + GRACE_MS + 1) == 2
    [chunk] = await log.table(event_chunks)
    assert await log.keys() == [chunk.object_key]
    assert await log.table(loose_objects) == []


async def test_only_what_the_followers_have_read_is_merged(log: Log) -> None:
    ends = [await log.store(2) for _ in range(4)]
    log.upto[Lane.LIVE] = ends[2] - 1
    assert await log.merge() == Merged(2, 4)
    last = [chunk.last_sequence for chunk in await log.table(event_chunks)]
    assert sorted(last) == ends[1:]


async def test_nothing_is_merged_when_a_follower_begins_again_meanwhile(log: Log) -> None:
    await log.store(2)
    await log.store(2)
    calls = 0

    async def positions() -> Mapping[Lane, int]:
        nonlocal calls
        calls += 1
        return log.upto if calls == 1 else {Lane.LIVE: 0, Lane.BULK: 0}

    before = await log.table(event_chunks)
    [group] = await log.chunks.groups(log.upto)
    assert await log.chunks.merge(group, Kind.ALL, positions) is None
    assert await log.table(event_chunks) == before


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("change", ["a chunk", "the new object"])
async def test_a_removal_meanwhile_is_not_undone(
    log: Log, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.store(4)
    last = await log.store(4)
    read = chunk_store.merged_events

    async def then_removed(*args: Any) -> Any:
        merged = await read(*args)
        async with log.engine.begin() as connection:
            this = event_chunks.c.last_sequence == last
            await connection.execute(event_chunks.delete().where(this))
        return merged

    async def removed_then_written(*args: Any) -> None:
        await write(*args)
        async with log.engine.begin() as connection:
            await connection.execute(loose_objects.delete())

    write = chunk_store.write_loose
    if change == "a chunk":
        monkeypatch.setattr(chunk_store, "merged_events", then_removed)
    else:
        monkeypatch.setattr(chunk_store, "write_loose", removed_then_written)
    assert await log.merge() is None
    assert await log.keys() == []
    assert await log.table(loose_objects) == []
    assert len(await log.rows()) == (4 if change == "a chunk" else 8)


async def test_a_merge_takes_the_oldest_that_fit_and_two_at_least(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_store, "CHUNK_ROWS", 10)
    for rows in (3, 3, 4, 1):
        await log.store(rows)
    assert await log.merge() == Merged(3, 10)
    monkeypatch.setattr(chunk_store, "MERGED_BYTES", 1)
    assert await log.merge() == Merged(2, 11)


async def test_old_days_are_dropped_with_an_account_of_them(log: Log) -> None:
    for days in (0, 1, 2, 3):
        await log.store(days + 1, received_at_ms=NOW_MS - days * DAY_MS)
    await log.store(7, tenant_id="other", received_at_ms=NOW_MS - 2 * DAY_MS)
    await log.store(5, lane=Lane.BULK, received_at_ms=NOW_MS - 2 * DAY_MS)
    log.upto[Lane.BULK] = 0
    yesterday = (date.fromisoformat(TODAY) - timedelta(days=1)).isoformat()
    assert await log.chunks.drop(yesterday, log.upto) == {"acme": 7, "other": 7}
    assert await log.chunks.drop(yesterday, log.upto) == {}
    assert (len(await log.rows()), len(await log.rows("other"))) == (8, 0)
    log.upto[Lane.BULK] = 10**9
    assert await log.chunks.drop(yesterday, log.upto) == {"acme": 5}
    accounts = sorted(map(tuple, await log.table(event_log_removals)))
    assert accounts == [("acme", "retention", 12), ("other", "retention", 7)]


@pytest.mark.usefixtures("large")
async def test_the_objects_of_what_was_dropped_are_swept(log: Log) -> None:
    await log.store(4)
    await log.store(4)
    await log.merge()
    await log.chunks.drop("9999-01-01", log.upto)
    assert len(await log.keys()) == 1
    assert await log.chunks.sweep(FAR_MS) == 1
    assert await log.keys() == []


async def test_strays_are_swept_an_hour_after_they_were_seen(log: Log) -> None:
    await log.store(1)
    await log.objects.put("events/acme/2027-01-15/stray.parquet", b"?")
    await log.objects.put("snapshots/other", b"!")
    assert await log.chunks.sweep(NOW_MS) == 0
    assert await log.chunks.sweep(NOW_MS + GRACE_MS) == 0
    assert await log.chunks.sweep(NOW_MS + GRACE_MS + 1) == 1
    assert await log.keys() == []
    assert await log.objects.keys("snapshots/") == ["snapshots/other"]


async def test_a_sent_again_event_is_known_after_a_merge_and_a_lost_index(log: Log) -> None:
    await log.store(3)
    await log.store(3)
    await log.merge()
    with log.seen.of("acme") as seen:
        seen.clear()
    log.stored = 0
    assert await log.store(6) == 0
    assert len(await log.rows()) == 6


@pytest.mark.slow
@pytest.mark.usefixtures("large")
async def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(log: Log) -> None:
    kills = 0
    for moment in range(1, 100):
        for rows in (4, 1, 4):
            await log.store(rows)
        before = await log.rows()
        try:
            with killed_at(log, moment) as chunks:
                await merge_and_sweep(log, chunks)
        except Killed:
            kills += 1
            assert await log.rows() == before
            named = {one.object_key for one in await log.table(event_chunks)} - {None}
            loose = {one.object_key for one in await log.table(loose_objects)}
            assert named <= set(await log.keys()) <= named | loose
            await merge_and_sweep(log, log.chunks)
        assert await log.rows() == before
        assert len(await log.keys()) == len(await log.table(event_chunks)) == 1
        if kills < moment:
            break
    assert 15 < kills < 99


async def merge_and_sweep(log: Log, chunks: ChunkStore) -> None:
    for group in await chunks.groups(log.upto):
        await chunks.merge(group, Kind.ALL, log.positions)
    await chunks.sweep(FAR_MS)


SIZES = st.lists(
    st.tuples(st.sampled_from(Lane), st.integers(0, 2), st.integers(1, 6)),
    min_size=2,
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES)
@pytest.mark.usefixtures("large")
async def test_all_merges_together_leave_the_events_as_they_were(
    log: Log, stored: list[tuple[Lane, int, int]]
) -> None:
    for lane, days, rows in stored:
        await log.store(rows, lane=lane, received_at_ms=NOW_MS - days * DAY_MS)
    before = await log.rows()
    while groups := await log.chunks.groups(log.upto):
        for group in groups:
            assert await log.chunks.merge(group, Kind.ALL, log.positions)
    assert await log.rows() == before
    pages = [await log.events.read_after(lane, 0, 10**6) for lane in Lane]
    assert sum(len(batch) for page in pages for _, batch in page.batches) == len(before)
    # The next example begins with an empty log.
    await log.chunks.drop("9999-01-01", log.upto)


@pytest.mark.usefixtures("large")
async def test_a_follower_reads_each_event_once_while_chunks_are_merged(log: Log) -> None:
    log.upto = {Lane.LIVE: 0, Lane.BULK: 0}
    read: list[int] = []

    async def write() -> None:
        for rows in (1, 5, 2, 1, 7) * 6:
            await log.store(rows)

    async def follow() -> None:
        while len(read) < 96:
            page = await log.events.read_after(Lane.LIVE, log.upto[Lane.LIVE], 3)
            read.extend(
                sequence
                for _, batch in page.batches
                for sequence in batch.column("sequence").to_pylist()
            )
            log.upto = {**log.upto, Lane.LIVE: page.last_sequence}

    async def merge() -> None:
        while len(read) < 96:
            # A database that others write to may be locked for too long: the job tries again.
            with suppress(PortUnavailable):
                for group in await log.chunks.groups(log.upto):
                    await log.chunks.merge(group, Kind.ALL, log.positions)
                    await log.chunks.sweep(FAR_MS)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for work in (write, follow, merge):
                group.start_soon(work)
    assert sorted(read) == [row["sequence"] for row in await log.rows()]


async def test_a_lost_object_is_no_answer(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_merging, "INLINE_ROWS", 1)
    await log.store(4)
    await log.store(4)
    await log.merge()
    await log.store(4)
    for key in await log.keys():
        await log.objects.delete(key)
    before = await log.table(event_chunks)
    with pytest.raises(PortUnavailable):
        await log.merge()
    assert await log.table(event_chunks) == before


async def test_a_working_store_answers_a_ping(log: Log) -> None:
    store: ChunkStore = log.chunks
    await store.ping()
