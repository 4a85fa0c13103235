"""Bulk imports over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from contracts.imports import DataType, FileFormat, ImportJob
from contracts.pages import DEFAULT_PAGE, Page, PageSize
from data_pipeline.http.documentation import problems
from data_pipeline.http.state import PipelineDep, TenantDep
from instrumentation.tracing import inject

router = APIRouter(prefix="/v1/tenants/{tenant}/imports", tags=["imports"])

_MEDIA_TYPES = ("application/x-ndjson", "text/csv", "application/vnd.apache.parquet")
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}} for name in _MEDIA_TYPES
        },
    }
}


@router.post("", status_code=202, responses=problems(413, 429), openapi_extra=_FILE)
async def start(
    tenant_id: TenantDep,
    data_type: DataType,
    file_format: Annotated[FileFormat, Query(alias="format")],
    request: Request,
    pipeline: PipelineDep,
) -> ImportJob:
    """Take in a file, the body, by a job; all of it is on disk with the answer."""
    trace_headers: dict[str, str] = {}
    inject(trace_headers)
    return await pipeline.imports.start(
        tenant_id, data_type, file_format, request.stream(), trace_headers
    )


@router.get("", responses=problems())
async def list_imports(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: PageSize = DEFAULT_PAGE,
    cursor: str | None = None,
) -> Page[ImportJob]:
    """The tenant's imports, newest first."""
    return await pipeline.imports.page(tenant_id, cursor, limit)


@router.get("/{import_id}", responses=problems(404))
async def show(tenant_id: TenantDep, import_id: str, pipeline: PipelineDep) -> ImportJob:
    """How an import stands."""
    return await pipeline.imports.find(tenant_id, import_id)


@router.post("/{import_id}/cancel", responses=problems(404, 409))
async def cancel(tenant_id: TenantDep, import_id: str, pipeline: PipelineDep) -> ImportJob:
    """End an import; what it has stored stays."""
    return await pipeline.imports.cancel(tenant_id, import_id)
