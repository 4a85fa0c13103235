"""Route: what browsers report of the pages on which recommendations stand."""

from fastapi import APIRouter, Request, Response, status

from backend_api.http import examples
from backend_api.http.authentication import ServingCaller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import json_body, write_body_problems
from backend_api.http.product_state import Provided
from contracts.public.web_vitals import WebVitals

router = APIRouter(prefix="/api/v1", tags=["metrics"])


@router.post(
    "/metrics/report",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_body_problems(),
    openapi_extra=json_body(WebVitals, examples.WEB_VITALS),
    summary="Report web vitals",
)
async def report(request: Request, caller: ServingCaller, product: Provided) -> None:
    """Take in the web vitals of one view of a page, as the `web-vitals` library measures them.

    They are counted in the metrics of the operator, by page: of the pages that are named in a
    plain word of lower-case letters and `-` the first 50 are told apart.
    """
    del caller
    product.reports.page_viewed(await read_json(request, WebVitals))
