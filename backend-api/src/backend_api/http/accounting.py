"""Routes: the books of what came in."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from backend_api.http import examples
from backend_api.http.authentication import ReadingCaller
from backend_api.http.openapi import answer, read_problems
from backend_api.http.product_state import Provided
from contracts.accounting import Accounting

router = APIRouter(prefix="/api/v1", tags=["accounting"])
_AWAY = "data_pipeline_unavailable"


@router.get(
    "/accounting",
    responses={
        200: answer("The books.", examples.ACCOUNTING),
        **read_problems(_AWAY),
    },
    summary="Get the accounting",
)
async def get_accounting(
    caller: ReadingCaller,
    product: Provided,
    first: Annotated[
        date | None,
        Query(alias="from", description="The first day (UTC); by default 29 days before the last."),
    ] = None,
    last: Annotated[
        date | None, Query(alias="to", description="The last day (UTC); today by default.")
    ] = None,
) -> Accounting:
    """What became of every record that arrived on some days, 366 at most.

    Each was loaded, was a duplicate, or went into quarantine, so that the three add up to what
    was received. `balanced` says that this holds, and that just as many events are stored and
    just as many records are in quarantine.
    """
    return await product.data_pipeline.accounting(caller.tenant_id, first, last)
