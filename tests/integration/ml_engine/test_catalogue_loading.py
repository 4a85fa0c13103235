"""A large catalogue is taken in beside the requests, not before them."""

import asyncio
import gc
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.unit.ml_engine.retrieval.worlds import (
    NO_REGISTRY,
    TENANT,
    random_items,
    random_model,
)

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import ItemUpdate
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import Served, TenantModels

pytestmark = pytest.mark.anyio

ITEMS = 50_000
TRAINED = 100
LONGEST_SHARE = 0.1
"""Of the loading's time, what the event loop may do at one go at most."""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue") / "features.db"

    async def write() -> None:
        writer = SqliteFeatureWriter(path)
        await writer.apply(ItemUpdate([(TENANT, item) for item in random_items(ITEMS)], ITEMS))
        await writer.close()

    asyncio.run(write())
    return path


@pytest.fixture
async def features(catalogue: Path) -> AsyncGenerator[SqliteFeatureReader]:
    reader = SqliteFeatureReader(catalogue)
    # The garbage collector shall not walk through what other tests have left behind.
    gc.collect()
    gc.freeze()
    yield reader
    gc.unfreeze()
    await reader.close()


@pytest.mark.parametrize("trained", [False, True], ids=["no model", "model"])
async def test_loading_a_catalogue_leaves_the_event_loop_free(
    features: SqliteFeatureReader, trained: bool
) -> None:
    models = TenantModels(NO_REGISTRY, features)
    if trained:
        ids = [f"item-{n}" for n in range(TRAINED)]
        serving = ServingModel("v1", random_model(TRAINED), ids, [None] * TRAINED)
        models.swap(TENANT, Served(serving))
    gaps: list[float] = []

    async def take_turns() -> None:
        # Of this thread, not of the clock: what others take is no work of the event loop's.
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            gaps.append(now - before)
            before = now

    turns = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    loaded = await models.serving(TENANT)
    # Once more, so that the last gap is among them.
    await asyncio.sleep(0)
    turns.cancel()
    assert len(loaded.catalogue) == ITEMS
    # Of its own time, so that it holds on a slow machine as on a fast one.
    assert max(gaps) < LONGEST_SHARE * sum(gaps)
