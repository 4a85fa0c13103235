"""The metrics of programs that rules and panels may ask for, beside those of the catalogue.

`ALWAYS` are there as soon as the program runs, `IN_TIME` only once what they count has happened
(or a container, a queue, a PostgreSQL is there to be measured).
"""

from typing import Final

SCRAPE: Final = frozenset({"up", "scrape_samples_post_metric_relabeling", "scrape_sample_limit"})
"""Written by Prometheus for each target."""

PROCESS: Final = frozenset({"process_start_time_seconds"})
"""Of prometheus_client and of the programs in Go."""

ALWAYS: Final = {
    "prometheus": frozenset(
        {
            "prometheus_config_last_reload_successful",
            "prometheus_notifications_alertmanagers_discovered",
            "prometheus_notifications_dropped_total",
            "prometheus_notifications_errors_total",
            "prometheus_notifications_queue_capacity",
            "prometheus_notifications_queue_length",
            "prometheus_rule_evaluation_failures_total",
            "prometheus_rule_group_iterations_missed_total",
            "prometheus_target_scrape_pool_exceeded_label_limits_total",
            "prometheus_target_scrapes_exceeded_sample_limit_total",
            "prometheus_tsdb_checkpoint_creations_failed_total",
            "prometheus_tsdb_compactions_failed_total",
            "prometheus_tsdb_head_truncations_failed_total",
            "prometheus_tsdb_mmap_chunk_corruptions_total",
            "prometheus_tsdb_reloads_failures_total",
            "prometheus_tsdb_wal_corruptions_total",
            "prometheus_tsdb_wal_writes_failed_total",
        }
    ),
    "alertmanager": frozenset(
        {"alertmanager_config_last_reload_successful", "alertmanager_notifications_failed_total"}
    ),
    "loki": frozenset(
        {
            "loki_boltdb_shipper_compactor_running",
            "loki_compactor_apply_retention_last_successful_run_timestamp_seconds",
            "loki_ingester_chunks_flush_failures_total",
            "loki_ingester_wal_disk_full_failures_total",
        }
    ),
    "collector": frozenset({"otelcol_exporter_queue_capacity", "otelcol_exporter_queue_size"}),
    "node-exporter": frozenset(
        {
            "node_cpu_seconds_total",
            "node_filesystem_avail_bytes",
            "node_filesystem_readonly",
            "node_filesystem_size_bytes",
            "node_memory_MemAvailable_bytes",
            "node_memory_MemTotal_bytes",
        }
    ),
    "redis-exporter": frozenset({"redis_up"}),
}
IN_TIME: Final = frozenset(
    {
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "container_spec_cpu_period",
        "container_spec_cpu_quota",
        "container_spec_memory_limit_bytes",
        "loki_discarded_samples_total",
        "otelcol_exporter_enqueue_failed_log_records_total",
        "otelcol_exporter_enqueue_failed_spans_total",
        "otelcol_exporter_send_failed_log_records_total",
        "otelcol_exporter_send_failed_spans_total",
        "otelcol_processor_filter_logs_filtered_total",
        "otelcol_processor_filter_spans_filtered_total",
        "otelcol_receiver_refused_log_records_total",
        "otelcol_receiver_refused_spans_total",
        "pg_up",
    }
)
KNOWN: Final = SCRAPE | PROCESS | IN_TIME | frozenset().union(*ALWAYS.values())
