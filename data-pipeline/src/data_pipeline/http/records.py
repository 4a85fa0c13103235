"""Batches of events, items and users."""

from fastapi import APIRouter, Request

from contracts.events import BatchResult, Event
from contracts.imports import DataType
from contracts.items import Item
from contracts.users import User
from data_pipeline.http.documentation import batch_body, problems
from data_pipeline.http.recording import record_batch
from data_pipeline.http.state import Pipeline, PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["records"])


@router.post("/events", responses=problems(400, 413), openapi_extra=batch_body("events", Event))
async def take_events(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Store a batch of events, each once by its id; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.EVENTS, request, pipeline)


@router.post("/items", responses=problems(400, 413), openapi_extra=batch_body("items", Item))
async def take_items(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Create or replace a batch of items; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.ITEMS, request, pipeline)


@router.post("/users", responses=problems(400, 413), openapi_extra=batch_body("users", User))
async def take_users(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Create or replace a batch of users; invalid ones are named and left out."""
    return await _take(tenant_id, DataType.USERS, request, pipeline)


async def _take(
    tenant_id: str, data_type: DataType, request: Request, pipeline: Pipeline
) -> BatchResult:
    report = await pipeline.ingestion.take(tenant_id, data_type, await request.body())
    record_batch(pipeline, tenant_id, report)
    return report.result
