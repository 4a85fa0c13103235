"""Retention: the newest models stay, with those that serve, served just before or are pinned."""

import logging
import os
from collections.abc import Awaitable, Callable, Generator, Sequence
from pathlib import Path

import pytest
from tests.otlp_collector import Collector, attributes
from tests.unit.ml_engine.registry.conftest import record

from backends.object_store import UrlObjectStore
from backends.ports import PortUnavailable
from instrumentation.settings import ServiceSettings
from instrumentation.telemetry import Telemetry, start_telemetry
from ml_engine.adapters.retention_telemetry import RetentionTelemetry
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.domain.errors import ModelNotFound
from ml_engine.registry.registry import RECORD, ModelRegistry
from ml_engine.registry.retention import Retention

pytestmark = pytest.mark.anyio


@pytest.fixture
def telemetry(collector: Collector) -> Generator[Telemetry]:
    exporting = {"otlp_endpoint": collector.url, "trace_sample_rate": 1.0}
    settings = ServiceSettings.model_validate({"service_name": "ml-engine", **exporting})
    telemetry = start_telemetry(settings, "ml-engine")
    yield telemetry
    telemetry.close()


@pytest.fixture
def retention(registry: ModelRegistry, marks: SqlVersionMarks, telemetry: Telemetry) -> Retention:
    """Keeps two models."""
    observer = RetentionTelemetry(telemetry.metrics, telemetry.tracing)
    retention = Retention(registry, marks, 2, observer)
    retention.grown("acme")
    return retention


async def publish(registry: ModelRegistry, folder: Path, *versions: str) -> None:
    for version in versions:
        await registry.publish(folder, record(version))


async def folders(objects: UrlObjectStore) -> Sequence[str]:
    return sorted({key.split("/")[2] for key in await objects.keys("models/acme/")})


async def test_older_models_go_but_what_serves_served_before_or_is_pinned(
    registry: ModelRegistry, retention: Retention, folder: Path, objects: UrlObjectStore
) -> None:
    await publish(registry, folder, *(f"v{n}" for n in range(1, 8)))
    for version in ("v5", "v2", "v3"):
        await registry.promote("acme", version)
    assert (await registry.pin("acme", "v1")).pinned
    await retention.sweep()
    assert await registry.names("acme") == ["v7", "v6", "v3", "v2", "v1"]
    assert await folders(objects) == ["v1", "v2", "v3", "v6", "v7"]
    assert await registry.serving_history("acme") == ["v3", "v2"]
    with pytest.raises(ModelNotFound):
        await registry.promote("acme", "v5")
    assert not (await registry.unpin("acme", "v1")).pinned
    retention.grown("acme")
    await retention.sweep()
    assert await registry.names("acme") == ["v7", "v6", "v3", "v2"]


async def test_other_tenants_models_are_not_counted(
    registry: ModelRegistry, retention: Retention, folder: Path
) -> None:
    await publish(registry, folder, "v1", "v2")
    for version in ("v3", "v4", "v5"):
        await registry.publish(folder, record(version, "globex"))
    await retention.sweep()
    assert await registry.names("acme") == ["v2", "v1"]
    assert len(await registry.names("globex")) == 3


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_removal_that_a_kill_cut_short_is_finished_by_another(
    registry: ModelRegistry,
    retention: Retention,
    folder: Path,
    objects: UrlObjectStore,
    marks: SqlVersionMarks,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    await publish(registry, folder, "v1", "v2", "v3")
    left = steps

    def until_killed(step: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def taken(*arguments: object) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            await step(*arguments)

        return taken

    with monkeypatch.context() as patch:
        patch.setattr(objects, "delete", until_killed(objects.delete))
        patch.setattr(marks, "unmark", until_killed(marks.unmark))
        with pytest.raises(Killed):
            await retention.sweep()
    assert await registry.names("acme") == ["v3", "v2"]
    with pytest.raises(ModelNotFound):
        await registry.record("acme", "v1")
    with pytest.raises(ModelNotFound):
        await registry.pin("acme", "v1")
    await retention.sweep()
    assert await folders(objects) == ["v2", "v3"]
    await publish(registry, folder, "v1")
    assert await registry.names("acme") == ["v3", "v2", "v1"]


async def test_a_store_that_is_away_costs_no_model_and_no_removal(
    registry: ModelRegistry,
    retention: Retention,
    folder: Path,
    objects: UrlObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await publish(registry, folder, "v1", "v2", "v3")

    async def away(_: str) -> Sequence[str]:
        raise PortUnavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(objects, "keys", away)
        with pytest.raises(PortUnavailable):
            await retention.sweep()
    assert f"models/acme/v1/{RECORD}" in await objects.keys("models/acme/")
    await retention.sweep()
    assert await folders(objects) == ["v2", "v3"]


async def test_a_removal_is_counted_told_and_a_span(
    registry: ModelRegistry,
    retention: Retention,
    folder: Path,
    telemetry: Telemetry,
    collector: Collector,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await publish(registry, folder, "v1", "v2", "v3")
    with caplog.at_level(logging.INFO, "ml_engine"):
        await retention.sweep()
    read = telemetry.metrics.registry.get_sample_value
    assert read("models_removed_total", {"tenant_id": "acme"}) == 1
    assert "model v1 removed" in caplog.text
    telemetry.close()
    assert attributes(collector.span("model_removal")) == {"model_version": "v1"}


async def test_copies_that_nobody_reads_go_but_those_that_serve(
    registry: ModelRegistry, folder: Path, tmp_path: Path
) -> None:
    await publish(registry, folder, "v1", "v2", "v3", "v4")
    for version in ("v1", "v2", "v3"):
        await registry.promote("acme", version)
    copies = {version: await registry.fetch("acme", version) for version in ("v1", "v2", "v3")}
    read = await registry.fetch("acme", "v4")
    for copy in (*copies.values(), read):
        os.utime(copy, (0, 0))
    await registry.fetch("acme", "v4")
    await registry.drop_copies()
    kept = sorted(one.name for one in (tmp_path / "cache" / "acme").iterdir())
    assert kept == ["v2", "v3", "v4"]
    assert (await registry.fetch("acme", "v1") / "vectors.npy").exists()
