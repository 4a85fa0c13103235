"""Takes a batch through the pipeline: extract, transform, load."""

from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from backends.stages import Stage, StageClock
from backends.threads import beside
from contracts.events import BatchResult
from contracts.imports import DataType
from data_pipeline.domain.deliveries import Delivery, Source
from data_pipeline.domain.extracted import Extracted
from data_pipeline.services.batch_admission import BatchAdmission
from data_pipeline.services.intake import Intake

RECORD_BYTES: Final = 256
"""How long a record is, about: how many there are is known once they are read."""

Extract = Callable[[DataType, bytes], Extracted]


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a batch, and where the time went."""

    data_type: DataType
    result: BatchResult
    stages: Sequence[Stage]


class Ingestion:
    """Stores batches and lets the features follow."""

    def __init__(self, intake: Intake, admission: BatchAdmission) -> None:
        self._intake = intake
        self._admission = admission

    async def take(
        self, tenant_id: str, data_type: DataType, content: AsyncIterable[bytes], extract: Extract
    ) -> IngestReport:
        """Store a batch, which `extract` reads.

        Raises:
            InvalidJson, InvalidBatch: the content is no batch.
            TooManyBatches, PortUnavailable: nothing of the batch is stored.
        """
        delivery = Delivery(tenant_id, data_type, Source.HTTP)
        clock = StageClock()
        with self._admission.admitted(tenant_id) as batch:
            body = await batch.read(content)
            with clock.stage("extract"):
                # Ten thousand records would hold up every other request.
                records = len(body) // RECORD_BYTES
                extracted = await beside(records, extract, data_type, body)
            with clock.stage("transform"):
                checked = await self._intake.check(delivery, extracted)
            with clock.stage("load"):
                with clock.stage("store"):
                    loaded = await self._intake.take(delivery, checked)
                with clock.stage("project"):
                    await self._intake.follow([loaded])
        result = BatchResult(
            accepted=loaded.counts.loaded,
            duplicates=loaded.counts.duplicates,
            rejected=[one.named() for one in loaded.rejected],
        )
        return IngestReport(data_type, result, clock.stages)
