"""Business Metrics: who uses the service, how much, and what it brings in."""

from stack.dashboards import units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import falling, rising
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, ranking, shares, stacked, stat, table
from stack.dashboards.promql import (
    aggregated,
    increase,
    or_zero,
    rate,
    share,
    top,
)
from stack.dashboards.targets import Query

_NO_CALLS = "No calls yet"


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="business-metrics",
        title="Business Metrics",
        description="Who uses the service, how much, and what it brings in.",
        tags=["business"],
        rows=[_verdict(), _over_time(), _tenants(), _growth(), _what_is_asked()],
        since="now-24h",
    )


def _compared(metric: str, window: str) -> str:
    now, before = increase(metric, window), increase(metric, f"{window} offset {window}")
    return f"{now} / ({before} > 0) - 1"


def _verdict() -> Row:
    degraded = share(
        increase("recommendations_degraded_total", "1h"),
        increase("recommendation_requests_total", "1h"),
    )
    active = increase("api_requests_total", "1h", by="tenant_id")
    return Row(
        "Is it all right?",
        [
            stat(
                "Recommendations, last hour",
                "Items recommended. Far below the same hour of other days, callers are missing.",
                units.COUNT,
                Query(or_zero(increase("recommendations_served_total", "1h"))),
            ),
            stat(
                "Calls, last hour",
                "Requests to the public API that were let in.",
                units.COUNT,
                Query(or_zero(increase("api_requests_total", "1h"))),
            ),
            stat(
                "Active tenants",
                "Tenants that called in the last hour.",
                units.COUNT,
                Query(or_zero(f"count({active} > 0)")),
            ).thresholds(falling(1, 1)),
            stat(
                "Revenue, last day",
                "What billed requests cost, by currency; the exact sums are in usage reports.",
                units.MONEY,
                Query(increase("revenue_total", "1d", by="currency"), "{{currency}}"),
            )
            .decimals(2)
            .no_value("No revenue yet"),
            stat(
                "Against the hour before",
                "How calls of the last hour compare with those of the hour before.",
                units.RATIO,
                Query(_compared("api_requests_total", "1h")),
            )
            .thresholds(falling(-0.1, -0.5))
            .no_value("Needs two hours"),
            stat(
                "Degraded answers",
                "Share of recommendations of the last hour made without the model.",
                units.RATIO,
                Query(degraded),
            )
            .thresholds(rising(0.01, 0.05))
            .no_value(_NO_CALLS)
            .links([board("recommendation-system-overview", "Recommendation System Overview")]),
        ],
    )


def _over_time() -> Row:
    return Row(
        "By tenant over time",
        [
            stacked(
                f"{title} by tenant",
                f"{what}; the ten largest.",
                unit,
                Query(top(rate(metric, by="tenant_id")), "{{tenant_id}}"),
            ).no_value(_NO_CALLS)
            for title, what, metric, unit in (
                (
                    "Recommendations",
                    "Items recommended in a second",
                    "recommendations_served_total",
                    units.ITEMS_PER_SECOND,
                ),
                ("Calls", "Requests in a second", "api_requests_total", units.REQUESTS_PER_SECOND),
                ("Revenue", "Earned in a second", "revenue_total", units.MONEY),
            )
        ],
    )


def _tenants() -> Row:
    def day(metric: str) -> str:
        return increase(metric, "1d", by="tenant_id")

    refused = day("api_requests_rate_limited_total")
    errors = increase(
        "http_requests_total", "1d", 'job="backend-api"', 'status=~"5.."', by="tenant_id"
    )
    clicks = aggregated("avg", "recommendation_ctr", by="tenant_id")
    return Row(
        "Tenants",
        [
            ranking(
                "Top 10 tenants",
                "By calls of the last day.",
                units.COUNT,
                Query(top(day("api_requests_total")), "{{tenant_id}}"),
            ).no_value(_NO_CALLS),
            table(
                "Each tenant, last day",
                "Refused or failed calls beside a tenant's name want a word with it.",
                {
                    "Calls": (day("api_requests_total"), units.COUNT),
                    "Recommendations": (day("recommendations_served_total"), units.COUNT),
                    "Tokens": (day("api_usage_tokens_total"), units.COUNT),
                    "Revenue": (day("revenue_total"), units.COUNT),
                    "Refused": (refused, units.COUNT),
                    "Failed": (errors, units.COUNT),
                    "Click-through": (clicks, units.RATIO),
                },
                {"tenant_id": "Tenant"},
            ).span(16),
        ],
    )


def _growth() -> Row:
    return Row(
        "Growth",
        [
            graph(
                "Day against day before",
                "How the last 24 hours compare with the 24 before. Below 0 shrinks.",
                units.RATIO,
                Query(_compared("api_requests_total", "1d"), "calls"),
                Query(_compared("recommendations_served_total", "1d"), "recommendations"),
            ).no_value("Needs two days"),
            graph(
                "Week against week before",
                "How the last 7 days compare with the 7 before.",
                units.RATIO,
                Query(_compared("api_requests_total", "7d"), "calls"),
                Query(_compared("revenue_total", "7d"), "revenue"),
            ).no_value("Needs two weeks"),
            graph(
                "Click-through",
                "Share of answers with a click on an item, by model version, in the last hour.",
                units.RATIO,
                Query(
                    aggregated("avg", "recommendation_ctr", by="model_version"),
                    "{{model_version}}",
                ),
            )
            .no_value("No clicks yet")
            .links([runbook("ClickThroughDrop")]),
        ],
    )


def _what_is_asked() -> Row:
    asked = "recommendation_requests_total"
    return Row(
        "What is asked for",
        [
            shares(
                "Endpoint shares",
                "Calls of the last hour by endpoint.",
                units.COUNT,
                Query(f"{increase('api_requests_total', '1h', by='endpoint')} > 0", "{{endpoint}}"),
            )
            .span(6)
            .no_value(_NO_CALLS),
            *(
                shares(
                    title,
                    f"Recommendations of the last hour by {words}.",
                    units.COUNT,
                    Query(top(f"{increase(asked, '1h', by=label)} > 0"), f"{{{{{label}}}}}"),
                )
                .span(6)
                .no_value("No recommendations yet")
                for title, words, label in (
                    ("Kinds of users", "kind of user", "user_segment"),
                    ("Categories", "the category that was named", "category"),
                    ("Regions", "the region that was named", "location_region"),
                )
            ),
        ],
    )
