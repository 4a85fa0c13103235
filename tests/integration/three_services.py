"""All three services in one process, with one tenant."""

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
from tests.in_process import running

import backend_api.bootstrap
import data_pipeline.bootstrap
import ml_engine.bootstrap
from backend_api.domain.audit import CLI
from backend_api.settings import Settings as BackendApiSettings
from backends.http_transport import HttpTransport
from contracts.data_pipeline import DataPipelineClient
from contracts.events import EventBatch
from contracts.items import ItemBatch
from contracts.ml_engine import MlEngineClient
from contracts.public.access import NewKey, NewTenant, Scope
from contracts.training import JobStatus, TrainingJobRequest
from data_pipeline.settings import Settings as DataPipelineSettings
from instrumentation.propagation import inject
from launcher.sample.simulator import SimulatorSettings, simulate
from ml_engine.settings import Settings as MlEngineSettings

TENANT = "shop"
TOKEN = "a-service-token-for-tests"
SAMPLE = simulate(SimulatorSettings(users=120, items=40, events=2_000))


@dataclass
class System:
    """The public API with its keys, and the clients of the services behind it."""

    api: httpx2.AsyncClient
    operator: dict[str, str]
    ml_engine: MlEngineClient
    data_pipeline: DataPipelineClient
    output: io.StringIO
    """The log lines of all three: in one process they share the last service's log."""

    async def train(self) -> str:
        """Load the sample through the services' own APIs; the version of the model it makes."""
        items = [item.model_dump(mode="json") for item in SAMPLE.items]
        await self.data_pipeline.send_items(TENANT, ItemBatch(items=items))
        events = [event.model_dump(mode="json") for event in SAMPLE.events]
        await self.data_pipeline.send_events(TENANT, EventBatch(events=events))
        snapshot = await self.data_pipeline.create_snapshot(TENANT)
        request = TrainingJobRequest(snapshot_id=snapshot.snapshot_id)
        job = await self.ml_engine.start_training(TENANT, request)
        with anyio.fail_after(90):
            while job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
                await anyio.sleep(0.05)
                job = await self.ml_engine.training_job(TENANT, job.job_id)
        assert job.status is JobStatus.COMPLETED, job.error
        assert job.model_version is not None
        return job.model_version


@asynccontextmanager
async def running_system(folder: Path, **settings: str) -> AsyncGenerator[System]:
    """The system over a data folder; a slow machine may take its time for an answer."""
    shared = {"data_dir": folder, "service_token": TOKEN, "log_format": "json", **settings}
    backend = BackendApiSettings(
        **shared, recommendation_budget_seconds=10, ml_engine_timeout_seconds=30
    )
    async with backend_api.bootstrap.build_administration(backend) as administration:
        await administration.tenants.create(NewTenant(tenant_id=TENANT), CLI)
        made = NewKey(scopes=list(Scope))
        key = (await administration.keys.create(TENANT, made, CLI)).key
        operator = (await administration.keys.create(None, made, CLI)).key
    pipeline_app = data_pipeline.bootstrap.build_app(DataPipelineSettings(**shared))
    engine_app = ml_engine.bootstrap.build_app(MlEngineSettings(**shared))
    async with running(pipeline_app) as pipeline, running(engine_app) as engine:
        to_pipeline = HttpTransport("http://p", timeout_seconds=30, inject=inject, over=pipeline)
        to_engine = HttpTransport("http://e", timeout_seconds=30, inject=inject, over=engine)
        output = io.StringIO()
        with redirect_stdout(output):
            api_app = backend_api.bootstrap.build_app(
                backend, ml_engine=to_engine, data_pipeline=to_pipeline
            )
        headers = {"authorization": f"Bearer {key}"}
        async with (
            running(api_app) as api,
            httpx2.AsyncClient(transport=api, base_url="http://api", headers=headers) as client,
        ):
            yield System(
                client,
                {"authorization": f"Bearer {operator}"},
                MlEngineClient(to_engine, TOKEN),
                DataPipelineClient(to_pipeline, TOKEN),
                output,
            )
