"""The quarantine over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from contracts.imports import DataType
from contracts.pages import Page
from contracts.quarantine import (
    FaultCode,
    Origin,
    QuarantinedContent,
    QuarantinedRecord,
    QuarantineFilter,
    QuarantineId,
    QuarantineReplay,
    QuarantineReplayed,
)
from data_pipeline.domain.accounting import QuarantineQuery
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    cursor_of,
    page_of,
    sequence_of,
)
from data_pipeline.http.quarantine_recording import record_discard, record_replay
from data_pipeline.http.state import Pipeline, PipelineDep, TenantDep
from data_pipeline.services.replays import ReplayReport

router = APIRouter(prefix="/v1/tenants/{tenant}/quarantine", tags=["quarantine"])
_RECORDS = "quarantine"
_REPLAY = "replay"
_RecordId = Annotated[QuarantineId, Path()]


@router.get("", responses=problems())
async def list_records(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
    data_type: DataType | None = None,
    code: FaultCode | None = None,
    origin: Annotated[Origin | None, Query()] = None,
) -> Page[QuarantinedRecord]:
    """Records in quarantine, newest first; those of these kinds where given."""
    before = sequence_of(_RECORDS, cursor)
    query = QuarantineQuery(limit, before, data_type=data_type, code=code, origin=origin)
    records, last = await pipeline.quarantine.page(tenant_id, query)
    return page_of(_RECORDS, records, limit, str(last))


@router.get("/{quarantine_id}", responses=problems(404))
async def show_record(
    tenant_id: TenantDep, quarantine_id: _RecordId, pipeline: PipelineDep
) -> QuarantinedContent:
    """One record with its bytes."""
    return await pipeline.quarantine.find(tenant_id, quarantine_id)


@router.delete(
    "/{quarantine_id}", status_code=204, response_class=Response, responses=problems(404)
)
async def discard_record(
    tenant_id: TenantDep, quarantine_id: _RecordId, pipeline: PipelineDep
) -> None:
    """Forget a record for good."""
    await pipeline.quarantine.discard(tenant_id, quarantine_id)
    record_discard()


@router.post("/replay", responses=problems(400, 409))
async def replay(
    tenant_id: TenantDep, wanted: QuarantineReplay, pipeline: PipelineDep
) -> QuarantineReplayed:
    """Give records to the pipeline again, as they are or mended; what is rejected stays."""
    report = await _replay(tenant_id, wanted, pipeline)
    record_replay(pipeline, tenant_id, report)
    if report.last is None:
        return report.result
    next_cursor = cursor_of(_REPLAY, str(report.last))
    return report.result.model_copy(update={"next_cursor": next_cursor})


async def _replay(tenant_id: str, wanted: QuarantineReplay, pipeline: Pipeline) -> ReplayReport:
    replays = pipeline.replays
    if wanted.replacements is not None:
        records = {one.quarantine_id: one.record for one in wanted.replacements}
        return await replays.replay_mended(tenant_id, records)
    if wanted.ids is None:
        after = sequence_of(_REPLAY, wanted.cursor) or 0
        return await replays.replay_some(tenant_id, wanted.filter or QuarantineFilter(), after)
    return await replays.replay(tenant_id, wanted.ids)
