"""Metrics of backend-api."""

from typing import Final

from instrumentation.catalogue.family import BACKEND_API, FINE_LATENCY, Metric

# The bounds of "good" and "poor" of every vital (web.dev/articles/vitals) are among them.
_VITAL_SECONDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5, 3.0, 4.0, 6.0, 10.0)
_LAYOUT_SHIFTS: Final = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
_PAGE_NOTE: Final = "page is what the browser's report names, or `other` beyond 50 plain words"


def _web_vital(name: str, words: str) -> Metric:
    return Metric(
        f"web_vitals_{name}_seconds", "histogram", f"{words}, as browsers report it.",
        ("page",), "seconds", BACKEND_API, _VITAL_SECONDS, note=_PAGE_NOTE,
    )  # fmt: skip


METRICS: Final = (
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
    Metric(
        "recommendation_ctr", "gauge",
        "Click-through rate: the share of a model version's answers with a click on an item.",
        ("tenant_id", "model_version"), "ratio", BACKEND_API,
        note="over the answers of the last hour, the newest 50,000 at most, that this replica "
        "gave; a click is an event of type click that names the recommendation, in a batch of up "
        "to 256 KiB",
    ),
    Metric(
        "web_vitals_cls", "histogram", "Cumulative layout shift, as browsers report it.",
        ("page",), "ratio", BACKEND_API, _LAYOUT_SHIFTS, note=_PAGE_NOTE,
    ),
    _web_vital("fcp", "Time to the first contentful paint"),
    _web_vital("fid", "Delay of the first input"),
    _web_vital("inp", "Time from an interaction to the next paint"),
    _web_vital("lcp", "Time to the largest contentful paint"),
    _web_vital("ttfb", "Time to the first byte"),
)  # fmt: skip
