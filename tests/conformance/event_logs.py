"""Event logs for tests: one on files of a folder, and events to store in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from backends.database import open_engine
from backends.migrations import migrate
from backends.object_store import UrlObjectStore
from data_pipeline import migrations
from data_pipeline.adapters.event_archive import SqlEventArchive
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.seen_ids import SeenIdsStore
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.ports import EventLog
from data_pipeline.domain.records import EventRecord, Stored


class LogFiles:
    """An event log and what belongs to it, on the files of a folder; `url` is another database."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder, self._url = folder, url
        self.engine = open_engine(url or f"sqlite+aiosqlite:///{folder / 'events.db'}", 5)
        self.objects = UrlObjectStore(f"file://{folder / 'objects'}")
        self.seen = SeenIdsStore(folder / "seen-ids", 30)
        self.log = SqlEventLog(self.engine, self.objects, self.seen)
        self.archive = SqlEventArchive(self.engine, self.objects, folder / "sorting")

    def replica(self) -> "LogFiles":
        """Another one, of another process as it were."""
        return LogFiles(self._folder, self._url)

    async def migrate(self) -> None:
        await migrate(self.engine, Path(migrations.__path__[0]))

    async def close(self) -> None:
        await self.log.close()
        self.seen.close()


def record(
    event_id: str, item: str = "i", moment: int = 5, value: float | None = None, user: str = "u"
) -> EventRecord:
    return EventRecord(event_id, user, item, "rating", moment, value, None)


def batch_of(events: Sequence[EventRecord]) -> pa.RecordBatch:
    columns = list(zip(*events, strict=True)) or [()] * len(EVENT_SCHEMA)
    arrays = [
        pa.array(column, field.type) for column, field in zip(columns, EVENT_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)


async def append(
    log: EventLog,
    tenant: str,
    events: Sequence[EventRecord],
    received_at_ms: int = 1,
    lane: Lane = Lane.LIVE,
) -> Stored:
    async with log.staged(tenant, batch_of(events), received_at_ms, lane) as staged:
        return await log.store(staged)


class Place(NamedTuple):
    """An event as a reader of the log sees it."""

    tenant: str
    sequence: int
    event: EventRecord
    received_at_ms: int


async def places_after(
    log: EventLog, lane: Lane = Lane.LIVE, sequence: int = 0, rows: int = 1_000_000
) -> list[Place]:
    page = await log.read_after(lane, sequence, rows)
    return [place for tenant, batch in page.batches for place in places(tenant, batch)]


def places(tenant: str, batch: pa.RecordBatch) -> list[Place]:
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in batch.columns
    ]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return [Place(tenant, row[0], EventRecord(*row[1:-1]), row[-1]) for row in rows]
