"""Route: the tenant itself."""

from fastapi import APIRouter, Response

from backend_api.http.access_examples import TENANT_ACCOUNT
from backend_api.http.answers import json_answer
from backend_api.http.authentication import ReadingCaller
from backend_api.http.openapi import answer, read_problems
from backend_api.http.state import Provided
from contracts.public.access import TenantAccount

router = APIRouter(prefix="/api/v1", tags=["tenant"])


@router.get(
    "/tenant",
    response_model=TenantAccount,
    responses={200: answer("The tenant and its plan.", TENANT_ACCOUNT), **read_problems()},
    summary="Your tenant",
)
async def get_tenant(caller: ReadingCaller, services: Provided) -> Response:
    """The tenant of the key, its plan with its limits, and the requests of this month."""
    access = services.access
    tenant = await access.tenants.get(caller.tenant_id)
    plan = await access.plans.get(tenant.plan_id)
    used = await access.usage.requests_this_month(caller.tenant_id)
    account = TenantAccount(**tenant.model_dump(), plan=plan, requests_this_month=used)
    return json_answer(account)
