"""EventIntake over data-pipeline's HTTP API."""

from typing import Final

from backend_api.adapters.service_calls import calling
from contracts.data_pipeline import DataPipelineClient
from contracts.events import BatchResult

DATA_PIPELINE: Final = "data_pipeline"


class DataPipelineIntake:
    """Events to data-pipeline, each batch within `timeout_seconds`."""

    def __init__(self, client: DataPipelineClient, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    async def send(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Store a batch of events; what became of each record."""
        async with calling(DATA_PIPELINE, self._timeout_seconds):
            return await self._client.send_events(tenant_id, batch)

    async def ping(self) -> None:
        """Ask whether it is alive."""
        async with calling(DATA_PIPELINE, self._timeout_seconds):
            await self._client.request("GET", "/health/live")

    async def close(self) -> None:
        """Release the connections."""
        await self._client.close()
