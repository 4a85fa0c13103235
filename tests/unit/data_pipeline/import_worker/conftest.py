"""What the tests of the import worker share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import Pipeline, opened

from data_pipeline.extract.files import chunks
from data_pipeline.services import import_worker


@pytest.fixture
async def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Pipeline]:
    monkeypatch.setattr(chunks, "COLUMNS", chunks.Limits(4, 1_000_000))
    monkeypatch.setattr(chunks, "OBJECTS", chunks.Limits(4, 1_000_000))
    monkeypatch.setattr(import_worker, "RETRY_SECONDS", 0.001)
    pipeline = await opened(tmp_path)
    yield pipeline
    await pipeline.close()
