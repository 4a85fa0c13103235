"""The metrics of one service: built from the catalogue, in a registry of their own."""

from typing import Any, Final, TypeVar, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from instrumentation.catalogue import Metric, metrics_of
from instrumentation.current_span import current_identity
from instrumentation.histogram import PlainCounter, TracedHistogram, exemplar_of

Family = Counter | Gauge | TracedHistogram
FamilyT = TypeVar("FamilyT", Counter, Gauge, TracedHistogram)
OVERFLOW_TENANT: Final = "other"
VERSIONS_KEPT: Final = 5
"""How many model versions of a tenant have series of a family; those of older ones are removed."""
_GROWING: Final = "model_version"
_PROMETHEUS_UNITS: Final = ("seconds", "bytes")


class UnknownMetricError(LookupError):
    """A metric was used that the catalogue does not hold for this service, or not as this kind."""


def exemplar() -> dict[str, str] | None:
    """The ids of the current span where its trace is kept, else None: it would point nowhere."""
    return exemplar_of(current_identity())


class Metrics:
    """Every catalogue metric of `service` (a name the catalogue knows), and its exposition.

    `tenant_limit` bounds how many values `tenant_id` may take in this process; the tenants
    beyond it share the value "other", so that no caller can make series without end. Of a
    tenant's model versions the five newest have series; where a family has no `tenant_id`, or the
    tenant is "other", as many versions as there may be tenants.
    """

    def __init__(
        self,
        service: str,
        version: str = "0.0.0",
        environment: str = "development",
        tenant_limit: int = 1000,
    ) -> None:
        # A second `_created` sample for each series would double what is stored for nothing.
        disable_created_metrics()
        self.service = service
        self.registry = CollectorRegistry(auto_describe=True)
        self._tenant_limit = tenant_limit
        self._tenants: set[str] = set()
        self._versions: dict[tuple[str, str], dict[str, list[dict[str, str]]]] = {}
        self._labels = {metric.name: metric.labels for metric in metrics_of(service)}
        self._families = {metric.name: self._build(metric) for metric in metrics_of(service)}
        self._children: dict[tuple[object, ...], Any] = {}
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.set("build_info", 1, service=service, version=version, environment=environment)

    def counter(self, name: str) -> Counter:
        """The counter of the catalogue. Raises `UnknownMetricError`."""
        return self._family(name, Counter)

    def gauge(self, name: str) -> Gauge:
        """The gauge of the catalogue. Raises `UnknownMetricError`."""
        return self._family(name, Gauge)

    def histogram(self, name: str) -> TracedHistogram:
        """The histogram of the catalogue. Raises `UnknownMetricError`."""
        return self._family(name, TracedHistogram)

    def inc(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        self._child(Counter, name, labels).inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._child(Gauge, name, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Observe a value in a histogram, with the current trace as its exemplar."""
        self._child(TracedHistogram, name, labels).observe_within(value, current_identity())

    def bound(self, name: str, **labels: str) -> TracedHistogram:
        """A histogram's series of these labels, for who observes it often and keeps it.

        Not for labels that make series come and go, such as a model's version.
        """
        return self._child(TracedHistogram, name, labels)

    def forget(self, name: str, **labels: str) -> None:
        """Remove the series that have these labels, such as that of a job long done."""
        if "tenant_id" in labels:
            labels["tenant_id"] = self.bounded_tenant(labels["tenant_id"])
        family = self._family(name, None)
        wanted = labels.items()
        for key in [key for key in self._children if key[0] == name and wanted <= set(key[1:])]:
            del self._children[key]
        family.remove_by_labels(labels)

    def bounded_tenant(self, tenant_id: str) -> str:
        """`tenant_id` as a label value: itself, or "other" beyond the limit."""
        if tenant_id in self._tenants:
            return tenant_id
        if len(self._tenants) >= self._tenant_limit:
            return OVERFLOW_TENANT
        self._tenants.add(tenant_id)
        return tenant_id

    def _child(self, kind: type[FamilyT], name: str, labels: dict[str, str]) -> FamilyT:
        key = (name, *labels.items())
        child = self._children.get(key)
        if child is not None:
            return child
        if "tenant_id" in labels:
            labels["tenant_id"] = self.bounded_tenant(labels["tenant_id"])
            key = (name, *labels.items())
            child = self._children.get(key)
            if child is not None:
                return child
        family = self._family(name, kind)
        expected = self._labels[name]
        if sorted(labels) != sorted(expected):
            raise UnknownMetricError(f"{name} has the labels {expected}, not {tuple(labels)}")
        child = family.labels(**labels) if expected else family
        self._children[key] = child
        if _GROWING in labels:
            self._bound_versions(name, labels)
        return child

    def _bound_versions(self, name: str, labels: dict[str, str]) -> None:
        tenant = labels.get("tenant_id", OVERFLOW_TENANT)
        versions = self._versions.setdefault((name, tenant), {})
        versions.setdefault(labels[_GROWING], []).append(labels)
        limit = self._tenant_limit if tenant == OVERFLOW_TENANT else VERSIONS_KEPT
        if len(versions) > limit:
            for old in versions.pop(next(iter(versions))):
                self.forget(name, **old)

    def _family(self, name: str, kind: type[FamilyT] | None) -> FamilyT:
        family = self._families.get(name)
        if family is None:
            raise UnknownMetricError(f"{name!r} is no metric of {self.service} in the catalogue")
        if kind is not None and not isinstance(family, kind):
            wanted = kind.__name__.lower()
            raise UnknownMetricError(f"{name} is a {type(family).__name__.lower()}, not a {wanted}")
        return cast("FamilyT", family)

    def _build(self, metric: Metric) -> Family:
        # prometheus_client would append any other unit to the name.
        unit = metric.unit if metric.unit in _PROMETHEUS_UNITS else ""
        if metric.kind == "counter":
            return PlainCounter(metric.name, metric.help, metric.labels, registry=self.registry)
        if metric.kind == "gauge":
            return Gauge(metric.name, metric.help, metric.labels, unit=unit, registry=self.registry)
        return TracedHistogram(
            metric.name,
            metric.help,
            metric.labels,
            unit=unit,
            registry=self.registry,
            buckets=metric.buckets or TracedHistogram.DEFAULT_BUCKETS,
        )
