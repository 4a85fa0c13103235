"""What logs and traces go through: services, collector, Loki and Jaeger."""

from typing import Final

from stack.dashboards import units
from stack.dashboards.board import Row
from stack.dashboards.levels import none_allowed, rising
from stack.dashboards.links import runbook
from stack.dashboards.panels import graph, stat
from stack.dashboards.promql import aggregated, quantile, rate, share, top
from stack.dashboards.targets import Query

OF_COLLECTOR: Final = 'job="collector"'
_OF_JAEGER: Final = 'job="jaeger"'


def senders() -> Row:
    """What the services send to the collector, and what they lose."""
    return Row(
        "Services that send",
        [
            graph(
                "Sent",
                "Spans and lines that the collector took, by service.",
                units.EVENTS_PER_SECOND,
                Query(rate("telemetry_exported_total", by="job, signal"), "{{job}} {{signal}}"),
            ),
            graph(
                "Lost in the services",
                "Spans and lines that found no room or no collector, and batches that failed.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate("telemetry_dropped_total", by="job, signal, reason"),
                    "{{job}} {{signal}}: {{reason}}",
                ),
                Query(
                    rate("telemetry_export_failures_total", by="job, signal"),
                    "{{job}} {{signal}} batches",
                ),
            )
            .thresholds(none_allowed())
            .no_value("None"),
            graph(
                "Waiting in the services",
                "Spans and lines on their way. At 2048 the oldest are thrown away.",
                units.COUNT,
                Query(
                    aggregated("max", "telemetry_queue_size", by="job, signal"),
                    "{{job}} {{signal}}",
                ),
            ).thresholds(rising(1000, 2000)),
        ],
    )


def collector() -> Row:
    """What comes in, waits and goes out of the collector."""

    def signals(what: str) -> tuple[Query, ...]:
        return tuple(
            Query(rate(f"otelcol_{what}_{kind}_total", OF_COLLECTOR), words)
            for kind, words in (("spans", "spans"), ("log_records", "lines"))
        )

    waiting = f"max by (exporter, data_type) (otelcol_exporter_queue_size{{{OF_COLLECTOR}}})"
    room = f"max by (exporter, data_type) (otelcol_exporter_queue_capacity{{{OF_COLLECTOR}}})"
    sampling = "otelcol_processor_tail_sampling"
    return Row(
        "Collector",
        [
            graph(
                "Taken in",
                "Spans and log lines from the services.",
                units.EVENTS_PER_SECOND,
                *signals("receiver_accepted"),
            ),
            graph(
                "Refused",
                "At the memory limit, or broken. They are lost.",
                units.EVENTS_PER_SECOND,
                *signals("receiver_refused"),
            )
            .links([runbook("CollectorRefusesTelemetry")])
            .thresholds(none_allowed()),
            graph(
                "Queues",
                "Share of each queue in use. Full: Jaeger or Loki takes no more.",
                units.RATIO,
                Query(f"{waiting} / {room}", "{{exporter}} {{data_type}}"),
            )
            .links([runbook("QueueNearlyFull")])
            .max(1)
            .thresholds(rising(0.5, 0.8)),
            graph(
                "Not delivered",
                "By exporter. They are tried again while the queue has room.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate("otelcol_exporter_send_failed_spans_total", OF_COLLECTOR, by="exporter"),
                    "{{exporter}} spans",
                ),
                Query(
                    rate(
                        "otelcol_exporter_send_failed_log_records_total",
                        OF_COLLECTOR,
                        by="exporter",
                    ),
                    "{{exporter}} lines",
                ),
            )
            .links([runbook("CollectorDropsTelemetry")])
            .thresholds(none_allowed())
            .no_value("None"),
            graph(
                "Traces kept and left out",
                "By tail sampling: errors and slow ones are always kept.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate(
                        f"{sampling}_global_count_traces_sampled_total", OF_COLLECTOR, by="sampled"
                    ),
                    "kept: {{sampled}}",
                ),
                Query(
                    rate(f"{sampling}_sampling_trace_dropped_too_early_total", OF_COLLECTOR),
                    "too early",
                ),
            ),
            graph(
                "Spans by service",
                "What each service does, counted before sampling.",
                units.SPANS_PER_SECOND,
                Query(
                    rate("traces_span_metrics_calls_total", by="service_name"), "{{service_name}}"
                ),
            ),
            graph(
                "Spans, p95",
                "By service, counted before sampling; the dots lead to traces.",
                units.SECONDS,
                Query(
                    quantile(0.95, "traces_span_metrics_duration_seconds", by="service_name"),
                    "{{service_name}}",
                    exemplars=True,
                ),
            ).span(12),
            graph(
                "Memory of collector and Jaeger",
                "What only ever grows ends at the memory limit, where telemetry is refused.",
                units.BYTES,
                Query("max by (job) (otelcol_process_memory_rss_bytes)", "{{job}}"),
            ).span(12),
        ],
    )


def loki() -> Row:
    """Lines taken in, kept and thrown away."""
    failed = share(
        rate("loki_request_duration_seconds_count", 'status_code=~"5.."'),
        rate("loki_request_duration_seconds_count"),
    )
    marked = (
        "time() - max(loki_compactor_apply_retention_last_successful_run_timestamp_seconds > 0)"
    )
    return Row(
        "Loki",
        [
            graph(
                "Bytes taken in",
                "Lines and their metadata. The limit is 100 MB in a second.",
                units.BYTES_PER_SECOND,
                Query(rate("loki_distributor_bytes_received_total"), "lines"),
                Query(
                    rate("loki_distributor_structured_metadata_bytes_received_total"), "metadata"
                ),
            )
            .span(6)
            .thresholds(rising(50e6, 100e6)),
            graph(
                "Streams",
                "In memory. The limit is 10,000: above it lines are refused.",
                units.COUNT,
                Query("sum(loki_ingester_memory_streams)", "streams"),
            )
            .span(6)
            .thresholds(rising(5000, 10_000)),
            graph(
                "Lines thrown away",
                "By reason. They are lost.",
                units.LINES_PER_SECOND,
                Query(rate("loki_discarded_samples_total", by="reason"), "{{reason}}"),
            )
            .links([runbook("LokiDiscardsLogs")])
            .span(6)
            .thresholds(none_allowed())
            .no_value("None"),
            stat(
                "Compactor's last run",
                "Since old lines were last marked for deletion. Above a day, the disk fills up.",
                units.SECONDS,
                Query(marked),
            )
            .links([runbook("LokiCompactorNotRunning")])
            .span(6)
            .height(8)
            .thresholds(rising(7200, 86_400))
            .no_value("Has not run yet"),
            graph(
                "Requests, p95",
                "By route. A search over a million lines is to take less than 5 s.",
                units.SECONDS,
                Query(
                    top(quantile(0.95, "loki_request_duration_seconds", by="route")),
                    "{{route}}",
                ),
            ).thresholds(rising(1, 5)),
            graph(
                "Requests that fail",
                "Share of answers 5xx.",
                units.RATIO,
                Query(failed, "5xx"),
            ).thresholds(rising(0.01, 0.05)),
            graph(
                "Chunks not written",
                "Failures in a second, and disk that the write-ahead log uses.",
                units.EVENTS_PER_SECOND,
                Query(rate("loki_ingester_chunks_flush_failures_total"), "flush failures"),
                Query(rate("loki_ingester_wal_disk_full_failures_total"), "disk full"),
            )
            .links([runbook("LokiStorageFailing")])
            .thresholds(none_allowed()),
        ],
    )


def jaeger() -> Row:
    """Spans stored and asked for."""
    return Row(
        "Jaeger",
        [
            graph(
                "Spans stored",
                "And those that could not be.",
                units.SPANS_PER_SECOND,
                Query(rate("otelcol_exporter_sent_spans_total", _OF_JAEGER), "stored"),
                Query(rate("otelcol_exporter_send_failed_spans_total", _OF_JAEGER), "failed"),
            ).links([runbook("JaegerStorageFailing")]),
            graph(
                "Queries, p95",
                "By operation of the storage.",
                units.SECONDS,
                Query(
                    quantile(0.95, "jaeger_storage_latency_seconds", by="operation"),
                    "{{operation}}",
                ),
            )
            .thresholds(rising(0.5, 2))
            .no_value("Nobody has asked"),
            graph(
                "Storage on disk",
                "Traces are kept for 72 h.",
                units.BYTES,
                Query("sum(jaeger_storage_badger_size_bytes_lsm)", "index"),
                Query("sum(jaeger_storage_badger_size_bytes_vlog)", "values"),
            ),
        ],
    )
