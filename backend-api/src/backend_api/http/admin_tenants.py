"""Routes of the operator: tenants and their keys."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, status

from backend_api.domain.audit import Actor
from backend_api.http.access_examples import CREATED_KEY, KEY, NEW_KEY, TENANT, TENANT_ID
from backend_api.http.answers import json_answer
from backend_api.http.authentication import OperatorCaller
from backend_api.http.bodies import read_json
from backend_api.http.keys import shown_once
from backend_api.http.openapi import answer, json_body, read_problems, write_body_problems
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.state import Provided
from contracts.identifiers import TenantId
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import ApiKey, CreatedKey, NewKey, NewTenant, Tenant, TenantChanges

router = APIRouter(prefix="/api/v1/admin/tenants", tags=["operator"])
TenantInPath = Annotated[TenantId, Path(description="A tenant id.")]


@router.get(
    "",
    response_model=Page[Tenant],
    responses={
        200: answer("The tenants, by id.", {"data": [TENANT], "next_cursor": None}),
        **read_problems("no_such_path", "invalid_cursor"),
    },
    summary="List tenants",
)
async def list_tenants(
    caller: OperatorCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """Every tenant; like all of /admin for keys of the operator only."""
    del caller
    return json_answer(await services.access.tenants.page(limit, cursor))


@router.post(
    "",
    response_model=Tenant,
    status_code=status.HTTP_201_CREATED,
    responses={
        201: answer("The tenant.", TENANT),
        **write_body_problems("no_such_path", "tenant_exists", "plan_not_found"),
    },
    openapi_extra=json_body(
        NewTenant, {"tenant_id": TENANT_ID, "name": "Acme Ltd", "plan_id": "standard"}
    ),
    summary="Create a tenant",
)
async def create_tenant(request: Request, caller: OperatorCaller, services: Provided) -> Response:
    """A new tenant; it needs a key next."""
    new = await read_json(request, NewTenant)
    created = await services.access.tenants.create(new, Actor(caller.key_id))
    return json_answer(created, status.HTTP_201_CREATED)


@router.get(
    "/{tenant_id}",
    response_model=Tenant,
    responses={
        200: answer("The tenant.", TENANT),
        **read_problems("no_such_path", "tenant_not_found"),
    },
    summary="Get a tenant",
)
async def get_tenant(
    tenant_id: TenantInPath, caller: OperatorCaller, services: Provided
) -> Response:
    """One tenant."""
    del caller
    return json_answer(await services.access.tenants.get(tenant_id))


@router.patch(
    "/{tenant_id}",
    response_model=Tenant,
    responses={
        200: answer("The tenant as it is now.", TENANT),
        **write_body_problems("no_such_path", "tenant_not_found", "plan_not_found"),
    },
    openapi_extra=json_body(TenantChanges, {"plan_id": "enterprise"}),
    summary="Change a tenant",
)
async def change_tenant(
    request: Request, tenant_id: TenantInPath, caller: OperatorCaller, services: Provided
) -> Response:
    """Rename, suspend or resume a tenant, or put it on another plan: here at once.

    Other replicas follow within API_KEY_CACHE_SECONDS.
    """
    changes = await read_json(request, TenantChanges)
    changed = await services.access.tenants.change(tenant_id, changes, Actor(caller.key_id))
    return json_answer(changed)


@router.get(
    "/{tenant_id}/keys",
    response_model=Page[ApiKey],
    responses={
        200: answer("The keys, oldest first.", {"data": [KEY], "next_cursor": None}),
        **read_problems("no_such_path", "tenant_not_found", "invalid_cursor"),
    },
    summary="List a tenant's keys",
)
async def list_keys(
    tenant_id: TenantInPath,
    caller: OperatorCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """A tenant's keys, revoked ones too."""
    del caller
    await services.access.tenants.get(tenant_id)
    return json_answer(await services.access.keys.page(tenant_id, limit, cursor))


@router.post(
    "/{tenant_id}/keys",
    response_model=CreatedKey,
    status_code=status.HTTP_201_CREATED,
    responses={
        201: answer("The key: keep it, for it is shown this once.", CREATED_KEY),
        **write_body_problems("no_such_path", "tenant_not_found", "invalid_key_expiry"),
    },
    openapi_extra=json_body(NewKey, {**NEW_KEY, "scopes": ["read", "write", "admin"]}),
    summary="Create a key of a tenant",
)
async def create_key(
    request: Request, tenant_id: TenantInPath, caller: OperatorCaller, services: Provided
) -> Response:
    """A key of the tenant, such as its first one."""
    new = await read_json(request, NewKey)
    created = await services.access.keys.create(tenant_id, new, Actor(caller.key_id))
    return shown_once(request, created)
