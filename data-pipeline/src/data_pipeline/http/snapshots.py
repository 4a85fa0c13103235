"""Training snapshots over HTTP, and how much there is to train from."""

from fastapi import APIRouter

from contracts.pages import Page
from contracts.snapshots import SnapshotId, SnapshotManifest, TrainingData
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    cursor_of,
    sequence_of,
)
from data_pipeline.http.recording import record_snapshot
from data_pipeline.http.state import PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["snapshots"])
_KIND = "snapshots"


@router.post("/snapshots", status_code=201, responses=problems(409))
async def create(tenant_id: TenantDep, pipeline: PipelineDep) -> SnapshotManifest:
    """Freeze what the tenant has now; the same data gives the same snapshot again."""
    with record_snapshot(pipeline) as finished:
        report = await pipeline.snapshots.create(tenant_id)
        finished(report)
    return report.manifest


@router.get("/snapshots", responses=problems())
async def page(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
) -> Page[SnapshotManifest]:
    """Snapshots, last made first; those that cannot be read are left out."""
    before = sequence_of(_KIND, cursor)
    found = await pipeline.snapshots.page(tenant_id, before, limit)
    following = found.next_before
    next_cursor = None if following is None else cursor_of(_KIND, str(following))
    return Page(data=list(found.manifests), next_cursor=next_cursor)


@router.get("/snapshots/{snapshot_id}", responses=problems(404))
async def show(
    tenant_id: TenantDep, snapshot_id: SnapshotId, pipeline: PipelineDep
) -> SnapshotManifest:
    """What a snapshot holds, where, and what its data are like."""
    return await pipeline.snapshots.find(tenant_id, snapshot_id)


@router.get("/training-data", responses=problems())
async def training_data(tenant_id: TenantDep, pipeline: PipelineDep) -> TrainingData:
    """How many events there are to train from, and how many came since the last snapshot."""
    return await pipeline.snapshots.training_data(tenant_id)
