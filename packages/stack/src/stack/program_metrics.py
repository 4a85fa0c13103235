"""Metrics of the programs beside the services that dashboards and rules name, by Prometheus job.

The services' own stand in `instrumentation.catalogue`. tests/stack checks these against the
programs themselves; those of programs that cannot be run there are from their documentation.
"""

from typing import Final

EVERY_TARGET: Final = frozenset(
    {
        "scrape_duration_seconds",
        "scrape_sample_limit",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
        "up",
    }
)
"""What Prometheus itself makes for each target."""

EVERY_PROCESS: Final = frozenset(
    {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    }
)
"""What the client libraries of Prometheus export of the process they are in."""

PROMETHEUS: Final = frozenset(
    {
        "prometheus_config_last_reload_successful",
        "prometheus_engine_query_duration_seconds",
        "prometheus_notifications_alertmanagers_discovered",
        "prometheus_notifications_dropped_total",
        "prometheus_notifications_errors_total",
        "prometheus_notifications_queue_capacity",
        "prometheus_notifications_queue_length",
        "prometheus_rule_evaluation_failures_total",
        "prometheus_rule_group_iterations_missed_total",
        "prometheus_rule_group_last_duration_seconds",
        "prometheus_target_scrape_pool_exceeded_label_limits_total",
        "prometheus_target_scrapes_exceeded_sample_limit_total",
        "prometheus_target_scrapes_sample_duplicate_timestamp_total",
        "prometheus_target_scrapes_sample_out_of_order_total",
        "prometheus_tsdb_checkpoint_creations_failed_total",
        "prometheus_tsdb_compactions_failed_total",
        "prometheus_tsdb_exemplar_exemplars_appended_total",
        "prometheus_tsdb_head_chunks_storage_size_bytes",
        "prometheus_tsdb_head_samples_appended_total",
        "prometheus_tsdb_head_series",
        "prometheus_tsdb_head_truncations_failed_total",
        "prometheus_tsdb_mmap_chunk_corruptions_total",
        "prometheus_tsdb_reloads_failures_total",
        "prometheus_tsdb_storage_blocks_bytes",
        "prometheus_tsdb_wal_corruptions_total",
        "prometheus_tsdb_wal_storage_size_bytes",
        "prometheus_tsdb_wal_writes_failed_total",
    }
)
ALERTMANAGER: Final = frozenset(
    {
        "alertmanager_alerts",
        "alertmanager_config_last_reload_successful",
        "alertmanager_notification_latency_seconds_bucket",
        "alertmanager_notifications_failed_total",
        "alertmanager_notifications_total",
    }
)
LOKI: Final = frozenset(
    {
        "loki_boltdb_shipper_compactor_running",
        "loki_compactor_apply_retention_last_successful_run_timestamp_seconds",
        "loki_distributor_bytes_received_total",
        "loki_distributor_lines_received_total",
        "loki_distributor_structured_metadata_bytes_received_total",
        "loki_ingester_chunks_flush_failures_total",
        "loki_ingester_memory_streams",
        "loki_ingester_wal_disk_full_failures_total",
        "loki_request_duration_seconds_bucket",
        "loki_request_duration_seconds_count",
    }
)
LOKI_AFTER_A_FAULT: Final = frozenset({"loki_discarded_samples_total"})
"""What Loki shows only once it has happened, as the collector does below."""

JAEGER: Final = frozenset(
    {
        "jaeger_storage_badger_size_bytes_lsm",
        "jaeger_storage_badger_size_bytes_vlog",
        "jaeger_storage_latency_seconds_bucket",
    }
)
COLLECTOR: Final = frozenset(
    {
        "otelcol_exporter_queue_capacity",
        "otelcol_exporter_queue_size",
        "otelcol_exporter_send_failed_log_records_total",
        "otelcol_exporter_send_failed_spans_total",
        "otelcol_exporter_sent_spans_total",
        "otelcol_process_cpu_seconds_total",
        "otelcol_process_memory_rss_bytes",
        "otelcol_processor_tail_sampling_global_count_traces_sampled_total",
        "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total",
        "otelcol_receiver_accepted_log_records_total",
        "otelcol_receiver_accepted_spans_total",
        "otelcol_receiver_refused_log_records_total",
        "otelcol_receiver_refused_spans_total",
    }
)
COLLECTOR_AFTER_A_FAULT: Final = frozenset(
    {
        "otelcol_exporter_enqueue_failed_log_records_total",
        "otelcol_exporter_enqueue_failed_spans_total",
        "otelcol_processor_filter_logs_filtered_total",
        "otelcol_processor_filter_spans_filtered_total",
    }
)
SPAN_METRICS: Final = frozenset(
    {"traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds_bucket"}
)
NODE_EXPORTER: Final = frozenset(
    {
        "node_cpu_seconds_total",
        "node_disk_io_time_seconds_total",
        "node_disk_read_bytes_total",
        "node_disk_written_bytes_total",
        "node_filesystem_avail_bytes",
        "node_filesystem_readonly",
        "node_filesystem_size_bytes",
        "node_load5",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_network_receive_bytes_total",
        "node_network_receive_drop_total",
        "node_network_receive_errs_total",
        "node_network_transmit_bytes_total",
        "node_network_transmit_drop_total",
        "node_network_transmit_errs_total",
    }
)
REDIS_EXPORTER: Final = frozenset(
    {
        "redis_keyspace_hits_total",
        "redis_keyspace_misses_total",
        "redis_memory_used_bytes",
        "redis_up",
    }
)
POSTGRES_EXPORTER: Final = frozenset(
    {
        "pg_database_size_bytes",
        "pg_settings_max_connections",
        "pg_stat_activity_count",
        "pg_stat_database_xact_commit",
        "pg_stat_database_xact_rollback",
        "pg_up",
    }
)
CADVISOR: Final = frozenset(
    {
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "container_network_receive_bytes_total",
        "container_network_transmit_bytes_total",
        "container_spec_cpu_period",
        "container_spec_cpu_quota",
        "container_spec_memory_limit_bytes",
        "container_start_time_seconds",
    }
)
GRAFANA: Final = frozenset({"grafana_http_request_duration_seconds_count"})
RULES: Final = frozenset({"ALERTS"})
"""What Prometheus writes of the alerts that it evaluates."""

ALL: Final = frozenset().union(
    *(EVERY_TARGET, EVERY_PROCESS, PROMETHEUS, ALERTMANAGER, LOKI, LOKI_AFTER_A_FAULT, JAEGER),
    *(COLLECTOR, COLLECTOR_AFTER_A_FAULT, SPAN_METRICS, NODE_EXPORTER, REDIS_EXPORTER),
    *(POSTGRES_EXPORTER, CADVISOR, GRAFANA, RULES),
)
