"""The registry: whole versions only, one that serves, tenants apart."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.unit.ml_engine.registry.conftest import record

from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.domain.errors import ModelNotFound
from ml_engine.registry.registry import ARRIVING, RECORD, ModelRegistry

pytestmark = pytest.mark.anyio


async def test_a_published_version_keeps_its_lineage_and_its_files(
    registry: ModelRegistry, folder: Path
) -> None:
    await registry.publish(folder, record("v1"))
    assert await registry.record("acme", "v1") == record("v1")
    fetched = await registry.fetch("acme", "v1")
    assert (fetched / "vectors.npy").read_bytes() == b"vectors"


async def test_nothing_serves_before_it_is_promoted(registry: ModelRegistry, folder: Path) -> None:
    await registry.publish(folder, record("v1"))
    assert await registry.serving_version("acme") is None
    assert list(await registry.serving_changes()) == []
    sequence = await registry.promote("acme", "v1")
    assert await registry.serving_version("acme") == "v1"
    assert list(await registry.serving_changes()) == [(sequence, "acme", "v1")]
    assert list(await registry.serving_changes(sequence)) == []
    assert (await registry.record("acme", "v1")).serving


async def test_promoting_another_version_moves_the_serving_mark(
    registry: ModelRegistry, folder: Path
) -> None:
    for version in ("v1", "v2"):
        await registry.publish(folder, record(version))
        await registry.promote("acme", version)
    versions = await registry.versions("acme", 10)
    assert [(v.model_version, v.serving) for v in versions] == [("v2", True), ("v1", False)]


async def test_versions_come_in_pages(registry: ModelRegistry, folder: Path) -> None:
    for version in ("v2", "v1", "v3"):
        await registry.publish(folder, record(version))
    first = await registry.versions("acme", 2)
    rest = await registry.versions("acme", 2, first[-1].model_version)
    assert [v.model_version for v in first + rest] == ["v3", "v2", "v1"]


async def test_the_registry_remembers_what_served_before(
    registry: ModelRegistry, folder: Path
) -> None:
    for version in ("v1", "v2", "v2", "v3"):
        await registry.publish(folder, record(version))
        await registry.promote("acme", version)
    assert await registry.serving_history("acme") == ["v3", "v2", "v1"]
    assert not await registry.retreat("acme", ["v2", "v1"])
    assert await registry.retreat("acme", ["v3", "v2", "v1"])
    assert await registry.serving_history("acme") == ["v2", "v1"]
    assert (await registry.record("acme", "v2")).serving
    assert await registry.serving_history("globex") == []


async def test_a_discarded_version_leaves_nothing(
    registry: ModelRegistry, folder: Path, objects: UrlObjectStore
) -> None:
    await registry.publish(folder, record("v1"))
    await registry.discard("acme", "v1")
    assert list(await objects.keys("models/acme/")) == []


async def test_a_version_without_its_record_is_not_there(
    registry: ModelRegistry, folder: Path, objects: UrlObjectStore
) -> None:
    await registry.publish(folder, record("v1"))
    await objects.delete(f"models/acme/v1/{RECORD}")
    assert await registry.versions("acme", 10) == []
    with pytest.raises(ModelNotFound):
        await registry.promote("acme", "v1")
    assert await registry.serving_version("acme") is None


async def test_tenants_do_not_see_each_others_models(registry: ModelRegistry, folder: Path) -> None:
    await registry.publish(folder, record("v1"))
    assert await registry.versions("globex", 10) == []
    with pytest.raises(ModelNotFound):
        await registry.record("globex", "v1")


async def test_a_fetch_cut_short_is_done_again(
    registry: ModelRegistry, folder: Path, tmp_path: Path
) -> None:
    await registry.publish(folder, record("v1"))
    left = tmp_path / "cache" / "acme" / f"{ARRIVING}left"
    left.mkdir(parents=True)
    (left / "vectors.npy").write_bytes(b"half")
    os.utime(left, (0, 0))
    fetched = await registry.fetch("acme", "v1")
    assert (fetched / "vectors.npy").read_bytes() == b"vectors"
    assert [one.name for one in (tmp_path / "cache" / "acme").iterdir()] == ["v1"]


async def test_replicas_on_one_disk_fetch_at_once(
    registry: ModelRegistry,
    objects: UrlObjectStore,
    serving: SqlServingStore,
    marks: SqlVersionMarks,
    tmp_path: Path,
    folder: Path,
) -> None:
    await registry.publish(folder, record("v1"))
    other = ModelRegistry(objects, serving, marks, tmp_path / "cache")
    fetched = await asyncio.gather(*(one.fetch("acme", "v1") for one in (registry, other) * 4))
    assert len(set(fetched)) == 1
    assert (fetched[0] / "vectors.npy").read_bytes() == b"vectors"
    assert [one.name for one in (tmp_path / "cache" / "acme").iterdir()] == ["v1"]


async def test_an_object_store_that_cannot_be_written_says_so(
    registry: ModelRegistry, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "objects" / "models").write_text("a file where a folder should be")
    with pytest.raises(PortUnavailable):
        await registry.publish(folder, record("v1"))
