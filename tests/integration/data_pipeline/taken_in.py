"""What must hold of everything that was sent, once all of it is taken in."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.real_processes import wait_for

from backends.abandoned_uploads import remove_abandoned_uploads
from backends.database import close_engine, open_engine
from backends.object_store import UrlObjectStore
from data_pipeline.adapters.chunk_store import GRACE_MS, SqlChunkStore

_AGE: Final = re.compile(r"^feature_freshness_seconds\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a tenant must have; `quarantined` are the origins and places of faulty records."""

    received: int
    event_ids: Set[str]
    quarantined: Counter[tuple[str, int]]


def pages(client: httpx2.Client, path: str, **where: str) -> Iterator[dict[str, Any]]:
    """Everything in a list."""
    params = {"limit": "1000", **where}
    while True:
        page = client.get(path, params=params).raise_for_status().json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        params["cursor"] = page["next_cursor"]


def books(client: httpx2.Client, tenant_id: str) -> dict[str, Any]:
    """The tenant's totals, which must add up, and agree with what is stored."""
    shown = client.get(f"/v1/tenants/{tenant_id}/accounting").raise_for_status().json()
    assert shown["balanced"], shown["differences"]
    totals = shown["totals"]
    assert totals["received"] == sum(totals[n] for n in ("loaded", "duplicates", "quarantined"))
    return totals


def check_taken_in(
    client: httpx2.Client, tenant_id: str, expected: Expected, user_ids: Sequence[str] = ()
) -> int:
    """Compare what is there with what was sent; how many duplicates came.

    With `user_ids` the events are listed user by user: that is quicker where they are many.
    """
    events = f"/v1/tenants/{tenant_id}/events"
    lists = [pages(client, events, user_id=one) for one in user_ids] or [pages(client, events)]
    found = Counter(one["event_id"] for some in lists for one in some)
    wrong = found - Counter(expected.event_ids), Counter(expected.event_ids) - found
    assert not any(wrong), [one.most_common(5) for one in wrong]
    records = pages(client, f"/v1/tenants/{tenant_id}/quarantine")
    assert Counter((one["origin"], one["place"]) for one in records) == expected.quarantined
    totals = books(client, tenant_id)
    quarantined = expected.quarantined.total()
    duplicates = expected.received - len(expected.event_ids) - quarantined
    assert totals == {
        "received": expected.received,
        "loaded": len(expected.event_ids),
        "duplicates": duplicates,
        "quarantined": quarantined,
    }
    return duplicates


def wait_for_features(client: httpx2.Client) -> None:
    """Wait until the features have everything."""
    wait_for(
        lambda: [float(age) for age in _AGE.findall(client.get("/metrics").text)],
        lambda ages: bool(ages) and not any(ages),
    )


def check_at_rest(pipeline: KilledPipeline) -> None:
    """Look at what a stopped service has on disk: features as new ones, and nothing loose.

    Objects that no chunk names, and what is left of those that were being written, may stay for
    an hour; then the sweeps take them.
    """
    command = [sys.executable, "-m", "data_pipeline.rebuild_features", "--check"]
    environment = {**os.environ, **pipeline.settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _check_objects(pipeline.data_dir)
    own = pipeline.data_dir / "data-pipeline"
    for name in ("imports", "sorting", "snapshots"):
        assert not [path for path in (own / name).rglob("*") if path.is_file()], name
    for path in (own / "seen-ids").rglob("*"):
        assert path.is_dir() or path.name == "lock" or path.suffix in (".json", ".run"), path
    assert {path.name for path in (pipeline.data_dir / "features").iterdir()} <= {
        f"features.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock")
    }


def merged_and_indexed(pipeline: KilledPipeline) -> Mapping[str, int]:
    """What must have happened for the checks to mean something."""
    merged = merged_chunks(pipeline)
    runs = len(list((pipeline.data_dir / "data-pipeline" / "seen-ids").rglob("*.run")))
    assert merged, "nothing was merged"
    assert runs, "no ids were written"
    return {"merged_chunks": merged, "runs_of_ids": runs}


def _check_objects(data_dir: Path) -> None:
    events = data_dir / "objects" / "events"
    with closing(sqlite3.connect(data_dir / "data-pipeline" / "data-pipeline.db")) as connection:
        named = _keys(connection, "event_chunks")
        loose = _keys(connection, "loose_objects")
    partial = {one for one in _files(events) if "#" in one}
    left = _files(events) - partial
    assert named <= left
    assert left <= named | loose
    asyncio.run(_swept(data_dir))
    assert _files(events) == named


async def _swept(data_dir: Path) -> None:
    url = f"file://{data_dir / 'objects'}"
    remove_abandoned_uploads(url, 0)
    engine = open_engine(f"sqlite+aiosqlite:///{data_dir / 'data-pipeline/data-pipeline.db'}", 1)
    try:
        later_ms = time.time_ns() // 1_000_000 + GRACE_MS + 1_000
        await SqlChunkStore(engine, UrlObjectStore(url)).sweep(later_ms)
    finally:
        await close_engine(engine)


def _files(folder: Path) -> set[str]:
    parent = folder.parent
    return {str(path.relative_to(parent)) for path in folder.rglob("*") if path.is_file()}


def _keys(connection: sqlite3.Connection, table: str) -> set[str]:
    query = f"SELECT object_key FROM {table} WHERE object_key IS NOT NULL"
    return {key for (key,) in connection.execute(query)}


def merged_chunks(pipeline: KilledPipeline) -> int:
    """How many chunks of the event log were made of several others."""
    database = pipeline.data_dir / "data-pipeline" / "data-pipeline.db"
    with closing(sqlite3.connect(database)) as connection:
        # A merged chunk holds events of several moments.
        query = "SELECT count(*) FROM event_chunks WHERE oldest_ms < newest_ms"
        return connection.execute(query).fetchone()[0]
