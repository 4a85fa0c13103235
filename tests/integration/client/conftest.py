"""The three services in this process, and clients of the public API."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from tests.in_process import running

import backend_api.bootstrap
import data_pipeline.bootstrap
import ml_engine.bootstrap
from backend_api.domain.audit import CLI
from backend_api.settings import Settings as BackendApiSettings
from backends.http_transport import HttpTransport
from contracts.public.access import NewKey, NewTenant, Scope
from data_pipeline.settings import Settings as DataPipelineSettings
from ml_engine.settings import Settings as MlEngineSettings

TOKEN = "a-service-token-for-tests"


@dataclass
class System:
    """How to reach the public API, and as whom."""

    app: FastAPI
    transport: httpx2.ASGITransport
    tenant_key: str
    operator_key: str


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    shared = {"data_dir": tmp_path, "service_token": TOKEN, "log_format": "json"}
    settings = BackendApiSettings(**shared)
    async with backend_api.bootstrap.build_administration(settings) as administration:
        await administration.tenants.create(NewTenant(tenant_id="acme"), CLI)
        wanted = NewKey(scopes=list(Scope))
        tenant_key = (await administration.keys.create("acme", wanted, CLI)).key
        operator_key = (await administration.keys.create(None, wanted, CLI)).key
    assert tenant_key is not None
    assert operator_key is not None
    pipeline_app = data_pipeline.bootstrap.build_app(DataPipelineSettings(**shared))
    engine_app = ml_engine.bootstrap.build_app(MlEngineSettings(**shared))
    async with running(pipeline_app) as pipeline, running(engine_app) as engine:
        app = backend_api.bootstrap.build_app(
            settings,
            ml_engine=HttpTransport("http://e", timeout_seconds=30, over=engine),
            data_pipeline=HttpTransport("http://p", timeout_seconds=30, over=pipeline),
        )
        async with running(app) as transport:
            yield System(app, transport, tenant_key, operator_key)
