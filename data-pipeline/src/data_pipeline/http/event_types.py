"""Event types and their weights."""

from collections.abc import Sequence

from fastapi import APIRouter, Response

from contracts.events import EventTypeSettings, EventTypeWeight
from data_pipeline.http.documentation import problems
from data_pipeline.http.recording import record_weight
from data_pipeline.http.state import EventTypePath, PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}/event-types", tags=["event types"])


@router.get("", responses=problems())
async def list_event_types(
    tenant_id: TenantDep, pipeline: PipelineDep
) -> Sequence[EventTypeSettings]:
    """The tenant's event types by name, the standard ones among them."""
    return await pipeline.event_types.settings(tenant_id)


@router.put("/{event_type}", responses=problems(400, 409))
async def set_event_type(
    tenant_id: TenantDep, event_type: EventTypePath, weight: EventTypeWeight, pipeline: PipelineDep
) -> EventTypeSettings:
    """Declare an event type, or change the weight of one; histories follow."""
    settings = await pipeline.event_types.set(tenant_id, event_type, weight.weight)
    record_weight(event_type, weight.weight)
    return settings


@router.delete("/{event_type}", status_code=204, response_class=Response, responses=problems(404))
async def remove_event_type(
    tenant_id: TenantDep, event_type: EventTypePath, pipeline: PipelineDep
) -> None:
    """Take a type back, whose events then weigh nothing; a standard one gets its own weight."""
    await pipeline.event_types.remove(tenant_id, event_type)
    record_weight(event_type, None)
