"""Batches of events, items and users."""

from typing import Final

from fastapi import APIRouter, Request

from contracts.events import BatchResult, Event
from contracts.imports import DataType
from contracts.items import Item
from contracts.users import User
from data_pipeline.extract.batches import extract_envelope, extract_lines
from data_pipeline.http.documentation import batch_body, problems
from data_pipeline.http.recording import record_batch
from data_pipeline.http.state import Pipeline, PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["records"])
_PROBLEMS: Final = problems(400, 413, 429)
_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl"})


@router.post("/events", responses=_PROBLEMS, openapi_extra=batch_body("events", Event))
async def take_events(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Store a batch of events, each once by its id; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.EVENTS, request, pipeline)


@router.post("/items", responses=_PROBLEMS, openapi_extra=batch_body("items", Item))
async def take_items(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Create or replace a batch of items; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.ITEMS, request, pipeline)


@router.post("/users", responses=_PROBLEMS, openapi_extra=batch_body("users", User))
async def take_users(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Create or replace a batch of users; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.USERS, request, pipeline)


async def _take(
    tenant_id: str, data_type: DataType, request: Request, pipeline: Pipeline
) -> BatchResult:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    extract = extract_lines if declared in _LINES else extract_envelope
    report = await pipeline.ingestion.take(tenant_id, data_type, request.stream(), extract)
    record_batch(pipeline, tenant_id, report)
    return report.result
