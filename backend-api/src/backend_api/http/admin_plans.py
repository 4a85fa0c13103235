"""Routes of the operator: plans, everybody's usage, the whole audit log."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, status

from backend_api.domain.audit import Actor
from backend_api.http.access_examples import AUDIT_ENTRY, PLAN, PLAN_SETTINGS, USAGE
from backend_api.http.answers import json_answer
from backend_api.http.authentication import OperatorCaller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import (
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.state import Provided
from backend_api.http.usage import CSV_ANSWER, FirstDay, LastDay, csv_answer
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import AuditEntry, Plan, PlanId, PlanSettings
from contracts.public.usage import UsageReport

router = APIRouter(prefix="/api/v1/admin", tags=["operator"])
PlanInPath = Annotated[PlanId, Path(description="A plan id.")]


@router.get(
    "/plans",
    response_model=Page[Plan],
    responses={
        200: answer("The plans, by id.", {"data": [PLAN], "next_cursor": None}),
        **read_problems("no_such_path", "invalid_cursor"),
    },
    summary="List plans",
)
async def list_plans(
    caller: OperatorCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """Every plan."""
    del caller
    return json_answer(await services.access.plans.page(limit, cursor))


@router.get(
    "/plans/{plan_id}",
    response_model=Plan,
    responses={200: answer("The plan.", PLAN), **read_problems("no_such_path", "plan_not_found")},
    summary="Get a plan",
)
async def get_plan(plan_id: PlanInPath, caller: OperatorCaller, services: Provided) -> Response:
    """One plan."""
    del caller
    return json_answer(await services.access.plans.get(plan_id))


@router.put(
    "/plans/{plan_id}",
    response_model=Plan,
    responses={
        200: answer("The plan as it is now.", PLAN),
        201: answer("The new plan.", PLAN, Plan),
        **write_body_problems("no_such_path"),
    },
    openapi_extra=json_body(PlanSettings, PLAN_SETTINGS),
    summary="Set a plan",
)
async def put_plan(
    request: Request, plan_id: PlanInPath, caller: OperatorCaller, services: Provided
) -> Response:
    """What a plan allows and costs from now on; what was counted before keeps its price."""
    settings = await read_json(request, PlanSettings)
    plan, is_new = await services.access.plans.put(plan_id, settings, Actor(caller.key_id))
    return json_answer(plan, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


@router.delete(
    "/plans/{plan_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=write_problems("no_such_path", "plan_not_found", "plan_in_use"),
    summary="Delete a plan",
)
async def delete_plan(plan_id: PlanInPath, caller: OperatorCaller, services: Provided) -> Response:
    """Forget a plan that no tenant is on."""
    await services.access.plans.delete(plan_id, Actor(caller.key_id))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get(
    "/usage",
    response_model=UsageReport,
    responses={200: answer("Use by day and endpoint.", USAGE), **read_problems("no_such_path")},
    summary="Everybody's usage",
)
async def usage(
    caller: OperatorCaller, services: Provided, first: FirstDay = None, last: LastDay = None
) -> Response:
    """Requests, tokens and cost of all tenants by day and endpoint."""
    del caller
    return json_answer(await services.access.usage.report(None, first, last))


@router.get(
    "/usage.csv",
    response_class=Response,
    responses={**CSV_ANSWER, **read_problems("no_such_path")},
    summary="Everybody's usage as CSV",
)
async def usage_csv(
    caller: OperatorCaller, services: Provided, first: FirstDay = None, last: LastDay = None
) -> Response:
    """The rows of the usage report of all tenants."""
    del caller
    return csv_answer(await services.access.usage.report(None, first, last))


@router.get(
    "/audit-log",
    response_model=Page[AuditEntry],
    responses={
        200: answer("The acts, newest first.", {"data": [AUDIT_ENTRY], "next_cursor": None}),
        **read_problems("no_such_path", "invalid_cursor"),
    },
    summary="Everybody's audit log",
)
async def audit_log(
    caller: OperatorCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """Who administered what, of all tenants and of the system."""
    del caller
    return json_answer(await services.access.audit.page(None, limit, cursor))
