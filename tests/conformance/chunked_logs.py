"""A log of events whose chunks are merged, dropped and swept, and kills in the midst of it."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.ports import ObjectStore
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.seen_ids import SeenIdsStore
from data_pipeline.domain.chunk_store import Kind, Merged
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import EVENT_SCHEMA, STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
TODAY = "2027-01-15"
FAR_MS = NOW_MS * 2
"""Later than the clock of any machine that the tests run on."""


class Log:
    """A log of events, its chunks and the places where they are."""

    def __init__(self, engine: AsyncEngine, objects: ObjectStore, folder: Path) -> None:
        self.engine = engine
        self.objects = objects
        self.seen = SeenIdsStore(folder / "seen-ids", 30)
        self.events = SqlEventLog(engine, objects, self.seen)
        self.chunks = SqlChunkStore(engine, objects)
        self.upto = {Lane.LIVE: 10**9, Lane.BULK: 10**9}
        self.stored = 0

    async def positions(self) -> Mapping[Lane, int]:
        return self.upto

    async def store(
        self,
        rows: int,
        *,
        tenant_id: str = "acme",
        lane: Lane = Lane.LIVE,
        received_at_ms: int = NOW_MS,
    ) -> int:
        """Store new events; the last sequence."""
        ids = range(self.stored, self.stored + rows)
        self.stored += rows
        columns = {
            "event_id": [f"e{n}" for n in ids],
            "user_id": [f"u{n * 7 % 5}" for n in ids],
            "item_id": [f"i{n % 3}" for n in ids],
            "event_type": ["view"] * rows,
            "timestamp": [n * 11 % 13 for n in ids],
            "value": [None if n % 2 else float(n) for n in ids],
            "recommendation_id": [None] * rows,
        }
        batch = pa.RecordBatch.from_pydict(columns, EVENT_SCHEMA)
        async with self.events.staged(tenant_id, batch, received_at_ms, lane) as staged:
            return (await self.events.store(staged)).last_sequence

    async def rows(self, tenant_id: str = "acme") -> list[dict[str, Any]]:
        """All events of a tenant, by their sequence."""
        scan = self.events.scan(tenant_id, STORED_EVENT_SCHEMA.names, EventFilter())
        async with aclosing(scan) as batches:
            found = [row async for batch in batches for row in batch.to_pylist()]
        return sorted(found, key=lambda row: row["sequence"])

    async def table(self, table: sa.Table) -> Sequence[sa.Row[Any]]:
        async with self.engine.begin() as connection:
            return (await connection.execute(sa.select(table))).all()

    async def keys(self) -> Sequence[str]:
        return await self.objects.keys("events/")

    async def merge(self, kind: Kind = Kind.ALL) -> Merged | None:
        [group] = await self.chunks.groups(self.upto)
        return await self.chunks.merge(group, kind, self.positions)

    async def close(self) -> None:
        self.seen.close()
        await self.events.close()


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(log: Log, moment: int):
    """Ends the process before its nth statement or its nth use of the object store."""
    left = moment

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    def statement(*_: Any) -> None:
        step()

    class Objects:
        async def put(self, key: str, content: bytes) -> None:
            step()
            await log.objects.put(key, content)
            step()

        async def delete(self, key: str) -> None:
            step()
            await log.objects.delete(key)
            step()

        def __getattr__(self, name: str) -> Any:
            return getattr(log.objects, name)

    engine = log.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", statement)
    try:
        yield SqlChunkStore(log.engine, Objects())
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", statement)
