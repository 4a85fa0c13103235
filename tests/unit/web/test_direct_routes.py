import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from instrumentation.metrics import Metrics
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import start_tracing
from web.direct_routes import DirectRouting
from web.problems import add_problem_handler, add_problem_handlers, problem

pytestmark = pytest.mark.anyio


class Refused(Exception):
    pass


class RefusedForNow(Refused):
    pass


async def _direct(request: Request) -> Response:
    body = json.loads(await request.body())
    if body == "refuse":
        raise RefusedForNow
    if body == "invalid":
        raise RequestValidationError([{"type": "missing", "loc": ("body", "a"), "msg": "Needed"}])
    if body == "fail":
        raise OSError("the disk is gone")
    return Response(b"direct")


@asynccontextmanager
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    app = FastAPI(openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.post("/things/{thing}/use")
    @app.get("/things/{thing}/use")
    @app.post("/things")
    async def by_framework() -> str:
        return "by the framework"

    add_problem_handlers(app)
    add_problem_handler(app, Refused, lambda _: problem(403, "refused", "not this"))
    app.add_middleware(
        DirectRouting, routes={"/things/{thing}/use": _direct}, handlers=app.exception_handlers
    )
    metrics = Metrics("backend-api")
    app.add_middleware(
        TelemetryMiddleware,
        metrics=metrics,
        tracing=start_tracing(ServiceSettings(service_name="backend-api"), metrics),
        service="backend-api",
        routes=app.routes,
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://test"
    ) as http:
        yield http


async def test_a_direct_route_answers_instead_of_the_framework() -> None:
    async with client() as http:
        assert (await http.post("/things/a/use", json={})).text == "direct"


@pytest.mark.parametrize(("method", "path"), [("GET", "/things/a/use"), ("POST", "/things")])
async def test_other_methods_and_routes_are_the_frameworks(method: str, path: str) -> None:
    async with client() as http:
        assert (await http.request(method, path, json={})).json() == "by the framework"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("refuse", 403, "refused"),
        ("invalid", 422, "invalid_request"),
        ("fail", 500, "internal_error"),
    ],
)
async def test_what_a_direct_route_raises_is_answered_as_of_any_other(
    body: str, status: int, code: str
) -> None:
    async with client() as http:
        answer = await http.post("/things/a/use", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
