"""Routes: batches of events, items and users."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, Field

from backend_api.http import examples
from backend_api.http.answers import json_answer, worth
from backend_api.http.authentication import IngestionCaller
from backend_api.http.bodies import read_bytes
from backend_api.http.openapi import answer, json_body, write_body_problems
from backend_api.http.product_state import Product, Provided
from contracts.events import MAX_BATCH, BatchResult, Event
from contracts.items import Item
from contracts.users import User

router = APIRouter(prefix="/api/v1", tags=["records"])
_PROBLEMS: Any = write_body_problems(
    "no_valid_records", "too_many_batches", "data_pipeline_unavailable"
)
_STORED: Any = answer("What became of each record.", examples.BATCH_RESULT)


class Events(BaseModel):
    """A batch of events; each is validated by itself, so a bad one spoils no other."""

    events: Annotated[list[Event], Field(min_length=1, max_length=MAX_BATCH)]


class Items(BaseModel):
    """A batch of items; each is validated by itself, so a bad one spoils no other."""

    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_BATCH)]


class Users(BaseModel):
    """A batch of users; each is validated by itself, so a bad one spoils no other."""

    users: Annotated[list[User], Field(min_length=1, max_length=MAX_BATCH)]


@router.post(
    "/events",
    response_model=BatchResult,
    status_code=status.HTTP_202_ACCEPTED,
    responses={202: _STORED, **_PROBLEMS},
    openapi_extra=json_body(Events, {"events": [examples.EVENT]}),
    summary="Send events",
)
async def send_events(request: Request, caller: IngestionCaller, product: Provided) -> Response:
    """Store what users did, up to 10,000 events at once.

    An event id is stored once, so sending again is safe. Rejected events are named by their index
    in the batch, with a code and a reason. What is accepted is on disk. While events cannot be
    stored, the answer is 503 and nothing of the batch is acknowledged: send it again.
    """
    result = await product.records.send_events(caller.tenant_id, await read_bytes(request))
    return _received(request, product, "events", result, status.HTTP_202_ACCEPTED)


@router.post(
    "/items",
    response_model=BatchResult,
    responses={200: _STORED, **_PROBLEMS},
    openapi_extra=json_body(Items, {"items": [{"item_id": examples.ITEM_ID, **examples.CONTENT}]}),
    summary="Send items",
)
async def send_items(request: Request, caller: IngestionCaller, product: Provided) -> Response:
    """Create or replace up to 10,000 items at once; rejected ones are named by their index."""
    result = await product.records.send_items(caller.tenant_id, await read_bytes(request))
    return _received(request, product, "items", result)


@router.post(
    "/users",
    response_model=BatchResult,
    responses={200: _STORED, **_PROBLEMS},
    openapi_extra=json_body(Users, {"users": [{"user_id": examples.USER_ID, **examples.PROFILE}]}),
    summary="Send users",
)
async def send_users(request: Request, caller: IngestionCaller, product: Provided) -> Response:
    """Create or replace up to 10,000 users at once; rejected ones are named by their index."""
    result = await product.records.send_users(caller.tenant_id, await read_bytes(request))
    return _received(request, product, "users", result)


def _received(
    request: Request,
    product: Product,
    data_type: str,
    result: BatchResult,
    answered: int = status.HTTP_200_OK,
) -> Response:
    worth(request, result.accepted)
    product.reports.received(data_type, result)
    return json_answer(result, answered)
