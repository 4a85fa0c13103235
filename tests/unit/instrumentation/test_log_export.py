import io
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.otlp_collector import Collector, attributes
from tests.real_processes import free_port
from tests.unit.instrumentation.conftest import Settings

from instrumentation import context
from instrumentation.context import RequestContext, hash_user
from instrumentation.export import QUEUE_SIZE
from instrumentation.log_export import LogExport, open_log_export
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing

LogLines = Callable[..., io.StringIO]
KEY = f"rk_{'a' * 12}_{'b' * 43}"
LOKI_LIMIT = 64 * 1024
logger = logging.getLogger("tests.log_export")


@pytest.fixture
def export(log_lines: LogLines, collector: Collector, metrics: Metrics) -> Iterator[LogExport]:
    settings: dict[str, Any] = {"environment": "test", "service_version": "1.2.3"}
    log_lines(**settings)
    export = open_log_export(Settings(otlp_endpoint=collector.url, **settings), metrics)
    assert export is not None
    yield export
    export.close()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"signal": "logs", **labels})


def test_without_a_collector_there_is_no_export() -> None:
    assert open_log_export(Settings()) is None


def test_a_line_arrives_with_severity_trace_and_context(
    export: LogExport, collector: Collector, tracing: Tracing
) -> None:
    token = context.bind(RequestContext(request_id="r-1", endpoint="/items/{id}"))
    context.identify(tenant_id="acme", user_id="u-1")
    with tracing.span("work") as span:
        logger.warning("served %d", 3, extra={"latency_ms": 1.5, "category": "ml", "items": [1]})
    context.reset(token)
    export.close()
    record = collector.log("served 3")
    identity = span.get_span_context()
    assert record.trace_id.hex() == f"{identity.trace_id:032x}"
    assert record.span_id.hex() == f"{identity.span_id:016x}"
    assert (record.severity_text, record.severity_number) == ("WARNING", 13)
    assert abs(record.time_unix_nano / 1e9 - time.time()) < 60
    assert attributes(record) == {
        "level": "WARNING",
        "logger": "tests.log_export",
        "request_id": "r-1",
        "tenant_id": "acme",
        "user_hash": hash_user("u-1"),
        "endpoint": "/items/{id}",
        "latency_ms": 1.5,
        "category": "ml",
        "items": "[1]",
    }


def test_logs_and_traces_name_one_resource(
    export: LogExport, collector: Collector, exporting: Tracing
) -> None:
    logger.info("one")
    with exporting.span("work"):
        pass
    exporting.close()
    export.close()
    collector.log("one")
    collector.span("work")
    resource = collector.log_requests[0].resource_logs[0].resource
    of_logs = {a.key: a.value.string_value for a in resource.attributes}
    of_traces = collector.resource()
    assert of_logs["service.instance.id"] == of_traces["service.instance.id"]
    assert of_logs["service.name"] == "backend-api"
    assert of_logs["deployment.environment.name"] == "test"
    assert of_logs["service.version"] == "1.2.3"
    # Loki makes labels of these.
    assert of_logs["service"] == of_logs["service.name"]
    assert of_logs["environment"] == of_logs["deployment.environment.name"]


def test_what_arrives_is_redacted_as_the_line_is(export: LogExport, collector: Collector) -> None:
    try:
        int(f"key {KEY} of jane@example.com")
    except ValueError:
        logger.exception("failed for %s", "jane@example.com", extra={"password": "hunter2"})
    export.close()
    record = collector.log("failed for [redacted]")
    assert attributes(record)["exception.type"] == "ValueError"
    assert "Traceback" in attributes(record)["exception.stacktrace"]
    wire = b"".join(request.SerializeToString() for request in collector.log_requests)
    for secret in (KEY, "example.com", "hunter2"):
        assert secret.encode() not in wire


@pytest.mark.parametrize("character", ["x", "\u00e4", "\U0001f600"], ids=["one", "two", "four"])
def test_attributes_stay_below_the_limit_of_loki(
    export: LogExport, collector: Collector, character: str
) -> None:
    extra = {f"field_{n}": character * 20_000 for n in range(200)}
    logger.error("large", extra=extra, exc_info=ValueError(character * 300_000))
    export.close()
    record = collector.log("large")
    size = sum(a.ByteSize() for a in record.attributes)
    assert 20_000 < size < LOKI_LIMIT
    assert {"logger", "category"} <= set(attributes(record))


def test_odd_values_are_sent_as_text(export: LogExport, collector: Collector) -> None:
    logger.info("odd", extra={"size": 2**80, "half": "\ud800", "nothing": None})
    export.close()
    sent = attributes(collector.log("odd"))
    assert sent["size"] == str(2**80)
    assert sent["half"] == "?"
    assert "nothing" not in sent


def test_lines_of_uvicorn_and_of_other_libraries_are_sent_too(
    export: LogExport, collector: Collector
) -> None:
    logging.getLogger("uvicorn.error").warning("started")
    export.close()
    assert attributes(collector.log("started"))["logger"] == "uvicorn.error"


def test_lines_of_the_export_itself_are_not_exported(
    export: LogExport, collector: Collector
) -> None:
    logging.getLogger("instrumentation.export").error("no collector")
    logger.info("last")
    export.close()
    collector.log("last")
    assert [one.body.string_value for one in collector.logs()] == ["last"]


def test_what_is_exported_is_counted(
    export: LogExport, collector: Collector, metrics: Metrics
) -> None:
    for _ in range(5):
        logger.info("line")
    assert sample(metrics, "telemetry_queue_size") == 5
    export.close()
    collector.log("line")
    assert sample(metrics, "telemetry_queue_size") == 0
    assert sample(metrics, "telemetry_exported_total") == 5
    assert sample(metrics, "telemetry_dropped_total", reason="queue_full") == 0


def test_an_absent_collector_slows_nothing_and_what_is_lost_is_counted(
    log_lines: LogLines, metrics: Metrics
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # It takes connections and never answers: the worst of all.
        port = server.getsockname()[1]
        stream = log_lines()
        export = open_log_export(Settings(otlp_endpoint=f"http://127.0.0.1:{port}"), metrics)
        assert export is not None
        lines = 2 * QUEUE_SIZE
        started = time.process_time()
        for _ in range(lines):
            logger.info("line")
        assert (time.process_time() - started) / lines < 0.002
        dropped = sample(metrics, "telemetry_dropped_total", reason="queue_full") or 0
        waiting = sample(metrics, "telemetry_queue_size") or 0
        assert 0 < waiting <= QUEUE_SIZE
        # One batch at most is on its way.
        assert lines - QUEUE_SIZE - 512 <= dropped <= lines - QUEUE_SIZE
        started = time.monotonic()
        export.close()
        assert time.monotonic() - started < 5
        written = stream.getvalue().splitlines()
        assert sum('"message":"line"' in line for line in written) == lines
        assert len(written) <= lines + 2, "the export complains once a minute"


def test_a_batch_that_is_refused_is_counted(log_lines: LogLines, metrics: Metrics) -> None:
    log_lines()
    export = open_log_export(Settings(otlp_endpoint=f"http://127.0.0.1:{free_port()}"), metrics)
    assert export is not None
    logger.info("line")
    export.close()
    assert sample(metrics, "telemetry_export_failures_total") == 1
    assert sample(metrics, "telemetry_dropped_total", reason="export_failed") == 1


def test_a_closed_export_leaves_the_other_lines_alone(
    log_lines: LogLines, collector: Collector
) -> None:
    stream = log_lines()
    export = open_log_export(Settings(otlp_endpoint=collector.url))
    assert export is not None
    export.close()
    logger.info("after")
    assert len(stream.getvalue().splitlines()) == 1
