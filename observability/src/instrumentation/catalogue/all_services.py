"""Metrics that all services have: HTTP, what stands behind them, and telemetry itself."""

from typing import Final

from instrumentation.catalogue.family import ALL, FINE_LATENCY, MEMORY_LATENCY, SIZE, Metric

_ENDPOINT_NOTE: Final = "endpoint is the route template; all unknown paths share `unmatched`"
_TENANT_NOTE: Final = "tenant_id comes from a verified key, else `none`"

HTTP: Final = (
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

BACKENDS: Final = (
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

TELEMETRY: Final = (
    Metric(
        "telemetry_exported_total", "counter", "Spans and log records that the collector took.",
        ("signal",), "records", ALL, note="signal is traces or logs, as in all telemetry_*",
    ),
    Metric(
        "telemetry_dropped_total", "counter", "Spans and log records that were lost.",
        ("signal", "reason"), "records", ALL,
        note="reason is queue_full (the oldest go first) or export_failed",
    ),
    Metric(
        "telemetry_export_failures_total", "counter",
        "Batches of spans or log records that the collector did not take.",
        ("signal",), "batches", ALL,
        note="each was tried for 5 seconds",
    ),
    Metric(
        "telemetry_queue_size", "gauge", "Spans and log records that wait to be exported.",
        ("signal",), "records", ALL, note="of 2048 at most",
    ),
)  # fmt: skip
