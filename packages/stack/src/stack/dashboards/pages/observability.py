"""Observability itself: do metrics, logs, traces and alerts arrive?"""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import none_allowed, rising, some_tolerated
from stack.dashboards.levels import states as named
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, logs, ranking, stat, states
from stack.dashboards.promql import or_zero, quantile, rate
from stack.dashboards.rows.telemetry_backends import OF_COLLECTOR, collector, jaeger, loki, senders
from stack.dashboards.targets import Query

_PROGRAMS = 'job=~"prometheus|alertmanager|loki|grafana"'


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="observability",
        title="Observability itself",
        description="Whether metrics, logs, traces and alerts arrive.",
        tags=["infrastructure"],
        rows=[
            _verdict(),
            _scrapes(),
            _rules(),
            _alerts(),
            senders(),
            collector(),
            loki(),
            jaeger(),
            _own(),
        ],
    )


def _all_of(*counters: str) -> str:
    """The collector's counters together, 0 for those that have no series yet."""
    return " + ".join(f"({or_zero(rate(name, OF_COLLECTOR))})" for name in counters)


def _verdict() -> Row:
    refused = _all_of(
        "otelcol_receiver_refused_spans_total", "otelcol_receiver_refused_log_records_total"
    )
    dropped = _all_of(
        "otelcol_exporter_send_failed_spans_total",
        "otelcol_exporter_send_failed_log_records_total",
    )
    return Row(
        "Is it all right?",
        [
            stat(
                "Targets down",
                "What Prometheus cannot scrape: it is blind there.",
                units.COUNT,
                Query(or_zero("count(up == 0)")),
            )
            .thresholds(none_allowed())
            .links([runbook("PrometheusTargetDown")]),
            stat(
                "Alerting alive",
                "The dead man's switch always fires. 0: no alert would reach anyone.",
                units.STATE,
                Query(or_zero('count(ALERTS{alertname="Watchdog", alertstate="firing"})')),
            )
            .mappings(named({0: ("DEAD", "red"), 1: ("ALIVE", "green")}))
            .links([runbook("Watchdog")]),
            stat(
                "Rules failing",
                "Evaluations that failed in a second. An alert among them is asleep.",
                units.EVENTS_PER_SECOND,
                Query(rate("prometheus_rule_evaluation_failures_total")),
            )
            .links([runbook("PrometheusRuleFailures")])
            .thresholds(none_allowed()),
            stat(
                "Notifications failing",
                "Messages that Alertmanager could not deliver, in a second.",
                units.EVENTS_PER_SECOND,
                Query(rate("alertmanager_notifications_failed_total")),
            )
            .links([runbook("AlertmanagerNotificationsFailing")])
            .thresholds(none_allowed()),
            stat(
                "Telemetry refused",
                "Spans and lines that the collector did not take. They are lost.",
                units.EVENTS_PER_SECOND,
                Query(refused),
            )
            .links([runbook("CollectorRefusesTelemetry")])
            .thresholds(none_allowed()),
            stat(
                "Telemetry not delivered",
                "Spans and lines that Jaeger or Loki did not take from the collector.",
                units.EVENTS_PER_SECOND,
                Query(dropped),
            )
            .links([runbook("CollectorDropsTelemetry")])
            .thresholds(none_allowed()),
        ],
    )


def _scrapes() -> Row:
    return Row(
        "Scrapes",
        [
            states(
                "Targets",
                "What each scrape found.",
                Query("min by (job) (up)", "{{job}}"),
            )
            .span(8)
            .links([runbook("PrometheusTargetDown")]),
            graph(
                "Duration",
                "The slowest of each job. A service is to answer within 100 ms.",
                units.SECONDS,
                Query("max by (job) (scrape_duration_seconds)", "{{job}}"),
            ).thresholds(rising(0.1, 5)),
            graph(
                "Series",
                "What each job brings with a scrape, after relabelling.",
                units.COUNT,
                Query("sum by (job) (scrape_samples_post_metric_relabeling)", "{{job}}"),
            ).links([board("cost", "Cost")]),
            graph(
                "Samples",
                "Taken into Prometheus in a second.",
                units.EVENTS_PER_SECOND,
                Query(rate("prometheus_tsdb_head_samples_appended_total"), "samples"),
                Query(rate("prometheus_tsdb_exemplar_exemplars_appended_total"), "exemplars"),
            ),
            graph(
                "New series",
                "By job, in a scrape. A job that always has new ones has a label without a bound.",
                units.COUNT,
                Query("sum by (job) (scrape_series_added)", "{{job}}"),
                Query("sum(prometheus_tsdb_head_series)", "all in memory"),
            ).links([runbook("CardinalityNearLimit")]),
            graph(
                "Scrapes thrown away",
                "Over a limit, twice the same, or out of order. Their samples are lost.",
                units.EVENTS_PER_SECOND,
                *(
                    Query(rate(f"prometheus_target_scrape{name}_total"), words)
                    for name, words in (
                        ("s_exceeded_sample_limit", "too many samples"),
                        ("_pool_exceeded_label_limits", "too many labels"),
                        ("s_sample_duplicate_timestamp", "twice the same"),
                        ("s_sample_out_of_order", "out of order"),
                    )
                ),
            )
            .links([runbook("ScrapeLimitExceeded")])
            .thresholds(none_allowed()),
        ],
    )


def _rules() -> Row:
    return Row(
        "Rules and queries",
        [
            graph(
                "Evaluation",
                "How long each group of rules takes. It must stay far below its interval of 15 s.",
                units.SECONDS,
                Query(
                    "max by (rule_group) (prometheus_rule_group_last_duration_seconds)",
                    "{{rule_group}}",
                ),
            ).thresholds(rising(5, 15)),
            graph(
                "Failed and missed evaluations",
                "An alert that is not evaluated does not fire.",
                units.EVENTS_PER_SECOND,
                Query(rate("prometheus_rule_evaluation_failures_total"), "failed"),
                Query(rate("prometheus_rule_group_iterations_missed_total"), "missed"),
            )
            .links([runbook("PrometheusRuleFailures")])
            .thresholds(none_allowed()),
            graph(
                "Queries",
                "p90 of what Prometheus is asked. Above 1 s dashboards feel slow.",
                units.SECONDS,
                Query(
                    'max by (slice) (prometheus_engine_query_duration_seconds{quantile="0.9"})',
                    "{{slice}}",
                ),
            ).thresholds(rising(0.5, 1)),
        ],
    )


def _alerts() -> Row:
    return Row(
        "Alerts on their way",
        [
            graph(
                "Notifications by receiver",
                "What Alertmanager sent, in a second.",
                units.EVENTS_PER_SECOND,
                Query(
                    rate("alertmanager_notifications_total", by="integration"), "{{integration}}"
                ),
                Query(
                    rate("alertmanager_notifications_failed_total", by="integration"),
                    "{{integration}} failed",
                ),
            ).links([runbook("AlertmanagerNotificationsFailing")]),
            graph(
                "Time to deliver, p95",
                "How long a receiver takes to answer.",
                units.SECONDS,
                Query(
                    quantile(0.95, "alertmanager_notification_latency_seconds", by="integration"),
                    "{{integration}}",
                ),
            )
            .thresholds(rising(5, 30))
            .no_value("Nothing sent"),
            graph(
                "From Prometheus to Alertmanager",
                "Alerts that wait or were dropped. Dropped ones reached nobody.",
                units.COUNT,
                Query("sum(prometheus_notifications_queue_length)", "waiting"),
                Query(rate("prometheus_notifications_dropped_total"), "dropped in a second"),
                Query("sum by (state) (alertmanager_alerts)", "{{state}}"),
            ).links([runbook("PrometheusNotificationsFailing")]),
        ],
    )


def _own() -> Row:
    return Row(
        "The programs themselves",
        [
            graph(
                "CPU",
                "Cores that each program of the stack uses.",
                units.CORES,
                Query(
                    rate("process_cpu_seconds_total", _PROGRAMS, by="job"),
                    "{{job}}",
                ),
                Query(rate("otelcol_process_cpu_seconds_total", by="job"), "{{job}}"),
            ),
            graph(
                "Memory",
                "Of each program of the stack.",
                units.BYTES,
                Query(f"sum by (job) (process_resident_memory_bytes{{{_PROGRAMS}}})", "{{job}}"),
            ),
            ranking(
                "Lag of exporters",
                "How long their last look took. Long ones make their figures old.",
                units.SECONDS,
                Query(
                    'max by (job) (scrape_duration_seconds{job=~".+-exporter|cadvisor"})', "{{job}}"
                ),
            )
            .thresholds(rising(1, 5))
            .no_value("No exporters"),
            graph(
                "Dashboards",
                "What Grafana answers, by status.",
                units.REQUESTS_PER_SECOND,
                Query(
                    rate("grafana_http_request_duration_seconds_count", by="status_code"),
                    "{{status_code}}",
                ),
            )
            .thresholds(some_tolerated())
            .no_value("Grafana is not scraped"),
            logs(
                "Trouble with telemetry",
                "What the services say of telemetry they could not send.",
                logql.lines(
                    ".+", logql.PROBLEMS, '| logger =~ "opentelemetry.*|instrumentation.*"'
                ),
            )
            .span(16)
            .height(8),
        ],
    )
