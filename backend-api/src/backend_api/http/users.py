"""Routes: users."""

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
)
from backend_api.http.parameters import Limit, PageCursor, UserId
from backend_api.http.preconditions import Preconditioned, put_record, version_to_match
from backend_api.http.product_state import Provided
from contracts.events import History
from contracts.pages import DEFAULT_PAGE, Page
from contracts.users import StoredUser, UserChanges, UserMerge, UserMerged, UserProfile
from instrumentation.context import identify

router = APIRouter(prefix="/api/v1", tags=["users"])
_AWAY = "data_pipeline_unavailable"
_CHANGED = ("version_conflict", "invalid_precondition", _AWAY)
_STORED = answer("The user as it is now.", examples.STORED_USER, etag="Its version.")


@router.get(
    "/users",
    responses={
        200: answer("One page of users.", examples.page(examples.STORED_USER)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List users",
)
async def list_users(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[StoredUser]:
    """Users with a profile, by id."""
    return await product.data_pipeline.users(caller.tenant_id, limit=limit, cursor=cursor)


@router.get(
    "/users/{user_id:path}/history",
    responses={
        200: answer("Recent events, oldest first.", examples.HISTORY),
        **read_problems(_AWAY),
    },
    summary="Get a user's history",
)
async def get_history(user_id: UserId, caller: ReadingCaller, product: Provided) -> History:
    """What recommendations for the user learn from; empty for a user without any event."""
    identify(user_id=user_id)
    return await product.data_pipeline.history(caller.tenant_id, user_id)


@router.post(
    "/users/{user_id:path}/merge",
    response_model=UserMerged,
    responses={
        200: answer("The session is the user's now.", examples.MERGED),
        **write_body_problems("user_not_found", "merge_cycle", "already_merged", _AWAY),
    },
    openapi_extra=json_body(UserMerge, {"from_user_id": examples.SESSION_ID}),
    summary="Merge a session into a user",
)
async def merge_user(
    request: Request, user_id: UserId, caller: WritingCaller, product: Provided
) -> Response:
    """Make the events of an anonymous session the user's, and those to come as well."""
    identify(user_id=user_id)
    merge = await read_json(request, UserMerge)
    return json_answer(await product.data_pipeline.merge_user(caller.tenant_id, user_id, merge))


@router.get(
    "/users/{user_id:path}",
    response_model=StoredUser,
    responses={200: _STORED, **read_problems("user_not_found", _AWAY)},
    summary="Get a user",
)
async def get_user(user_id: UserId, caller: ReadingCaller, product: Provided) -> Response:
    """One user's profile; its ETag is what If-Match takes."""
    identify(user_id=user_id)
    user = await product.data_pipeline.user(caller.tenant_id, user_id)
    return json_answer(user, etag=user.version)


@router.put(
    "/users/{user_id:path}",
    response_model=StoredUser,
    responses={
        200: _STORED,
        201: answer("The user is new.", examples.STORED_USER, StoredUser, etag="Its version."),
        **write_body_problems("rule_broken", *_CHANGED),
    },
    openapi_extra=json_body(UserProfile, examples.PROFILE),
    summary="Put a user",
)
async def put_user(
    request: Request,
    user_id: UserId,
    condition: Preconditioned,
    caller: WritingCaller,
    product: Provided,
) -> Response:
    """Create or replace a profile. `If-None-Match: *` only creates, `If-Match` only replaces."""
    identify(user_id=user_id)
    profile = await read_json(request, UserProfile)

    async def put(version: int | None) -> StoredUser:
        return await product.data_pipeline.put_user(caller.tenant_id, user_id, profile, version)

    async def current() -> StoredUser:
        return await product.data_pipeline.user(caller.tenant_id, user_id)

    user, new = await put_record(condition, put, current)
    code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
    return json_answer(user, code, etag=user.version)


@router.patch(
    "/users/{user_id:path}",
    response_model=StoredUser,
    responses={200: _STORED, **write_body_problems("user_not_found", "rule_broken", *_CHANGED)},
    openapi_extra=json_body(UserChanges, {"attributes": {"age": 35, "plan": None}}, MERGE_PATCH),
    summary="Change a user",
)
async def patch_user(
    request: Request,
    user_id: UserId,
    condition: Preconditioned,
    caller: WritingCaller,
    product: Provided,
) -> Response:
    """Change parts of a profile by a merge patch (RFC 7396): null removes an attribute."""
    identify(user_id=user_id)
    changes = await read_json(request, UserChanges)
    version = version_to_match(condition)
    user = await product.data_pipeline.patch_user(caller.tenant_id, user_id, changes, version)
    return json_answer(user, etag=user.version)
