"""Removals are forgotten when no index of seen ids needs them; the ids may be used again."""

import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.conformance.event_logs import LogFiles, append, record

from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.removed_ids import SqlRemovedIds
from data_pipeline.adapters.seen_ids import SeenIdsStore
from data_pipeline.adapters.tables import removed_event_ids
from data_pipeline.services.retention import DAY_MS, RemovalExpiry

pytestmark = pytest.mark.anyio

WINDOW_DAYS = 30


@pytest.fixture
async def files(tmp_path: Path) -> AsyncGenerator[LogFiles]:
    files = LogFiles(tmp_path)
    await files.migrate()
    yield files
    await files.close()


async def removals(files: LogFiles) -> int:
    query = sa.select(sa.func.count()).select_from(removed_event_ids)
    async with files.engine.begin() as connection:
        return (await connection.execute(query)).scalar_one()


async def expire(files: LogFiles, days: float) -> int:
    """What the job does so many days from now."""
    now_ms = time.time_ns() // 1_000_000 + round(days * DAY_MS)
    job = RemovalExpiry(SqlRemovedIds(files.engine), WINDOW_DAYS, lambda: now_ms)
    return (await job.run())["removals"]


async def test_removals_are_kept_while_an_index_may_need_them(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_pipeline.adapters.removed_ids.REMOVALS_AT_ONCE", 2)
    for n in range(5):
        await append(files.log, "acme", [record(f"e{n}")])
        await files.archive.remove("acme", f"e{n}")
    assert await expire(files, 2 * WINDOW_DAYS - 1) == 0
    assert await removals(files) == 5
    assert await expire(files, 2 * WINDOW_DAYS + 1) == 5
    assert await removals(files) == 0


async def test_an_index_that_was_away_for_all_the_time_knows_no_removed_id(
    files: LogFiles, tmp_path: Path
) -> None:
    seen = SeenIdsStore(tmp_path / "away", WINDOW_DAYS)
    away = SqlEventLog(files.engine, files.objects, seen)
    await append(away, "acme", [record("e1")])
    await files.archive.remove("acme", "e1")
    await expire(files, 2 * WINDOW_DAYS + 1)
    later_ms = (2 * WINDOW_DAYS + 1) * DAY_MS
    assert (await append(away, "acme", [record("e1")], later_ms)).accepted == 1
    assert (await append(away, "acme", [record("e1")], later_ms)).accepted == 0
    seen.close()
