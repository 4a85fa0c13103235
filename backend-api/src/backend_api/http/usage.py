"""Routes: what the tenant used and what it costs, and its audit log."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from backend_api.http.access_examples import AUDIT_ENTRY, USAGE
from backend_api.http.answers import json_answer
from backend_api.http.authentication import AdminCaller
from backend_api.http.openapi import Responses, answer, read_problems
from backend_api.http.parameters import Limit, PageCursor
from backend_api.http.state import Provided
from backend_api.services.usage import usage_as_csv
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.access import AuditEntry
from contracts.public.usage import UsageReport

router = APIRouter(prefix="/api/v1", tags=["usage"])
FirstDay = Annotated[
    date | None,
    Query(alias="from", description="The first day (UTC); 29 days before the last one if absent."),
]
LastDay = Annotated[
    date | None, Query(alias="to", description="The last day (UTC); today if absent.")
]
_CSV = (
    "day,tenant_id,endpoint,requests,billed_requests,tokens,cost,currency\r\n"
    "2026-01-31,acme,/api/v1/recommendations,1200,1180,11800,0.59,EUR\r\n"
)
CSV_ANSWER: Responses = {
    200: {
        "description": "The rows of the report as CSV (RFC 4180) with a header line.",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV}},
    }
}


@router.get(
    "/usage",
    response_model=UsageReport,
    responses={200: answer("Use by day and endpoint.", USAGE), **read_problems()},
    summary="Usage report",
)
async def usage(
    caller: AdminCaller, services: Provided, first: FirstDay = None, last: LastDay = None
) -> Response:
    """Requests, tokens and cost by day and endpoint, up to USAGE_FLUSH_SECONDS ago."""
    return json_answer(await services.access.usage.report(caller.tenant_id, first, last))


@router.get(
    "/usage.csv",
    response_class=Response,
    responses={**CSV_ANSWER, **read_problems()},
    summary="Usage report as CSV",
)
async def usage_csv(
    caller: AdminCaller, services: Provided, first: FirstDay = None, last: LastDay = None
) -> Response:
    """The rows of the usage report."""
    return csv_answer(await services.access.usage.report(caller.tenant_id, first, last))


@router.get(
    "/audit-log",
    response_model=Page[AuditEntry],
    responses={
        200: answer("The acts, newest first.", {"data": [AUDIT_ENTRY], "next_cursor": None}),
        **read_problems("invalid_cursor"),
    },
    summary="Audit log",
)
async def audit_log(
    caller: AdminCaller,
    services: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Response:
    """Who administered what of the tenant, and when."""
    return json_answer(await services.access.audit.page(caller.tenant_id, limit, cursor))


def csv_answer(report: UsageReport) -> Response:
    """The rows of a report as CSV."""
    return Response(
        usage_as_csv(report),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="usage.csv"'},
    )
