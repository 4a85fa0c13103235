"""The catalogue, item by item."""

from fastapi import APIRouter, Response

from contracts.imports import DataType
from contracts.items import ItemChanges, ItemContent, StoredItem
from contracts.pages import Page
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    key_of,
    page_of,
)
from data_pipeline.http.recording import record_change
from data_pipeline.http.state import IfMatch, ItemIdPath, PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}/items", tags=["items"])
_ITEM = "/{item_id:path}"
_CREATED = {201: {"model": StoredItem, "description": "There was none before."}}


@router.get("", responses=problems())
async def list_items(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
) -> Page[StoredItem]:
    """The tenant's items by id."""
    items = await pipeline.items.page(tenant_id, key_of("items", cursor), limit)
    return page_of("items", items, limit, items[-1].item_id if items else "")


@router.get(_ITEM, responses=problems(404))
async def show_item(tenant_id: TenantDep, item_id: ItemIdPath, pipeline: PipelineDep) -> StoredItem:
    """One item."""
    return await pipeline.items.find(tenant_id, item_id)


@router.put(_ITEM, responses=_CREATED | problems(400, 412))
async def put_item(
    tenant_id: TenantDep,
    item_id: ItemIdPath,
    content: ItemContent,
    pipeline: PipelineDep,
    response: Response,
    if_match: IfMatch = None,
) -> StoredItem:
    """Create or replace an item; one that stays as it is keeps its version."""
    item, created = await pipeline.items.put(tenant_id, item_id, content, if_match)
    record_change(pipeline, tenant_id, DataType.ITEMS, "put")
    response.status_code = 201 if created else 200
    return item


@router.patch(_ITEM, responses=problems(400, 404, 412))
async def patch_item(
    tenant_id: TenantDep,
    item_id: ItemIdPath,
    changes: ItemChanges,
    pipeline: PipelineDep,
    if_match: IfMatch = None,
) -> StoredItem:
    """Change some of an item by a merge patch (RFC 7396)."""
    item = await pipeline.items.patch(tenant_id, item_id, changes, if_match)
    record_change(pipeline, tenant_id, DataType.ITEMS, "patched")
    return item


@router.delete(_ITEM, status_code=204, response_class=Response, responses=problems(404, 412))
async def remove_item(
    tenant_id: TenantDep, item_id: ItemIdPath, pipeline: PipelineDep, if_match: IfMatch = None
) -> None:
    """Remove an item; putting it again brings it back."""
    await pipeline.items.remove(tenant_id, item_id, if_match)
    record_change(pipeline, tenant_id, DataType.ITEMS, "removed")
