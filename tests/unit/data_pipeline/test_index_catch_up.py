"""The index of seen ids follows the log from wherever it is."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.conformance.event_logs import LogFiles, append, record

from data_pipeline.adapters import chunk_merging, event_log
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.seen_ids import SeenIds, index
from data_pipeline.adapters.seen_ids.hashes import Words
from data_pipeline.domain.chunk_store import Kind
from data_pipeline.domain.deliveries import Lane

pytestmark = pytest.mark.anyio

EVENTS = [record(f"e{n}", user=f"u{n}") for n in range(6)]


@pytest.fixture
async def files(tmp_path: Path) -> AsyncGenerator[LogFiles]:
    (tmp_path / "live").mkdir()
    files = LogFiles(tmp_path / "live")
    await files.migrate()
    yield files
    await files.close()


def lose_index(files: LogFiles) -> None:
    with files.seen.of("acme") as seen:
        seen.clear()


async def followed() -> dict[Lane, int]:
    return dict.fromkeys(Lane, 1_000)


async def test_a_kill_while_it_reads_a_chunk_leaves_no_id_out(
    files: LogFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MEMORY_IDS", 1)
    for module, name in ((event_log, "INLINE_ROWS"), (chunk_merging, "INLINE_ROWS")):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(chunk_merging, "SORTED_GROUP_ROWS", 2)
    for some in (EVENTS[:3], EVENTS[3:]):
        await append(files.log, "acme", some)
    chunks = SqlChunkStore(files.engine, files.objects)
    (group,) = await chunks.groups(await followed())
    assert await chunks.merge(group, Kind.ALL, followed) == (2, 6)
    moments: list[Path] = []
    add = SeenIds.add

    def add_and_note(seen: SeenIds, hashes: Words, received_at_ms: int, sequence: int) -> None:
        add(seen, hashes, received_at_ms, sequence)
        moments.append(tmp_path / f"moment-{len(moments)}")
        shutil.copytree(tmp_path / "live", moments[-1])

    monkeypatch.setattr(SeenIds, "add", add_and_note)
    lose_index(files)
    assert (await append(files.log, "acme", EVENTS)).duplicates == 6
    monkeypatch.setattr(SeenIds, "add", add)
    assert moments
    for moment in moments:
        killed = LogFiles(moment)
        assert (await append(killed.log, "acme", EVENTS)).duplicates == 6
        await killed.close()


async def test_a_chunk_that_lost_its_events_holds_nobody_up(files: LogFiles) -> None:
    await append(files.log, "acme", EVENTS[:1])
    await files.archive.remove("acme", "e0")
    lose_index(files)
    assert (await append(files.log, "acme", EVENTS)).accepted == 6
    assert (await append(files.log, "acme", EVENTS)).duplicates == 6
