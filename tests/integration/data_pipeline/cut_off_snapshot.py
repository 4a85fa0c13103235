"""A process that makes a snapshot and is killed on the way; its arguments are a folder and where.

Where is `before`, `within` or `after` the write of an object, and the number of that one from 0.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx2
import obstore.store
from pydantic import SecretStr
from tests.in_process import running

from backends.object_store import UrlObjectStore
from data_pipeline.bootstrap import build_app
from data_pipeline.settings import Settings

TOKEN = "a-token-for-the-tests"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CutOff:
    """Kills the process at the write of the object with a number."""

    def __init__(self, where: str, number: int) -> None:
        self._where = where
        self._left = number
        self._put = UrlObjectStore.put

    async def put(self, store: UrlObjectStore, key: str, content: bytes | Path) -> None:
        if not key.startswith("snapshots/"):
            return await self._put(store, key, content)
        self._left -= 1
        if self._left >= 0:
            return await self._put(store, key, content)
        if self._where == "within":
            await self._write_half(store, key, content)
        if self._where == "after":
            await self._put(store, key, content)
        die()
        return None

    async def _write_half(self, store: UrlObjectStore, key: str, content: bytes | Path) -> None:
        whole = (
            content if isinstance(content, bytes) else await asyncio.to_thread(content.read_bytes)
        )

        async def half():
            yield whole[: len(whole) // 2]
            # What was given is written by now, or soon; nothing tells which.
            await asyncio.sleep(0.2)
            die()

        local: obstore.store.ObjectStore = store._store
        await local.put_async(key, half(), chunk_size=16)


async def main(data_dir: str, where: str, number: str) -> None:
    cut_off = CutOff(where, int(number))

    async def put(store: UrlObjectStore, key: str, content: bytes | Path) -> None:
        await cut_off.put(store, key, content)

    setattr(UrlObjectStore, "put", put)  # noqa: B010
    settings = Settings(
        data_dir=Path(data_dir), service_token=SecretStr(TOKEN), log_level="WARNING"
    )
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        running(build_app(settings)) as transport,
        httpx2.AsyncClient(
            transport=transport, base_url="http://data-pipeline", headers=headers
        ) as client,
    ):
        await client.post("/v1/tenants/acme/snapshots")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
