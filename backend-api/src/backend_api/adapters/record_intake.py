"""RecordIntake over data-pipeline's HTTP API."""

from backend_api.adapters.service_calls import PING_SECONDS, ServiceCalls, calling
from backend_api.domain.circuit_breaker import CircuitBreaker
from contracts.data_pipeline import DataPipelineClient
from contracts.events import BatchResult

DATA_PIPELINE = "data_pipeline"


class DataPipelineIntake:
    """Batches to data-pipeline, each within `timeout_seconds`."""

    def __init__(
        self, client: DataPipelineClient, timeout_seconds: float, breaker: CircuitBreaker
    ) -> None:
        self._client = client
        self._calls = ServiceCalls(DATA_PIPELINE, timeout_seconds, breaker)

    async def send_events(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Store events; what became of each."""
        async with self._calls.call():
            return await self._client.send_events(tenant_id, batch)

    async def send_items(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Create or replace items; what became of each."""
        async with self._calls.call():
            return await self._client.send_items(tenant_id, batch)

    async def send_users(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Create or replace users; what became of each."""
        async with self._calls.call():
            return await self._client.send_users(tenant_id, batch)

    async def ping(self) -> None:
        """Ask whether it is alive, whatever the circuit says."""
        async with calling(DATA_PIPELINE, PING_SECONDS):
            await self._client.request("GET", "/health/live")

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()
