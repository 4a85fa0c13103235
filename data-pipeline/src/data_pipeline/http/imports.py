"""Bulk imports over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from contracts.imports import ColumnMapping, DataType, FileFormat, ImportJob, ImportRequest
from contracts.pages import DEFAULT_PAGE, Page, PageSize
from data_pipeline.domain.imports import RecordFile
from data_pipeline.http.documentation import problems
from data_pipeline.http.state import PipelineDep, TenantDep
from instrumentation.tracing import inject
from web.body_limit import read_bounded
from web.json_parameters import read_json_parameter

router = APIRouter(prefix="/v1/tenants/{tenant}/imports", tags=["imports"])

_MAPPING: Final = TypeAdapter(ColumnMapping)
_MAX_REQUEST_BYTES: Final = 256 * 1024
_JSON: Final = "application/json"
_FILES: Final = ("application/x-ndjson", "text/csv", "application/vnd.apache.parquet")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            **{name: {"schema": {"type": "string", "format": "binary"}} for name in _FILES},
            _JSON: {"schema": ImportRequest.model_json_schema()},
        },
    }
}


@router.post("", status_code=202, responses=problems(413, 429), openapi_extra=_BODY)
async def start(
    tenant_id: TenantDep,
    request: Request,
    pipeline: PipelineDep,
    data_type: Annotated[DataType | None, Query(description="Of a file in the body.")] = None,
    file_format: Annotated[
        FileFormat | None, Query(alias="format", description="Of a file in the body.")
    ] = None,
    mapping: Annotated[str | None, Query(description="Of its columns, as JSON.")] = None,
) -> ImportJob:
    """Take in a file by a job: the body, or a file that the body names by its URL, as JSON.

    A body is on disk with the answer; a file with a URL is fetched by the job.
    """
    trace_headers: dict[str, str] = {}
    inject(trace_headers)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON:
        wanted = await _request(request)
        return await pipeline.imports.start_from_url(tenant_id, wanted, trace_headers)
    if data_type is None or file_format is None:
        missing = "data_type" if data_type is None else "format"
        raise RequestValidationError(
            [{"type": "missing", "loc": ("query", missing), "msg": "Field required", "input": None}]
        )
    columns = read_json_parameter(_MAPPING, "mapping", mapping) if mapping else {}
    file = RecordFile(data_type, file_format, columns)
    return await pipeline.imports.start(tenant_id, file, request.stream(), trace_headers)


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


async def _request(request: Request) -> ImportRequest:
    body = await read_bounded(request, _MAX_REQUEST_BYTES)
    try:
        return ImportRequest.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in details]
        ) from error
