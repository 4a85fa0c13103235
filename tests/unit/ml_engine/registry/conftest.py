"""A registry over a folder and SQLite."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import close_engine, open_engine
from backends.migrations import migrate
from backends.object_store import UrlObjectStore
from contracts.training import ModelType, ModelVersion
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.migrate import MIGRATIONS
from ml_engine.registry.registry import ModelRegistry


def record(version: str, tenant_id: str = "acme") -> ModelVersion:
    return ModelVersion(
        model_version=version,
        tenant_id=tenant_id,
        model_type=ModelType.TWO_TOWER,
        snapshot_id="0" * 16,
        data_hash="a" * 64,
        seed=7,
        code_version="1.2.3",
        parameters={"dimensions": 44},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        report={"models": []},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "vectors.npy").write_bytes(b"vectors")
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> UrlObjectStore:
    return UrlObjectStore((tmp_path / "objects").as_uri())


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[AsyncEngine]:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/serving.db", pool_size=2)
    await migrate(engine, MIGRATIONS)
    yield engine
    await close_engine(engine)


@pytest.fixture
def serving(database: AsyncEngine) -> SqlServingStore:
    return SqlServingStore(database)


@pytest.fixture
def marks(database: AsyncEngine) -> SqlVersionMarks:
    return SqlVersionMarks(database)


@pytest.fixture
def registry(
    objects: UrlObjectStore, serving: SqlServingStore, marks: SqlVersionMarks, tmp_path: Path
) -> ModelRegistry:
    return ModelRegistry(objects, serving, marks, tmp_path / "cache")
