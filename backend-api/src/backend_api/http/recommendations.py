"""Routes: recommendations and similar items."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from backend_api.domain.keys import Principal
from backend_api.domain.recommendations import ServedRecommendations
from backend_api.http.authentication import Authenticated
from backend_api.http.bodies import read_json
from backend_api.http.openapi import json_body, problems
from backend_api.http.state import Provided, Services
from contracts.identifiers import Identifier
from contracts.recommendations import MAX_ITEMS, RecommendationQuery
from instrumentation.context import identify

router = APIRouter(tags=["recommendations"])


@router.post(
    "/recommendations",
    response_model=ServedRecommendations,
    responses=problems(400, 401, 404, 409, 413, 415, 422, 503),
    openapi_extra=json_body(RecommendationQuery, {"user_id": "42", "num_items": 10}),
    summary="Recommend items",
)
async def recommend(request: Request, caller: Authenticated, services: Provided) -> Response:
    """Ranked items for a user (`user_id`), for what somebody did (`history`) or like an item.

    An unknown user gets a labelled answer from what is popular.
    """
    with services.reports.timing_recommendation():
        query = await read_json(request, RecommendationQuery)
        identify(user_id=query.user_id)
        return await _answer(caller, services, query)


@router.get(
    "/items/{item_id:path}/similar",
    response_model=ServedRecommendations,
    responses=problems(401, 404, 409, 422, 503),
    summary="Similar items",
)
async def similar(
    item_id: Annotated[Identifier, Path(description="Slashes need no escape.")],
    caller: Authenticated,
    services: Provided,
    num_items: Annotated[int, Query(ge=1, le=MAX_ITEMS)] = 10,
) -> Response:
    """Items like this one, most alike first."""
    with services.reports.timing_recommendation():
        query = RecommendationQuery(item_id=item_id, num_items=num_items)
        return await _answer(caller, services, query)


async def _answer(caller: Principal, services: Services, query: RecommendationQuery) -> Response:
    served = await services.recommendations.recommend(caller.tenant_id, query)
    services.reports.recommended(caller.tenant_id, served)
    return Response(served.model_dump_json(), media_type="application/json")
