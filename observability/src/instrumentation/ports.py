"""Weaves telemetry around a port at the composition root: same interface, nothing to call."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

from opentelemetry.trace import SpanKind, get_current_span
from opentelemetry.util.types import AttributeValue

from instrumentation.errors import count_error, record_exception
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing

PortT = TypeVar("PortT")
_CACHE: Final = "cache"


def observed(  # noqa: PLR0913 - each is named where it is called
    port: PortT,
    *,
    kind: str,
    name: str,
    metrics: Metrics,
    tracing: Tracing,
    expected: tuple[type[Exception], ...] = (),
    attributes: Mapping[str, AttributeValue] | None = None,
    recurring: Collection[str] = (),
) -> PortT:
    """The port with a span, a duration and an error count around every async method.

    `kind` is "cache", "store" or what fits: a cache is measured as `cache_operations_*` and its
    `get` counts hits and misses, any other kind as `port_operation_duration_seconds`.
    Exceptions of the types `expected` (such as KeyError for an absent object) are answers, not
    errors. `attributes` say more of what stands behind the port, such as `db.system.name` and
    `server.address`, and are on its spans. The methods named in `recurring`, such as a look each
    second, make no traces of their own. Methods that are not `async def`, and attributes, are the
    port's own.
    """
    weaver = _Weaver(kind, name, metrics, tracing, expected, attributes or {}, recurring)
    return cast("PortT", _ObservedPort(port, weaver))


class _ObservedPort:
    def __init__(self, port: object, weaver: "_Weaver") -> None:
        self._port = port
        self._weaver = weaver

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not iscoroutinefunction(value):
            return value
        woven = self._weaver.weave(attribute, value)
        # The next call finds it as an attribute and never comes here.
        setattr(self, attribute, woven)
        return woven

    def __repr__(self) -> str:
        return f"observed({self._port!r})"


class _Weaver:
    def __init__(
        self,
        kind: str,
        name: str,
        metrics: Metrics,
        tracing: Tracing,
        expected: tuple[type[Exception], ...],
        attributes: Mapping[str, AttributeValue],
        recurring: Collection[str],
    ) -> None:
        self._kind = kind
        self._name = name
        self._metrics = metrics
        self._tracing = tracing
        self._expected = expected
        self._attributes = attributes
        self._recurring = recurring

    def weave(
        self, operation: str, call: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        measured = self._measured(operation, call)
        if not self._tracing.exporting:
            return measured
        span_name = f"{self._name} {operation}"
        attributes: dict[str, AttributeValue] = {
            "port.kind": self._kind,
            "port.name": self._name,
            "port.operation": operation,
            **self._attributes,
        }

        tracing = self._tracing
        tracer = tracing.silent if operation in self._recurring else tracing.tracer

        @wraps(call)
        async def traced(*args: Any, **kwargs: Any) -> Any:
            with tracer.start_as_current_span(
                span_name,
                kind=SpanKind.CLIENT,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            ):
                return await measured(*args, **kwargs)

        return traced

    def _measured(
        self, operation: str, call: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        metrics, expected, exporting = self._metrics, self._expected, self._tracing.exporting
        family, labels = self._duration(operation)
        counts_reads = self._kind == _CACHE and operation == "get"

        @wraps(call)
        async def measured(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                answer = await call(*args, **kwargs)
            except expected:
                raise
            except Exception as error:
                count_error(metrics, error)
                if exporting:
                    record_exception(get_current_span(), error)
                raise
            finally:
                metrics.observe(family, time.perf_counter() - started, **labels)
            if counts_reads:
                outcome = "cache_misses_total" if answer is None else "cache_hits_total"
                metrics.inc(outcome, cache_type=self._name)
            return answer

        return measured

    def _duration(self, operation: str) -> tuple[str, dict[str, str]]:
        if self._kind == _CACHE:
            labels = {"cache_type": self._name, "operation": operation}
            return "cache_operations_duration_seconds", labels
        return "port_operation_duration_seconds", {"port": self._name, "operation": operation}
