"""API Performance: how fast the services answer, how much, and what they refuse."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import falling, plain, rising, some_tolerated
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, logs, ranking, stacked, stat, table, traces
from stack.dashboards.promql import (
    OF_CHOSEN_SERVICES,
    aggregated,
    hits,
    quantile,
    rate,
    share,
    top,
)
from stack.dashboards.rows.browser import browser
from stack.dashboards.targets import Query, TraceSearch, latencies
from stack.dashboards.variables import instance, service

# Probes and scrapes would hide what callers see.
_ASKED = (
    OF_CHOSEN_SERVICES,
    'instance=~"$instance"',
    'endpoint!~"/health.*|/metrics"',
)
_REPLICAS = _ASKED[:2]
_DURATION = "http_request_duration_seconds"


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="api-performance",
        title="API Performance",
        description="How fast the services answer, how much, and what they refuse.",
        tags=["api"],
        rows=[
            _verdict(),
            _traffic(),
            _endpoints(),
            _sizes(),
            _waiting(),
            _limits(),
            browser(),
            _evidence(),
        ],
        variables=[service(), instance()],
        refresh="10s",
    )


def _errors(by: str = "") -> str:
    return share(
        rate("http_requests_total", *_ASKED, 'status=~"5.."', by=by),
        rate("http_requests_total", *_ASKED, by=by),
    )


def _verdict() -> Row:
    return Row(
        "Is it all right?",
        [
            stat(
                "Requests",
                "Requests answered in a second, without probes and scrapes.",
                units.REQUESTS_PER_SECOND,
                Query(rate("http_requests_total", *_ASKED)),
            ),
            stat(
                "Answers 5xx",
                "Share of requests answered by a server error. Above 5 % for 5 minutes calls "
                "someone.",
                units.RATIO,
                Query(_errors()),
            )
            .thresholds(rising(0.01, 0.05))
            .no_value("No requests")
            .links([runbook("HighErrorRate")]),
            stat(
                "p95",
                "19 of 20 requests are faster. Above 1 s for 10 minutes calls someone.",
                units.SECONDS,
                Query(quantile(0.95, _DURATION, *_ASKED)),
            )
            .thresholds(rising(0.25, 1))
            .no_value("No requests")
            .links([runbook("HighLatencyP95")]),
            stat(
                "p99",
                "99 of 100 requests are faster.",
                units.SECONDS,
                Query(quantile(0.99, _DURATION, *_ASKED)),
            )
            .thresholds(rising(0.5, 2))
            .no_value("No requests"),
            stat(
                "Refused by limits",
                "Requests refused by a rate limit. Above 10 in a second for 10 minutes warns.",
                units.REQUESTS_PER_SECOND,
                Query(f"{rate('api_requests_rate_limited_total')} or vector(0)"),
            )
            .thresholds(rising(1, 10))
            .links([runbook("HighRateLimitExceeded")]),
            stat(
                "In progress",
                "Requests being answered now. A number that only grows is a service that hangs.",
                units.COUNT,
                Query(aggregated("sum", "http_requests_in_progress", *_ASKED)),
            ).thresholds(rising(50, 200)),
        ],
    )


def _traffic() -> Row:
    return Row(
        "Rate, errors, duration",
        [
            graph(
                "Requests by service",
                "Requests in a second. A sudden fall is as telling as a rise.",
                units.REQUESTS_PER_SECOND,
                Query(rate("http_requests_total", *_ASKED, by="job"), "{{job}}"),
            ),
            graph(
                "Duration",
                "Quantiles over all chosen services; the dots lead to traces.",
                units.SECONDS,
                *latencies(_DURATION, *_ASKED),
            )
            .thresholds(rising(0.25, 1))
            .links([runbook("HighLatencyP95")]),
            graph(
                "p95 by service",
                "19 of 20 requests are faster.",
                units.SECONDS,
                Query(quantile(0.95, _DURATION, *_ASKED, by="job"), "{{job}}"),
            ),
            stacked(
                "Errors by status",
                "Answers 4xx and 5xx. 5xx are our faults; many 401, 403 or 429 are a caller's.",
                units.REQUESTS_PER_SECOND,
                Query(
                    rate("http_requests_total", *_ASKED, 'status=~"[45].."', by="status"),
                    "{{status}}",
                ),
            )
            .no_value("No errors")
            .links([runbook("HighErrorRate")]),
            graph(
                "Share of 5xx by service",
                "Above 5 % for 5 minutes calls someone.",
                units.RATIO,
                Query(_errors("job"), "{{job}}"),
            )
            .thresholds(rising(0.01, 0.05))
            .no_value("No requests"),
            graph(
                "Unexpected errors by class",
                "Exceptions that nobody expected; each is a bug or an outage.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate("errors_total", *_REPLICAS, by="job, error_type"), "{{job}} {{error_type}}"
                ),
            )
            .no_value("No errors")
            .links([runbook("MLEngineHighErrorRate")]),
        ],
    )


def _endpoints() -> Row:
    slow = quantile(0.95, _DURATION, *_ASKED, by="method, endpoint")
    busy = rate("http_requests_total", *_ASKED, by="method, endpoint")
    failing = share(
        rate("http_requests_total", *_ASKED, 'status=~"5.."', by="method, endpoint"), busy
    )
    return Row(
        "Endpoints",
        [
            ranking(
                "Slowest endpoints",
                "The ten with the longest p95.",
                units.SECONDS,
                Query(top(f"{slow} > 0"), "{{method}} {{endpoint}}"),
            )
            .thresholds(rising(0.25, 1))
            .no_value("No requests"),
            ranking(
                "Busiest endpoints",
                "The ten with the most requests.",
                units.REQUESTS_PER_SECOND,
                Query(top(f"{busy} > 0"), "{{method}} {{endpoint}}"),
            ).no_value("No requests"),
            table(
                "All endpoints",
                "Rate, p95 and share of 5xx of each.",
                {
                    "Requests": (busy, units.REQUESTS_PER_SECOND),
                    "p95": (slow, units.SECONDS),
                    "5xx": (failing, units.RATIO),
                },
                {"method": "Method", "endpoint": "Endpoint"},
            ).span(8),
        ],
    )


def _sizes() -> Row:
    return Row(
        "Sizes and connections",
        [
            graph(
                "Size of requests",
                "Bodies; a p99 far above the median is a caller that sends in bulk.",
                units.BYTES,
                Query(quantile(0.5, "http_request_size_bytes", *_ASKED), "p50"),
                Query(quantile(0.99, "http_request_size_bytes", *_ASKED), "p99"),
            ).span(6),
            graph(
                "Size of answers",
                "Bodies; large ones take time on the wire.",
                units.BYTES,
                Query(quantile(0.5, "http_response_size_bytes", *_ASKED), "p50"),
                Query(quantile(0.99, "http_response_size_bytes", *_ASKED), "p99"),
            ).span(6),
            graph(
                "Connections in progress",
                "Requests being answered, by service.",
                units.COUNT,
                Query(aggregated("sum", "http_requests_in_progress", *_ASKED, by="job"), "{{job}}"),
            ).span(6),
            graph(
                "Database connections",
                "In use and beyond the pool's size, against its size. At the size, requests wait.",
                units.COUNT,
                Query(
                    aggregated(
                        "sum", "db_connections_checked_out", *_REPLICAS, by="job, pool_name"
                    ),
                    "{{job}} {{pool_name}} in use",
                ),
                Query(
                    aggregated("sum", "db_connections_overflow", *_REPLICAS, by="job, pool_name"),
                    "{{job}} {{pool_name}} overflow",
                ),
                Query(
                    aggregated("sum", "db_connection_pool_size", *_REPLICAS, by="job, pool_name"),
                    "{{job}} {{pool_name}} size",
                ),
            ).span(6),
        ],
    )


def _waiting() -> Row:
    return Row(
        "What requests wait for",
        [
            graph(
                "Database statements, p95",
                "By kind and table; the dots lead to traces.",
                units.SECONDS,
                Query(
                    top(
                        quantile(
                            0.95, "db_query_duration_seconds", *_REPLICAS, by="query_type, table"
                        )
                    ),
                    "{{query_type}} {{table}}",
                    exemplars=True,
                ),
            )
            .span(6)
            .thresholds(rising(0.1, 0.5)),
            graph(
                "Cache hit ratio",
                "Share of reads that found a value. Below 70 % for 10 minutes warns.",
                units.RATIO,
                Query(hits("cache", *_REPLICAS, by="job, cache_type"), "{{job}} {{cache_type}}"),
            )
            .span(6)
            .max(1)
            .thresholds(falling(0.8, 0.7))
            .no_value("No reads")
            .links([runbook("CacheHitRateLow")]),
            graph(
                "Cache operations, p95",
                "By cache and operation.",
                units.SECONDS,
                Query(
                    quantile(
                        0.95,
                        "cache_operations_duration_seconds",
                        *_REPLICAS,
                        by="cache_type, operation",
                    ),
                    "{{cache_type}} {{operation}}",
                ),
            ).span(6),
            graph(
                "Stores and other ports, p95",
                "Object store, feature store, event log and the like, by operation.",
                units.SECONDS,
                Query(
                    top(
                        quantile(
                            0.95,
                            "port_operation_duration_seconds",
                            *_REPLICAS,
                            by="port, operation",
                        )
                    ),
                    "{{port}} {{operation}}",
                ),
            ).span(6),
        ],
    )


def _limits() -> Row:
    return Row(
        "Rate limits",
        [
            graph(
                "Refused by tenant",
                "The ten tenants most refused. One alone is its own fault; many are our limits.",
                units.REQUESTS_PER_SECOND,
                Query(
                    top(rate("api_requests_rate_limited_total", by="tenant_id")),
                    "{{tenant_id}}",
                ),
            )
            .thresholds(rising(1, 10))
            .no_value("Nothing refused")
            .links([runbook("HighRateLimitExceeded")]),
            graph(
                "Let in by tenant",
                "The ten tenants with the most requests to the public API.",
                units.REQUESTS_PER_SECOND,
                Query(top(rate("api_requests_total", by="tenant_id")), "{{tenant_id}}"),
            )
            .thresholds(plain())
            .no_value("No requests")
            .links([board("business-metrics", "Business Metrics")]),
            graph(
                "Limits checked without Redis",
                "Redis did not answer, so each replica counts for itself and lets in more.",
                units.EVENTS_PER_SECOND,
                Query(rate("rate_limiter_fallbacks_total"), "fallbacks"),
            )
            .thresholds(some_tolerated())
            .no_value("None")
            .links([runbook("RedisDown")]),
        ],
    )


def _evidence() -> Row:
    return Row(
        "Evidence",
        [
            traces(
                "Failed requests",
                "Traces of backend-api with an error. All that failed are kept.",
                TraceSearch("backend-api", tags="error=true"),
            ).no_value("No failed request"),
            traces(
                "Slow requests",
                "Traces of backend-api that took 250 ms or more. All that are slow are kept.",
                TraceSearch("backend-api", minimum="250ms"),
            ).no_value("No slow request"),
            logs(
                "Errors and warnings",
                "Of the chosen services and tenants, the newest first.",
                logql.lines("$service", logql.PROBLEMS),
            ).links([board("system-health", "System Health")]),
        ],
    )
