"""Weaves telemetry around a port at the composition root: same interface, nothing to call."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from instrumentation.current_span import current_identity, enter, leave
from instrumentation.errors import count_error, record_exception
from instrumentation.histogram import TracedHistogram
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
        metrics, tracing = self._metrics, self._tracing
        expected, exporting = self._expected, tracing.exporting
        tracer = tracing.silent if operation in self._recurring else tracing.tracer
        span_name = f"{self._name} {operation}"
        attributes: dict[str, AttributeValue] = {
            "port.kind": self._kind,
            "port.name": self._name,
            "port.operation": operation,
            **self._attributes,
        }
        duration = self._duration(operation)
        count_read = self._counted_read(operation)

        @wraps(call)
        async def woven(*args: Any, **kwargs: Any) -> Any:
            span, token, identity = None, None, None
            if exporting:
                span = tracer.start_span(span_name, None, SpanKind.CLIENT, attributes)
                token, identity = enter(span), span.get_span_context()
            started = time.perf_counter()
            try:
                answer = await call(*args, **kwargs)
            except expected:
                raise
            except Exception as error:
                count_error(metrics, error)
                if span is not None:
                    record_exception(span, error)
                raise
            finally:
                seconds = time.perf_counter() - started
                duration.observe_within(seconds, identity or current_identity())
                if span is not None and token is not None:
                    leave(token)
                    span.end()
            count_read(answer)
            return answer

        return woven

    def _counted_read(self, operation: str) -> Callable[[object], None]:
        """Counts what a cache answers to `get` as a hit or a miss."""
        if self._kind != _CACHE or operation != "get":
            return _nothing
        metrics, name = self._metrics, self._name

        def count(answer: object) -> None:
            outcome = "cache_misses_total" if answer is None else "cache_hits_total"
            metrics.inc(outcome, cache_type=name)

        return count

    def _duration(self, operation: str) -> TracedHistogram:
        if self._kind == _CACHE:
            family = "cache_operations_duration_seconds"
            return self._metrics.bound(family, cache_type=self._name, operation=operation)
        family = "port_operation_duration_seconds"
        return self._metrics.bound(family, port=self._name, operation=operation)


def _nothing(answer: object) -> None:
    """Is told of an answer that counts as neither hit nor miss."""
    del answer
