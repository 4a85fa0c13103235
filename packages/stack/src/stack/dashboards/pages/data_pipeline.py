"""Data Pipeline: what comes in, what is refused, and how far behind it is."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import none_allowed, plain, rising
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, log_graph, logs, ranking, stacked, stat, table
from stack.dashboards.promql import (
    aggregated,
    increase,
    or_zero,
    quantile,
    quantile_within,
    rate,
    share,
    top,
)
from stack.dashboards.rows import features
from stack.dashboards.targets import Query

_RECORDS = "data_ingestion_records_total"
_REFUSED = "data_validation_errors_total"
_IMBALANCE = "data_pipeline_accounting_imbalance"
_NO_KAFKA = "Kafka is not in use"


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="data-pipeline",
        title="Data Pipeline",
        description="What comes in, what is refused, and how far behind the pipeline is.",
        tags=["data"],
        rows=[_verdict(), _intake(), _work(), _stream(), _quarantine(), _snapshots(), _lines()],
    )


def _refused(by: str = "") -> str:
    return share(rate(_REFUSED, by=by), f"({rate(_RECORDS, by=by)} + {_refused_or_none(by)})")


def _refused_or_none(by: str) -> str:
    """What was refused, 0 of each where nothing was."""
    return f"({rate(_REFUSED, by=by)} or 0 * {rate(_RECORDS, by=by)})"


def _verdict() -> Row:
    return Row(
        "Is it all right?",
        [
            stat(
                "Records",
                "Records taken in, in a second.",
                units.RECORDS_PER_SECOND,
                Query(or_zero(rate(_RECORDS))),
            ),
            stat(
                "Refused",
                "Share of records that went into quarantine. Above 5 % warns.",
                units.RATIO,
                Query(_refused()),
            )
            .thresholds(rising(0.01, 0.05))
            .no_value("No records")
            .links([runbook("QuarantineRateHigh")]),
            features.behind().links([runbook("FeaturesStale")]),
            stat(
                "Kafka lag",
                "Messages that are not stored yet. Above 10,000 for 10 minutes warns.",
                units.COUNT,
                Query(aggregated("sum", "kafka_consumer_lag")),
            )
            .thresholds(rising(1000, 10_000))
            .no_value(_NO_KAFKA)
            .links([runbook("DataPipelineProcessingLag")]),
            stat(
                "Jobs failed in an hour",
                "Batch jobs that failed. Any warns.",
                units.COUNT,
                Query(or_zero(increase("etl_job_failures_total", "1h"))),
            )
            .thresholds(none_allowed())
            .links([runbook("ETLJobFailure")]),
            stat(
                "Books out of balance",
                "Records that were counted but are not stored, or the reverse. Any calls someone.",
                units.COUNT,
                Query(or_zero(aggregated("sum", _IMBALANCE))),
            )
            .thresholds(none_allowed())
            .links([runbook("DataPipelineAccountingImbalance")]),
        ],
    )


def _intake() -> Row:
    return Row(
        "Intake",
        [
            stacked(
                "Records by kind",
                "Events, items and users taken in.",
                units.RECORDS_PER_SECOND,
                Query(rate(_RECORDS, by="data_type"), "{{data_type}}"),
            ).no_value("No records"),
            stacked(
                "Records by tenant",
                "The ten largest. One that falls to nothing has stopped sending.",
                units.RECORDS_PER_SECOND,
                Query(top(rate(_RECORDS, by="tenant_id")), "{{tenant_id}}"),
            ).no_value("No records"),
            graph(
                "Stages of the pipeline",
                "p95 of extract, transform and load.",
                units.SECONDS,
                Query(
                    quantile(0.95, "data_pipeline_duration_seconds", by="stage"), "{{stage}} p95"
                ),
                Query(quantile(0.5, "data_pipeline_duration_seconds", by="stage"), "{{stage}} p50"),
            )
            .thresholds(rising(5, 60))
            .no_value("No batch yet"),
        ],
    )


def _work() -> Row:
    return Row(
        "Batch jobs",
        [
            graph(
                "Duration",
                "p95 of each job.",
                units.SECONDS,
                Query(
                    quantile_within(0.95, "etl_job_duration_seconds", "1d", by="job_name"),
                    "{{job_name}}",
                ),
            ).no_value("No job has ended"),
            graph(
                "Records processed",
                "By job and source. A job that runs and processes nothing has lost its source.",
                units.RECORDS_PER_SECOND,
                Query(
                    rate("etl_records_processed_total", by="job_name, source"),
                    "{{job_name}} {{source}}",
                ),
            ).no_value("No job yet"),
            ranking(
                "Failures in a day",
                "By job and reason. Any wants a look, as does an import that was taken up: its "
                "replica died.",
                units.COUNT,
                Query(
                    top(increase("etl_job_failures_total", "1d", by="job_name, reason")),
                    "{{job_name}}: {{reason}}",
                ),
                Query(increase("import_takeovers_total", "1d"), "import: taken up"),
            )
            .thresholds(none_allowed())
            .no_value("No failure")
            .links([runbook("ETLJobFailure")]),
        ],
    )


def _stream() -> Row:
    return Row(
        "Kafka",
        [
            graph(
                "Lag by partition",
                "One partition alone that lags is stuck on a message.",
                units.COUNT,
                Query(
                    aggregated("max", "kafka_consumer_lag", by="topic, partition"),
                    "{{topic}} {{partition}}",
                ),
            )
            .thresholds(rising(1000, 10_000))
            .no_value(_NO_KAFKA)
            .links([runbook("DataPipelineProcessingLag")]),
            graph(
                "Messages",
                "Stored or put into quarantine, in a second.",
                units.MESSAGES_PER_SECOND,
                Query(rate("kafka_messages_consumed_total", by="topic"), "{{topic}}"),
            ).no_value(_NO_KAFKA),
            graph(
                "Errors",
                "Messages put into quarantine, and attempts that failed and are made again.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate("kafka_processing_errors_total", by="topic, error_type"),
                    "{{topic}} {{error_type}}",
                ),
            ).no_value("No errors"),
        ],
    )


def _quarantine() -> Row:
    checked = aggregated("max", "data_pipeline_accounting_checked_timestamp_seconds")
    return Row(
        "Quarantine and books",
        [
            graph(
                "Why records are refused",
                "By error. A new error that rises is a caller that changed its format.",
                units.RECORDS_PER_SECOND,
                Query(rate(_REFUSED, by="error_type"), "{{error_type}}"),
            )
            .span(6)
            .no_value("Nothing refused")
            .links([runbook("QuarantineRateHigh")]),
            graph(
                "Share refused by tenant",
                "Above 5 % warns.",
                units.RATIO,
                Query(top(_refused("tenant_id")), "{{tenant_id}}"),
            )
            .span(6)
            .thresholds(rising(0.01, 0.05))
            .no_value("No records"),
            graph(
                "Records in quarantine",
                "What waits to be mended, replayed or to expire; the ten largest.",
                units.COUNT,
                Query(
                    top(aggregated("max", "data_pipeline_quarantine_records", by="tenant_id")),
                    "{{tenant_id}}",
                ),
            )
            .span(6)
            .no_value("Quarantine is empty"),
            graph(
                "Leaving quarantine",
                "Replayed, by outcome, and expired in an hour. What expires is lost for good.",
                units.COUNT,
                Query(
                    increase("data_pipeline_quarantine_replayed_total", "1h", by="outcome"),
                    "{{outcome}}",
                ),
                Query(increase("data_pipeline_quarantine_expired_total", "1h"), "expired"),
            )
            .span(6)
            .no_value("None has left"),
            graph(
                "Books out of balance by tenant",
                "By tenant. Any difference is a record lost or stored twice.",
                units.COUNT,
                Query(f"{aggregated('max', _IMBALANCE, by='tenant_id')} != 0", "{{tenant_id}}"),
            )
            .span(12)
            .thresholds(none_allowed())
            .no_value("All books balance")
            .links([runbook("DataPipelineAccountingImbalance")]),
            stat(
                "Books last compared",
                "With what is stored. Above 10 minutes, a loss would stay unseen.",
                units.SECONDS,
                Query(f"time() - {checked}"),
            )
            .span(6)
            .height(8)
            .thresholds(rising(120, 600))
            .links([runbook("DataPipelineAccountingUnchecked")]),
            stat(
                "Replicas at upkeep",
                "Replicas that merge, expire and check what is stored. One does, whatever their "
                "number; none for a minute means that none reaches the database.",
                units.COUNT,
                Query(aggregated("sum", "data_pipeline_upkeep")),
            )
            .span(6)
            .height(8),
        ],
    )


def _snapshots() -> Row:
    return Row(
        "Training snapshots and features",
        [
            table(
                "Snapshot of each tenant",
                "What the last training snapshot holds.",
                {
                    "Rows": (
                        aggregated("max", "data_snapshot_rows", by="tenant_id, data_type"),
                        units.COUNT,
                    )
                },
                {"tenant_id": "Tenant", "data_type": "Kind"},
            )
            .span(8)
            .no_value("No snapshot yet"),
            graph(
                "Drift",
                "How a snapshot differs from the one before, the worst tenant. Above 0.1 look at "
                "the data, before the model.",
                units.SCORE,
                Query(aggregated("max", "data_snapshot_drift", by="feature"), "{{feature}}"),
            )
            .thresholds(plain())
            .no_value("Needs two snapshots"),
            features.behind_by_kind(),
        ],
    )


def _lines() -> Row:
    return Row(
        "Logs",
        [
            log_graph(
                "Lines by level",
                "A sudden rise of errors or warnings is a fault.",
                units.LINES_PER_SECOND,
                logql.line_rate("data-pipeline", ".+", by="level"),
                "{{level}}",
            ),
            logs(
                "Errors and warnings",
                "Of data-pipeline, the newest first.",
                logql.lines("data-pipeline", logql.PROBLEMS),
            )
            .span(16)
            .height(8)
            .links([board("observability", "Observability itself")]),
        ],
    )
