"""Every EventLog keeps each event once, in one order for each lane."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from itertools import chain
from pathlib import Path

import anyio
import pytest
import sqlalchemy as sa
from tests.conformance.event_logs import (
    LogFiles,
    Place,
    append,
    batch_of,
    places,
    places_after,
    record,
)

from backends.ports import PortUnavailable
from data_pipeline.adapters import event_log
from data_pipeline.adapters.tables import event_chunks, loose_objects, merged_ids
from data_pipeline.adapters.transactions import shared_transaction
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.ports import EventLog
from data_pipeline.domain.records import EventFilter, EventRecord, Stored

pytestmark = pytest.mark.anyio

INLINE, OBJECTS = 20_000, 1


@pytest.fixture
async def files(database_url: str, tmp_path: Path) -> AsyncGenerator[LogFiles]:
    files = LogFiles(tmp_path, database_url)
    await files.migrate()
    yield files
    await files.close()


@pytest.fixture
def log(files: LogFiles) -> EventLog:
    return files.log


@pytest.fixture(params=[INLINE, OBJECTS], ids=["inline", "objects"])
def _either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of more than one event are objects, or none is."""
    monkeypatch.setattr(event_log, "INLINE_ROWS", request.param)


either = pytest.mark.usefixtures("_either")


async def items_after(log: EventLog, sequence: int = 0, rows: int = 1_000) -> list[str]:
    return [place.event.item_id for place in await places_after(log, Lane.LIVE, sequence, rows)]


async def keys(files: LogFiles) -> list[str]:
    return list(await files.objects.keys("events/"))


async def test_an_empty_log_has_nothing(log: EventLog) -> None:
    page = await log.read_after(Lane.LIVE, 0, 10)
    assert (list(page.batches), page.last_sequence, page.more) == ([], 0, False)
    assert await append(log, "acme", []) == Stored(0, 0, 0)
    async with aclosing(log.scan("acme", ["event_id"], EventFilter())) as batches:
        assert [batch async for batch in batches] == []


@either
async def test_events_come_back_as_they_went_in(log: EventLog) -> None:
    events = [
        EventRecord("e1", "ü", "i", "view", -1, None, None),
        EventRecord("e2", "u", "i 2", "rating", 5, 4.5, "r"),
    ]
    stored = await append(log, "acme", events, 9)
    assert (stored.accepted, stored.duplicates) == (2, 0)
    assert await places_after(log) == [
        Place("acme", stored.last_sequence - 1, events[0], 9),
        Place("acme", stored.last_sequence, events[1], 9),
    ]
    [(_, batch), *_] = (await log.read_after(Lane.LIVE, 0, 10)).batches
    assert batch.schema.equals(STORED_EVENT_SCHEMA)


@either
async def test_the_first_of_an_id_wins_in_a_batch_and_over_time(log: EventLog) -> None:
    first = await append(log, "acme", [record("a", "1"), record("b", "2"), record("a", "3")])
    assert (first.accepted, first.duplicates) == (2, 1)
    second = await append(log, "acme", [record("b", "4"), record("c", "5")])
    assert (second.accepted, second.duplicates) == (1, 1)
    assert second.last_sequence > first.last_sequence
    assert await append(log, "acme", [record("a", "6")]) == Stored(0, 1, 0)
    assert await items_after(log) == ["1", "2", "5"]


async def test_what_is_new_is_known_before_it_is_stored(log: EventLog) -> None:
    await append(log, "acme", [record("a")])
    events = batch_of([record("a"), record("b"), record("b")])
    async with log.staged("acme", events, 1, Lane.LIVE) as staged:
        assert (staged.new, staged.duplicates) == (1, 2)


async def test_an_id_is_known_after_a_restart_and_without_the_index(
    files: LogFiles,
) -> None:
    await append(files.log, "acme", [record("a"), record("b")])
    # A second replica begins with an empty index of its own.
    for _ in range(2):
        other = files.replica()
        assert await append(other.log, "acme", [record("a"), record("b")]) == Stored(0, 2, 0)
        await other.close()


async def test_an_id_belongs_to_its_tenant(log: EventLog) -> None:
    assert (await append(log, "acme", [record("a", "1")])).accepted == 1
    assert (await append(log, "other", [record("a", "2")])).accepted == 1
    assert [place.tenant for place in await places_after(log)] == ["acme", "other"]
    async with aclosing(log.scan("other", ["item_id"], EventFilter())) as batches:
        assert [batch.to_pydict() async for batch in batches] == [{"item_id": ["2"]}]


async def test_lanes_are_read_by_themselves_and_share_their_ids(log: EventLog) -> None:
    await append(log, "acme", [record("a", "1")])
    await append(log, "acme", [record("a", "2"), record("b", "3")], lane=Lane.BULK)
    await append(log, "acme", [record("b", "4"), record("c", "5")])
    assert await items_after(log) == ["1", "5"]
    assert [place.event.item_id for place in await places_after(log, Lane.BULK)] == ["3"]


async def test_pages_are_whole_chunks_without_gap_or_overlap(log: EventLog) -> None:
    for chunk in range(5):
        await append(log, "acme", [record(f"{chunk}-{n}", f"{chunk}-{n}") for n in range(2)])
    position, pages, more = 0, list[list[str]](), True
    while more:
        page = await log.read_after(Lane.LIVE, position, 3)
        pages.append([p.event.item_id for of, batch in page.batches for p in places(of, batch)])
        position, more = page.last_sequence, page.more
    assert list(map(len, pages)) == [4, 4, 2]
    assert list(chain(*pages)) == [f"{chunk}-{n}" for chunk in range(5) for n in range(2)]


async def test_a_reader_that_follows_writers_misses_nothing_and_sees_nothing_twice(
    log: EventLog,
) -> None:
    seen: list[str] = []

    async def follow() -> None:
        position = 0
        while len(seen) < 20:
            page = await log.read_after(Lane.LIVE, position, 1_000)
            position = page.last_sequence
            seen.extend(p.event.item_id for of, batch in page.batches for p in places(of, batch))

    async def write(writer: int) -> None:
        for n in range(5):
            await append(log, f"tenant-{writer}", [record(f"{writer}-{n}", f"{writer}-{n}")])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            for writer in range(4):
                group.start_soon(write, writer)
    assert sorted(seen) == sorted(f"{writer}-{n}" for writer in range(4) for n in range(5))


@pytest.mark.parametrize("replicas", [1, 3])
async def test_writers_at_once_store_each_id_once(files: LogFiles, replicas: int) -> None:
    results: list[Stored] = []
    others = [files.replica() for _ in range(replicas - 1)]

    async def write(log: EventLog) -> None:
        results.append(await append(log, "acme", [record(f"e{n}") for n in range(50)]))

    async with anyio.create_task_group() as group:
        for one in [files, *others] * 2:
            group.start_soon(write, one.log)
    assert sum(stored.accepted for stored in results) == 50
    assert len(await items_after(files.log)) == 50
    for one in others:
        await one.close()


@either
async def test_what_another_replica_stored_meanwhile_is_a_duplicate(
    files: LogFiles,
) -> None:
    other = files.replica()
    events = [record("a", "1"), record("b", "2"), record("c", "3")]
    async with files.log.staged("acme", batch_of(events), 1, Lane.LIVE) as staged:
        await append(other.log, "acme", [record("b", "4")])
        assert await files.log.store(staged) == Stored(2, 1, 4)
    async with files.log.staged("acme", batch_of([record("d")]), 1, Lane.LIVE) as staged:
        await append(other.log, "acme", [record("d", "5")])
        assert await files.log.store(staged) == Stored(0, 1, 0)
    assert await items_after(files.log) == ["4", "1", "3", "5"]
    assert await append(files.log, "acme", events) == Stored(0, 3, 0)
    await other.close()


async def test_who_waits_for_its_turn_to_store_needs_no_second_connection(
    files: LogFiles,
) -> None:
    # All of a pool may wait for a turn: whoever has it would wait for one of theirs.
    pool, taken = files.engine.sync_engine.pool, list[int]()
    other = files.replica()
    async with files.log.staged("acme", batch_of([record("a")]), 1, Lane.LIVE) as staged:
        await append(other.log, "acme", [record("a"), record("b")])

        def note(*_: object) -> None:
            assert isinstance(pool, sa.QueuePool)
            taken.append(pool.checkedout())

        sa.event.listen(pool, "checkout", note)
        assert await files.log.store(staged) == Stored(0, 1, 0)
        sa.event.remove(pool, "checkout", note)
    assert set(taken) == {1}
    await other.close()


async def test_a_transaction_stores_events_of_a_tenant_in_one_block(files: LogFiles) -> None:
    async with shared_transaction(files.engine):
        async with files.log.staged("acme", batch_of([record("a")]), 1, Lane.LIVE) as staged:
            await files.log.store(staged)
        async with files.log.staged("acme", batch_of([record("b")]), 1, Lane.LIVE) as staged:
            with pytest.raises(RuntimeError, match="one block"):
                await files.log.store(staged)


@either
@pytest.mark.parametrize("stored", [False, True], ids=["staged only", "stored"])
async def test_what_is_not_committed_leaves_no_trace(files: LogFiles, stored: bool) -> None:
    events = [record("a", "1"), record("b", "2")]
    with suppress(ZeroDivisionError):
        async with (
            files.log.staged("acme", batch_of(events), 1, Lane.LIVE) as staged,
            shared_transaction(files.engine),
        ):
            if stored:
                assert (await files.log.store(staged)).accepted == 2
            raise ZeroDivisionError
    assert await items_after(files.log) == []
    assert await keys(files) == []
    assert (await append(files.log, "acme", events)).accepted == 2


@either
async def test_events_are_stored_with_whatever_shares_their_transaction(files: LogFiles) -> None:
    events = [record("a", "1"), record("b", "2")]
    async with (
        files.log.staged("acme", batch_of(events), 1, Lane.LIVE) as first,
        files.log.staged("other", batch_of(events), 1, Lane.LIVE) as second,
        shared_transaction(files.engine),
    ):
        await files.log.store(first)
        await files.log.store(second)
        assert await items_after(files.log) == []
    assert await items_after(files.log) == ["1", "2"] * 2
    assert await append(files.log, "acme", events) == Stored(0, 2, 0)
    async with files.engine.begin() as connection:
        assert (await connection.execute(sa.select(loose_objects))).all() == []


@either
async def test_an_object_that_cannot_be_written_is_no_event(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(key: str, content: bytes) -> None:
        raise PortUnavailable("no space left on device")

    events = [record("a", "1"), record("b", "2")]
    with monkeypatch.context() as patch:
        patch.setattr(files.objects, "put", put)
        with suppress(PortUnavailable):
            await append(files.log, "acme", events)
    await append(files.log, "acme", events)
    assert await items_after(files.log) == ["1", "2"]


@either
async def test_a_scan_gives_columns_of_what_matches(log: EventLog) -> None:
    await append(log, "acme", [record("a", "1", user="x"), record("b", "2"), record("c", "1")], 7)
    await append(log, "acme", [record("d", "1"), record("e", "2", user="x")], 8, Lane.BULK)

    async def found(where: EventFilter, *columns: str) -> list[dict[str, object]]:
        async with aclosing(log.scan("acme", columns, where)) as batches:
            return [row async for batch in batches for row in batch.to_pylist()]

    one, both = frozenset(["1"]), frozenset(["x", "u"])
    assert await found(EventFilter(item_ids=one, user_ids=both), "event_id", "sequence") == [
        {"event_id": "a", "sequence": 1},
        {"event_id": "c", "sequence": 3},
        {"event_id": "d", "sequence": 4},
    ]
    assert await found(EventFilter(item_ids=one, user_ids=frozenset("x")), "event_id") == [
        {"event_id": "a"}
    ]
    assert await found(EventFilter(event_ids=frozenset("e")), "user_id") == [{"user_id": "x"}]
    assert await found(EventFilter(event_types=frozenset(["view"])), "user_id") == []
    assert await found(EventFilter(user_ids=frozenset()), "user_id") == []
    assert len(await found(EventFilter(upto={Lane.LIVE: 3}), "sequence")) == 3
    assert len(await found(EventFilter(upto={Lane.LIVE: 2, Lane.BULK: 5}), "sequence")) == 2
    assert [
        row["received_at"].timestamp() for row in await found(EventFilter(), "received_at")
    ] == [
        *[0.007] * 3,
        *[0.008] * 2,
    ]


async def test_a_scan_is_of_one_moment(log: EventLog) -> None:
    for n in range(40):
        await append(log, "acme", [record(f"e{n}")])
    found = 0
    async with aclosing(log.scan("acme", ["event_id"], EventFilter())) as batches:
        async for batch in batches:
            found += len(batch)
            await append(log, "acme", [record(f"later{found}")])
    assert found == 40


@either
async def test_a_scan_goes_on_while_what_it_reads_is_removed(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        await append(files.log, "acme", [record(f"{n}-a"), record(f"{n}-b"), record(f"{n}-c")])
    found: list[str] = []
    async with aclosing(files.log.scan("acme", ["event_id"], EventFilter())) as batches:
        async for batch in batches:
            if not found:
                await files.archive.remove("acme", "39-b")
                # As an erasure does at once.
                async with files.engine.begin() as connection:
                    for row in await connection.execute(sa.select(loose_objects)):
                        await files.objects.delete(row.object_key)
            found += batch.column(0).to_pylist()
    assert set(found) >= {f"{n}-{letter}" for n in range(40) for letter in "abc"} - {"39-b"}
    assert len(found) == len(set(found))


async def test_the_users_are_those_that_the_ids_were_merged_into(files: LogFiles) -> None:
    await append(files.log, "acme", [record("a", user="anon"), record("b"), record("c", user="x")])
    await append(files.log, "other", [record("a", user="anon")])
    async with files.engine.begin() as connection:
        row = {"tenant_id": "acme", "merged_id": "anon", "user_id": "u"}
        await connection.execute(merged_ids.insert(), row)
    found = [(place.tenant, place.event.user_id) for place in await places_after(files.log)]
    assert found == [("acme", "u"), ("acme", "u"), ("acme", "x"), ("other", "anon")]


async def test_a_lost_object_is_a_store_that_is_not_available(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "INLINE_ROWS", 0)
    await append(files.log, "acme", [record("a")])
    for key in await keys(files):
        await files.objects.delete(key)
    with pytest.raises(PortUnavailable, match="is lost"):
        await files.log.read_after(Lane.LIVE, 0, 1)


async def test_small_chunks_are_in_the_database_and_large_ones_in_objects(files: LogFiles) -> None:
    await append(files.log, "acme", [record(f"s{n}") for n in range(INLINE)])
    assert await keys(files) == []
    await append(files.log, "acme", [record(f"l{n}") for n in range(INLINE + 1)], 10**12)
    [key] = await keys(files)
    assert key.startswith("events/acme/2001-09-09/")
    async with files.engine.begin() as connection:
        rows = (await connection.execute(sa.select(event_chunks.c.rows))).scalars().all()
    assert sorted(rows) == [INLINE, INLINE + 1]


async def test_a_working_log_answers_a_ping(log: EventLog) -> None:
    await log.ping()
