"""What the event log of a service holds, read beside the service."""

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import anyio

from backends.database import open_engine
from backends.locations import objects_url, sqlite_url
from backends.object_store import UrlObjectStore
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.seen_ids import SeenIdsStore
from data_pipeline.domain.records import EventFilter


def stored_event_ids(
    data_dir: Path,
    tenant_id: str = "acme",
    objects: str | None = None,
    database: str | None = None,
) -> list[str]:
    """The ids of all stored events, sorted.

    `objects` and `database` are URLs, where these are not in the folder.
    """
    found: list[str] = []

    async def read() -> None:
        async with AsyncExitStack() as stack:
            engine = open_engine(database or sqlite_url(data_dir, "data-pipeline"), 1)
            stack.push_async_callback(engine.dispose)
            folder = stack.enter_context(TemporaryDirectory())
            seen = SeenIdsStore(Path(folder), 30)
            stack.callback(seen.close)
            log = SqlEventLog(engine, UrlObjectStore(objects or objects_url(data_dir)), seen)
            async for batch in log.scan(tenant_id, ["event_id"], EventFilter()):
                found.extend(batch.column("event_id").to_pylist())

    # A test may have a loop of its own.
    thread = Thread(target=lambda: anyio.run(_run, read()))
    thread.start()
    thread.join()
    return sorted(found)


async def _run(work: Coroutine[Any, Any, None]) -> None:
    await work
