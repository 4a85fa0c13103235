"""kill -9 while a snapshot is made: there is a whole one or none, and nothing of it stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.abandoned_uploads import remove_abandoned_uploads
from backends.database import open_engine
from backends.object_store import UrlObjectStore
from data_pipeline.adapters.chunk_store import SqlChunkStore
from data_pipeline.services.retention import Sweep

pytestmark = pytest.mark.anyio

PATH = "/v1/tenants/acme/snapshots"
ROOT = Path(__file__).parents[3]
TWO_HOURS = 7_200


def make_cut_off(data_dir: Path, where: str, number: int) -> None:
    module = "tests.integration.data_pipeline.cut_off_snapshot"
    command = [sys.executable, "-m", module, str(data_dir), where, str(number)]
    ended = subprocess.run(command, cwd=ROOT, env=dict(os.environ), timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


async def sweep(settings) -> None:
    """What the service does by itself once the snapshot is old enough."""
    later = (time.time_ns() // 1_000_000) + TWO_HOURS * 1000
    engine = open_engine(settings.database(), 1)
    chunks = SqlChunkStore(engine, UrlObjectStore(settings.objects()))
    await Sweep(chunks, lambda: later).run()
    await engine.dispose()
    remove_abandoned_uploads(settings.objects(), -TWO_HOURS)


def files(settings) -> list[Path]:
    folder = settings.data_dir / "objects" / "snapshots"
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("where", "number"),
    [("within", 0), ("before", 2), ("after", 2)],
    ids=["in-events", "before-the-manifest", "after-the-manifest"],
)
async def test_a_snapshot_that_is_cut_off_leaves_nothing(
    serve, settings, event, where: str, number: int
) -> None:
    async with serve() as client:
        batch = [event(f"e{n}", user_id=f"u{n}", item_id=f"i{n}") for n in range(50)]
        await client.post("/v1/tenants/acme/events", json={"events": batch})
    make_cut_off(settings.data_dir, where, number)
    async with serve() as client:
        assert (await client.get(PATH)).json()["data"] == []
        data = (await client.get("/v1/tenants/acme/training-data")).json()
        assert (data["events_since_snapshot"], data["last_snapshot_id"]) == (50, None)
    await sweep(settings)
    assert files(settings) == []
    async with serve() as client:
        made = await client.post(PATH)
        assert made.status_code == 201
        assert (await client.get(PATH)).json()["data"] == [made.json()]
    await sweep(settings)
    assert len(files(settings)) == 3


async def test_a_young_upload_is_left_alone(settings) -> None:
    folder = settings.data_dir / "objects" / "snapshots"
    folder.mkdir(parents=True)
    for name in ("events.parquet#1", "events.parquet", "not#one"):
        (folder / name).write_bytes(b"x")
    assert remove_abandoned_uploads(settings.objects(), 60) == 0
    os.utime(folder / "events.parquet#1", (0, 0))
    os.utime(folder / "not#one", (0, 0))
    assert remove_abandoned_uploads(settings.objects(), 60) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["events.parquet", "not#one"]
    assert remove_abandoned_uploads("memory:///", 60) == 0
