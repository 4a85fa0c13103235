"""Traces: OTLP to a collector where one is set, bare ids where none is."""

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, ParamSpec, TypeVar, cast

from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.util.types import AttributeValue

from instrumentation.errors import record_exception
from instrumentation.identifiers import IdentifierTracer
from instrumentation.metrics import Metrics
from instrumentation.propagation import extract, inject
from instrumentation.settings import ServiceSettings
from instrumentation.span_export import open_span_export

__all__ = ["Tracing", "extract", "inject", "start_tracing"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Tracing:
    """The tracer of one service; nothing global is set, so it is handed on.

    `exporting` tells whether spans go anywhere: skip costly attributes where it is False.
    `silent` makes ids for requests nobody wants traces of, such as scrapes and probes.
    """

    tracer: Tracer
    exporting: bool
    silent: Tracer
    _shut_down: Callable[[], None]

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Generator[Span]:
        """A child of the current span around a block; an exception marks it as failed."""
        with self.tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                record_exception(span, error)
                raise

    def traced(
        self, name: str | None = None, **attributes: AttributeValue
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function, sync or async, with a span of `name` (its own by default)."""

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            span_name = name or function.__qualname__
            if iscoroutinefunction(function):
                call = cast("Callable[P, Awaitable[Any]]", function)

                @wraps(function)
                async def traced_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                    with self.span(span_name, attributes):
                        return await call(*args, **kwargs)

                return cast("Callable[P, R]", traced_async)

            @wraps(function)
            def traced_sync(*args: P.args, **kwargs: P.kwargs) -> R:
                with self.span(span_name, attributes):
                    return function(*args, **kwargs)

            return traced_sync

        return decorate

    def close(self) -> None:
        """Send what is waiting, for a few seconds at most; spans ended later are lost."""
        self._shut_down()


_SILENT_RATE: Final = 0.0


def start_tracing(settings: ServiceSettings, metrics: Metrics | None = None) -> Tracing:
    """Start tracing for a service, whose `metrics` count what is exported and what is lost.

    Spans go to the collector of `otlp_endpoint`, to a Jaeger agent, or nowhere, as
    `traces_exporter` says.
    """
    silent = IdentifierTracer(_SILENT_RATE)
    to_collector = settings.traces_exporter == "otlp" and settings.otlp_endpoint is not None
    if not to_collector and settings.traces_exporter != "jaeger":
        tracer = IdentifierTracer(settings.trace_sample_rate)
        return Tracing(tracer, exporting=False, silent=silent, _shut_down=_nothing)
    export = open_span_export(settings, metrics)
    return Tracing(export.tracer, exporting=True, silent=silent, _shut_down=export.close)


def _nothing() -> None:
    """Bare ids leave nothing to send."""
