"""Queries that find nothing after the traffic of the tests, and why that is right."""

from typing import Final

from stack import program_metrics
from stack.dashboards.queries import PanelQuery
from stack.promql import metric_names

# By what the query asks for.
_METRICS: Final[dict[frozenset[str], str]] = {
    program_metrics.CADVISOR: "cAdvisor cannot run here",
    program_metrics.GRAFANA: "Grafana cannot run here",
    program_metrics.POSTGRES_EXPORTER: "embedded services have no PostgreSQL",
    program_metrics.REDIS_EXPORTER: "embedded services have no Redis",
    program_metrics.LOKI_AFTER_A_FAULT: "Loki throws nothing away",
    frozenset(
        {
            "kafka_consumer_lag",
            "kafka_messages_consumed_total",
            "kafka_processing_errors_total",
        }
    ): "embedded services have no Kafka",
    frozenset({"rate_limiter_fallbacks_total"}): "embedded services have no Redis",
}

# By panel: what goes wrong in no run of the tests, or takes longer than one.
_PANELS: Final[dict[str, str]] = {}


def reason(query: PanelQuery) -> str | None:
    """Why a query finds nothing; None where it should find something."""
    names = metric_names(query.expression) if query.language == "promql" else frozenset[str]()
    for metrics, why in _METRICS.items():
        if names & metrics:
            return why
    return _PANELS.get(query.panel)
