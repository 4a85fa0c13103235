"""Typed client of data-pipeline."""

from urllib.parse import quote

from contracts.client import ServiceClient
from contracts.events import BatchResult, EventBatch, History
from contracts.items import ItemBatch
from contracts.snapshots import SnapshotManifest


class DataPipelineClient(ServiceClient):
    """Events and items in; histories and snapshots out."""

    async def send_events(self, tenant_id: str, batch: EventBatch | bytes) -> BatchResult:
        """Store a batch of events, given as a model or as its JSON."""
        path = f"/v1/tenants/{tenant_id}/events"
        return BatchResult.model_validate_json(await self.request("POST", path, batch))

    async def send_items(self, tenant_id: str, batch: ItemBatch | bytes) -> BatchResult:
        """Create or replace a batch of items."""
        path = f"/v1/tenants/{tenant_id}/items"
        return BatchResult.model_validate_json(await self.request("POST", path, batch))

    async def history(self, tenant_id: str, user_id: str) -> History:
        """A user's recent events, oldest first."""
        path = f"/v1/tenants/{tenant_id}/users/{quote(user_id, safe='')}/history"
        return History.model_validate_json(await self.request("GET", path))

    async def create_snapshot(self, tenant_id: str) -> SnapshotManifest:
        """Freeze what the tenant has now into a training snapshot."""
        path = f"/v1/tenants/{tenant_id}/snapshots"
        return SnapshotManifest.model_validate_json(await self.request("POST", path))
