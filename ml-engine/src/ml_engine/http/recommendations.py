"""Recommendations over HTTP, and their stages as spans and metrics."""

from collections.abc import Sequence

from fastapi import APIRouter

from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    Contribution,
    Explanation,
    RecommendationQuery,
    Recommendations,
    RecommendedItem,
)
from instrumentation.stages import record_stages
from ml_engine.domain.recommendation import Answer, Explained, RankedItem
from ml_engine.http.state import PROBLEMS, Engine, EngineDep, TenantDep
from web.problems import problem_answers

RETRIEVAL_STAGES = frozenset({"embedding_lookup", "ann_search", "reranking"})
NOTHING_YET = problem_answers({409: "There is nothing to recommend yet."})

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)


@router.post("/recommendations", responses=NOTHING_YET)
async def recommend(
    tenant_id: TenantDep, body: RecommendationQuery, engine: EngineDep
) -> Recommendations:
    """Rank items for a user, a history, an item or a context."""
    answer = await engine.recommender.recommend(tenant_id, body)
    _record(engine, [answer])
    return _wire(answer)


@router.post("/recommendations/batch", responses=NOTHING_YET)
async def recommend_batch(
    tenant_id: TenantDep, body: BatchQuery, engine: EngineDep
) -> BatchRecommendations:
    """Rank items for each of up to 1,000 users; the answers are in their order."""
    answers = await engine.recommender.recommend_batch(tenant_id, body)
    _record(engine, answers)
    return BatchRecommendations(answers=[_wire(answer) for answer in answers])


def _wire(answer: Answer) -> Recommendations:
    return Recommendations(
        model_version=answer.model_version,
        algorithm=answer.algorithm,
        items=[_item(item) for item in answer.items],
        skipped_pins=list(answer.skipped_pins),
    )


def _item(item: RankedItem) -> RecommendedItem:
    explanation = None if item.explanation is None else _explanation(item.explanation)
    return RecommendedItem(
        item_id=item.item_id, score=item.score, reason=item.reason, explanation=explanation
    )


def _explanation(explained: Explained) -> Explanation:
    return Explanation(
        model_score=explained.model_score,
        boost=explained.boost,
        diversity_penalty=explained.diversity_penalty,
        pinned=explained.pinned,
        contributions=[
            Contribution(item_id=item_id, share=share) for item_id, share in explained.contributions
        ],
    )


def _record(engine: Engine, answers: Sequence[Answer]) -> None:
    stages = answers[0].stages
    record_stages(engine.tracing.tracer, stages)
    metrics, version = engine.metrics, answers[0].model_version
    index = next((answer.index for answer in answers if answer.index is not None), None)
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
        if answer.encoded is not None:
            kind = answer.encoded
            metrics.inc("embedding_operations_total", operation_type=kind, status="success")
