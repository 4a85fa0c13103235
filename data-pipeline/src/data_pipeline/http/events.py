"""The stored events, one by one."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from contracts.events import StoredEvent
from contracts.identifiers import Identifier
from contracts.imports import DataType
from contracts.pages import Page
from data_pipeline.domain.records import EventQuery
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    page_of,
    sequence_of,
)
from data_pipeline.http.recording import record_change
from data_pipeline.http.state import EventIdPath, PipelineDep, TenantDep
from instrumentation.context import identify

router = APIRouter(prefix="/v1/tenants/{tenant}/events", tags=["events"])
_EVENT = "/{event_id:path}"
_Filter = Annotated[Identifier | None, Query()]


@router.get("", responses=problems())
async def list_events(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
    user_id: _Filter = None,
    item_id: _Filter = None,
) -> Page[StoredEvent]:
    """The tenant's events, newest stored first; of one user or item where given."""
    if user_id is not None:
        identify(user_id=user_id)
    query = EventQuery(limit, sequence_of("events", cursor), user_id, item_id)
    events, last = await pipeline.events.page(tenant_id, query)
    return page_of("events", events, limit, str(last))


@router.get(_EVENT, responses=problems(404))
async def show_event(
    tenant_id: TenantDep, event_id: EventIdPath, pipeline: PipelineDep
) -> StoredEvent:
    """One event."""
    return await pipeline.events.find(tenant_id, event_id)


@router.delete(_EVENT, status_code=204, response_class=Response, responses=problems(404))
async def remove_event(tenant_id: TenantDep, event_id: EventIdPath, pipeline: PipelineDep) -> None:
    """Remove an event, from the log and from the features; its id may be used again."""
    await pipeline.events.remove(tenant_id, event_id)
    record_change(pipeline, tenant_id, DataType.EVENTS, "removed")
