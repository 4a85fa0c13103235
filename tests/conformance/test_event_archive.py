"""Every EventArchive shows the stored events one by one, removes them and gives them in order."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from tests.conformance.event_logs import LogFiles, append, places_after, record

from data_pipeline.adapters import chunk_rewriting, event_log
from data_pipeline.adapters.tables import corrections, event_chunks, event_log_removals, merged_ids
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.ports import EventArchive, EventLog
from data_pipeline.domain.records import EventQuery, EventRecord, StoredEventRecord

pytestmark = pytest.mark.anyio


@pytest.fixture
async def files(database_url: str, tmp_path: Path) -> AsyncGenerator[LogFiles]:
    files = LogFiles(tmp_path, database_url)
    await files.migrate()
    yield files
    await files.close()


@pytest.fixture
def log(files: LogFiles) -> EventLog:
    return files.log


@pytest.fixture
def archive(files: LogFiles) -> EventArchive:
    return files.archive


@pytest.fixture(params=[20_000, 1], ids=["inline", "objects"])
def _either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of more than one event are objects, or none is."""
    monkeypatch.setattr(event_log, "INLINE_ROWS", request.param)
    monkeypatch.setattr(chunk_rewriting, "INLINE_ROWS", request.param)


either = pytest.mark.usefixtures("_either")


async def merge(files: LogFiles, merged_id: str, user_id: str) -> None:
    async with files.engine.begin() as connection:
        row = {"tenant_id": "acme", "merged_id": merged_id, "user_id": user_id}
        await connection.execute(merged_ids.insert(), row)


async def rows_of(files: LogFiles, table: sa.Table) -> Sequence[sa.Row]:
    async with files.engine.begin() as connection:
        return (await connection.execute(sa.select(table))).all()


def ids(found: Sequence[StoredEventRecord]) -> list[str]:
    return [one.event.event_id for one in found]


async def training(archive: EventArchive, rows: int) -> list[pa.RecordBatch]:
    async with aclosing(archive.training_events("acme", rows)) as batches:
        return [batch async for batch in batches]


async def test_an_empty_archive_has_nothing(archive: EventArchive) -> None:
    assert await archive.find("acme", "a") is None
    assert await archive.page("acme", EventQuery(10)) == []
    assert await archive.remove("acme", "a") is None
    assert await training(archive, 10) == []


@either
async def test_an_event_is_found_by_its_id(log: EventLog, archive: EventArchive) -> None:
    event = EventRecord("a", "u", "i", "view", -5, None, "r")
    await append(log, "acme", [record("b"), event], 7)
    assert await archive.find("acme", "a") == StoredEventRecord(2, event, 7)
    assert await archive.find("other", "a") is None
    assert await archive.find("acme", "u") is None


@either
async def test_pages_are_newest_first_whatever_the_chunks(
    log: EventLog, archive: EventArchive
) -> None:
    for chunk in range(5):
        lane = Lane.BULK if chunk % 2 else Lane.LIVE
        await append(log, "acme", [record(f"{chunk}{n}") for n in range(3)], lane=lane)
    await append(log, "other", [record("x")])
    found, before = list[str](), None
    while page := await archive.page("acme", EventQuery(4, before)):
        found += ids(page)
        before = page[-1].sequence
    assert found == [f"{chunk}{n}" for chunk in reversed(range(5)) for n in reversed(range(3))]


@either
async def test_pages_are_of_a_user_or_an_item_or_both(log: EventLog, archive: EventArchive) -> None:
    await append(log, "acme", [record("1", "x", user="u"), record("2", "y", user="v")])
    await append(log, "acme", [record("3", "y", user="u"), record("4", "y", user="u")])
    assert ids(await archive.page("acme", EventQuery(9, user_id="u"))) == ["4", "3", "1"]
    assert ids(await archive.page("acme", EventQuery(9, item_id="y"))) == ["4", "3", "2"]
    query = EventQuery(9, user_id="u", item_id="y")
    assert ids(await archive.page("acme", query)) == ["4", "3"]
    assert ids(await archive.page("acme", EventQuery(1, 4, "u", "y"))) == ["3"]


async def test_a_user_has_the_events_of_all_its_ids_under_its_name(
    files: LogFiles, log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("1", user="anon"), record("2"), record("3", user="other")])
    await merge(files, "anon", "u")
    for name in ("u", "anon"):
        page = await archive.page("acme", EventQuery(9, user_id=name))
        assert [(one.event.event_id, one.event.user_id) for one in page] == [("2", "u"), ("1", "u")]
    found = await archive.find("acme", "1")
    assert found is not None
    assert found.event.user_id == "u"


@either
async def test_a_removed_event_is_gone_and_the_others_keep_their_places(
    files: LogFiles, log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("a", "1"), record("b", "2"), record("c", "3")], 7)
    await append(log, "acme", [record("d", "4")], 8)
    before = await places_after(log)
    assert await archive.remove("acme", "b") == 2
    assert await archive.remove("acme", "b") is None
    assert await archive.find("acme", "b") is None
    assert await places_after(log) == [p for p in before if p.event.event_id != "b"]
    marks = {(row.kind, row.subject) for row in await rows_of(files, corrections)}
    assert marks == {("history", "u"), ("item_count", "2")}
    assert [tuple(row) for row in await rows_of(files, event_log_removals)] == [
        ("acme", "removal", 1)
    ]


@either
async def test_a_follower_passes_removed_events_as_those_before_them(
    log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("a"), record("b"), record("c")])
    await append(log, "acme", [record("d")])
    # The position of a follower is the last sequence of a chunk, whatever is left of it.
    for event_id in "cba":
        await archive.remove("acme", event_id)
    page = await log.read_after(Lane.LIVE, 0, 1)
    assert (page.last_sequence, page.more) in [(3, True), (4, False)]
    assert [place.event.event_id for place in await places_after(log, sequence=3)] == ["d"]


@either
async def test_the_id_of_a_removed_event_may_be_used_again(
    files: LogFiles, log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("a", "1"), record("b", "2")])
    await archive.remove("acme", "a")
    other = files.replica()
    assert (await append(other.log, "acme", [record("a", "3"), record("b", "4")])).accepted == 1
    await other.close()
    # The first replica hears of the removal and of the new event at once.
    assert (await append(log, "acme", [record("a", "5"), record("c", "6")])).accepted == 1
    assert [place.event.item_id for place in await places_after(log)] == ["2", "3", "6"]


async def test_an_erasure_of_all_leaves_a_chunk_of_nothing(
    files: LogFiles, log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("a")])
    await archive.remove("acme", "a")
    [chunk] = await rows_of(files, event_chunks)
    assert (chunk.rows, chunk.size, chunk.content, chunk.object_key) == (0, 0, None, None)
    assert await places_after(log) == []


@either
async def test_training_events_are_in_the_order_of_their_content(
    log: EventLog, archive: EventArchive
) -> None:
    events = [
        EventRecord("1", "u2", "a", "view", 1, None, None),
        EventRecord("2", "u1", "b", "view", 2, None, None),
        EventRecord("3", "u1", "a", "view", 2, 1.0, None),
        EventRecord("4", "u1", "a", "view", 2, None, None),
        EventRecord("5", "u1", "a", "click", 2, None, None),
        EventRecord("6", "u1", "z", "view", -1, None, None),
        EventRecord("7", "ü", "a", "view", 0, None, None),
    ]
    await append(log, "acme", events[:4])
    await append(log, "acme", events[4:], lane=Lane.BULK)
    await append(log, "other", [record("1")])
    batches = await training(archive, 4)
    assert [len(batch) for batch in batches] == [4, 3]
    assert [field.name for field in batches[0].schema] == [
        *("sequence", "user_id", "item_id", "event_type", "timestamp", "value")
    ]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["sequence"], row["user_id"], row["value"]) for row in rows] == [
        (6, "u1", None),
        (5, "u1", None),
        (4, "u1", None),
        (3, "u1", 1.0),
        (2, "u1", None),
        (1, "u2", None),
        (7, "ü", None),
    ]


async def test_training_events_are_those_of_one_moment(
    log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record(f"e{n}", moment=n) for n in range(4)])
    found = 0
    async with aclosing(archive.training_events("acme", 2)) as batches:
        async for batch in batches:
            found += len(batch)
            await append(log, "acme", [record(f"later{found}", moment=99)])
    assert found == 4


async def test_training_events_have_the_users_that_their_ids_were_merged_into(
    files: LogFiles, log: EventLog, archive: EventArchive
) -> None:
    await append(log, "acme", [record("1", user="z"), record("2", user="b")])
    await merge(files, "z", "a")
    [batch] = await training(archive, 10)
    assert batch.column("user_id").to_pylist() == ["a", "b"]


async def test_nothing_is_left_on_disk_of_what_was_sorted(
    log: EventLog, archive: EventArchive, tmp_path: Path
) -> None:
    await append(log, "acme", [record("1")])
    async with aclosing(archive.training_events("acme", 2)) as batches:
        assert [len(batch) async for batch in batches] == [1]
    assert list((tmp_path / "sorting").iterdir()) == []


async def test_a_working_archive_answers_a_ping(archive: EventArchive) -> None:
    await archive.ping()
