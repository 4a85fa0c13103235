"""Metrics of data-pipeline."""

from typing import Final

from instrumentation.catalogue.family import BATCH_DURATION, DATA_PIPELINE, PIPELINE_STAGE, Metric

METRICS: Final = (
    Metric(
        "data_ingestion_records_total", "counter", "Records taken in.",
        ("tenant_id", "data_type"), "records", DATA_PIPELINE,
    ),
    Metric(
        "data_pipeline_duration_seconds", "histogram", "Time of one stage of the pipeline.",
        ("tenant_id", "stage"), "seconds", DATA_PIPELINE, PIPELINE_STAGE,
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
        "data_pipeline_upkeep", "gauge",
        "Whether this replica keeps the stores in order: 1 on one of them, 0 on the others.",
        (), "replicas", DATA_PIPELINE,
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
        "import_takeovers_total", "counter",
        "Imports that a replica went on with after the one that held them fell silent.",
        ("tenant_id",), "jobs", DATA_PIPELINE,
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
