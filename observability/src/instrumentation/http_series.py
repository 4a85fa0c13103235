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
        "method",
        "quiet",
        "request_size",
        "response_size",
        "span_name",
    )

    def __init__(self, metrics: Metrics, method: str, endpoint: str) -> None:
        self._metrics = metrics
        self._by_outcome: dict[tuple[int, str], Counter] = {}
        self.method = method
        self.endpoint = endpoint
        self.span_name = method if endpoint == UNMATCHED else f"{method} {endpoint}"
        self.quiet = endpoint.startswith(_QUIET)
        # A plain count read at the scrape: only the event loop's thread changes it.
        self.in_progress = 0
        gauge = metrics.gauge("http_requests_in_progress").labels(method, endpoint)
        gauge.set_function(lambda: float(self.in_progress))
        self.duration = metrics.histogram("http_request_duration_seconds").labels(method, endpoint)
        self.request_size = metrics.histogram("http_request_size_bytes").labels(method, endpoint)
        self.response_size = metrics.histogram("http_response_size_bytes").labels(method, endpoint)

    def count(self, status: int, tenant_id: str) -> None:
        """Add one request to the total."""
        tenant = self._metrics.bounded_tenant(tenant_id)
        counter = self._by_outcome.get((status, tenant))
        if counter is None:
            requests = self._metrics.counter("http_requests_total")
            counter = requests.labels(self.method, self.endpoint, str(status), tenant)
            self._by_outcome[status, tenant] = counter
        counter.inc()


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
