"""Routes: the tenant's API keys."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, status

from backend_api.domain.audit import Actor
from backend_api.http.access_examples import CREATED_KEY, KEY, NEW_KEY
from backend_api.http.answers import json_answer
from backend_api.http.authentication import AdminCaller
from backend_api.http.bodies import read_json
from backend_api.http.idempotency import KEPT_BODY
from backend_api.http.openapi import (
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.state import Provided
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import ApiKey, CreatedKey, KeyRotation, NewKey

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])
KeyId = Annotated[
    str, Path(max_length=64, description="The id of a key: its part between `rk_` and `_`.")
]


@router.get(
    "",
    response_model=Page[ApiKey],
    responses={
        200: answer("The keys, oldest first.", {"data": [KEY], "next_cursor": None}),
        **read_problems("invalid_cursor"),
    },
    summary="List keys",
)
async def list_keys(
    caller: AdminCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """The tenant's keys, revoked ones too; `last_used_at` is at most a few seconds old."""
    return json_answer(await services.access.keys.page(caller.tenant_id, limit, cursor))


@router.post(
    "",
    response_model=CreatedKey,
    status_code=status.HTTP_201_CREATED,
    responses={
        201: answer("The key: keep it, for it is shown this once.", CREATED_KEY),
        **write_body_problems("invalid_key_expiry"),
    },
    openapi_extra=json_body(NewKey, NEW_KEY),
    summary="Create a key",
)
async def create_key(request: Request, caller: AdminCaller, services: Provided) -> Response:
    """A key of the scopes `read`, `write` or `admin`; none of them includes another."""
    new = await read_json(request, NewKey)
    created = await services.access.keys.create(caller.tenant_id, new, Actor(caller.key_id))
    return shown_once(request, created)


@router.get(
    "/{key_id}",
    response_model=ApiKey,
    responses={200: answer("The key.", KEY), **read_problems("key_not_found")},
    summary="Get a key",
)
async def get_key(key_id: KeyId, caller: AdminCaller, services: Provided) -> Response:
    """One key of the tenant, without its secret."""
    return json_answer(await services.access.keys.get(caller.tenant_id, key_id))


@router.post(
    "/{key_id}/rotate",
    response_model=CreatedKey,
    status_code=status.HTTP_201_CREATED,
    responses={
        201: answer("The new key: keep it, for it is shown this once.", CREATED_KEY),
        **write_body_problems("key_not_found", "key_not_active"),
    },
    openapi_extra=json_body(KeyRotation, {"overlap_seconds": 3600}),
    summary="Rotate a key",
)
async def rotate_key(
    request: Request, key_id: KeyId, caller: AdminCaller, services: Provided
) -> Response:
    """A new key of the same name and scopes; the old one ends after `overlap_seconds`."""
    rotation = await read_json(request, KeyRotation)
    overlap = timedelta(seconds=rotation.overlap_seconds)
    created = await services.access.keys.rotate(
        caller.tenant_id, key_id, overlap, Actor(caller.key_id)
    )
    return shown_once(request, created)


@router.delete(
    "/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=write_problems("key_not_found"),
    summary="Revoke a key",
)
async def revoke_key(key_id: KeyId, caller: AdminCaller, services: Provided) -> Response:
    """End a key: here at once, at other replicas within API_KEY_CACHE_SECONDS."""
    await services.access.keys.revoke(caller.tenant_id, key_id, Actor(caller.key_id))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def shown_once(request: Request, created: CreatedKey) -> Response:
    """The answer with a new key, of which all but the key may be kept and said again."""
    without_key = created.model_copy(update={"key": None})
    setattr(request.state, KEPT_BODY, without_key.model_dump_json().encode())
    return json_answer(created, status.HTTP_201_CREATED)
