"""A process that makes two snapshots of so many events and says by how much its memory grew.

Its arguments are a folder and the number of events; it prints the growth of its peak in MiB.
"""

import asyncio
import resource
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backends.database import close_engine, open_engine
from backends.locations import sqlite_url
from backends.migrations import migrate
from backends.object_store import UrlObjectStore
from backends.snapshots import SnapshotStore
from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.snapshot_book import SqlSnapshotBook
from data_pipeline.adapters.training_counts import SqlTrainingCounts
from data_pipeline.migrate import MIGRATIONS
from data_pipeline.services.snapshots import Snapshots, SnapshotSources

EVENTS_OF_A_USER = 20
ITEMS = 50_000
_MOMENT = pa.timestamp("ms", tz="UTC")


class SortedEvents:
    """An archive of `count` events that are nowhere in memory as a whole."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def training_events(self, tenant_id: str, rows: int) -> AsyncGenerator[pa.RecordBatch]:
        draw = np.random.default_rng(len(tenant_id))
        for first in range(0, self._count, rows):
            numbers = np.arange(first, min(first + rows, self._count))
            users = numbers // EVENTS_OF_A_USER
            items = (draw.random(len(numbers)) ** 3 * ITEMS).astype(np.int64)
            moments = 1_700_000_000_000 + numbers % EVENTS_OF_A_USER * 60_000
            yield pa.record_batch(
                {
                    "sequence": pa.array(numbers + 1),
                    "user_id": pa.array([f"user-{n:09}" for n in users.tolist()]),
                    "item_id": pa.array([f"item-{n}" for n in items.tolist()]),
                    "event_type": pa.repeat("view", len(numbers)),
                    "timestamp": pa.array(moments, _MOMENT),
                    "value": pa.nulls(len(numbers), pa.float64()),
                }
            )


class StandardWeights:
    async def weights(self, _: str) -> Mapping[str, float]:
        return DEFAULT_WEIGHTS


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(folder: Path, count: int) -> None:
    engine = open_engine(sqlite_url(folder, "data-pipeline"), 1)
    await migrate(engine, MIGRATIONS)
    parts: tuple[Any, ...] = (
        SqlTrainingCounts(engine),
        SnapshotStore(UrlObjectStore((folder / "objects").as_uri())),
        SqlSnapshotBook(engine),
        folder / "working",
        lambda: 0,
    )
    weights: Any = StandardWeights()

    async def snapshot(events: int) -> None:
        archive: Any = SortedEvents(events)
        sources = SnapshotSources(archive, SqlCatalogueLog(engine), weights)
        report = await Snapshots(sources, *parts).create("acme")
        seconds = {stage.name: round(stage.seconds, 1) for stage in report.stages}
        sys.stderr.write(f"{events} events: {seconds}, peak {peak_mib():.0f} MiB\n")

    # What every snapshot takes, however small it is.
    await snapshot(100)
    before = peak_mib()
    await snapshot(count)
    # This one is compared with the large one.
    await snapshot(count - 1)
    sys.stdout.write(f"{peak_mib() - before:.0f}\n")
    await close_engine(engine)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
