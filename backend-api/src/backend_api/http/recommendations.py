"""Routes: recommendations and similar items."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request, Response

from backend_api.domain.access import Principal
from backend_api.domain.recommendations import Served
from backend_api.http import examples
from backend_api.http.answers import json_answer, worth
from backend_api.http.authentication import ServingCaller, serving_caller
from backend_api.http.bodies import read_json
from backend_api.http.openapi import answer, body_problems, json_body, read_problems
from backend_api.http.parameters import InScenario, ItemId, NumItems, UserId
from backend_api.http.product_state import Product, Provided
from backend_api.services.batch_recommendations import with_user
from contracts.public.recommendations import (
    BatchRecommendationAnswer,
    BatchRecommendationRequest,
    RecommendationRecord,
    RecommendationRequest,
    ServedRecommendations,
)
from instrumentation.context import identify
from web.direct_routes import DirectRoutes

router = APIRouter(prefix="/api/v1", tags=["recommendations"])
_REFUSED = ("item_not_found", "scenario_not_found", "nothing_to_recommend", "ml_engine_unavailable")


@router.post(
    "/recommendations",
    response_model=ServedRecommendations,
    responses={200: answer("Items, best first.", examples.SERVED), **body_problems(*_REFUSED)},
    openapi_extra=json_body(RecommendationRequest, examples.QUESTION),
    summary="Recommend items",
)
async def recommend(request: Request, caller: ServingCaller, product: Provided) -> Response:
    """Ranked items for a user, for what somebody did (`history`), like an item, or for a context.

    Whoever is not known gets a labelled answer from what is popular. A filtered answer is as long
    as was asked for while that many items are eligible. While the model cannot be asked, the
    answer is the last one to the same question, or what is popular under the same filters, and
    `degraded` says so; where neither is known, the answer is 503.
    """
    with product.reports.timing_recommendation():
        query = await read_json(request, RecommendationRequest)
        identify(user_id=query.user_id)
        return await _answer(request, caller, product, query)


async def _recommend_directly(request: Request) -> Response:
    caller = await serving_caller(request, None, None)
    return await recommend(request, caller, request.scope["state"]["services"].product)


DIRECT_ROUTES: DirectRoutes = {"/api/v1/recommendations": _recommend_directly}
"""What FastAPI documents here and does not serve."""


@router.post(
    "/recommendations/batch",
    response_model=BatchRecommendationAnswer,
    responses={
        200: answer(
            "One answer for each user, in the order of the request.",
            {"answers": [{"user_id": examples.USER_ID, **examples.SERVED}]},
        ),
        **body_problems("scenario_not_found", "nothing_to_recommend", "ml_engine_unavailable"),
    },
    openapi_extra=json_body(
        BatchRecommendationRequest, {"user_ids": [examples.USER_ID, "43"], "num_items": 5}
    ),
    summary="Recommend items to many users",
)
async def recommend_batch(request: Request, caller: ServingCaller, product: Provided) -> Response:
    """Ranked items for up to 1,000 users, each with the same options."""
    with product.reports.timing_recommendation():
        query = await read_json(request, BatchRecommendationRequest)
        served = await product.batches.recommend(caller.tenant_id, query)
        worth(request, sum(len(one.answer.items) for one in served))
        for one in served:
            product.reports.recommended(caller.tenant_id, one, query, "user")
        return json_answer(_joined(query.user_ids, served))


@router.get(
    "/recommendations/{recommendation_id}",
    response_model=RecommendationRecord,
    responses={
        200: answer("What was asked and answered.", examples.RECORD),
        **read_problems("recommendation_not_found"),
    },
    summary="Get a recommendation again",
)
async def get_recommendation(
    recommendation_id: Annotated[
        str, Path(description="`recommendation_id` of an answer.", examples=["019a8f1e-..."])
    ],
    caller: ServingCaller,
    product: Provided,
) -> Response:
    """An answer exactly as it was given, its reasons included, and what was asked.

    Answers are kept for RECOMMENDATION_LOG_DAYS (7). They are written about once a second: a
    crash of the service can lose those of its last second.
    """
    entry = await product.recommendations.find(caller.tenant_id, recommendation_id)
    created_at = orjson.dumps(entry.created_at, option=orjson.OPT_UTC_Z)
    return json_answer(
        b'{"created_at":%b,"request":%b,"answer":%b}' % (created_at, entry.request, entry.answer)
    )


@router.get(
    "/users/{user_id:path}/recommendations",
    response_model=ServedRecommendations,
    responses={200: answer("Items, best first.", examples.SERVED), **read_problems(*_REFUSED[1:])},
    summary="Recommend items to a user",
)
async def recommend_to_user(
    request: Request,
    user_id: UserId,
    caller: ServingCaller,
    product: Provided,
    num_items: NumItems | None = None,
    scenario: InScenario = None,
    *,
    explain: bool | None = None,
) -> Response:
    """Ranked items for a user, as by POST /recommendations."""
    with product.reports.timing_recommendation():
        identify(user_id=user_id)
        given = {"num_items": num_items, "scenario": scenario, "explain": explain}
        query = RecommendationRequest.model_validate(
            {"user_id": user_id, **{k: v for k, v in given.items() if v is not None}}
        )
        return await _answer(request, caller, product, query)


@router.get(
    "/items/{item_id:path}/similar",
    response_model=ServedRecommendations,
    responses={
        200: answer("Items, most alike first.", examples.SERVED),
        **read_problems(*_REFUSED),
    },
    summary="Similar items",
)
async def similar(
    request: Request,
    item_id: ItemId,
    caller: ServingCaller,
    product: Provided,
    num_items: NumItems | None = None,
    scenario: InScenario = None,
) -> Response:
    """Items like this one, most alike first."""
    with product.reports.timing_recommendation():
        given = {"num_items": num_items, "scenario": scenario}
        query = RecommendationRequest.model_validate(
            {"item_id": item_id, **{k: v for k, v in given.items() if v is not None}}
        )
        return await _answer(request, caller, product, query)


async def _answer(
    request: Request, caller: Principal, product: Product, query: RecommendationRequest
) -> Response:
    served = await product.recommendations.recommend(caller.tenant_id, query)
    worth(request, len(served.answer.items))
    product.reports.recommended(caller.tenant_id, served, query, _subject(query))
    return json_answer(served.content)


def _subject(query: RecommendationRequest) -> str:
    if query.user_id is not None:
        return "user"
    if query.history is not None:
        return "session"
    return "context" if query.item_id is None else "item"


def _joined(user_ids: list[str], served: list[Served]) -> bytes:
    # Each answer is JSON already, which the log keeps as well: parsing it again would be waste.
    pairs = zip(user_ids, served, strict=True)
    return b'{"answers":[%b]}' % b",".join(with_user(user, one.content) for user, one in pairs)
