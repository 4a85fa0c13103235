"""Cost: what each tenant uses and pays, against what the service spends on it."""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import falling, rising
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, log_ranking, ranking, stacked, stat, table
from stack.dashboards.promql import (
    OF_CHOSEN_TENANTS,
    OF_SERVICES,
    aggregated,
    increase,
    or_zero,
    rate,
    selector,
    top,
)
from stack.dashboards.rows.machine import DISKS
from stack.dashboards.targets import Query

_CPU = "process_cpu_seconds_total"
_TOKENS = "api_usage_tokens_total"
_NO_CALLS = "No calls yet"


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="cost",
        title="Cost",
        description="What each tenant uses and pays, against what is spent on it.",
        tags=["business", "infrastructure"],
        rows=[_verdict(), _tenants(), _compute(), _storage(), _telemetry()],
        since="now-24h",
    )


def _spent(window: str) -> str:
    return increase(_CPU, window, OF_SERVICES)


def _spent_on_each(window: str) -> str:
    """CPU seconds by tenant: all that were spent, shared out by the work done."""
    # The price of a token is that of all tenants, whichever are chosen.
    price = f"scalar({_spent(window)} / sum (increase({_TOKENS}[{window}])))"
    return f"{increase(_TOKENS, window, by='tenant_id')} * {price}"


def _verdict() -> Row:
    requests = f"({increase('api_requests_total', '1d')} > 0)"
    spent = _spent("1d")
    free = "node_filesystem_avail_bytes"
    shrinking = f"clamp_min(min(predict_linear({selector(free, DISKS)}[6h], 604800)), 0)"
    return Row(
        "Is it all right?",
        [
            stat(
                "Revenue, last day",
                "What billed requests cost, by currency.",
                units.MONEY,
                Query(increase("revenue_total", "1d", by="currency"), "{{currency}}"),
            )
            .decimals(2)
            .no_value("No revenue yet"),
            stat(
                "CPU time, last day",
                "What the three services used, training included.",
                units.SECONDS,
                Query(spent),
            ),
            stat(
                "CPU time of a call",
                "Of all CPU seconds for each call of the last day. What rises here will be "
                "paid for in machines.",
                units.SECONDS,
                Query(f"{spent} / {requests}"),
            )
            .thresholds(rising(0.05, 0.5))
            .no_value(_NO_CALLS),
            stat(
                "Revenue of a CPU hour",
                "By currency; below what an hour of one core costs, calls do not pay.",
                units.MONEY,
                Query(
                    f"{increase('revenue_total', '1d', by='currency')} / on () group_left () "
                    f"({spent} / 3600)",
                    "{{currency}}",
                ),
            )
            .decimals(2)
            .no_value("No revenue yet"),
            stat(
                "Disk in a week",
                "Free space of the fullest file system in 7 days, as the last 6 hours went on.",
                units.BYTES,
                Query(shrinking),
            )
            .thresholds(falling(20e9, 1e9))
            .links([runbook("DiskSpaceLow")]),
            stat(
                "Log lines, in a second",
                "Taken in by Loki, of all services.",
                units.LINES_PER_SECOND,
                Query(or_zero(rate("loki_distributor_lines_received_total"))),
            )
            .thresholds(rising(1000, 5000))
            .links([board("observability", "Observability itself")]),
        ],
    )


def _tenants() -> Row:
    def day(metric: str) -> str:
        return increase(metric, "1d", by="tenant_id")

    stored = aggregated("max", "data_snapshot_rows", 'data_type="events"', by="tenant_id")
    of_each = f'count by (tenant_id) ({{{OF_SERVICES}, tenant_id!="", {OF_CHOSEN_TENANTS}}})'
    return Row(
        "Tenants, last day",
        [
            table(
                "What each uses and pays",
                "CPU time is all that was spent, shared out by tokens. Little revenue beside much "
                "CPU time is a plan that is too cheap.",
                {
                    "Requests": (day("api_requests_total"), units.COUNT),
                    "Tokens": (day(_TOKENS), units.COUNT),
                    "Revenue": (day("revenue_total"), units.COUNT),
                    "CPU time": (_spent_on_each("1d"), units.SECONDS),
                    "Records taken in": (day("data_ingestion_records_total"), units.COUNT),
                    "Events stored": (stored, units.COUNT),
                    "Metric series": (of_each, units.COUNT),
                },
                {"tenant_id": "Tenant"},
            ).span(16),
            ranking(
                "Dearest tenants",
                "CPU seconds of the last day, shared out by tokens.",
                units.SECONDS,
                Query(top(_spent_on_each("1d")), "{{tenant_id}}"),
            ).no_value(_NO_CALLS),
        ],
    )


def _compute() -> Row:
    return Row(
        "Work",
        [
            stacked(
                "CPU by service",
                "Cores in use. Steps in ml-engine are training jobs.",
                units.CORES,
                Query(rate(_CPU, OF_SERVICES, by="job"), "{{job}}"),
            ),
            stacked(
                "Tokens by tenant",
                "Units of work in a second, the ten largest.",
                units.EVENTS_PER_SECOND,
                Query(top(rate(_TOKENS, by="tenant_id")), "{{tenant_id}}"),
            ).no_value(_NO_CALLS),
            graph(
                "Revenue by tenant",
                "Of each hour, the ten largest.",
                units.MONEY,
                Query(top(increase("revenue_total", "1h", by="tenant_id")), "{{tenant_id}}"),
            )
            .decimals(2)
            .no_value("No revenue yet"),
        ],
    )


def _storage() -> Row:
    size, free = (
        aggregated("max", f"node_filesystem_{part}_bytes", DISKS, by="mountpoint")
        for part in ("size", "avail")
    )
    blocks = " + ".join(
        f"sum({name})"
        for name in (
            "prometheus_tsdb_storage_blocks_bytes",
            "prometheus_tsdb_wal_storage_size_bytes",
            "prometheus_tsdb_head_chunks_storage_size_bytes",
        )
    )
    return Row(
        "Storage",
        [
            graph(
                "Disk in use",
                "By mount point: databases, event log, models and telemetry together.",
                units.BYTES,
                Query(f"{size} - {free}", "{{mountpoint}}"),
            ),
            graph(
                "Databases and backends",
                "What each keeps on disk, and Redis in memory.",
                units.BYTES,
                Query("sum by (datname) (pg_database_size_bytes)", "PostgreSQL {{datname}}"),
                Query("sum (redis_memory_used_bytes)", "Redis"),
                Query(blocks, "Prometheus"),
                Query(
                    "sum(jaeger_storage_badger_size_bytes_lsm) + "
                    "sum(jaeger_storage_badger_size_bytes_vlog)",
                    "Jaeger",
                ),
            ),
            graph(
                "Records by tenant",
                "Taken in during each hour, the ten largest: what storage will grow by.",
                units.COUNT,
                Query(
                    top(increase("data_ingestion_records_total", "1h", by="tenant_id")),
                    "{{tenant_id}}",
                ),
            ).no_value("No records"),
        ],
    )


def _telemetry() -> Row:
    samples = f"sum by (job) ({selector('scrape_samples_post_metric_relabeling')})"
    return Row(
        "Telemetry",
        [
            log_ranking(
                "Log bytes by tenant",
                "In the time shown. A tenant far above its share of calls is in trouble.",
                units.BYTES,
                top(logql.volume(".+", "| tenant_id != ``", by="tenant_id")),
                "{{tenant_id}}",
            )
            .span(6)
            .no_value("No lines"),
            log_ranking(
                "Log bytes by service",
                "In the time shown.",
                units.BYTES,
                logql.volume(".+", by="service"),
                "{{service}}",
            )
            .span(6)
            .no_value("No lines"),
            stacked(
                "Series by job",
                "What each job brings with a scrape. Growth without new tenants is a label "
                "without a bound.",
                units.COUNT,
                Query(samples, "{{job}}"),
            ).span(6),
            graph(
                "Spans",
                "Taken in and kept by the collector. What is kept costs disk.",
                units.SPANS_PER_SECOND,
                Query(rate("otelcol_receiver_accepted_spans_total", 'job="collector"'), "taken in"),
                Query(rate("otelcol_exporter_sent_spans_total", 'job="collector"'), "kept"),
            ).span(6),
        ],
    )
