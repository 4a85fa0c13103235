"""Any interleaving of retries, duplicates and late events gives what a simple model gives."""

import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.database import migrate, open_engine
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_schema import HISTORY_LENGTH
from backends.embedded.feature_writer import SqliteFeatureWriter
from contracts.imports import DataType
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.user_store import SqlUserStore
from data_pipeline.bootstrap import MIGRATIONS
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.ingestion import Ingestion
from data_pipeline.services.intake import Intake

TENANTS = ("acme", "other")
USERS = ("u1", "u2")
events = st.fixed_dictionaries(
    {
        "event_id": st.integers(0, 30).map(str),
        "user_id": st.sampled_from(USERS),
        "item_id": st.integers(0, 1_000).map(str),
        "event_type": st.just("view"),
        # Few moments, so that many events share one.
        "timestamp": st.integers(0, 5),
    }
)
batches = st.tuples(st.sampled_from(TENANTS), st.lists(events, min_size=1, max_size=8))
# A step sends batches at once, each perhaps twice; then the service may stop and start.
steps = st.tuples(st.lists(batches, min_size=1, max_size=3), st.integers(1, 2), st.booleans())


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"

    async def make() -> None:
        engine = open_engine(f"sqlite+aiosqlite:///{path}", 1)
        await migrate(engine, MIGRATIONS)
        await engine.dispose()

    anyio.run(make)
    return path


class Service:
    """The pipeline without HTTP, on the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._engine = open_engine(f"sqlite+aiosqlite:///{folder / 'events.db'}", 5)
        log, catalogue = SqlEventLog(self._engine), SqlCatalogueLog(self._engine)
        corrections = SqlCorrections(self._engine, HISTORY_LENGTH)
        self._writer = SqliteFeatureWriter(folder / "features.db")
        self._reader = SqliteFeatureReader(folder / "features.db")
        self.projection = FeatureProjection(log, catalogue, corrections, self._writer)
        types = EventTypes(SqlEventTypeStore(self._engine), self.projection)
        users = SqlUserStore(self._engine)
        self.ingestion = Ingestion(
            Intake(log, catalogue, users, types, self.projection, lambda: 10**12)
        )

    async def send(self, tenant: str, batch: list[dict[str, object]]) -> None:
        body = json.dumps({"events": batch}).encode()
        await self.ingestion.take(tenant, DataType.EVENTS, body)

    async def history(self, tenant: str, user: str) -> list[tuple[str, int]]:
        found = await self._reader.history(tenant, user)
        return [(event.item_id, event.timestamp_ms) for event in found]

    async def close(self) -> None:
        await self.projection.close()
        await self._reader.close()
        await self._writer.close()
        await self._engine.dispose()


def model_history(log: list[tuple[str, dict]], tenant: str, user: str) -> list[tuple[str, int]]:
    of_user = [event for of, event in log if of == tenant and event["user_id"] == user]
    newest = sorted(of_user, key=lambda event: event["timestamp"])[-HISTORY_LENGTH:]
    return [(event["item_id"], event["timestamp"] * 1000) for event in newest]


def logged(folder: Path) -> list[tuple[str, dict]]:
    connection = sqlite3.connect(folder / "events.db")
    rows = connection.execute(
        "SELECT tenant_id, event_id, user_id, item_id, timestamp_ms FROM events ORDER BY sequence"
    ).fetchall()
    connection.close()
    names = ("event_id", "user_id", "item_id")
    return [
        (tenant, {**dict(zip(names, ids, strict=True)), "timestamp": milliseconds // 1000})
        for tenant, *ids, milliseconds in rows
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(steps, max_size=5))
def test_one_after_another_gives_the_log_and_history_of_the_model(empty_database, plan) -> None:
    async def run(folder: Path) -> None:
        service = Service(folder)
        model: dict[tuple[str, str], dict] = {}
        for sent, times, restart in plan:
            for tenant, batch in sent * times:
                await service.send(tenant, batch)
                for event in batch:
                    model.setdefault((tenant, event["event_id"]), event)
            if restart:
                await service.close()
                service = Service(folder)
                await service.projection.recover()
        log = [(tenant, event) for (tenant, _), event in model.items()]
        kept = ("event_id", "user_id", "item_id", "timestamp")
        assert logged(folder) == [(of, {name: one[name] for name in kept}) for of, one in log]
        await assert_histories(service, log)

    in_a_folder(empty_database, run)


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, max_size=4))
def test_at_once_gives_the_history_of_whatever_order_the_log_took(empty_database, plan) -> None:
    async def run(folder: Path) -> None:
        service = Service(folder)
        for sent, times, restart in plan:
            async with anyio.create_task_group() as group:
                for tenant, batch in sent * times:
                    group.start_soon(service.send, tenant, batch)
            if restart:
                await service.close()
                service = Service(folder)
                await service.projection.recover()
        log = logged(folder)
        sent_ids = {
            (of, event["event_id"]) for step, _, _ in plan for of, batch in step for event in batch
        }
        assert len(log) == len(sent_ids)
        assert {(of, event["event_id"]) for of, event in log} == sent_ids
        await assert_histories(service, log)

    in_a_folder(empty_database, run)


async def assert_histories(service: Service, log: list[tuple[str, dict]]) -> None:
    for tenant in TENANTS:
        for user in USERS:
            assert await service.history(tenant, user) == model_history(log, tenant, user)
    await service.close()


def in_a_folder(empty_database: Path, run) -> None:
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(empty_database, Path(name) / "events.db")
        anyio.run(run, Path(name))
