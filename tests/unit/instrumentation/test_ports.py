import pytest
from opentelemetry.trace import get_current_span
from tests.otlp_collector import Collector, attributes

from instrumentation.metrics import Metrics
from instrumentation.ports import observed
from instrumentation.tracing import Tracing

pytestmark = pytest.mark.anyio


class MemoryCache:
    size = 3

    def __init__(self) -> None:
        self.values = {"a": b"1"}

    async def get(self, key: str) -> bytes | None:
        """The value."""
        return self.values.get(key)

    async def take(self, key: str) -> bytes:
        return self.values.pop(key)

    async def fail(self) -> None:
        raise ConnectionError("jane@example.com")

    def keys(self) -> list[str]:
        return list(self.values)


def wrap(metrics: Metrics, tracing: Tracing, kind: str = "cache") -> MemoryCache:
    return observed(
        MemoryCache(),
        kind=kind,
        name="recommendations",
        metrics=metrics,
        tracing=tracing,
        expected=(KeyError,),
    )


async def test_the_interface_stays_the_same(metrics: Metrics, tracing: Tracing) -> None:
    cache = wrap(metrics, tracing)
    assert await cache.get("a") == b"1"
    assert cache.keys() == ["a"]
    assert cache.size == 3
    assert cache.get.__doc__ == "The value."
    assert cache.get is cache.get, "a method is woven once"
    with pytest.raises(AttributeError):
        cache.absent  # type: ignore[attr-defined]  # noqa: B018


async def test_a_cache_is_timed_and_its_reads_are_counted(
    metrics: Metrics, tracing: Tracing
) -> None:
    cache = wrap(metrics, tracing)
    for key in ("a", "a", "b"):
        await cache.get(key)
    read = metrics.registry.get_sample_value
    labels = {"cache_type": "recommendations"}
    assert read("cache_hits_total", labels) == 2
    assert read("cache_misses_total", labels) == 1
    name = "cache_operations_duration_seconds_count"
    assert read(name, {**labels, "operation": "get"}) == 3


async def test_another_port_is_timed_by_its_name(metrics: Metrics, tracing: Tracing) -> None:
    await wrap(metrics, tracing, kind="store").get("absent")
    read = metrics.registry.get_sample_value
    labels = {"port": "recommendations", "operation": "get"}
    assert read("port_operation_duration_seconds_count", labels) == 1
    assert read("cache_misses_total", {"cache_type": "recommendations"}) is None


async def test_only_unexpected_errors_count(metrics: Metrics, tracing: Tracing) -> None:
    cache = wrap(metrics, tracing)
    with pytest.raises(KeyError):
        await cache.take("absent")
    with pytest.raises(ConnectionError) as caught:
        await cache.fail()
    read = metrics.registry.get_sample_value
    assert read("errors_total", {"error_type": "ConnectionError"}) == 1
    assert read("errors_total", {"error_type": "KeyError"}) is None
    assert str(caught.value) == "jane@example.com", "the exception itself is untouched"


async def test_an_error_that_passes_two_layers_counts_once(
    metrics: Metrics, tracing: Tracing
) -> None:
    inner = wrap(metrics, tracing)
    outer = observed(inner, kind="store", name="outer", metrics=metrics, tracing=tracing)
    with pytest.raises(ConnectionError):
        await outer.fail()
    read = metrics.registry.get_sample_value
    assert read("errors_total", {"error_type": "ConnectionError"}) == 1


async def test_calls_are_spans_where_a_collector_is_set(
    metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    class Inner(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            assert get_current_span().is_recording()
            return None

    cache = observed(Inner(), kind="cache", name="plans", metrics=metrics, tracing=exporting)
    await cache.get("a")
    with pytest.raises(ConnectionError):
        await cache.fail()
    exporting.close()
    expected = {"port.kind": "cache", "port.name": "plans", "port.operation": "get"}
    assert attributes(collector.span("plans get")) == expected
    failed = collector.span("plans fail")
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert "example.com" not in str(failed)


async def test_what_stands_behind_a_port_is_on_its_spans(
    metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    behind = {"db.system.name": "redis", "server.address": "localhost", "server.port": 6379}
    port = observed(
        MemoryCache(),
        kind="rate limiter",
        name="redis",
        metrics=metrics,
        tracing=exporting,
        attributes=behind,
    )
    await port.get("a")
    exporting.close()
    assert attributes(collector.span("redis get")).items() >= behind.items()


async def test_what_recurs_makes_no_trace_of_its_own(
    metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    class Inner(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            with exporting.span("a query"):
                return None

    port = observed(
        Inner(),
        kind="store",
        name="jobs",
        metrics=metrics,
        tracing=exporting,
        recurring=("get",),
    )
    await port.get("a")
    with exporting.span("a request"):
        await port.get("a")
    with pytest.raises(KeyError):
        await port.take("absent")
    exporting.close()
    assert sorted(span.name for span in collector.spans(3)) == ["a query", "a request", "jobs take"]
    labels = {"port": "jobs", "operation": "get"}
    read = metrics.registry.get_sample_value
    assert read("port_operation_duration_seconds_count", labels) == 2
