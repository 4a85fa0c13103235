"""What nobody knows makes no series: 10,000 odd requests to each service's app."""

import itertools
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.integration.three_services import TOKEN
from tests.unit.instrumentation.asgi import request

import backend_api.bootstrap
import data_pipeline.bootstrap
import ml_engine.bootstrap
from backend_api.settings import Settings as BackendApiSettings
from data_pipeline.settings import Settings as DataPipelineSettings
from ml_engine.settings import Settings as MlEngineSettings

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
REQUESTS = 10_000
TENANTS = 20
AUTHORISED = {"authorization": f"Bearer {TOKEN}"}
METHODS = ("GET", "POST", "BREW{}")


def app_of(service: str, folder: Path) -> FastAPI:
    shared = {
        "data_dir": folder,
        "service_token": TOKEN,
        "log_level": "CRITICAL",
        "metrics_tenant_limit": TENANTS,
    }
    if service == "backend-api":
        return backend_api.bootstrap.build_app(BackendApiSettings(**shared))
    if service == "ml-engine":
        return ml_engine.bootstrap.build_app(MlEngineSettings(**shared))
    return data_pipeline.bootstrap.build_app(DataPipelineSettings(**shared))


def paths_of(service: str, number: int) -> list[str]:
    """An unknown path, and one with an unknown tenant and id."""
    known = {
        "backend-api": f"/api/v1/models/id-{number}",
        "ml-engine": f"/v1/tenants/tenant-{number}/models/id-{number}",
        "data-pipeline": f"/v1/tenants/tenant-{number}/items/id-{number}",
    }
    return [f"/unknown/{number}/{number}", known[service]]


@pytest.mark.slow
@pytest.mark.parametrize("service", ["backend-api", "ml-engine", "data-pipeline"])
async def test_unknown_paths_ids_methods_and_tenants_add_no_series(
    service: str, tmp_path: Path
) -> None:
    app = app_of(service, tmp_path)
    headers = {} if service == "backend-api" else AUTHORISED
    numbers = itertools.count()
    async with app.router.lifespan_context(app) as state:

        async def odd() -> None:
            number = next(numbers)
            path = paths_of(service, number // 2)[number % 2]
            method = METHODS[number % len(METHODS)].format(number)
            sent = dict(state or {})
            answer = await request(app, path, method=method, headers=headers, state=sent)
            assert answer.status in (401, 404, 405, 422), (method, path, answer.text)

        async def series() -> set[str]:
            text = (await request(app, "/metrics", state=dict(state or {}))).text
            # What works beside the requests may have its first statement at any time.
            named = ("endpoint=", "tenant_id=", "error_type=", "model_version=")
            lines = [line for line in text.splitlines() if any(one in line for one in named)]
            return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}

        # Each kind of request, and more tenants than have series of their own.
        for _ in range(12 * TENANTS):
            await odd()
        await series()
        before = await series()
        for _ in range(REQUESTS):
            await odd()
        assert await series() - before == set()
