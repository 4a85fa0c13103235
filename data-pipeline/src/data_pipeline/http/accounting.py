"""The books over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from contracts.accounting import Accounting
from data_pipeline.http.documentation import problems
from data_pipeline.http.state import PipelineDep, TenantDep

router = APIRouter(prefix="/v1/tenants/{tenant}/accounting", tags=["accounting"])


@router.get("", responses=problems())
async def show_accounting(
    tenant_id: TenantDep,
    pipeline: PipelineDep,
    first: Annotated[
        date | None, Query(alias="from", description="The first day (UTC), 29 before the last one.")
    ] = None,
    last: Annotated[
        date | None, Query(alias="to", description="The last day (UTC), today by default.")
    ] = None,
) -> Accounting:
    """What became of every record that arrived on some days, and whether the books agree."""
    return await pipeline.accounts.of(tenant_id, first, last)
