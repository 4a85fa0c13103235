"""Recommendations over HTTP, and their stages as spans and metrics."""

from fastapi import APIRouter

from contracts.recommendations import RecommendationQuery, Recommendations, RecommendedItem
from instrumentation.stages import record_stages
from ml_engine.domain.recommendation import Answer, Query
from ml_engine.http.state import PROBLEMS, Engine, EngineDep, TenantDep
from ml_engine.retrieval.flat_index import FlatIndex
from web.problems import problem_answers

RETRIEVAL_STAGES = frozenset({"embedding_lookup", "ann_search", "reranking"})

router = APIRouter(prefix="/v1/tenants/{tenant}", responses=PROBLEMS)


@router.post(
    "/recommendations", responses=problem_answers({409: "There is nothing to recommend yet."})
)
async def recommend(
    tenant_id: TenantDep, body: RecommendationQuery, engine: EngineDep
) -> Recommendations:
    """Rank items for a user, a history or an item."""
    query = Query(body.user_id, body.history, body.item_id, body.num_items, body.exclude)
    answer = await engine.recommender.recommend(tenant_id, query)
    _record(engine, answer)
    items = [
        RecommendedItem(item_id=item.item_id, score=item.score, reason=item.reason)
        for item in answer.items
    ]
    return Recommendations(
        model_version=answer.model_version, algorithm=answer.algorithm, items=items
    )


def _record(engine: Engine, answer: Answer) -> None:
    record_stages(engine.tracing.tracer, answer.stages)
    metrics = engine.metrics
    for stage in answer.stages:
        if stage.name not in RETRIEVAL_STAGES:
            continue
        metrics.observe(
            "ml_model_inference_duration_seconds",
            stage.seconds,
            operation=stage.name,
            model_version=answer.model_version,
        )
        if stage.name == "ann_search":
            index_type = FlatIndex.index_type
            metrics.observe("faiss_search_duration_seconds", stage.seconds, index_type=index_type)
        if stage.name == "embedding_lookup":
            model = answer.algorithm
            seconds = stage.seconds
            metrics.observe("embedding_generation_duration_seconds", seconds, model_name=model)
            metrics.inc("embedding_operations_total", operation_type="user", status="success")
