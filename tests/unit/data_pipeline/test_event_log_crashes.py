"""A process that ends at any moment of storing has stored nothing or everything."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from tests.conformance.event_logs import LogFiles, append, batch_of, places_after, record

from backends.ports import PortUnavailable
from data_pipeline.adapters import chunk_rewriting, event_log
from data_pipeline.adapters.chunk_store import GRACE_MS, SqlChunkStore
from data_pipeline.adapters.person_store import SqlPersonStore
from data_pipeline.adapters.tables import loose_objects
from data_pipeline.adapters.transactions import shared_transaction
from data_pipeline.domain.deliveries import Lane

pytestmark = pytest.mark.anyio

EVENTS = [record("a", "1"), record("b", "2"), record("c", "3", user="gone")]
LATER_MS = 10**14


@pytest.fixture(autouse=True, params=[20_000, 1], ids=["inline", "objects"])
def _either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (event_log, chunk_rewriting):
        monkeypatch.setattr(module, "INLINE_ROWS", request.param)


@pytest.fixture
async def files(tmp_path: Path) -> AsyncGenerator[LogFiles]:
    (tmp_path / "live").mkdir()
    files = LogFiles(tmp_path / "live")
    await files.migrate()
    yield files
    await files.close()


def as_it_is_now(folder: Path, moment: str) -> LogFiles:
    """What a process finds that starts after this one ended at this very moment."""
    shutil.copytree(folder / "live", folder / moment)
    return LogFiles(folder / moment)


async def items(files: LogFiles) -> list[str]:
    return [place.event.item_id for place in await places_after(files.log)]


async def sweep(files: LogFiles) -> list[str]:
    """The objects that are left when everything that nobody names was removed."""
    await SqlChunkStore(files.engine, files.objects).sweep(LATER_MS)
    return list(await files.objects.keys("events/"))


async def test_storing_is_all_or_nothing(files: LogFiles, tmp_path: Path) -> None:
    async with files.log.staged("acme", batch_of(EVENTS), 1, Lane.LIVE) as staged:
        before = [as_it_is_now(tmp_path, "staged")]
        async with shared_transaction(files.engine):
            await files.log.store(staged)
            before.append(as_it_is_now(tmp_path, "stored"))
        after = as_it_is_now(tmp_path, "committed")
    for crashed in before:
        assert await items(crashed) == []
        assert await sweep(crashed) == []
        assert (await append(crashed.log, "acme", EVENTS)).accepted == 3
        assert await items(crashed) == ["1", "2", "3"]
        await crashed.close()
    assert (await append(after.log, "acme", EVENTS)).duplicates == 3
    await sweep(after)
    assert await items(after) == ["1", "2", "3"]
    await after.close()


async def test_an_erasure_that_was_cut_off_is_completed_by_asking_again(
    files: LogFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(files.log, "acme", [*EVENTS, record("d", "4")])

    async def delete(_: str) -> None:
        raise PortUnavailable("the process ends here")

    people = SqlPersonStore(files.engine, files.objects)
    with monkeypatch.context() as patch, suppress(PortUnavailable):
        patch.setattr(files.objects, "delete", delete)
        await people.erase("acme", ["gone"])
    again = as_it_is_now(tmp_path, "crashed")
    assert await items(again) == ["1", "2", "4"]
    await SqlPersonStore(again.engine, again.objects).erase("acme", ["gone"])
    for key in await again.objects.keys("events/"):
        table = pq.read_table(pa.BufferReader(await again.objects.get(key)))
        assert "gone" not in table.column("user_id").to_pylist()
    assert await items(again) == ["1", "2", "4"]
    await again.close()


async def test_an_erasure_beside_a_delivery_harms_neither(files: LogFiles, tmp_path: Path) -> None:
    await append(files.log, "acme", EVENTS)
    other = LogFiles(tmp_path / "live")
    people = SqlPersonStore(other.engine, other.objects)
    more = [record("d", "4"), record("e", "5")]
    with suppress(PortUnavailable):
        async with files.log.staged("acme", batch_of(more), 1, Lane.LIVE) as staged:
            assert (await people.erase("acme", ["gone"])).removed.events == 1
            # Its object may be gone, as it might have held the user.
            await files.log.store(staged)
    await append(files.log, "acme", more)
    assert await items(files) == ["1", "2", "4", "5"]
    await other.close()


async def test_readers_of_what_is_merged_meanwhile_have_an_hour(files: LogFiles) -> None:
    assert GRACE_MS == 3_600_000
    await append(files.log, "acme", EVENTS)
    await files.archive.remove("acme", "a")
    async with files.engine.begin() as connection:
        loose = (await connection.execute(sa.select(loose_objects))).all()
    for row in loose:
        assert await files.objects.get(row.object_key)
    await SqlChunkStore(files.engine, files.objects).sweep(0)
    for row in loose:
        assert await files.objects.get(row.object_key)


async def test_a_delivery_that_is_cancelled_is_stored_or_not(files: LogFiles) -> None:
    with anyio.move_on_after(0.02):
        for n in range(1_000):
            await append(files.log, "acme", [record(f"{n}-1"), record(f"{n}-2")])
    # A commit goes on beside whoever was cancelled: it is over once another transaction begins.
    async with files.engine.begin():
        pass
    stored = len(await items(files))
    assert stored % 2 == 0
    again = [record(f"{n}-{m}") for n in range(stored // 2) for m in (1, 2)]
    assert (await append(files.log, "acme", again)).accepted == 0
    assert len(await items(files)) == stored
