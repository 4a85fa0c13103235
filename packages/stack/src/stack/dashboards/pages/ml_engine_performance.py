"""ML Engine Performance: training, quality, retrieval and embeddings."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import falling, none_allowed, rising
from stack.dashboards.levels import states as named
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, logs, ranking, stat, states, table, traces
from stack.dashboards.promql import (
    aggregated,
    average,
    hits,
    increase,
    or_zero,
    quantile,
    quantile_within,
    rate,
    top,
)
from stack.dashboards.targets import Query, TraceSearch

_JOB = 'job="ml-engine"'
_MEASURES = {
    "NDCG@10": "model_quality_ndcg_at_10",
    "MAP@10": "model_quality_map_at_10",
    "Precision@10": "model_quality_precision_at_10",
    "Recall@10": "model_quality_recall_at_10",
}
_FALLS: dict[str, str] = dict.fromkeys(
    ("NDCG@10", "MAP@10"), " A fall after a deployment is a worse model."
)
_BEYOND = 'metric=~"coverage|diversity|hit_rate|popularity_bias"'
_JOB_STATES = named(
    {
        0: ("queued", "blue"),
        1: ("running", "orange"),
        2: ("completed", "green"),
        3: ("failed", "red"),
        4: ("cancelled", "blue"),
    }
)


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="ml-engine-performance",
        title="ML Engine Performance",
        description="Training, the quality of models, retrieval and embeddings.",
        tags=["ml"],
        rows=[_verdict(), _training(), _quality(), _retrieval(), _embeddings(), _evidence()],
        since="now-6h",
    )


def _verdict() -> Row:
    failed = increase("training_job_failures_total", "1d")
    return Row(
        "Is it all right?",
        [
            stat(
                "Jobs running",
                "Training jobs that run now.",
                units.COUNT,
                Query(
                    or_zero(f"count({aggregated('max', 'training_job_status', by='job_id')} == 1)")
                ),
            ),
            stat(
                "Jobs failed in a day",
                "Training jobs that failed. Any wants a look.",
                units.COUNT,
                Query(or_zero(failed)),
            )
            .thresholds(none_allowed())
            .links([runbook("ModelTrainingFailed")]),
            stat(
                "Lowest NDCG@10",
                "Of the chosen tenants' newest models. A fall after a deployment is a worse model.",
                units.SCORE,
                Query(f"min({aggregated('max', _MEASURES['NDCG@10'], by='tenant_id')})"),
            )
            .decimals(3)
            .no_value("No model yet")
            .links([runbook("RecommendationQualityDrop")]),
            stat(
                "Retrieval p95",
                "The slowest stage of retrieval; 19 of 20 are faster.",
                units.SECONDS,
                Query(
                    f"max({quantile(0.95, 'ml_model_inference_duration_seconds', by='operation')})"
                ),
            )
            .thresholds(rising(0.05, 0.25))
            .no_value("No requests"),
            stat(
                "Errors",
                "Unexpected errors in a second. Above 0.1 for 5 minutes calls someone.",
                units.EVENTS_PER_SECOND,
                Query(or_zero(rate("errors_total", _JOB))),
            )
            .thresholds(rising(0.01, 0.1))
            .links([runbook("MLEngineHighErrorRate")]),
            stat(
                "Embeddings in cache",
                "Share of embeddings that the cache held.",
                units.RATIO,
                Query(hits("embedding_cache")),
            )
            .thresholds(falling(0.8, 0.5))
            .no_value("No reads"),
        ],
    )


def _training() -> Row:
    made = aggregated("max", "model_version_deployed", by="tenant_id, model_name")
    return Row(
        "Training",
        [
            states(
                "Job status",
                "Each training job over time. Red failed; orange for hours hangs.",
                Query(
                    aggregated("max", "training_job_status", by="tenant_id, job_id"),
                    "{{tenant_id}} {{job_id}}",
                ),
            )
            .mappings(_JOB_STATES)
            .no_value("No job yet"),
            graph(
                "Completed and failed",
                "Jobs in an hour. A failure for each completion is a fault of data or memory; one "
                "that is taken up was that of a replica that stopped, and what the gate keeps back "
                "is a model that would serve worse. Old models are removed as new ones come.",
                units.COUNT,
                Query(increase("training_job_completed_total", "1h"), "completed"),
                Query(increase("training_job_takeovers_total", "1h"), "taken up"),
                Query(or_zero(increase("model_promotions_refused_total", "1h")), "kept back"),
                Query(or_zero(increase("models_removed_total", "1h")), "removed"),
                Query(
                    increase("training_job_failures_total", "1h", by="error_type"), "{{error_type}}"
                ),
            )
            .span(6)
            .no_value("No job yet")
            .links([runbook("ModelTrainingFailed"), runbook("ModelsNotPromoted")]),
            graph(
                "Duration of jobs",
                "Mean and p95 by kind of model. Training that takes longer than its interval falls "
                "behind.",
                units.SECONDS,
                Query(
                    quantile_within(0.95, "training_job_duration_seconds", "1d", by="model_type"),
                    "{{model_type}} p95",
                ),
                Query(
                    average("training_job_duration_seconds", by="model_type"), "{{model_type}} mean"
                ),
            )
            .span(6)
            .no_value("No job has ended"),
            ranking(
                "Jobs started in a day",
                "By tenant and kind of model.",
                units.COUNT,
                Query(
                    top(increase("training_job_total", "1d", by="tenant_id, model_type")),
                    "{{tenant_id}} {{model_type}}",
                ),
            ).no_value("No job yet"),
            table(
                "Versions that serve",
                "The model of each tenant, and when it was made. An old one is no longer trained.",
                {"Made": (f"{made} * 1000", units.SINCE)},
                {"tenant_id": "Tenant", "model_name": "Model"},
            )
            .span(16)
            .no_value("No model yet")
            .links([runbook("ModelStale")]),
        ],
    )


def _quality() -> Row:
    labels = "tenant_id, model_version"
    return Row(
        "Quality",
        [
            table(
                "Quality now",
                "Held-out figures of each model version, by full ranking on a temporal split.",
                {
                    title: (aggregated("max", metric, by=labels), units.SCORE)
                    for title, metric in _MEASURES.items()
                },
                {"tenant_id": "Tenant", "model_version": "Version"},
            )
            .decimals(4)
            .no_value("No model yet"),
            *(
                graph(
                    f"{title} over time",
                    f"The best version of each tenant.{_FALLS.get(title, '')}",
                    units.SCORE,
                    Query(aggregated("max", metric, by="tenant_id"), "{{tenant_id}}"),
                )
                .decimals(3)
                .span(6)
                .no_value("No model yet")
                for title, metric in _MEASURES.items()
            ),
            graph(
                "Beyond accuracy",
                "Of what is recommended, the worst tenant. Little coverage or much bias "
                "to the popular is a model that knows only hits.",
                units.SCORE,
                Query(
                    aggregated("min", "ml_recommendation_quality", _BEYOND, by="metric"),
                    "{{metric}}",
                ),
            )
            .span(6)
            .no_value("No model yet"),
            graph(
                "Recall of approximate search",
                "Share of the exact neighbours that the index finds. Below 0.95 answers suffer.",
                units.RATIO,
                Query(aggregated("min", "ann_recall", by="tenant_id"), "{{tenant_id}}"),
                Query(
                    aggregated("min", "ann_recall_when_built", by="tenant_id, index_type"),
                    "{{tenant_id}} when built ({{index_type}})",
                ),
            )
            .span(6)
            .max(1)
            .thresholds(falling(0.97, 0.95))
            .no_value("No index yet"),
        ],
    )


def _retrieval() -> Row:
    inference = "ml_model_inference_duration_seconds"
    return Row(
        "Retrieval",
        [
            graph(
                "Stages of retrieval, p95",
                "Embedding look-up, search and re-ranking; the dots lead to traces.",
                units.SECONDS,
                Query(quantile(0.95, inference, by="operation"), "{{operation}}", exemplars=True),
            )
            .span(6)
            .thresholds(rising(0.05, 0.25)),
            graph(
                "Rate by operation",
                "How often each stage runs in a second.",
                units.OPERATIONS_PER_SECOND,
                Query(rate(f"{inference}_count", by="operation"), "{{operation}}"),
            ).span(6),
            graph(
                "Answers from memory",
                "Share of answers that were there already, made of the same model, catalogue, "
                "history and options. They need no stage of retrieval.",
                units.RATIO,
                Query(hits("answer_cache"), "hits"),
            )
            .span(6)
            .max(1)
            .no_value("No answers"),
            graph(
                "FAISS search",
                "By kind of index. The p95 grows with the catalogue; a jump is another index.",
                units.SECONDS,
                Query(
                    quantile(0.5, "faiss_search_duration_seconds", by="index_type"),
                    "{{index_type}} p50",
                ),
                Query(
                    quantile(0.95, "faiss_search_duration_seconds", by="index_type"),
                    "{{index_type}} p95",
                ),
            )
            .span(6)
            .thresholds(rising(0.01, 0.05)),
        ],
    )


def _embeddings() -> Row:
    return Row(
        "Embeddings",
        [
            graph(
                "Embedding latency",
                "Time to compute the embeddings of one request.",
                units.SECONDS,
                *(
                    Query(
                        quantile(level, "embedding_generation_duration_seconds", by="model_name"),
                        f"{{{{model_name}}}} p{level * 100:.0f}",
                    )
                    for level in (0.5, 0.95)
                ),
            )
            .span(6)
            .thresholds(rising(0.05, 0.25)),
            graph(
                "Embedding operations",
                "By kind and outcome. Anything but success is work lost.",
                units.OPERATIONS_PER_SECOND,
                Query(
                    rate("embedding_operations_total", by="operation_type, status"),
                    "{{operation_type}} {{status}}",
                ),
            ).span(6),
            graph(
                "Embedding cache",
                "Share of embeddings that the cache held.",
                units.RATIO,
                Query(hits("embedding_cache"), "hits"),
            )
            .span(6)
            .max(1)
            .thresholds(falling(0.8, 0.5))
            .no_value("No reads"),
            graph(
                "Age of the embedding cache",
                "Since it was last filled. Above an hour warns: answers miss new items.",
                units.SECONDS,
                Query(
                    aggregated("max", "embedding_cache_age_seconds", by="instance"), "{{instance}}"
                ),
            )
            .span(6)
            .thresholds(rising(1800, 3600))
            .no_value("No cache yet")
            .links([runbook("EmbeddingCacheStale")]),
        ],
    )


def _evidence() -> Row:
    return Row(
        "Evidence",
        [
            traces(
                "Failed work",
                "Traces through ml-engine with an error.",
                TraceSearch("ml-engine", tags="error=true"),
            ).no_value("No failed work"),
            traces(
                "Slow work",
                "Traces through ml-engine of 250 ms or more; training jobs are among them.",
                TraceSearch("ml-engine", minimum="250ms"),
            ).no_value("No slow work"),
            logs(
                "Errors and warnings",
                "Of ml-engine, the newest first.",
                logql.lines("ml-engine", logql.PROBLEMS),
            ).links([board("data-pipeline", "Data Pipeline")]),
        ],
    )
