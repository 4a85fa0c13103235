"""Two ml-engines with disks of their own over one database, object store and feature store."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from tests.integration.ml_engine.conftest import TENANT, TOKEN, Place, engine

from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.locations import features_path, objects_url, sqlite_url
from backends.object_store import UrlObjectStore
from backends.ports import ItemContent, ItemUpdate
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery
from contracts.training import ModelVersion
from ml_engine.retrieval import deployment
from ml_engine.settings import Settings

pytestmark = pytest.mark.anyio

QUERY = RecommendationQuery(user_id="nobody", num_items=20)
SECOND = "second"
LATER = 1_000_000
"""A sequence after all that other tests have written."""
PATIENCE_SECONDS = 30

Both = tuple[MlEngineClient, MlEngineClient]


@pytest.fixture
def shared(place: Place, tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    shutil.copytree(place.data_dir, folder)
    return folder


@pytest.fixture
async def both(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Both]:
    monkeypatch.setattr(deployment, "FOLLOW_SECONDS", 0.02)
    one, other = (
        Settings(
            data_dir=tmp_path / name,
            database_url=sqlite_url(shared, "ml-engine"),
            object_store_url=objects_url(shared),
            feature_store_path=features_path(shared),
            service_token=TOKEN,
            log_level="WARNING",
        )
        for name in ("one", "other")
    )
    async with engine(one) as a, engine(other) as b:
        yield a, b


async def serving_version(client: MlEngineClient) -> str:
    return next(m.model_version for m in (await client.models(TENANT, limit=10)).data if m.serving)


async def publish_second(shared: Path, version: str) -> None:
    """The same model under another name, which does not serve yet."""
    objects = UrlObjectStore(objects_url(shared))
    prefix = f"models/{TENANT}/{version}/"
    for key in await objects.keys(prefix):
        content = await objects.get(key)
        if key.endswith("record.json"):
            record = ModelVersion.model_validate_json(content)
            content = record.model_copy(update={"model_version": SECOND}).model_dump_json().encode()
        await objects.put(f"models/{TENANT}/{SECOND}/{key.removeprefix(prefix)}", content)


async def until_all_serve(both: Both, version: str) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        for client in both:
            while (await client.recommend(TENANT, QUERY)).model_version != version:
                await anyio.sleep(0.01)


async def test_what_one_activates_or_rolls_back_serves_on_the_other(
    both: Both, shared: Path
) -> None:
    first = await serving_version(both[0])
    await publish_second(shared, first)
    await both[0].activate(TENANT, SECOND)
    await until_all_serve(both, SECOND)
    assert (await both[1].roll_back(TENANT)).model_version == first
    await until_all_serve(both, first)


async def test_of_two_activations_at_once_the_last_one_serves_everywhere(
    both: Both, shared: Path
) -> None:
    first = await serving_version(both[0])
    await publish_second(shared, first)
    for _ in range(5):
        await asyncio.gather(both[0].activate(TENANT, first), both[1].activate(TENANT, SECOND))
        await until_all_serve(both, await serving_version(both[0]))


async def test_what_a_replica_cannot_load_leaves_the_old_one_serving_there(
    both: Both, shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = await serving_version(both[0])
    await publish_second(shared, first)
    damaged = tmp_path / "other" / "ml-engine" / "models" / TENANT / SECOND
    damaged.mkdir(parents=True)
    await both[0].activate(TENANT, SECOND)
    with anyio.fail_after(PATIENCE_SECONDS):
        while "is served without its model" not in caplog.text:
            await anyio.sleep(0.01)
    assert (await both[1].recommend(TENANT, QUERY)).model_version == first
    # What it can load it follows again.
    await both[0].activate(TENANT, first)
    await until_all_serve(both, first)


async def test_a_new_item_is_in_the_answers_of_both(both: Both, shared: Path) -> None:
    item = ItemContent(LATER, "brand-new", "Brand new", ("news",), 2026)
    writer = SqliteFeatureWriter(features_path(shared))
    await writer.apply(ItemUpdate([(TENANT, item)], LATER))
    await writer.close()
    for client in both:
        answer = await client.recommend(TENANT, RecommendationQuery(item_id="brand-new"))
        assert answer.items
