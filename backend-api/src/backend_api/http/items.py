"""Routes: the catalogue."""

from fastapi import APIRouter, Request, Response, status

from backend_api.http import examples
from backend_api.http.answers import json_answer
from backend_api.http.authentication import ReadingCaller, WritingCaller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import (
    MERGE_PATCH,
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import ItemId, Limit, PageCursor
from backend_api.http.preconditions import Preconditioned, put_record, version_to_match
from backend_api.http.product_state import Provided
from contracts.items import ItemChanges, ItemContent, StoredItem
from contracts.pages import DEFAULT_PAGE, Page

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
_AWAY = "data_pipeline_unavailable"
_CHANGED = ("version_conflict", "invalid_precondition", _AWAY)
_STORED = answer("The item as it is now.", examples.STORED_ITEM, etag="Its version.")


@router.get(
    "/items",
    responses={
        200: answer("One page of items.", examples.page(examples.STORED_ITEM)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List items",
)
async def list_items(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[StoredItem]:
    """Items by id."""
    return await product.data_pipeline.items(caller.tenant_id, limit=limit, cursor=cursor)


@router.get(
    "/items/{item_id:path}",
    response_model=StoredItem,
    responses={200: _STORED, **read_problems("item_not_found", _AWAY)},
    summary="Get an item",
)
async def get_item(item_id: ItemId, caller: ReadingCaller, product: Provided) -> Response:
    """One item as it is stored; its ETag is what If-Match takes."""
    item = await product.data_pipeline.item(caller.tenant_id, item_id)
    return json_answer(item, etag=item.version)


@router.put(
    "/items/{item_id:path}",
    response_model=StoredItem,
    responses={
        200: _STORED,
        201: answer("The item is new.", examples.STORED_ITEM, StoredItem, etag="Its version."),
        **write_body_problems("rule_broken", *_CHANGED),
    },
    openapi_extra=json_body(ItemContent, examples.CONTENT),
    summary="Put an item",
)
async def put_item(
    request: Request,
    item_id: ItemId,
    condition: Preconditioned,
    caller: WritingCaller,
    product: Provided,
) -> Response:
    """Create or replace an item. `If-None-Match: *` only creates, `If-Match` only replaces."""
    content = await read_json(request, ItemContent)

    async def put(version: int | None) -> StoredItem:
        return await product.data_pipeline.put_item(caller.tenant_id, item_id, content, version)

    async def current() -> StoredItem:
        return await product.data_pipeline.item(caller.tenant_id, item_id)

    item, new = await put_record(condition, put, current)
    code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
    return json_answer(item, code, etag=item.version)


@router.patch(
    "/items/{item_id:path}",
    response_model=StoredItem,
    responses={200: _STORED, **write_body_problems("item_not_found", "rule_broken", *_CHANGED)},
    openapi_extra=json_body(ItemChanges, {"year": 2000, "title": None}, MERGE_PATCH),
    summary="Change an item",
)
async def patch_item(
    request: Request,
    item_id: ItemId,
    condition: Preconditioned,
    caller: WritingCaller,
    product: Provided,
) -> Response:
    """Change parts of an item by a merge patch (RFC 7396): what is absent stays, null removes."""
    changes = await read_json(request, ItemChanges)
    version = version_to_match(condition)
    item = await product.data_pipeline.patch_item(caller.tenant_id, item_id, changes, version)
    return json_answer(item, etag=item.version)


@router.delete(
    "/items/{item_id:path}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems("item_not_found", *_CHANGED),
    summary="Delete an item",
)
async def delete_item(
    item_id: ItemId, condition: Preconditioned, caller: WritingCaller, product: Provided
) -> None:
    """Remove an item; it is never recommended again."""
    version = version_to_match(condition)
    await product.data_pipeline.delete_item(caller.tenant_id, item_id, version)
