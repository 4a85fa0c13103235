"""The one catalogue of metrics: names, labels, units and buckets.

`metrics.Metrics` builds what stands here, docs/metrics.md is generated from it, and
dashboards and rules are checked against it. Add a metric here before using it anywhere.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. `unit` is in words; `note` says what a reader could get wrong."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: str
    services: frozenset[str]
    buckets: tuple[float, ...] | None = None
    note: str = ""


BACKEND_API: Final = frozenset({"backend-api"})
ML_ENGINE: Final = frozenset({"ml-engine"})
DATA_PIPELINE: Final = frozenset({"data-pipeline"})
ALL: Final = BACKEND_API | ML_ENGINE | DATA_PIPELINE

LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# We answer in a few milliseconds: without finer buckets every quantile would read "under 5 ms".
FINE_LATENCY: Final = (0.0005, 0.001, 0.0025, *LATENCY)
MEMORY_LATENCY: Final = (0.00001, 0.00005, 0.0001, 0.00025, *FINE_LATENCY)
BATCH_DURATION: Final = (*LATENCY, 30.0, 60.0, 300.0, 900.0)
TRAINING_DURATION: Final = (
    1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0,
)  # fmt: skip
SIZE: Final = (256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0)

_ENDPOINT_NOTE: Final = "endpoint is the route template; all unknown paths share `unmatched`"
_TENANT_NOTE: Final = "tenant_id comes from a verified key, else `none`"

_HTTP: Final = (
    Metric(
        "http_requests_total", "counter", "HTTP requests answered.",
        ("method", "endpoint", "status", "tenant_id"), "requests", ALL,
        note=f"{_ENDPOINT_NOTE}; {_TENANT_NOTE}; 499 means that the caller went away",
    ),
    Metric(
        "http_request_duration_seconds", "histogram",
        "Time from a request's head to its answer's last byte.",
        ("method", "endpoint"), "seconds", ALL, FINE_LATENCY,
        note="unhandled exceptions count as well; background tasks do not; carries exemplars",
    ),
    Metric(
        "http_requests_in_progress", "gauge", "HTTP requests being answered now.",
        ("method", "endpoint"), "requests", ALL,
    ),
    Metric(
        "http_request_size_bytes", "histogram", "Size of request bodies.",
        ("method", "endpoint"), "bytes", ALL, SIZE,
    ),
    Metric(
        "http_response_size_bytes", "histogram", "Size of response bodies.",
        ("method", "endpoint"), "bytes", ALL, SIZE,
    ),
)  # fmt: skip

_BACKENDS: Final = (
    Metric(
        "cache_hits_total", "counter", "Cache reads that found a value.",
        ("cache_type",), "reads", ALL,
    ),
    Metric(
        "cache_misses_total", "counter", "Cache reads that found nothing.",
        ("cache_type",), "reads", ALL,
    ),
    Metric(
        "cache_operations_duration_seconds", "histogram", "Time of one cache operation.",
        ("cache_type", "operation"), "seconds", ALL, MEMORY_LATENCY,
    ),
    Metric(
        "port_operation_duration_seconds", "histogram",
        "Time of one operation of a port other than a cache (object store, feature store, ...).",
        ("port", "operation"), "seconds", ALL, FINE_LATENCY,
    ),
    Metric(
        "db_query_duration_seconds", "histogram", "Time of one SQL statement in the driver.",
        ("query_type", "table"), "seconds", ALL, FINE_LATENCY,
        note="query_type is select, insert, update, delete or other; carries exemplars",
    ),
    Metric(
        "db_connection_pool_size", "gauge", "Connections the pool keeps at most, without overflow.",
        ("pool_name",), "connections", ALL,
    ),
    Metric(
        "db_connections_checked_out", "gauge", "Pool connections in use now.",
        ("pool_name",), "connections", ALL,
    ),
    Metric(
        "db_connections_overflow", "gauge", "Connections open beyond the pool's size.",
        ("pool_name",), "connections", ALL,
    ),
    Metric(
        "errors_total", "counter", "Unexpected errors by exception class.",
        ("error_type",), "errors", ALL,
        note="each exception counts once, where it is seen first; expected failures do not count",
    ),
    Metric(
        "health_check_up", "gauge", "Whether a check of /health passes: 1, or 0 where it fails.",
        ("check",), "", ALL,
        note="as of the last scrape or probe; the checks run after each scrape",
    ),
    Metric(
        "build_info", "gauge", "Always 1; the labels say what is running.",
        ("service", "version", "environment"), "", ALL,
    ),
)  # fmt: skip

_BACKEND_API: Final = (
    Metric(
        "recommendations_served_total", "counter", "Recommended items sent to callers.",
        ("tenant_id", "model_version", "algorithm"), "items", BACKEND_API,
    ),
    Metric(
        "recommendation_latency_seconds", "histogram",
        "Time of one recommendation request inside the service, the hop to ml-engine included.",
        (), "seconds", BACKEND_API, FINE_LATENCY,
    ),
    Metric(
        "recommendation_requests_total", "counter", "Recommendations answered.",
        ("user_segment", "category", "location_region"), "requests", BACKEND_API,
        note="user_segment is known, new, session, item or context; category and location_region "
        "are what the request names, `none`, or `other` beyond 50 plain words",
    ),
    Metric(
        "recommendations_degraded_total", "counter",
        "Recommendations answered without the model, while it could not be asked.",
        ("degraded", "reason"), "requests", BACKEND_API,
        note="degraded is cached or popular; reason is timeout, circuit_open or unavailable",
    ),
    Metric(
        "recommendation_log_lost_total", "counter",
        "Answers that could not be kept, as the database took none for too long.",
        (), "answers", BACKEND_API,
    ),
    Metric(
        "circuit_breaker_state", "gauge",
        "State of the circuit to a service: 0 closed, 1 half open, 2 open.",
        ("dependency",), "state", BACKEND_API,
        note="dependency is ml_engine (recommendations), ml_engine_management or data_pipeline",
    ),
    Metric(
        "api_requests_total", "counter", "Requests to the public API that were let in.",
        ("tenant_id", "endpoint"), "requests", BACKEND_API,
        note="the same counts as in usage reports; refused by a limit or a quota does not count",
    ),
    Metric(
        "api_usage_tokens_total", "counter", "Units of work done for billed requests.",
        ("tenant_id", "endpoint"), "tokens", BACKEND_API,
        note="items recommended, records taken in, else 1 for a request",
    ),
    Metric(
        "revenue_total", "counter", "What billed requests cost at the price of the tenant's plan.",
        ("tenant_id", "currency"), "currency", BACKEND_API,
        note="in whole units of the currency; the exact sums are in the usage reports",
    ),
    Metric(
        "api_requests_rate_limited_total", "counter", "Requests refused by a rate limit.",
        ("tenant_id",), "requests", BACKEND_API,
    ),
    Metric(
        "rate_limiter_fallbacks_total", "counter",
        "Rate limits checked in this process because Redis did not answer.",
        (), "checks", BACKEND_API,
        note="at most one a second: between trials nobody asks Redis",
    ),
)  # fmt: skip


def _quality(measure: str, words: str) -> Metric:
    return Metric(
        f"model_quality_{measure}_at_10", "gauge", f"{words} at 10 of a model version, held out.",
        ("tenant_id", "model_version"), "ratio", ML_ENGINE,
        note="full ranking on a temporal split",
    )  # fmt: skip


_ML_ENGINE: Final = (
    Metric(
        "training_job_total", "counter", "Training jobs started.",
        ("tenant_id", "model_type"), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_status", "gauge",
        "State of a job: 0 queued, 1 running, 2 completed, 3 failed, 4 cancelled.",
        ("job_id", "tenant_id"), "state", ML_ENGINE,
        note="remove the series of old jobs with `Metrics.forget`, else they grow for ever",
    ),
    Metric(
        "training_job_completed_total", "counter", "Training jobs that completed.",
        ("tenant_id",), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_failures_total", "counter", "Training jobs that failed.",
        ("tenant_id", "error_type"), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_duration_seconds", "histogram", "Time of one training job.",
        ("tenant_id", "model_type"), "seconds", ML_ENGINE, TRAINING_DURATION,
    ),
    _quality("ndcg", "Normalised discounted cumulative gain"),
    _quality("map", "Mean average precision"),
    _quality("precision", "Precision"),
    _quality("recall", "Recall"),
    Metric(
        "ml_model_inference_duration_seconds", "histogram", "Time of one stage of retrieval.",
        ("operation", "model_version"), "seconds", ML_ENGINE, FINE_LATENCY,
        note="operation is embedding_lookup, ann_search or reranking; carries exemplars",
    ),
    Metric(
        "embedding_generation_duration_seconds", "histogram",
        "Time to compute the embeddings of one request.",
        ("model_name",), "seconds", ML_ENGINE, FINE_LATENCY,
    ),
    Metric(
        "embedding_operations_total", "counter", "Embedding operations by outcome.",
        ("operation_type", "status"), "operations", ML_ENGINE,
    ),
    Metric(
        "faiss_search_duration_seconds", "histogram", "Time of one FAISS search.",
        ("index_type",), "seconds", ML_ENGINE, FINE_LATENCY,
        note="index_type scan is no FAISS: boosts and diversity score every item",
    ),
    Metric(
        "model_version_deployed", "gauge", "When the model that serves was made, in Unix seconds.",
        ("tenant_id", "model_name"), "version", ML_ENGINE,
    ),
)  # fmt: skip

_DATA_PIPELINE: Final = (
    Metric(
        "data_ingestion_records_total", "counter", "Records taken in.",
        ("tenant_id", "data_type"), "records", DATA_PIPELINE,
    ),
    Metric(
        "data_pipeline_duration_seconds", "histogram", "Time of one stage of the pipeline.",
        ("tenant_id", "stage"), "seconds", DATA_PIPELINE, BATCH_DURATION,
        note="stage is extract, transform or load",
    ),
    Metric(
        "data_validation_errors_total", "counter", "Records put into quarantine.",
        ("tenant_id", "error_type"), "records", DATA_PIPELINE,
    ),
    Metric(
        "data_pipeline_accounting_imbalance", "gauge",
        "Records by which a tenant's books differ from what is stored: 0 as a rule.",
        ("tenant_id",), "records", DATA_PIPELINE,
        note="a tenant without quarantined records has a series only once its books differed",
    ),
    Metric(
        "data_pipeline_accounting_checked_timestamp_seconds", "gauge",
        "When the books were last compared with what is stored, in Unix time.",
        (), "seconds", DATA_PIPELINE,
    ),
    Metric(
        "data_pipeline_quarantine_records", "gauge", "Records that wait in quarantine.",
        ("tenant_id",), "records", DATA_PIPELINE,
    ),
    Metric(
        "data_pipeline_quarantine_replayed_total", "counter",
        "Records that were replayed from quarantine.",
        ("tenant_id", "outcome"), "records", DATA_PIPELINE,
        note="outcome is loaded, duplicate or rejected; the rejected ones stay in quarantine",
    ),
    Metric(
        "data_pipeline_quarantine_expired_total", "counter",
        "Records that left the quarantine unmended, since they were too old.",
        ("tenant_id",), "records", DATA_PIPELINE,
    ),
    Metric(
        "feature_freshness_seconds", "gauge",
        "Age of the oldest record that the features for serving do not hold yet; 0 without any.",
        ("feature_type",), "seconds", DATA_PIPELINE,
        note="feature_type is histories (with the counts of items), items or users",
    ),
    Metric(
        "data_snapshot_rows", "gauge", "What a tenant's last training snapshot holds.",
        ("tenant_id", "data_type"), "records", DATA_PIPELINE,
        note="data_type is events, users (those with events) or items (of the catalogue)",
    ),
    Metric(
        "data_snapshot_drift", "gauge",
        "How the data of a tenant's last training snapshot differ from those of the one before.",
        ("tenant_id", "feature"), "ratio", DATA_PIPELINE,
        note="feature is a field of `DataDrift`: event_types and item_popularity are "
        "Jensen-Shannon divergences from 0 to 1; no series before a second snapshot",
    ),
    Metric(
        "etl_job_duration_seconds", "histogram", "Time of one batch job.",
        ("job_name",), "seconds", DATA_PIPELINE, BATCH_DURATION,
    ),
    Metric(
        "etl_job_failures_total", "counter", "Batch jobs that failed.",
        ("job_name", "reason"), "jobs", DATA_PIPELINE,
    ),
    Metric(
        "etl_records_processed_total", "counter", "Records a batch job has processed.",
        ("job_name", "source"), "records", DATA_PIPELINE,
    ),
    Metric(
        "kafka_consumer_lag", "gauge", "Messages of a partition that are not stored yet.",
        ("topic", "partition"), "messages", DATA_PIPELINE,
        note="absent while the broker or the stored position cannot be asked",
    ),
    Metric(
        "kafka_messages_consumed_total", "counter", "Messages that were stored or quarantined.",
        ("topic",), "messages", DATA_PIPELINE,
    ),
    Metric(
        "kafka_processing_errors_total", "counter", "Messages quarantined, and failed attempts.",
        ("topic", "error_type"), "errors", DATA_PIPELINE,
        note="error_type is the code of a quarantined message, or stream_error, stale_position, "
        "store_unavailable or internal_error for an attempt that is made again, or shut_out of a "
        "replica that reads no more, as another has its name",
    ),
)  # fmt: skip

CATALOGUE: Final[tuple[Metric, ...]] = (
    *_HTTP, *_BACKENDS, *_BACKEND_API, *_ML_ENGINE, *_DATA_PIPELINE,
)  # fmt: skip


def metrics_of(service: str) -> tuple[Metric, ...]:
    """What `service` exposes. Raises `ValueError` for a service the catalogue does not know."""
    if service not in ALL:
        raise ValueError(f"unknown service {service!r}: the catalogue knows {sorted(ALL)}")
    return tuple(metric for metric in CATALOGUE if service in metric.services)
