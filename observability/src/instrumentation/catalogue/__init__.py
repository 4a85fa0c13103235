"""The one catalogue of metrics: names, labels, units and buckets.

`metrics.Metrics` builds what stands here, docs/metrics.md is generated from it, and
dashboards and rules are checked against it. Add a metric here before using it anywhere.
"""

from typing import Final

from instrumentation.catalogue import all_services, backend_api, data_pipeline, ml_engine
from instrumentation.catalogue.family import ALL, Metric

__all__ = ["ALL", "CATALOGUE", "Metric", "metrics_of"]

CATALOGUE: Final[tuple[Metric, ...]] = (
    *all_services.HTTP,
    *all_services.BACKENDS,
    *all_services.TELEMETRY,
    *backend_api.METRICS,
    *ml_engine.METRICS,
    *data_pipeline.METRICS,
)


def metrics_of(service: str) -> tuple[Metric, ...]:
    """What `service` exposes. Raises `ValueError` for a service the catalogue does not know."""
    if service not in ALL:
        raise ValueError(f"unknown service {service!r}: the catalogue knows {sorted(ALL)}")
    return tuple(metric for metric in CATALOGUE if service in metric.services)
