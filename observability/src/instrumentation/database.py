"""SQL in metrics and traces, by SQLAlchemy's own events.

opentelemetry-instrumentation-sqlalchemy 0.66b1 declares `sqlalchemy < 2.1` and refuses to work
with 2.1, and it patches SQLAlchemy for the whole process; so the spans are made here, by the
stable database semantic conventions.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from instrumentation.errors import record_exception
from instrumentation.metrics import Metrics
from instrumentation.statements import StatementCatalogue
from instrumentation.tracing import Tracing

_STATE: Final = "instrumentation"
# SQLite's transactions are begun by a statement; they are no query of the service's.
_TRANSACTION_CONTROL: Final = "BEGIN"


@dataclass(slots=True)
class _Running:
    """A statement in the driver: when it began, as what it counts, and its span."""

    started: float
    query_type: str
    table: str
    span: Span | None


def instrument_engine(
    engine: AsyncEngine, metrics: Metrics, tracing: Tracing, pool_name: str
) -> None:
    """Measure every statement and the pool of `engine`; call it once, before its first use."""
    sync_engine = engine.sync_engine
    listeners = _Listeners(sync_engine, metrics, tracing)
    event.listen(sync_engine, "before_cursor_execute", listeners.before)
    event.listen(sync_engine, "after_cursor_execute", listeners.after)
    event.listen(sync_engine, "handle_error", listeners.failed)
    _watch_pool(sync_engine, metrics, pool_name)


class _Listeners:
    def __init__(self, engine: Engine, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._statements = StatementCatalogue()
        self._attributes = _engine_attributes(engine)

    def before(
        self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
    ) -> None:
        del conn, cursor, parameters, many
        if statement.startswith(_TRANSACTION_CONTROL):
            return
        kind = self._statements.classify(statement)
        span: Span | None = None
        if self._tracing.exporting:
            attributes: dict[str, AttributeValue] = {**self._attributes, **kind.attributes}
            span = self._tracing.tracer.start_span(
                kind.span_name, kind=SpanKind.CLIENT, attributes=attributes
            )
        running = _Running(time.perf_counter(), kind.query_type, kind.table, span)
        setattr(context, _STATE, running)

    def after(
        self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
    ) -> None:
        del conn, cursor, statement, parameters, many
        self._end(context)

    def failed(self, context: ExceptionContext) -> None:
        self._end(context.execution_context, context.original_exception)

    def _end(self, context: Any, error: BaseException | None = None) -> None:
        running: _Running | None = getattr(context, _STATE, None)
        if running is None:
            return
        setattr(context, _STATE, None)
        seconds = time.perf_counter() - running.started
        self._metrics.observe(
            "db_query_duration_seconds",
            seconds,
            query_type=running.query_type,
            table=running.table,
        )
        if running.span is None:
            return
        if error is not None:
            record_exception(running.span, error)
        running.span.end()


def _engine_attributes(engine: Engine) -> dict[str, AttributeValue]:
    url = engine.url
    attributes: dict[str, AttributeValue] = {"db.system.name": engine.dialect.name}
    if url.database:
        attributes["db.namespace"] = url.database
    if url.host:
        attributes["server.address"] = url.host
    if url.port:
        attributes["server.port"] = url.port
    return attributes


def _watch_pool(engine: Engine, metrics: Metrics, pool_name: str) -> None:
    # Read at each scrape, and from the engine: `dispose` gives it another pool.
    sources = {
        "db_connection_pool_size": "size",
        "db_connections_checked_out": "checkedout",
        "db_connections_overflow": "overflow",
    }
    for family, method in sources.items():
        gauge = metrics.gauge(family).labels(pool_name)
        gauge.set_function(lambda method=method: _pool_figure(engine, method))


def _pool_figure(engine: Engine, method: str) -> float:
    # An in-memory SQLite has a pool of one connection that counts nothing.
    read = getattr(engine.pool, method, None)
    # A queue pool counts its overflow from minus its size upwards.
    return float(max(0, read())) if read is not None else 0.0
