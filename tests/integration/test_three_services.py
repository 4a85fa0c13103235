"""The main job through all three services in one process: from events to a recommendation."""

import io
import json
from collections.abc import AsyncGenerator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
import pytest
from tests.in_process import running
from tests.otlp_collector import Collector

import backend_api.bootstrap
import data_pipeline.bootstrap
import ml_engine.bootstrap
from backend_api.settings import Settings as BackendApiSettings
from backends.http_transport import HttpTransport
from contracts.data_pipeline import DataPipelineClient
from contracts.events import EventBatch
from contracts.items import ItemBatch
from contracts.ml_engine import MlEngineClient
from contracts.training import JobStatus, TrainingJobRequest
from data_pipeline.settings import Settings as DataPipelineSettings
from instrumentation.propagation import inject
from launcher.sample.simulator import SimulatorSettings, simulate
from ml_engine.settings import Settings as MlEngineSettings

pytestmark = pytest.mark.anyio

TENANT = "acme"
TOKEN = "a-service-token-for-tests"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}
SAMPLE = simulate(SimulatorSettings(users=120, items=40, events=2_000))


@dataclass
class System:
    """The public API with its key, and the clients of the services behind it."""

    api: httpx2.AsyncClient
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


@pytest.fixture
async def system(tmp_path: Path, collector: Collector) -> AsyncGenerator[System]:
    shared = {
        "data_dir": tmp_path,
        "service_token": TOKEN,
        "otlp_endpoint": collector.url,
        "log_format": "json",
    }
    backend = BackendApiSettings(**shared)
    async with backend_api.bootstrap.build_administration(backend) as administration:
        await administration.tenants.create(TENANT)
        key = await administration.keys.create(TENANT)
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
                MlEngineClient(to_engine, TOKEN),
                DataPipelineClient(to_pipeline, TOKEN),
                output,
            )


async def test_events_become_recommendations_that_follow_new_events(
    system: System, collector: Collector
) -> None:
    version = await system.train()
    ask = {"user_id": "newcomer", "num_items": 5}
    first = (await system.api.post("/api/v1/recommendations", json=ask)).json()
    assert (first["model_version"], first["algorithm"]) == (version, "popularity")

    event = SAMPLE.events[-1].model_dump(mode="json") | {"event_id": "n", "user_id": "newcomer"}
    sent = await system.api.post("/api/v1/events", json={"events": [event, event]})
    assert (sent.status_code, sent.json()["accepted"], sent.json()["duplicates"]) == (202, 1, 1)

    system.output.truncate(system.output.seek(0))
    answer = await system.api.post("/api/v1/recommendations", json=ask, headers=TRACEPARENT)
    second = answer.json()
    assert (second["model_version"], second["algorithm"]) == (version, "two-tower")
    assert len(second["items"]) == 5
    assert event["item_id"] not in {item["item_id"] for item in second["items"]}

    assert answer.headers["x-trace-id"] == TRACE_ID
    lines = [json.loads(line) for line in system.output.getvalue().splitlines()]
    assert {line["endpoint"] for line in lines} == {
        "/api/v1/recommendations",
        "/v1/tenants/{tenant}/recommendations",
    }
    assert {line["trace_id"] for line in lines} == {TRACE_ID}

    collector.span("POST /api/v1/recommendations", TRACE_ID)
    span = collector.span("ann_search", TRACE_ID)
    by_id = {span.span_id: span for span in collector.spans(1)}
    path: list[str] = []
    while span is not None:
        path.append(span.name)
        span = by_id.get(span.parent_span_id)
    assert path == [
        "ann_search",
        "ml_inference",
        "recommendation_pipeline",
        "POST /v1/tenants/{tenant}/recommendations",
        "ml-engine recommend",
        "POST /api/v1/recommendations",
    ]
    job = collector.span("training_job")
    assert {link.trace_id for link in job.links} <= {span.trace_id for span in by_id.values()}
    assert job.links
    stages = {span.name for span in by_id.values() if span.parent_span_id == job.span_id}
    assert stages == {
        "data_loading",
        "feature_engineering",
        "model_training",
        "model_evaluation",
    }
