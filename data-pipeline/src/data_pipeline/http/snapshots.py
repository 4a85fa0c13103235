"""Training snapshots over HTTP."""

from fastapi import APIRouter

from contracts.snapshots import SnapshotId, SnapshotManifest
from data_pipeline.http.documentation import problems
from data_pipeline.http.recording import record_snapshot
from data_pipeline.http.state import PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}/snapshots", tags=["snapshots"])


@router.post("", status_code=201, responses=problems(409))
async def create(tenant_id: TenantDep, pipeline: PipelineDep) -> SnapshotManifest:
    """Freeze what the tenant has now; the same data gives the same snapshot again."""
    with record_snapshot(pipeline) as finished:
        report = await pipeline.snapshots.create(tenant_id)
        finished(report)
    return report.manifest


@router.get("/{snapshot_id}", responses=problems(404))
async def show(
    tenant_id: TenantDep, snapshot_id: SnapshotId, pipeline: PipelineDep
) -> SnapshotManifest:
    """What a snapshot holds, and where."""
    return await pipeline.snapshots.find(tenant_id, snapshot_id)
