import io
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from instrumentation import context
from instrumentation.context import RequestContext, hash_user
from instrumentation.logs import TextFormatter, configure_logging
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import Tracing

LogLines = Callable[..., io.StringIO]
KEY = f"rk_{'a' * 12}_{'b' * 43}"
logger = logging.getLogger("tests.logs")


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)


def test_a_record_is_one_json_line_with_every_field(log_lines: LogLines) -> None:
    stream = log_lines(service_version="1.2.3", environment="test")
    logger.info("loaded %d rows", 5)
    line = only_line(stream)
    assert line["message"] == "loaded 5 rows"
    assert (line["level"], line["logger"]) == ("INFO", "tests.logs")
    assert (line["service"], line["version"]) == ("backend-api", "1.2.3")
    assert (line["environment"], line["category"]) == ("test", "infrastructure")
    assert {"trace_id", "span_id", "request_id", "tenant_id", "endpoint", "latency_ms"} <= set(line)
    assert line["timestamp"].endswith("Z")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_a_line_carries_trace_and_request(log_lines: LogLines, tracing: Tracing) -> None:
    stream = log_lines()
    token = context.bind(RequestContext(request_id="r-1", endpoint="/items/{id}"))
    context.identify(tenant_id="acme", user_id="u-1")
    with tracing.span("work") as span:
        logger.info("served", extra={"latency_ms": 1.5, "category": "business", "items": 3})
    context.reset(token)
    line = only_line(stream)
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert (line["request_id"], line["tenant_id"]) == ("r-1", "acme")
    assert (line["endpoint"], line["user_hash"]) == ("/items/{id}", hash_user("u-1"))
    assert (line["latency_ms"], line["category"], line["items"]) == (1.5, "business", 3)


def test_no_secret_leaves_in_message_arguments_extras_or_exceptions(log_lines: LogLines) -> None:
    stream = log_lines()
    try:
        int(f"key {KEY} of jane@example.com")
    except ValueError:
        logger.exception("failed for %s", "jane@example.com", extra={"header": {"x-api-key": "s3"}})
    line = only_line(stream)
    assert KEY not in stream.getvalue()
    assert "example.com" not in stream.getvalue()
    assert line["header"] == {"x-api-key": "[redacted]"}
    assert line["exception.type"] == "ValueError"
    assert line["exception.message"].startswith("invalid literal for int()")
    assert line["exception.stacktrace"].startswith("Traceback (most recent call last):")


def test_an_extra_cannot_forge_a_field(log_lines: LogLines) -> None:
    stream = log_lines()
    logger.info("real", extra={"service": "other", "timestamp": "never"})
    assert only_line(stream)["service"] == "backend-api"


def test_a_line_break_in_a_message_stays_in_one_line(log_lines: LogLines) -> None:
    stream = log_lines()
    logger.info("one\ntwo %s", {"not": object})
    assert only_line(stream)["message"].startswith("one\ntwo")


def test_nothing_is_formatted_below_the_level(log_lines: LogLines) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("was formatted")

    stream = log_lines(log_level="WARNING")
    logger.info("%s", Costly())
    assert stream.getvalue() == ""


def test_uvicorn_goes_through_and_its_access_log_is_silent(log_lines: LogLines) -> None:
    own = logging.StreamHandler(io.StringIO())
    logging.getLogger("uvicorn.access").addHandler(own)
    logging.getLogger("uvicorn").addHandler(own)
    stream = log_lines()
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("uvicorn.error").warning("started")
    assert only_line(stream)["message"] == "started"
    assert own.stream.getvalue() == ""


def test_text_is_for_a_terminal_and_redacted_too() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    class Settings(ServiceSettings):
        service_name: str = "backend-api"

    stream = Terminal()
    configured = configure_logging(Settings(), stream)
    assert isinstance(configured.handler.formatter, TextFormatter)
    logger.warning("mail %s", "jane@example.com", extra={"password": "x1"})
    configured.restore()
    assert "\x1b[33mWARNING" in stream.getvalue()
    assert "mail [redacted]" in stream.getvalue()
    assert "x1" not in stream.getvalue()


def test_what_is_hard_to_write_as_json_is_written_all_the_same(log_lines: LogLines) -> None:
    stream = log_lines()
    logger.info("odd", extra={"name_of_it": "\ud800", "size": 2**80, "path": io})
    line = only_line(stream)
    assert (line["name_of_it"], line["size"]) == ("\ud800", 2**80)
