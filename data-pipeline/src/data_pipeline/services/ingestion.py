"""Takes a batch through the pipeline: extract, transform, load."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from backends.stages import Stage, StageClock
from contracts.events import BatchResult
from contracts.imports import DataType
from data_pipeline.extract.batches import read_records
from data_pipeline.services.intake import Intake


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a batch, and where the time went."""

    data_type: DataType
    result: BatchResult
    stages: Sequence[Stage]


class Ingestion:
    """Stores batches and lets the features follow."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def take(self, tenant_id: str, data_type: DataType, body: bytes) -> IngestReport:
        """Store a batch, given as JSON.

        Raises:
            InvalidJson, InvalidBatch: the body is no batch.
            PortUnavailable: nothing of the batch is stored.
        """
        clock = StageClock()
        with clock.stage("extract"):
            # In a thread: ten thousand records would hold up every other request.
            records = await asyncio.to_thread(read_records, data_type, body)
        with clock.stage("transform"):
            checked = await self._intake.check(tenant_id, data_type, records)
        with clock.stage("load"):
            with clock.stage("store"):
                stored = await self._intake.store(tenant_id, data_type, checked.valid)
            with clock.stage("project"):
                await self._intake.follow(data_type, stored)
        result = BatchResult(
            accepted=stored.accepted,
            duplicates=stored.duplicates,
            rejected=list(checked.rejected),
        )
        return IngestReport(data_type, result, clock.stages)
