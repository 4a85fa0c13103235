"""Route: events."""

from typing import Annotated

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, Field

from backend_api.http.authentication import Authenticated
from backend_api.http.bodies import read_bytes
from backend_api.http.openapi import json_body, problems
from backend_api.http.state import Provided
from contracts.events import MAX_BATCH, BatchResult, Event

router = APIRouter(tags=["events"])


class Events(BaseModel):
    """A batch of events; each is validated by itself, so a bad one spoils no other."""

    events: Annotated[list[Event], Field(min_length=1, max_length=MAX_BATCH)]


_EXAMPLE = {
    "events": [
        {
            "event_id": "e-1",
            "user_id": "42",
            "item_id": "0133093",
            "event_type": "rating",
            "timestamp": "2026-01-31T12:00:00Z",
            "value": 9,
        }
    ]
}


@router.post(
    "/events",
    response_model=BatchResult,
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(
        400,
        401,
        413,
        415,
        422,
        503,
        s422="It is no batch (`invalid_request`), or no event of it is valid (`no_valid_records`).",
    ),
    openapi_extra=json_body(Events, _EXAMPLE),
    summary="Send events",
)
async def send_events(request: Request, caller: Authenticated, services: Provided) -> Response:
    """Store what users did. An event id is stored once, so sending again is safe.

    Rejected events are named by their index in the batch, with a code and a reason.
    """
    batch = await read_bytes(request)
    result = await services.events.send(caller.tenant_id, batch)
    services.reports.received(result)
    return Response(
        result.model_dump_json(),
        status_code=status.HTTP_202_ACCEPTED,
        media_type="application/json",
    )
