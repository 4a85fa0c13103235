import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, Request
from prometheus_client import generate_latest
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.routing import Route
from tests.otlp_collector import Collector, attributes
from tests.unit.instrumentation.asgi import request
from tests.unit.instrumentation.conftest import Settings

from instrumentation import context
from instrumentation.context import hash_user
from instrumentation.exposition import metrics_endpoint
from instrumentation.metrics import Metrics
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.propagation import inject
from instrumentation.tracing import Tracing, start_tracing

pytestmark = pytest.mark.anyio
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
LogLines = Callable[..., io.StringIO]


def build(metrics: Metrics, tracing: Tracing) -> FastAPI:
    items = APIRouter(prefix="/items")
    nested = APIRouter(prefix="/api/v1")

    @items.get("/{item_id}")
    async def item(item_id: str, asked: Request) -> dict[str, Any]:
        asked.state.tenant_id = "acme"
        headers: dict[str, str] = {}
        inject(headers)
        return {"id": item_id, "traceparent": headers["traceparent"]}

    @items.put("/{item_id}")
    async def put(item_id: str, asked: Request) -> int:
        return len(await asked.body())

    nested.include_router(items)
    app = FastAPI(routes=[Route("/metrics", metrics_endpoint(metrics))])
    app.include_router(nested)

    @app.get("/users/{user_id}/recommendations")
    async def recommendations(user_id: str) -> str:
        context.identify(tenant_id="zeta", user_id=user_id)
        return "ok"

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("with the secret of jane@example.com")

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            raise OSError("disk")

        return StreamingResponse(chunks())

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        def fail() -> None:
            raise LookupError("late")

        tasks.add_task(fail)
        return "ok"

    @app.get("/gone")
    async def gone() -> None:
        raise ClientDisconnect

    app.add_middleware(
        TelemetryMiddleware,
        metrics=metrics,
        tracing=tracing,
        service="backend-api",
        routes=app.routes,
    )
    return app


@pytest.fixture
def app(metrics: Metrics, tracing: Tracing) -> FastAPI:
    return build(metrics, tracing)


def total(metrics: Metrics, endpoint: str, status: str, tenant: str = "none", **kw: str) -> float:
    labels = {"method": "GET", "endpoint": endpoint, "status": status, "tenant_id": tenant, **kw}
    return metrics.registry.get_sample_value("http_requests_total", labels) or 0.0


def timed(metrics: Metrics, endpoint: str, method: str = "GET") -> float:
    labels = {"method": method, "endpoint": endpoint}
    name = "http_request_duration_seconds_count"
    return metrics.registry.get_sample_value(name, labels) or 0.0


def series(metrics: Metrics) -> int:
    return sum(len(family.samples) for family in metrics.registry.collect())


async def test_labels_are_template_status_and_tenant(app: FastAPI, metrics: Metrics) -> None:
    await request(app, "/api/v1/items/42")
    await request(app, "/api/v1/items/43")
    template = "/api/v1/items/{item_id}"
    assert total(metrics, template, "200", "acme") == 2
    assert timed(metrics, template) == 2
    in_progress = {"method": "GET", "endpoint": template}
    assert metrics.registry.get_sample_value("http_requests_in_progress", in_progress) == 0


async def test_the_tenant_may_come_from_the_context(app: FastAPI, metrics: Metrics) -> None:
    await request(app, "/users/u-1/recommendations")
    assert total(metrics, "/users/{user_id}/recommendations", "200", "zeta") == 1


async def test_the_request_in_progress_is_counted(metrics: Metrics, tracing: Tracing) -> None:
    seen: list[float | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        labels = {"method": "GET", "endpoint": "unmatched"}
        seen.append(metrics.registry.get_sample_value("http_requests_in_progress", labels))

    wrapped = TelemetryMiddleware(app, metrics=metrics, tracing=tracing, service="x", routes=[])
    await request(wrapped, "/")
    assert seen == [1.0]
    assert total(metrics, "unmatched", "500") == 1


async def test_unknown_paths_and_methods_add_no_series(app: FastAPI, metrics: Metrics) -> None:
    await request(app, "/none")
    await request(app, "/none", method="BREW")
    before = series(metrics)
    for number in range(50):
        await request(app, f"/none/{number}")
        await request(app, f"/none/{number}", method=f"BREW{number}")
    assert series(metrics) == before
    assert total(metrics, "unmatched", "404") == 51
    assert total(metrics, "unmatched", "404", method="OTHER") == 51


async def test_a_wrong_method_keeps_the_template(app: FastAPI, metrics: Metrics) -> None:
    await request(app, "/api/v1/items/42", method="DELETE")
    assert total(metrics, "/api/v1/items/{item_id}", "405", method="DELETE") == 1


async def test_an_exception_is_counted_timed_logged_once_and_answered(
    app: FastAPI, metrics: Metrics, log_lines: LogLines
) -> None:
    stream = log_lines()
    answer = await request(app, "/broken")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]
    assert "secret" not in answer.text
    assert total(metrics, "/broken", "500") == 1
    assert timed(metrics, "/broken") == 1
    errors = {"error_type": "ZeroDivisionError"}
    assert metrics.registry.get_sample_value("errors_total", errors) == 1
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (failure,) = [line for line in lines if "exception.type" in line]
    assert failure["trace_id"] == answer.headers["x-trace-id"]
    assert "example.com" not in stream.getvalue()


async def test_an_exception_after_the_start_leaves_the_answer_incomplete(
    app: FastAPI, metrics: Metrics
) -> None:
    answer = await request(app, "/half")
    assert (answer.status, answer.body, answer.complete) == (200, b"first", False)
    assert total(metrics, "/half", "500") == 1


async def test_a_failing_background_task_is_an_error_but_no_failed_request(
    app: FastAPI, metrics: Metrics
) -> None:
    assert (await request(app, "/background")).status == 200
    assert total(metrics, "/background", "200") == 1
    assert metrics.registry.get_sample_value("errors_total", {"error_type": "LookupError"}) == 1


async def test_a_caller_that_went_away_is_no_error(app: FastAPI, metrics: Metrics) -> None:
    await request(app, "/gone")
    assert total(metrics, "/gone", "499") == 1
    errors = {"error_type": "ClientDisconnect"}
    assert metrics.registry.get_sample_value("errors_total", errors) is None


async def test_answers_carry_the_ids(app: FastAPI) -> None:
    answer = await request(app, "/api/v1/items/1", headers={"x-request-id": "my.id-1"})
    assert len(answer.headers["x-trace-id"]) == 32
    assert len(answer.headers["x-span-id"]) == 16
    assert answer.headers["x-request-id"] == "my.id-1"


@pytest.mark.parametrize("hostile", ["a b", "x" * 65, f"rk_{'a' * 12}_{'b' * 43}", "a\n"])
async def test_an_insane_request_id_is_replaced(app: FastAPI, hostile: str) -> None:
    answer = await request(app, "/none", headers={"x-request-id": hostile})
    assert answer.headers["x-request-id"] != hostile
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_callers_trace_goes_on_inside_and_outwards(app: FastAPI) -> None:
    answer = await request(app, "/api/v1/items/1", headers={"traceparent": SAMPLED})
    assert answer.headers["x-trace-id"] == TRACE
    assert answer.json()["traceparent"] == f"00-{TRACE}-{answer.headers['x-span-id']}-01"


@pytest.mark.parametrize(
    "malformed", ["", "00-xyz", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"ff-{TRACE}-1-01"]
)
async def test_a_malformed_traceparent_starts_a_new_trace(app: FastAPI, malformed: str) -> None:
    answer = await request(app, "/none", headers={"traceparent": malformed})
    assert answer.headers["x-trace-id"] not in (TRACE, "0" * 32)


async def scrape(app: FastAPI) -> str:
    accept = "application/openmetrics-text;version=1.0.0"
    return (await request(app, "/metrics", headers={"accept": accept})).text


async def test_exemplars_stand_only_where_the_trace_is_sampled(app: FastAPI) -> None:
    await request(app, "/none", headers={"traceparent": UNSAMPLED})
    assert TRACE not in await scrape(app)
    await request(app, "/none", headers={"traceparent": SAMPLED})
    assert f'trace_id="{TRACE}"' in await scrape(app)


async def test_a_rate_of_zero_samples_no_new_trace(metrics: Metrics) -> None:
    app = build(metrics, start_tracing(Settings(trace_sample_rate=0.0)))
    await request(app, "/none")
    assert "trace_id=" not in await scrape(app)


async def test_sizes_are_those_of_the_bodies(app: FastAPI, metrics: Metrics) -> None:
    body = b"x" * 3000
    labels = {"method": "PUT", "endpoint": "/api/v1/items/{item_id}"}
    await request(app, "/api/v1/items/1", method="PUT", body=body)
    await request(app, "/api/v1/items/1", "PUT", {"content-length": "3000"}, body)
    read = metrics.registry.get_sample_value
    assert read("http_request_size_bytes_sum", labels) == 6000
    assert read("http_response_size_bytes_sum", labels) == 2 * len("3000")


async def test_one_access_line_per_request_without_user_ids(
    app: FastAPI, log_lines: LogLines
) -> None:
    stream = log_lines()
    await request(app, "/users/jane-42/recommendations")
    await request(app, "/metrics")
    (text,) = stream.getvalue().splitlines()
    line = json.loads(text)
    assert (line["logger"], line["category"]) == ("access", "performance")
    assert (line["method"], line["status"], line["tenant_id"]) == ("GET", 200, "zeta")
    assert line["latency_ms"] > 0
    assert line["path"] == f"/users/{hash_user('jane-42')}/recommendations"
    assert "jane-42" not in text


async def test_probes_are_logged_at_debug(app: FastAPI, log_lines: LogLines) -> None:
    stream = log_lines(log_level="DEBUG")
    await request(app, "/metrics")
    assert '"path":"/metrics"' in stream.getvalue()


async def test_the_context_ends_with_the_request(app: FastAPI) -> None:
    await request(app, "/api/v1/items/1")
    assert context.current() is None


async def test_lifespan_and_websockets_pass_through(metrics: Metrics, tracing: Tracing) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    app = TelemetryMiddleware(inner, metrics=metrics, tracing=tracing, service="x", routes=[])
    for kind in ("lifespan", "websocket"):
        await app({"type": kind}, None, None)  # pyright: ignore[reportArgumentType]
    assert seen == ["lifespan", "websocket"]


async def test_a_server_span_follows_the_stable_conventions(
    metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    app = build(metrics, exporting)
    headers = {"traceparent": SAMPLED, "host": "api.example:8443", "user-agent": "tests"}
    answer = await request(app, "/api/v1/items/42", headers=headers)
    exporting.close()
    span = collector.span("GET /api/v1/items/{item_id}")
    assert span.trace_id.hex() == TRACE
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"
    assert span.span_id.hex() == answer.headers["x-span-id"]
    assert span.kind == span.SPAN_KIND_SERVER
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/api/v1/items/{item_id}",
        "http.response.status_code": 200,
        "url.path": "/api/v1/items/42",
        "url.scheme": "http",
        "server.address": "api.example",
        "server.port": 8443,
        "network.protocol.version": "1.1",
        "user_agent.original": "tests",
        "tenant.id": "acme",
    }
    assert span.status.code == span.status.STATUS_CODE_UNSET


async def test_only_server_errors_mark_a_span_and_say_no_secret(
    metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    app = build(metrics, exporting)
    await request(app, "/none")
    await request(app, "/broken")
    await request(app, "/metrics")
    exporting.close()
    missing, broken = collector.span("GET"), collector.span("GET /broken")
    assert missing.status.code == missing.status.STATUS_CODE_UNSET
    assert broken.status.code == broken.status.STATUS_CODE_ERROR
    assert attributes(broken)["error.type"] == "ZeroDivisionError"
    assert broken.events[0].name == "exception"
    assert "example.com" not in str(broken)
    assert "in-the-query" not in str(collector.spans(2))
    assert len(collector.spans(2)) == 2, "scrapes make no spans"


async def test_no_log_handler_is_needed(app: FastAPI) -> None:
    logging.getLogger("access").setLevel(logging.CRITICAL)
    assert (await request(app, "/none")).status == 404
    logging.getLogger("access").setLevel(logging.NOTSET)


async def test_plain_text_is_the_default_exposition(app: FastAPI, metrics: Metrics) -> None:
    answer = await request(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"build_info" in answer.body
    assert b"_created" not in generate_latest(metrics.registry)
