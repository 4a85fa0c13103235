"""Events and items in, histories out."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from contracts.events import BatchResult, Event, EventType, History, HistoryEvent
from contracts.identifiers import Identifier
from contracts.items import Item
from data_pipeline.http.documentation import batch_body, problems
from data_pipeline.http.recording import record_batch
from data_pipeline.http.state import PipelineDep, TenantDep
from instrumentation.context import identify

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["records"])


@router.post("/events", responses=problems(400, 413), openapi_extra=batch_body("events", Event))
async def take_events(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Store a batch of events, each once by its id; invalid ones are named and left out."""
    report = await pipeline.ingestion.take_events(tenant_id, await request.body())
    record_batch(pipeline, tenant_id, report)
    return report.result


@router.post("/items", responses=problems(400, 413), openapi_extra=batch_body("items", Item))
async def take_items(tenant_id: TenantDep, request: Request, pipeline: PipelineDep) -> BatchResult:
    """Create or replace a batch of items; invalid ones are named and left out."""
    report = await pipeline.ingestion.take_items(tenant_id, await request.body())
    record_batch(pipeline, tenant_id, report)
    return report.result


# A user id may hold slashes; `path` takes them.
@router.get("/users/{user_id:path}/history", responses=problems())
async def history(
    tenant_id: TenantDep, user_id: Annotated[Identifier, Path()], pipeline: PipelineDep
) -> History:
    """A user's recent events, oldest first; empty for a user without any."""
    identify(user_id=user_id)
    events = [
        HistoryEvent(
            item_id=event.item_id,
            event_type=EventType(event.event_type),
            timestamp_ms=event.timestamp_ms,
            value=event.value,
        )
        for event in await pipeline.features.history(tenant_id, user_id)
    ]
    return History(user_id=user_id, events=events)
