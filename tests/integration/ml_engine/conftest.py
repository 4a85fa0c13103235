"""The real ml-engine over ASGI, on a simulated sample, with a model trained by its own API."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio
import pytest
from tests.event_batches import event_update
from tests.in_process import running
from tests.integration.ml_engine.written_snapshot import write_snapshot

from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.http_transport import HttpTransport
from backends.locations import features_path, objects_url
from backends.ports import FeatureWriter, Filled, ItemContent, ItemUpdate, UserEvent
from contracts.ml_engine import MlEngineClient
from contracts.training import JobStatus, TrainingJob, TrainingJobRequest
from launcher.sample.model import Sample
from launcher.sample.simulator import SimulatorSettings, simulate
from ml_engine.bootstrap import build_app
from ml_engine.settings import Settings

TENANT = "demo"
TOKEN = "a-service-token-for-tests"
ADDRESS = "http://ml-engine"


@dataclass(frozen=True)
class Place:
    """A data folder that a data-pipeline has filled."""

    data_dir: Path
    sample: Sample
    snapshot_id: str

    def settings(self) -> Settings:
        return Settings(data_dir=self.data_dir, service_token=TOKEN, log_level="WARNING")


@asynccontextmanager
async def engine(settings: Settings) -> AsyncGenerator[MlEngineClient]:
    """A client of a running ml-engine."""
    async with running(build_app(settings)) as over:
        transport = HttpTransport(ADDRESS, timeout_seconds=30, over=over)
        yield MlEngineClient(transport, TOKEN)
        await transport.close()


async def trained(client: MlEngineClient, snapshot_id: str) -> TrainingJob:
    """A finished job on a snapshot."""
    job = await client.start_training(TENANT, TrainingJobRequest(snapshot_id=snapshot_id))
    return await finished(client, job.job_id)


async def finished(client: MlEngineClient, job_id: str) -> TrainingJob:
    with anyio.fail_after(90):
        while True:
            job = await client.training_job(TENANT, job_id)
            if job.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
                return job
            await anyio.sleep(0.05)


async def fill(data_dir: Path, sample: Sample) -> str:
    """Write features and a snapshot as data-pipeline does; returns the snapshot's id."""
    writer = SqliteFeatureWriter(features_path(data_dir))
    await write_features(writer, sample)
    await writer.close()
    event_rows = [
        {**e.model_dump(include={"user_id", "item_id", "event_type", "timestamp", "value"})}
        for e in sample.events
    ]
    item_rows = [i.model_dump() for i in sample.items]
    return await write_snapshot(objects_url(data_dir), TENANT, event_rows, item_rows)


async def write_features(writer: FeatureWriter, sample: Sample) -> None:
    """Write all there is of a sample, and let readers read it."""
    contents = [
        (TENANT, ItemContent(n, i.item_id, i.title, tuple(i.categories), i.year))
        for n, i in enumerate(sample.items, start=1)
    ]
    await writer.apply(ItemUpdate(contents, len(contents)))
    events = [
        (e.user_id, user_event(e.item_id, e.timestamp, n)) for n, e in enumerate(sample.events, 1)
    ]
    await writer.apply(event_update(TENANT, events, len(events)))
    await writer.apply(Filled(await writer.positions()))


def user_event(item_id: str, time: datetime, sequence: int) -> UserEvent:
    return UserEvent(item_id, "rating", int(time.timestamp() * 1000), 8.0, sequence)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A trained model on disk, made once; tests that change it copy it first."""
    data_dir = tmp_path_factory.mktemp("ml-engine")
    sample = simulate(SimulatorSettings(users=300, items=80, events=6_000))

    async def make() -> str:
        snapshot_id = await fill(data_dir, sample)
        settings = Settings(data_dir=data_dir, service_token=TOKEN, log_level="WARNING")
        async with engine(settings) as client:
            job = await trained(client, snapshot_id)
            assert job.status is JobStatus.COMPLETED, job.error
        return snapshot_id

    return Place(data_dir, sample, asyncio.run(make()))
