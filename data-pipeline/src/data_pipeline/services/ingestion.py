"""Takes a batch through the pipeline: extract, transform, load."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from backends.stages import Stage, StageClock
from contracts.events import BatchResult
from data_pipeline.domain.ports import CatalogueLog, EventLog
from data_pipeline.domain.records import Checked, Stored
from data_pipeline.extract.batches import DataType, read_records
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.transform.events import check_events
from data_pipeline.transform.items import check_items

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a batch, and where the time went."""

    data_type: DataType
    result: BatchResult
    stages: Sequence[Stage]


class Ingestion:
    """Stores batches and lets the features follow; `now_ms` is Unix time in milliseconds."""

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._projection = projection
        self._now_ms = now_ms

    async def take_events(self, tenant_id: str, body: bytes) -> IngestReport:
        """Store a batch of events, given as JSON.

        Raises:
            InvalidJson, InvalidBatch: the body is no batch.
            PortUnavailable: nothing of the batch is stored.
        """
        clock, now_ms = StageClock(), self._now_ms()
        checked = await _prepare(
            clock, "events", body, lambda records: check_events(records, now_ms)
        )
        with clock.stage("load"):
            with clock.stage("store"):
                stored = await self._events.append(tenant_id, checked.valid, now_ms)
            with clock.stage("project"):
                await self._projection.follow(events=stored.last_sequence)
        return _report("events", checked, stored, clock)

    async def take_items(self, tenant_id: str, body: bytes) -> IngestReport:
        """Store a batch of items, given as JSON. Raises what `take_events` raises."""
        clock = StageClock()
        checked = await _prepare(clock, "items", body, check_items)
        with clock.stage("load"):
            with clock.stage("store"):
                stored = await self._catalogue.store(tenant_id, checked.valid)
            with clock.stage("project"):
                await self._projection.follow(items=stored.last_sequence)
        return _report("items", checked, stored, clock)


async def _prepare(
    clock: StageClock,
    data_type: DataType,
    body: bytes,
    check: Callable[[Sequence[Any]], Checked[RecordT]],
) -> Checked[RecordT]:
    def prepare() -> Checked[RecordT]:
        with clock.stage("extract"):
            records = read_records(data_type, body)
        with clock.stage("transform"):
            return check(records)

    # In a thread: ten thousand records would hold up every other request.
    return await asyncio.to_thread(prepare)


def _report(
    data_type: DataType, checked: Checked[Any], stored: Stored, clock: StageClock
) -> IngestReport:
    result = BatchResult(
        accepted=stored.accepted,
        duplicates=stored.duplicates,
        rejected=list(checked.rejected),
    )
    return IngestReport(data_type, result, clock.stages)
