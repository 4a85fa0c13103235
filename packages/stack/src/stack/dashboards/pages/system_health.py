"""System Health: are the services, the machine and the containers well?"""

from stack.dashboards import logql, units
from stack.dashboards.board import Page, Row
from stack.dashboards.levels import (
    circuits,
    falling,
    none_allowed,
    rising,
    some_tolerated,
)
from stack.dashboards.links import board, runbook
from stack.dashboards.panels import graph, log_graph, logs, ranking, stat, states, table
from stack.dashboards.promql import (
    OF_CHOSEN_SERVICES,
    OF_SERVICES,
    aggregated,
    or_zero,
    rate,
    selector,
    share,
)
from stack.dashboards.rows.machine import containers, machine, stores
from stack.dashboards.targets import Query
from stack.dashboards.variables import instance, service

_REPLICAS = (OF_CHOSEN_SERVICES, 'instance=~"$instance"')


def page() -> Page:
    """The dashboard."""
    return Page(
        uid="system-health",
        title="System Health",
        description="Whether services, machine and containers are well.",
        tags=["infrastructure"],
        rows=[
            _verdict(),
            _services(),
            _processes(),
            machine(),
            containers(),
            stores(),
            _lines(),
        ],
        variables=[service(), instance()],
        refresh="10s",
    )


def _verdict() -> Row:
    up = tuple(
        Query(or_zero(f'sum(up{{job="{job}"}})'), job)
        for job in ("backend-api", "ml-engine", "data-pipeline")
    )
    firing = 'count(ALERTS{{alertstate="firing", severity="{}"}})'
    failing = f"{aggregated('min', 'health_check_up', OF_SERVICES, by='job, check')} == 0"
    errors = share(
        rate("http_requests_total", OF_SERVICES, 'status=~"5.."'),
        rate("http_requests_total", OF_SERVICES),
    )
    return Row(
        "Is it all right?",
        [
            stat(
                "Replicas up",
                "How many replicas of each service answer Prometheus. None of one is an outage.",
                units.COUNT,
                *up,
            )
            .span(8)
            .thresholds(falling(1, 1))
            .links([runbook("ServiceDown")]),
            stat(
                "Critical alerts",
                "Alerts that call someone. Anything above 0 wants action now.",
                units.COUNT,
                Query(or_zero(firing.format("critical"))),
            ).thresholds(none_allowed()),
            stat(
                "Warnings",
                "Alerts that want a look within the day.",
                units.COUNT,
                Query(or_zero(firing.format("warning"))),
            ).thresholds(some_tolerated()),
            stat(
                "Checks failing",
                "Health checks of the services (database, cache, model...) that fail.",
                units.COUNT,
                Query(or_zero(f"count({failing})")),
            )
            .thresholds(none_allowed())
            .links([runbook("HealthCheckFailing"), runbook("DatabaseDown"), runbook("RedisDown")]),
            stat(
                "Answers 5xx",
                "Share of requests answered by a server error. 1 % is bad, 5 % calls someone.",
                units.RATIO,
                Query(errors),
            )
            .thresholds(rising(0.01, 0.05))
            .no_value("No requests")
            .links([runbook("HighErrorRate"), board("api-performance", "API Performance")]),
        ],
    )


def _services() -> Row:
    restarts = f"sum by (job) (changes(process_start_time_seconds{{{OF_CHOSEN_SERVICES}}}[1h]))"
    checks = aggregated("min", "health_check_up", OF_CHOSEN_SERVICES, by="job, check")
    running = aggregated("count", "build_info", OF_CHOSEN_SERVICES, by="service, version")
    return Row(
        "Services",
        [
            states(
                "Service status",
                "Which replicas answered Prometheus. Red is down; a gap is a replica that is gone.",
                Query("max by (job, instance) (up)", "{{job}} {{instance}}"),
            ).links([runbook("ServiceDown"), runbook("PrometheusTargetDown")]),
            states(
                "Health checks",
                "What /health of each service finds. Red names the part that fails.",
                Query(checks, "{{job}} {{check}}"),
            ).links([runbook("HealthCheckFailing")]),
            states(
                "Circuits between services",
                "An open circuit means that a service asks another no more, as it failed.",
                Query(
                    aggregated("max", "circuit_breaker_state", by="dependency"), "{{dependency}}"
                ),
            )
            .mappings(circuits())
            .links([runbook("CircuitOpen")]),
            ranking(
                "Restarts in an hour",
                "How often replicas began anew. More than one by itself is a crash loop.",
                units.COUNT,
                Query(restarts, "{{job}}"),
            )
            .span(6)
            .thresholds(rising(2, 4)),
            table(
                "Versions",
                "What is running. Two versions of a service for long are a stuck roll-out.",
                {"Replicas": (running, units.COUNT)},
                {"service": "Service", "version": "Version"},
            ).span(6),
        ],
    )


def _processes() -> Row:
    legend = "{{job}} {{instance}}"
    return Row(
        "Processes",
        [
            graph(
                "CPU of the services",
                "Cores that each replica uses. One process uses about one core at most.",
                units.CORES,
                Query(
                    f"rate({selector('process_cpu_seconds_total', *_REPLICAS)}[$__rate_interval])",
                    legend,
                ),
            ).links([runbook("HighCPUUsage")]),
            graph(
                "Memory of the services",
                "Resident memory of each replica. What only ever grows is a leak.",
                units.BYTES,
                Query(selector("process_resident_memory_bytes", *_REPLICAS), legend),
            ).links([runbook("HighMemoryUsage")]),
            graph(
                "Open files",
                "Share of the file descriptors that a replica may open. At 100 % it refuses work.",
                units.RATIO,
                Query(
                    f"{selector('process_open_fds', *_REPLICAS)} / "
                    f"{selector('process_max_fds', *_REPLICAS)}",
                    legend,
                ),
            ).thresholds(rising(0.7, 0.9)),
        ],
    )


def _lines() -> Row:
    return Row(
        "Logs",
        [
            log_graph(
                "Lines by level",
                "A sudden rise of errors or warnings is a fault, of all levels a loop.",
                units.LINES_PER_SECOND,
                logql.line_rate("$service", ".+", by="service, level"),
                "{{service}} {{level}}",
            ),
            logs(
                "Errors",
                "The newest errors of the chosen services. Open one for its trace.",
                logql.lines("$service", logql.ERRORS),
            )
            .span(16)
            .height(8),
        ],
    )
