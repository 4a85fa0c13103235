import gzip
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.unit.instrumentation.conftest import Settings

from instrumentation import context
from instrumentation.context import RequestContext, hash_user
from instrumentation.sentry import SentryExport, open_sentry
from instrumentation.tracing import Tracing

LogLines = Callable[..., io.StringIO]
KEY = f"rk_{'a' * 12}_{'b' * 43}"
logger = logging.getLogger("tests.sentry")


class Sentry:
    """What stands for Sentry: it keeps the envelopes that it gets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        sentry = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                sentry.bodies.append(body)
                sentry.paths.append(self.path)
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.dsn = f"http://public@127.0.0.1:{self._server.server_address[1]}/42"

    def events(self) -> list[dict[str, Any]]:
        """The events of the envelopes: a header, then pairs of an item's header and its body."""
        lines = [body.split(b"\n") for body in self.bodies]
        return [
            json.loads(payload)
            for envelope in lines
            for header, payload in zip(envelope[1::2], envelope[2::2], strict=False)
            if json.loads(header)["type"] == "event"
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    sentry = Sentry()
    yield sentry
    sentry.close()


@pytest.fixture
def export(sentry: Sentry, log_lines: LogLines) -> Iterator[SentryExport]:
    log_lines()
    settings = Settings(sentry_dsn=sentry.dsn, environment="test", service_version="1.2.3")
    export = open_sentry(settings)
    assert export is not None
    yield export
    export.close()


def test_it_is_off_by_default() -> None:
    assert open_sentry(Settings()) is None


def test_an_error_is_an_event_with_release_environment_and_context(
    export: SentryExport, sentry: Sentry, tracing: Tracing
) -> None:
    token = context.bind(RequestContext(request_id="r-1", endpoint="/items/{id}"))
    context.identify(tenant_id="acme", user_id="u-1")
    with tracing.span("work") as span:
        try:
            int("no number")
        except ValueError:
            logger.exception("it failed")
    context.reset(token)
    export.close()
    (event,) = sentry.events()
    assert sentry.paths == ["/api/42/envelope/"]
    assert (event["release"], event["environment"]) == ("backend-api@1.2.3", "test")
    assert (event["level"], event["logger"]) == ("error", "tests.sentry")
    assert event["logentry"]["message"] == "it failed"
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"][:7]) == ("ValueError", "invalid")
    function = exception["stacktrace"]["frames"][-1]["function"]
    assert function == "test_an_error_is_an_event_with_release_environment_and_context"
    assert event["user"] == {"id": hash_user("u-1")}
    expected = {"tenant_id": "acme", "endpoint": "/items/{id}", "request_id": "r-1"}
    assert event["tags"].items() >= expected.items()
    identity = span.get_span_context()
    assert event["contexts"]["trace"]["trace_id"] == f"{identity.trace_id:032x}"


def test_no_secret_reaches_it(export: SentryExport, sentry: Sentry) -> None:
    password = "hunter2"
    try:
        int(f"key {KEY} of jane@example.com, password={password}")
    except ValueError:
        logger.exception("failed for %s", "jane@example.com", extra={"password": password})
    export.close()
    assert len(sentry.events()) == 1
    sent = b"".join(sentry.bodies)
    for secret in (KEY, "example.com", password):
        assert secret.encode() not in sent


def test_warnings_and_expected_failures_are_no_events(export: SentryExport, sentry: Sentry) -> None:
    logger.warning("as expected")
    export.close()
    logger.error("after the end")
    assert sentry.events() == []
