"""Recommendations over HTTP, and their stages as spans and metrics."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError

from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    RecommendationQuery,
    Recommendations,
)
from instrumentation.stages import record_stages
from ml_engine.domain.recommendation import Answer, Explained, RankedItem
from ml_engine.http.state import PROBLEMS, Engine, EngineDep, TenantDep, tenant_of
from web.direct_routes import DirectRoutes
from web.json_bodies import is_json, parsed, whole_body
from web.problems import problem_answers

RETRIEVAL_STAGES = frozenset({"embedding_lookup", "ann_search", "reranking"})
NOTHING_YET = problem_answers({409: "There is nothing to recommend yet."})

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)


@router.post("/recommendations", response_model=Recommendations, responses=NOTHING_YET)
async def recommend(tenant_id: TenantDep, body: RecommendationQuery, engine: EngineDep) -> Response:
    """Rank items for a user, a history, an item or a context."""
    answer = await engine.recommender.recommend(tenant_id, body)
    _record(engine, [answer])
    return _json(_wire(answer))


async def _recommend_directly(request: Request) -> Response:
    tenant_id = tenant_of(request)
    return await recommend(tenant_id, await _query(request), request.scope["state"]["engine"])


DIRECT_ROUTES: DirectRoutes = {"/v1/tenants/{tenant}/recommendations": _recommend_directly}
"""What FastAPI documents here and does not serve."""


@router.post("/recommendations/batch", response_model=BatchRecommendations, responses=NOTHING_YET)
async def recommend_batch(tenant_id: TenantDep, body: BatchQuery, engine: EngineDep) -> Response:
    """Rank items for each of up to 1,000 users; the answers are in their order."""
    answers = await engine.recommender.recommend_batch(tenant_id, body)
    _record(engine, answers)
    return _json({"answers": [_wire(answer) for answer in answers]})


async def _query(request: Request) -> RecommendationQuery:
    """The body, checked as FastAPI would. Raises `RequestValidationError`."""
    body = await whole_body(request)
    if not body:
        raise RequestValidationError(
            [{"type": "missing", "loc": ("body",), "msg": "Field required"}]
        )
    if not is_json(request.headers.get("content-type", "")):
        raise RequestValidationError(
            [{"type": "model_attributes_type", "loc": ("body",), "msg": "The body must be JSON"}]
        )
    return parsed(body, RecommendationQuery)


def _json(content: dict[str, Any]) -> Response:
    # Of the shape of the response's model, which tests hold it to: making models of it first
    # would take as long as all the rest of the answer.
    return Response(orjson.dumps(content), media_type="application/json")


def _wire(answer: Answer) -> dict[str, Any]:
    return {
        "model_version": answer.model_version,
        "algorithm": answer.algorithm,
        "items": [_item(item) for item in answer.items],
        "skipped_pins": list(answer.skipped_pins),
    }


def _item(item: RankedItem) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "score": item.score,
        "reason": item.reason,
        "explanation": None if item.explanation is None else _explanation(item.explanation),
    }


def _explanation(explained: Explained) -> dict[str, Any]:
    return {
        "model_score": explained.model_score,
        "boost": explained.boost,
        "correction": explained.correction,
        "diversity_penalty": explained.diversity_penalty,
        "pinned": explained.pinned,
        "contributions": [
            {"item_id": item_id, "share": share} for item_id, share in explained.contributions
        ],
    }


def _record(engine: Engine, answers: Sequence[Answer]) -> None:
    stages = answers[0].stages
    metrics, version = engine.metrics, answers[0].model_version
    index = next((answer.index for answer in answers if answer.index is not None), None)
    for stage in stages:
        if stage.name == "ann_search" and index is not None:
            stage.attributes = {"retrieval.index_type": index}
    record_stages(engine.tracing.tracer, stages)
    for stage in stages:
        if stage.name not in RETRIEVAL_STAGES:
            continue
        metrics.observe(
            "ml_model_inference_duration_seconds",
            stage.seconds,
            operation=stage.name,
            model_version=version,
        )
        if stage.name == "ann_search" and index is not None:
            metrics.observe("faiss_search_duration_seconds", stage.seconds, index_type=index)
        if stage.name == "embedding_lookup":
            name = next((a.algorithm for a in answers if a.encoded is not None), "none")
            metrics.observe("embedding_generation_duration_seconds", stage.seconds, model_name=name)
    metrics.inc("embedding_cache_hits_total", sum(a.vectors_found for a in answers))
    metrics.inc("embedding_cache_misses_total", sum(a.vectors_missing for a in answers))
    for answer in answers:
        if answer.cached is not None:
            metrics.inc("answer_cache_hits_total" if answer.cached else "answer_cache_misses_total")
        if answer.encoded is not None:
            kind = answer.encoded
            metrics.inc("embedding_operations_total", operation_type=kind, status="success")
