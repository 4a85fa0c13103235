"""The tenant's validation rules."""

from fastapi import APIRouter, Response

from contracts.pages import Page
from contracts.validation_rules import RuleSet, RuleSetVersion
from data_pipeline.http.documentation import problems
from data_pipeline.http.paging import (
    DEFAULT_LIMIT,
    CursorParameter,
    LimitParameter,
    page_of,
    sequence_of,
)
from data_pipeline.http.recording import record_rules
from data_pipeline.http.state import PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}/validation-rules", tags=["validation rules"])
_VERSIONS = "validation-rules"


@router.get("", responses=problems())
async def show_rules(tenant_id: TenantDep, pipeline: PipelineDep) -> RuleSetVersion:
    """The rules in force; version 0 is the standard."""
    return await pipeline.validation_rules.show(tenant_id)


@router.put("", responses=problems(400))
async def replace_rules(
    tenant_id: TenantDep, rules: RuleSet, pipeline: PipelineDep
) -> RuleSetVersion:
    """Make a new version of the rules; records that come from now on are checked by it."""
    replaced = await pipeline.validation_rules.replace(tenant_id, rules)
    record_rules(replaced.version)
    return replaced


@router.delete("", status_code=204, response_class=Response, responses=problems())
async def reset_rules(tenant_id: TenantDep, pipeline: PipelineDep) -> None:
    """Go back to the standard; the versions before stay listed."""
    await pipeline.validation_rules.reset(tenant_id)
    record_rules(None)


@router.get("/versions", responses=problems())
async def list_versions(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    limit: LimitParameter = DEFAULT_LIMIT,
    cursor: CursorParameter = None,
) -> Page[RuleSetVersion]:
    """The versions that were set, newest first."""
    before = sequence_of(_VERSIONS, cursor)
    versions = await pipeline.validation_rules.versions(tenant_id, before, limit)
    return page_of(_VERSIONS, versions, limit, str(versions[-1].version) if versions else "")
