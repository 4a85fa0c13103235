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
    frozenset({"api_requests_rate_limited_total"}): "the traffic stays below the plan's limits",
    frozenset(
        {"telemetry_dropped_total", "telemetry_export_failures_total"}
    ): "the collector takes all",
    frozenset({"data_snapshot_drift"}): "there is one snapshot",
    frozenset({"etl_job_failures_total"}): "no batch job fails",
    frozenset({"training_job_failures_total"}): "no training fails",
    frozenset({"training_job_takeovers_total"}): "there is one replica of ml-engine",
    frozenset({"import_takeovers_total"}): "there is one replica of data-pipeline",
    frozenset(
        {"data_pipeline_quarantine_replayed_total", "data_pipeline_quarantine_expired_total"}
    ): "nothing leaves quarantine",
    frozenset(
        {"loki_compactor_apply_retention_last_successful_run_timestamp_seconds"}
    ): "the compactor runs later",
}

# By dashboard and panel.
_COMPARED: Final = "the traffic is younger than what it is compared with"
_NO_ERROR: Final = "nothing goes wrong that nobody expects"
_PANELS: Final = {
    ("business-metrics", "Against the hour before"): _COMPARED,
    ("business-metrics", "Day against day before"): _COMPARED,
    ("business-metrics", "Week against week before"): _COMPARED,
    ("business-metrics", "Each tenant, last day"): "no call of a tenant is answered by 5xx",
    ("data-pipeline", "Books out of balance by tenant"): "all books balance",
    ("data-pipeline", "Errors and warnings"): _NO_ERROR,
    ("ml-engine-performance", "Failed work"): _NO_ERROR,
    ("ml-engine-performance", "Errors and warnings"): _NO_ERROR,
    ("observability", "Trouble with telemetry"): "all telemetry arrives",
    ("recommendation-system-overview", "Errors"): _NO_ERROR,
    ("slo", "Errors"): _NO_ERROR,
    ("system-health", "Errors"): _NO_ERROR,
}


def reason(query: PanelQuery) -> str | None:
    """Why a query finds nothing; None where it should find something."""
    names = metric_names(query.expression) if query.language == "promql" else frozenset[str]()
    for metrics, why in _METRICS.items():
        if names & metrics:
            return why
    return _PANELS.get((query.dashboard, query.panel))
