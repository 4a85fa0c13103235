"""Routes: stored events, and the types of events."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status

from backend_api.http import examples
from backend_api.http.answers import json_answer
from backend_api.http.authentication import ReadingCaller, WritingCaller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import (
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import EventId, Limit, PageCursor
from backend_api.http.product_state import Provided
from contracts.events import EventTypeName, EventTypeSettings, EventTypeWeight, StoredEvent
from contracts.identifiers import Identifier
from contracts.pages import DEFAULT_PAGE, Page
from instrumentation.context import identify

router = APIRouter(prefix="/api/v1", tags=["events"])
_AWAY = "data_pipeline_unavailable"
TypeName = Annotated[EventTypeName, Path(description="An event type, such as `share`.")]


@router.get(
    "/events",
    responses={
        200: answer("One page of events.", examples.page(examples.STORED_EVENT)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List events",
)
async def list_events(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
    user_id: Annotated[Identifier | None, Query(description="Events of this user only.")] = None,
    item_id: Annotated[Identifier | None, Query(description="Events of this item only.")] = None,
) -> Page[StoredEvent]:
    """Events, newest stored first; of one user or of one item where given."""
    identify(user_id=user_id)
    return await product.data_pipeline.events(
        caller.tenant_id, limit=limit, cursor=cursor, user_id=user_id, item_id=item_id
    )


@router.get(
    "/events/{event_id:path}",
    responses={
        200: answer("The event.", examples.STORED_EVENT),
        **read_problems("event_not_found", _AWAY),
    },
    summary="Get an event",
)
async def get_event(event_id: EventId, caller: ReadingCaller, product: Provided) -> StoredEvent:
    """One event as it is stored."""
    return await product.data_pipeline.event(caller.tenant_id, event_id)


@router.delete(
    "/events/{event_id:path}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems("event_not_found", _AWAY),
    summary="Delete an event",
)
async def delete_event(event_id: EventId, caller: WritingCaller, product: Provided) -> None:
    """Remove an event, from the log and from the user's history."""
    await product.data_pipeline.delete_event(caller.tenant_id, event_id)


@router.get(
    "/event-types",
    responses={
        200: answer("The types, by name.", [examples.EVENT_TYPE]),
        **read_problems(_AWAY),
    },
    summary="List event types",
)
async def list_event_types(caller: ReadingCaller, product: Provided) -> list[EventTypeSettings]:
    """The standard event types and the tenant's own, with their weights."""
    return await product.data_pipeline.event_types(caller.tenant_id)


@router.put(
    "/event-types/{event_type}",
    response_model=EventTypeSettings,
    responses={
        200: answer("The type as it is now.", examples.EVENT_TYPE),
        **write_body_problems("too_many_event_types", _AWAY),
    },
    openapi_extra=json_body(EventTypeWeight, {"weight": 2.0}),
    summary="Set an event type",
)
async def put_event_type(
    request: Request, event_type: TypeName, caller: WritingCaller, product: Provided
) -> Response:
    """Declare an event type of your own, or change the weight of one.

    The weight is how much such an event says of the user's taste: 0 says nothing.
    """
    weight = await read_json(request, EventTypeWeight)
    return json_answer(
        await product.data_pipeline.set_event_type(caller.tenant_id, event_type, weight)
    )


@router.delete(
    "/event-types/{event_type}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems("event_type_not_found", _AWAY),
    summary="Delete an event type",
)
async def delete_event_type(event_type: TypeName, caller: WritingCaller, product: Provided) -> None:
    """Take an event type of your own back, or give a standard one its own weight again."""
    await product.data_pipeline.delete_event_type(caller.tenant_id, event_type)
