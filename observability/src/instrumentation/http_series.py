"""The HTTP time series of one method and endpoint, bound once and kept."""

from typing import Final

from prometheus_client import Counter

from instrumentation.metrics import Metrics
from instrumentation.routing import UNMATCHED

_QUIET: Final = ("/metrics", "/health")


class EndpointSeries:
    """The bound metrics of one method and endpoint: a request then costs no label lookup."""

    __slots__ = (
        "_by_outcome",
        "_metrics",
        "duration",
        "endpoint",
        "in_progress",
        "is_api",
        "method",
        "quiet",
        "request_size",
        "response_size",
        "span_name",
    )

    def __init__(self, metrics: Metrics, method: str, endpoint: str) -> None:
        self._metrics = metrics
        self._by_outcome: dict[tuple[int, str], tuple[Counter, ...]] = {}
        self.method = method
        self.endpoint = endpoint
        self.span_name = method if endpoint == UNMATCHED else f"{method} {endpoint}"
        self.quiet = endpoint.startswith(_QUIET)
        self.is_api = endpoint.startswith("/api/") and metrics.has("api_requests_total")
        # A plain count read at the scrape: only the event loop's thread changes it.
        self.in_progress = 0
        gauge = metrics.gauge("http_requests_in_progress").labels(method, endpoint)
        gauge.set_function(lambda: float(self.in_progress))
        self.duration = metrics.histogram("http_request_duration_seconds").labels(method, endpoint)
        self.request_size = metrics.histogram("http_request_size_bytes").labels(method, endpoint)
        self.response_size = metrics.histogram("http_response_size_bytes").labels(method, endpoint)

    def count(self, status: int, tenant_id: str) -> None:
        """Add one request to the totals."""
        tenant = self._metrics.bounded_tenant(tenant_id)
        counters = self._by_outcome.get((status, tenant))
        if counters is None:
            counters = self._by_outcome[status, tenant] = self._bind(status, tenant)
        for counter in counters:
            counter.inc()

    def _bind(self, status: int, tenant: str) -> tuple[Counter, ...]:
        requests = self._metrics.counter("http_requests_total")
        total = requests.labels(self.method, self.endpoint, str(status), tenant)
        if not self.is_api:
            return (total,)
        return (total, self._metrics.counter("api_requests_total").labels(tenant, self.endpoint))


class HttpSeries:
    """All series of a service; methods and endpoints are bounded, and so is this."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._series: dict[tuple[str, str], EndpointSeries] = {}

    def of(self, method: str, endpoint: str) -> EndpointSeries:
        """The series of a method and an endpoint, made at the first request."""
        series = self._series.get((method, endpoint))
        if series is None:
            series = EndpointSeries(self._metrics, method, endpoint)
            self._series[method, endpoint] = series
        return series
