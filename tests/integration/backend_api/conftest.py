"""The real backend-api in this process, with two tenants and the services behind it."""

import asyncio
import io
import json
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.in_process import running
from tests.integration.backend_api.fake_data_pipeline import DataPipeline
from tests.integration.backend_api.fake_ml_engine import MlEngine

from backend_api.bootstrap import build_administration, build_app
from backend_api.domain.access import Clock, utc_now
from backend_api.domain.audit import CLI
from backend_api.settings import DatabaseSettings, Settings
from backends.http_transport import HttpTransport
from contracts.public.access import NewKey, NewTenant, Scope
from instrumentation.propagation import inject

TOKEN = "a-token-of-the-services"
TENANTS = ("acme", "globex")
OPERATOR = "the operator"


@dataclass
class Api:
    """The running service, its neighbours, a key of each of its tenants and of the operator."""

    client: httpx2.AsyncClient
    settings: Settings
    ml_engine: MlEngine
    data_pipeline: DataPipeline
    keys: dict[str, str]
    output: io.StringIO

    def key_of(self, tenant_id: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[tenant_id]}"}

    async def post(self, path: str, body: Any, **options: Any) -> httpx2.Response:
        options.setdefault("headers", self.key_of("acme"))
        return await self.client.post(path, json=body, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        options.setdefault("headers", self.key_of("acme"))
        return await self.client.get(path, **options)

    async def send(
        self, method: str, path: str, body: Any = None, by: str = "acme", **headers: str
    ) -> httpx2.Response:
        """Any request under /api/v1, by the key of a tenant or of the operator."""
        content = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {"content-type": "application/json", **self.key_of(by), **named}
        return await self.client.request(
            method, f"/api/v1{path}", content=content, headers=all_headers
        )

    async def metric(self, name: str, **labels: str) -> float:
        """The value of one series; 0 where there is none."""
        text = (await self.client.get("/metrics")).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        for line in text.splitlines():
            if line.split("{")[0].split(" ")[0] == name and all(w in line for w in wanted):
                return float(line.rpartition(" ")[2])
        return 0.0

    def logs(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


StartApi = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A data folder with two tenants, to be copied, and a key of each."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> dict[str, str]:
        async with build_administration(DatabaseSettings(data_dir=folder)) as administration:
            for tenant_id in TENANTS:
                await administration.tenants.create(NewTenant(tenant_id=tenant_id), CLI)
            owners = {OPERATOR: None, **{name: name for name in TENANTS}}
            made = NewKey(scopes=list(Scope))
            created = {
                name: await administration.keys.create(owner, made, CLI)
                for name, owner in owners.items()
            }
            return {name: key.key or "" for name, key in created.items()}

    return folder, asyncio.run(prepare())


@pytest.fixture
def start(tmp_path: Path, prepared: tuple[Path, dict[str, str]]) -> StartApi:
    """Starts the service, with other settings where they are given."""
    folder, keys = prepared
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)

    @asynccontextmanager
    async def started(clock: Clock = utc_now, **changes: Any) -> AsyncGenerator[Api]:
        settings = Settings(
            **{"data_dir": tmp_path, "service_token": TOKEN, "log_format": "json", **changes}
        )
        ml_engine, data_pipeline = MlEngine(TOKEN), DataPipeline(TOKEN)
        output = io.StringIO()
        with redirect_stdout(output):
            app = build_app(
                settings,
                ml_engine=_in_process(ml_engine.app),
                data_pipeline=_in_process(data_pipeline.app),
                clock=clock,
            )
        async with (
            running(app) as transport,
            httpx2.AsyncClient(transport=transport, base_url="http://api") as client,
        ):
            yield Api(client, settings, ml_engine, data_pipeline, dict(keys), output)

    return started


@pytest.fixture
async def api(start: StartApi) -> AsyncGenerator[Api]:
    """The service with its default settings."""
    async with start() as started:
        yield started


def _in_process(app: ASGIApp) -> HttpTransport:
    return HttpTransport(
        "http://internal", timeout_seconds=5, inject=inject, over=httpx2.ASGITransport(app)
    )
