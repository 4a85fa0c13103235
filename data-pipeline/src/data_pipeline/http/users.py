"""Users: profiles, merges, histories, everything that is stored of one, erasure."""

from fastapi import APIRouter, Response

from contracts.events import History
from contracts.imports import DataType
from contracts.pages import Page
from contracts.users import (
    StoredUser,
    UserChanges,
    UserData,
    UserErased,
    UserMerge,
    UserMerged,
    UserProfile,
)
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    key_of,
    page_of,
)
from data_pipeline.http.recording import record_change, record_erasure, record_merge
from data_pipeline.http.state import IfMatch, PipelineDep, TenantDep, UserDep

router = APIRouter(prefix="/v1/tenants/{tenant}/users", tags=["users"])
_USER = "/{user_id:path}"
_CREATED = {201: {"model": StoredUser, "description": "There was none before."}}


@router.get("", responses=problems())
async def list_users(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
) -> Page[StoredUser]:
    """The tenant's users with a profile, by id."""
    users = await pipeline.users.page(tenant_id, key_of("users", cursor), limit)
    return page_of("users", users, limit, users[-1].user_id if users else "")


# An id may hold slashes, so what stands below a user comes before the user.
@router.get(_USER + "/history", responses=problems())
async def history(tenant_id: TenantDep, user_id: UserDep, pipeline: PipelineDep) -> History:
    """A user's recent events that weigh something, oldest first; empty for one without any."""
    return await pipeline.people.history(tenant_id, user_id)


@router.get(_USER + "/data", responses=problems(404))
async def data(tenant_id: TenantDep, user_id: UserDep, pipeline: PipelineDep) -> UserData:
    """Everything that is stored of a user: profile, events, the ids merged into this one."""
    return await pipeline.people.data(tenant_id, user_id)


@router.post(_USER + "/merge", responses=problems(400, 409))
async def merge(
    tenant_id: TenantDep, user_id: UserDep, session: UserMerge, pipeline: PipelineDep
) -> UserMerged:
    """Make the events of an anonymous session the user's, and those still to come."""
    merged = await pipeline.people.merge(tenant_id, session.from_user_id, user_id)
    record_merge(merged)
    return merged


@router.get(_USER, responses=problems(404))
async def show_user(tenant_id: TenantDep, user_id: UserDep, pipeline: PipelineDep) -> StoredUser:
    """One user; of whom there are events only, the profile is empty and has version 0."""
    return await pipeline.users.find(tenant_id, user_id)


@router.put(_USER, responses=_CREATED | problems(400, 412))
async def put_user(
    tenant_id: TenantDep,
    user_id: UserDep,
    profile: UserProfile,
    pipeline: PipelineDep,
    response: Response,
    if_match: IfMatch = None,
) -> StoredUser:
    """Create or replace a profile; one that stays as it is keeps its version."""
    user, created = await pipeline.users.put(tenant_id, user_id, profile, if_match)
    record_change(pipeline, tenant_id, DataType.USERS, "put")
    response.status_code = 201 if created else 200
    return user


@router.patch(_USER, responses=problems(400, 404, 412))
async def patch_user(
    tenant_id: TenantDep,
    user_id: UserDep,
    changes: UserChanges,
    pipeline: PipelineDep,
    if_match: IfMatch = None,
) -> StoredUser:
    """Change some of a profile by a merge patch (RFC 7396)."""
    user = await pipeline.users.patch(tenant_id, user_id, changes, if_match)
    record_change(pipeline, tenant_id, DataType.USERS, "patched")
    return user


@router.delete(_USER, responses=problems())
async def erase_user(tenant_id: TenantDep, user_id: UserDep, pipeline: PipelineDep) -> UserErased:
    """Remove everything that is stored of a user, place by place, merged ids included."""
    with record_erasure(pipeline) as finished:
        erased = await pipeline.erasure.erase(tenant_id, user_id)
        finished(erased)
    return erased
