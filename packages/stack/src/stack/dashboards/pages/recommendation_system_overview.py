"""Recommendation System Overview: the one to open first."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import circuits, falling, none_allowed, rising
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, logs, stacked, stat, states, traces
from stack.dashboards.promql import (
    OF_SERVICES,
    aggregated,
    average,
    hits,
    or_zero,
    quantile,
    rate,
    share,
)
from stack.dashboards.rows import features
from stack.dashboards.targets import Query, TraceSearch, latencies

_LATENCY = "recommendation_latency_seconds"
_NONE = "No recommendations"


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="recommendation-system-overview",
        title="Recommendation System Overview",
        description="Whether recommendations are fast, fresh, good and the model's own.",
        tags=["overview"],
        rows=[_verdict(), _serving(), _causes(), _quality(), _freshness(), _evidence()],
        refresh="10s",
    )


def _degraded(by: str = "") -> str:
    return share(
        rate("recommendations_degraded_total", by=by), rate("recommendation_requests_total")
    )


def _verdict() -> Row:
    return Row(
        "Is it all right?",
        [
            stat(
                "Recommendations",
                "Answers in a second.",
                units.REQUESTS_PER_SECOND,
                Query(rate("recommendation_requests_total")),
            )
            .no_value(_NONE)
            .links([board("business-metrics", "Business Metrics")]),
            stat(
                "p95",
                "19 of 20 recommendations are faster, the hop to ml-engine included.",
                units.SECONDS,
                Query(quantile(0.95, _LATENCY)),
            )
            .thresholds(rising(0.1, 0.25))
            .no_value(_NONE)
            .links([runbook("HighLatencyP95"), board("api-performance", "API Performance")]),
            stat(
                "Degraded",
                "Share answered without the model, while ml-engine could not be asked.",
                units.RATIO,
                Query(_degraded()),
            )
            .thresholds(rising(0.001, 0.01))
            .no_value(_NONE)
            .links(
                [
                    runbook("RecommendationsDegraded"),
                    board("ml-engine-performance", "ML Engine Performance"),
                ]
            ),
            stat(
                "Click-through",
                "Share of answers of the last hour with a click on an item.",
                units.RATIO,
                Query(aggregated("avg", "recommendation_ctr")),
            ).no_value("No clicks yet"),
            features.behind().links(
                [runbook("FeaturesStale"), board("data-pipeline", "Data Pipeline")]
            ),
            stat(
                "Budgets spent",
                "Objectives whose error budget of 30 days is used up.",
                units.COUNT,
                Query(or_zero("count(slo:period_error_budget_remaining:ratio <= 0)")),
            )
            .thresholds(none_allowed())
            .links([board("slo", "SLO")]),
        ],
    )


def _serving() -> Row:
    return Row(
        "Serving",
        [
            stacked(
                "Rate by algorithm",
                "Items recommended in a second. Popular items in place of a model are a fallback.",
                units.ITEMS_PER_SECOND,
                Query(rate("recommendations_served_total", by="algorithm"), "{{algorithm}}"),
            ).no_value(_NONE),
            graph(
                "Latency",
                "Inside backend-api, the hop to ml-engine included; the dots lead to traces.",
                units.SECONDS,
                *latencies(_LATENCY),
            )
            .thresholds(rising(0.1, 0.25))
            .no_value(_NONE),
            graph(
                "Share of 5xx by service",
                "Above 5 % for 5 minutes calls someone.",
                units.RATIO,
                Query(
                    share(
                        rate("http_requests_total", OF_SERVICES, 'status=~"5.."', by="job"),
                        rate("http_requests_total", OF_SERVICES, by="job"),
                    ),
                    "{{job}}",
                ),
            )
            .thresholds(rising(0.01, 0.05))
            .links([runbook("HighErrorRate")]),
        ],
    )


def _causes() -> Row:
    return Row(
        "Where time goes",
        [
            graph(
                "Inference time",
                "Mean of each stage of retrieval in ml-engine.",
                units.SECONDS,
                Query(
                    average("ml_model_inference_duration_seconds", by="operation"), "{{operation}}"
                ),
            ).span(6),
            graph(
                "Cache hit ratio",
                "Share of reads that found a value. Below 70 % for 10 minutes warns.",
                units.RATIO,
                Query(hits("cache", OF_SERVICES, by="cache_type"), "{{cache_type}}"),
            )
            .span(6)
            .max(1)
            .thresholds(falling(0.8, 0.7))
            .no_value("No reads")
            .links([runbook("CacheHitRateLow")]),
            stacked(
                "Answers without the model",
                "By what was answered instead, and why.",
                units.REQUESTS_PER_SECOND,
                Query(
                    rate("recommendations_degraded_total", by="degraded, reason"),
                    "{{degraded}}: {{reason}}",
                ),
                Query(rate("recommendation_log_lost_total"), "answers not kept"),
            )
            .span(6)
            .no_value("None")
            .links([runbook("RecommendationsDegraded"), runbook("RecommendationAnswersLost")]),
            states(
                "Circuits",
                "Open: backend-api asks the service no more, as it failed.",
                Query(
                    aggregated("max", "circuit_breaker_state", by="dependency"), "{{dependency}}"
                ),
            )
            .span(6)
            .mappings(circuits()),
        ],
    )


def _quality() -> Row:
    return Row(
        "Are they good?",
        [
            graph(
                "Click-through by version",
                "Share of answers with a click. A fall after a deployment is a worse model.",
                units.RATIO,
                Query(
                    aggregated("avg", "recommendation_ctr", by="tenant_id, model_version"),
                    "{{tenant_id}} {{model_version}}",
                ),
            ).no_value("No clicks yet"),
            graph(
                "Coverage",
                "Share of the catalogue that is recommended to anyone.",
                units.RATIO,
                Query(
                    aggregated(
                        "max", "ml_recommendation_quality", 'metric="coverage"', by="tenant_id"
                    ),
                    "{{tenant_id}}",
                ),
            ).no_value("No model yet"),
            graph(
                "NDCG@10",
                "Held-out quality of each tenant's best version.",
                units.SCORE,
                Query(
                    aggregated("max", "model_quality_ndcg_at_10", by="tenant_id"), "{{tenant_id}}"
                ),
            )
            .no_value("No model yet")
            .links([board("ml-engine-performance", "ML Engine Performance")]),
        ],
    )


def _freshness() -> Row:
    deployed = aggregated("max", "model_version_deployed", by="tenant_id")
    return Row(
        "Are they fresh?",
        [
            features.behind_by_kind(),
            graph(
                "Age of models",
                "Since the serving model of each tenant was made.",
                units.SECONDS,
                Query(f"time() - {deployed}", "{{tenant_id}}"),
            )
            .no_value("No model yet")
            .links([runbook("ModelStale")]),
            graph(
                "Age of the embedding cache",
                "Above an hour warns: new items are missing from answers.",
                units.SECONDS,
                Query(aggregated("max", "embedding_cache_age_seconds"), "oldest"),
            )
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
                "Slow requests",
                "Traces of backend-api that took 250 ms or more.",
                TraceSearch("backend-api", minimum="250ms"),
            ).no_value("No slow request"),
            logs(
                "Errors",
                "Of all services, the newest first. Open one for its trace.",
                logql.lines(".+", logql.ERRORS),
            ).span(12),
        ],
    )
