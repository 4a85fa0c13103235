"""A snapshot of millions of events needs no more memory than what is granted to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.object_store import UrlObjectStore
from backends.snapshots import SnapshotStore

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
EVENTS = 2_000_000
GRANTED_MIB = 350
"""The 256 MiB of counting, and row groups and parts of files on their way."""


def grown_mib(folder: Path) -> int:
    module = "tests.integration.data_pipeline.large_snapshots"
    process = subprocess.run(
        [sys.executable, "-m", module, str(folder), str(EVENTS)],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        timeout=600,
        check=True,
    )
    return int(process.stdout)


@pytest.mark.slow
async def test_two_million_events_are_frozen_in_bounded_memory(tmp_path: Path) -> None:
    assert grown_mib(tmp_path) < GRANTED_MIB
    objects = UrlObjectStore((tmp_path / "objects").as_uri())
    found = [
        await SnapshotStore(objects).read_manifest("acme", key.split("/")[2])
        for key in await objects.keys("snapshots/acme/")
        if key.endswith("manifest.json")
    ]
    small, first, second = sorted(found, key=lambda manifest: manifest.events.rows)
    assert (small.drift, second.previous_snapshot_id) == (None, small.snapshot_id)
    assert (first.events.rows, first.previous_snapshot_id) == (EVENTS - 1, second.snapshot_id)
    assert first.drift is not None
    assert (first.drift.new_user_share, first.profile.users) == (0, EVENTS // 20)
