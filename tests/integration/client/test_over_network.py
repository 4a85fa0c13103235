"""Both clients on a real server: connections, bodies of all kinds, and times out."""

import socket
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from tests.real_processes import free_port
from tests.unit.client.recommender_stub import Stub

from recommender_client import (
    NO_RETRIES,
    AsyncRecommender,
    ConnectionFailed,
    Recommender,
    RetryPolicy,
    TimedOut,
    new_event,
)
from recommender_client.models import DataType, FileFormat, ItemContent

KEY = "rk_0123456789.very-secret-key"


@dataclass
class Server:
    stub: Stub
    address: str
    uvicorn: uvicorn.Server


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    stub = Stub()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(stub.app(), log_level="warning", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listening],))
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield Server(stub, f"http://127.0.0.1:{listening.getsockname()[1]}", running)
    running.should_exit = True
    thread.join()


def pieces() -> Iterator[bytes]:
    yield b"x" * 100_000
    yield b"y" * 200_000


def test_the_sync_client_over_a_kept_connection(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(b"x" * 700_000)
    with Recommender(server.address, KEY) as client:
        client.items.put("a/b", ItemContent(title="One"))
        connections = set(server.uvicorn.server_state.connections)
        assert client.items.get("a/b").item_id == "a/b"
        assert client.items.delete("a/b") is None
        assert len(client.recommendations.for_user("u", num_items=3).items) == 3
        assert client.imports.start(DataType.ITEMS, path).bytes == 700_000
        job = client.imports.start(DataType.ITEMS, pieces(), file_format=FileFormat.CSV)
        assert job.bytes == 300_000
        with client.event_buffer() as events:
            events.add(new_event("u", "i", "view"))
        assert set(server.uvicorn.server_state.connections) == connections


@pytest.mark.anyio
async def test_the_async_client(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(b"x" * 700_000)
    async with AsyncRecommender(server.address, KEY) as client:
        await client.items.put("c/d", ItemContent(title="One"))
        assert (await client.items.get("c/d")).item_id == "c/d"
        assert (await client.imports.start(DataType.ITEMS, path)).bytes == 700_000
        job = await client.imports.start(DataType.ITEMS, pieces(), file_format=FileFormat.CSV)
        assert job.bytes == 300_000


@pytest.mark.anyio
async def test_nobody_there_is_a_failed_connection() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    quick = RetryPolicy(max_attempts=2, base_seconds=0.001)
    with Recommender(address, KEY, retries=quick) as client, pytest.raises(ConnectionFailed):
        client.tenant.get()
    async with AsyncRecommender(address, KEY, retries=quick) as client:
        with pytest.raises(ConnectionFailed, match=address):
            await client.tenant.get()


@pytest.mark.anyio
async def test_a_server_that_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = {"timeout": 0.05, "retries": NO_RETRIES}
        with Recommender(address, KEY, **options) as client, pytest.raises(TimedOut):
            client.tenant.get()
        async with AsyncRecommender(address, KEY, **options) as client:
            with pytest.raises(TimedOut, match="ReadTimeout"):
                await client.tenant.get()
