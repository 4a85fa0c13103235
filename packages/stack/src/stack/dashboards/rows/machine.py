"""What the services run on: machine, containers, database and Redis."""

from typing import Final

from stack.dashboards import units
from stack.dashboards.board import Row
from stack.dashboards.levels import rising, up_or_down
from stack.dashboards.links import runbook
from stack.dashboards.panels import graph, ranking, stat
from stack.dashboards.promql import aggregated, hits, rate, top
from stack.dashboards.targets import Query

DISKS: Final = 'fstype!~"tmpfs|ramfs|overlay|squashfs|autofs|devtmpfs"'
_CARDS: Final = 'device!="lo"'
_CONTAINERS: Final = 'name!=""'


def machine() -> Row:
    """Processors, memory, disks and network, by node-exporter."""
    idle = 'avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'
    size, free = (
        aggregated("max", f"node_filesystem_{part}_bytes", DISKS, by="instance, mountpoint")
        for part in ("size", "avail")
    )
    read, written = (
        rate(f"node_disk_{part}_bytes_total", by="device") for part in ("read", "written")
    )
    received, sent = (
        rate(f"node_network_{part}_bytes_total", _CARDS, by="device")
        for part in ("receive", "transmit")
    )
    lost = " + ".join(
        rate(f"node_network_{way}_{what}_total", _CARDS, by="device")
        for way in ("receive", "transmit")
        for what in ("errs", "drop")
    )
    return Row(
        "Machine",
        [
            graph(
                "CPU",
                "Share of the machine's processors in use. Above 80 % for 10 minutes warns.",
                units.RATIO,
                Query(f"1 - {idle}", "{{instance}}"),
            )
            .max(1)
            .thresholds(rising(0.7, 0.8))
            .links([runbook("HighCPUUsage")]),
            graph(
                "Memory",
                "Share of the machine's memory in use. Above 85 % for 10 minutes warns.",
                units.RATIO,
                Query(
                    "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
                    "{{instance}}",
                ),
            )
            .max(1)
            .thresholds(rising(0.75, 0.85))
            .links([runbook("HighMemoryUsage")]),
            graph(
                "Load",
                "Processes that run or wait, for each processor. Above 1 they wait.",
                units.COUNT,
                Query(
                    "sum by (instance) (node_load5) / count by (instance) "
                    '(node_cpu_seconds_total{mode="idle"})',
                    "{{instance}}",
                ),
            ).thresholds(rising(1, 2)),
            graph(
                "Disk space in use",
                "By mount point. Above 85 % warns: databases and backends stop when it is full.",
                units.RATIO,
                Query(f"1 - {free} / {size}", "{{mountpoint}}"),
            )
            .max(1)
            .thresholds(rising(0.75, 0.85))
            .links([runbook("DiskSpaceLow")]),
            graph(
                "Disk I/O",
                "Bytes read and written by device.",
                units.BYTES_PER_SECOND,
                Query(read, "{{device}} read"),
                Query(written, "{{device}} written"),
            ),
            graph(
                "Disk busy",
                "Share of the time in which a device had work. Near 100 % it is the brake.",
                units.RATIO,
                Query(rate("node_disk_io_time_seconds_total", by="device"), "{{device}}"),
            )
            .max(1)
            .thresholds(rising(0.7, 0.9)),
            graph(
                "Network",
                "Bytes by device; of the machine where node-exporter sees its devices.",
                units.BYTES_PER_SECOND,
                Query(received, "{{device}} in"),
                Query(sent, "{{device}} out"),
            ).span(12),
            graph(
                "Network errors and drops",
                "Packets by device that were broken or dropped. More than a few are a fault.",
                units.EVENTS_PER_SECOND,
                Query(lost, "{{device}}"),
            )
            .span(12)
            .thresholds(rising(1, 10)),
        ],
    )


def containers() -> Row:
    """What each container uses, by cAdvisor."""
    memory = aggregated("sum", "container_memory_working_set_bytes", _CONTAINERS, by="name")
    limit = aggregated("sum", "container_spec_memory_limit_bytes", _CONTAINERS, by="name")
    restarts = 'sum by (name) (changes(container_start_time_seconds{name!=""}[1h]))'
    empty = "No containers: cAdvisor is not scraped"
    return Row(
        "Containers",
        [
            graph(
                "CPU by container",
                "Cores that each container uses.",
                units.CORES,
                Query(
                    rate("container_cpu_usage_seconds_total", _CONTAINERS, by="name"), "{{name}}"
                ),
            )
            .span(6)
            .no_value(empty),
            graph(
                "Memory by container",
                "Share of the memory that a container may use. At 100 % the kernel kills it.",
                units.RATIO,
                Query(f"{memory} / ({limit} > 0)", "{{name}}"),
            )
            .span(6)
            .thresholds(rising(0.75, 0.9))
            .no_value("No container has a limit"),
            graph(
                "Network by container",
                "Bytes that each container takes in and sends.",
                units.BYTES_PER_SECOND,
                Query(
                    rate("container_network_receive_bytes_total", _CONTAINERS, by="name"),
                    "{{name}} in",
                ),
                Query(
                    rate("container_network_transmit_bytes_total", _CONTAINERS, by="name"),
                    "{{name}} out",
                ),
            )
            .span(6)
            .no_value(empty),
            ranking(
                "Container restarts in an hour",
                "How often each container began anew. More than one by itself is a crash loop.",
                units.COUNT,
                Query(top(restarts), "{{name}}"),
            )
            .span(6)
            .thresholds(rising(2, 4))
            .no_value(empty),
        ],
    )


def stores() -> Row:
    """PostgreSQL and Redis, by their exporters."""
    used = "sum(pg_stat_activity_count)"
    return Row(
        "Database and Redis, where there are any",
        [
            stat(
                "PostgreSQL and Redis",
                "Whether the exporters reach them. Red is an outage of what rests on them.",
                units.STATE,
                Query("min(pg_up)", "PostgreSQL"),
                Query("min(redis_up)", "Redis"),
            )
            .mappings(up_or_down())
            .no_value("Not in use")
            .height(8)
            .links([runbook("DatabaseDown"), runbook("RedisDown")]),
            graph(
                "PostgreSQL connections",
                "Share of the connections that it allows. At 100 % it refuses new ones.",
                units.RATIO,
                Query(f"{used} / min(pg_settings_max_connections)", "in use"),
            )
            .span(5)
            .thresholds(rising(0.7, 0.9))
            .no_value("Not in use"),
            graph(
                "PostgreSQL transactions",
                "Committed and rolled back. Many rolled back are conflicts or errors.",
                units.OPERATIONS_PER_SECOND,
                Query(rate("pg_stat_database_xact_commit"), "committed"),
                Query(rate("pg_stat_database_xact_rollback"), "rolled back"),
            )
            .span(5)
            .no_value("Not in use"),
            graph(
                "Redis memory",
                "Memory that Redis uses.",
                units.BYTES,
                Query("sum by (instance) (redis_memory_used_bytes)", "{{instance}}"),
            )
            .span(5)
            .no_value("Not in use"),
            graph(
                "Redis hit ratio",
                "Share of reads that found a key.",
                units.RATIO,
                Query(hits("redis_keyspace"), "hits"),
            )
            .span(5)
            .no_value("Not in use"),
        ],
    )
