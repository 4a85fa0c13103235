"""Events from the callers of the public API."""

from backend_api.domain.errors import NoValidRecords
from backend_api.domain.ports import EventIntake
from contracts.events import BatchResult


class EventService:
    """Hands batches on as they came: data-pipeline validates them, record by record."""

    def __init__(self, intake: EventIntake) -> None:
        self._intake = intake

    async def send(self, tenant_id: str, batch: bytes) -> BatchResult:
        """What became of each record of the batch, which is JSON.

        Raises:
            NoValidRecords: every record was rejected.
            RefusedByService: it is no batch at all.
            DependencyUnavailable: the intake does not answer; sending again is safe.
        """
        result = await self._intake.send(tenant_id, batch)
        if result.accepted == 0 and result.duplicates == 0:
            raise NoValidRecords(result.rejected)
        return result
