"""Batches of records from the callers of the public API."""

from collections.abc import Awaitable, Callable, Sequence

from backend_api.domain.errors import NoValidRecords
from backend_api.domain.product_ports import RecordIntake
from backend_api.domain.sent_events import SentEvent, sent_events
from contracts.events import BatchResult

Heed = Callable[[str, Sequence[SentEvent]], None]
"""Takes note of a tenant's events that are stored."""


class RecordService:
    """Hands batches on as they came: data-pipeline validates them, record by record.

    Each raises `NoValidRecords` where every record was rejected, `RefusedByService` where it is
    no batch at all, and `DependencyUnavailable` where the intake does not answer: then nothing
    is acknowledged, and sending again is safe.
    """

    def __init__(self, intake: RecordIntake, heed_events: Sequence[Heed] = ()) -> None:
        self._intake = intake
        self._heed_events = heed_events

    async def send_events(self, tenant_id: str, batch: bytes) -> BatchResult:
        """What became of each event of the batch, which is JSON."""
        result = await _some_valid(self._intake.send_events(tenant_id, batch))
        events = sent_events(batch, {one.index for one in result.rejected})
        for heed in self._heed_events:
            heed(tenant_id, events)
        return result

    async def send_items(self, tenant_id: str, batch: bytes) -> BatchResult:
        """What became of each item of the batch, which is JSON."""
        return await _some_valid(self._intake.send_items(tenant_id, batch))

    async def send_users(self, tenant_id: str, batch: bytes) -> BatchResult:
        """What became of each user of the batch, which is JSON."""
        return await _some_valid(self._intake.send_users(tenant_id, batch))


async def _some_valid(sending: Awaitable[BatchResult]) -> BatchResult:
    result = await sending
    if result.accepted == 0 and result.duplicates == 0:
        raise NoValidRecords(result.rejected)
    return result
