"""The load under faults knows when all is well, and of each event whether it is stored."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from benchmarks.faults import load as module
from benchmarks.faults.load import Load
from benchmarks.load.traffic import Request

pytestmark = pytest.mark.anyio
WELL_SECONDS = 0.3


class Store:
    """Acknowledges events while it is well, and stores half of them while it is not."""

    def __init__(self) -> None:
        self.well = True
        self.stored: set[bytes] = set()
        self._turn = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self._turn += 1
            known = head in self.stored
            if self.well or self._turn % 2:
                self.stored.add(head)
            if not self.well:
                break
            body = b'{"accepted": %d, "duplicates": %d}' % (not known, known)
            writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        writer.close()


class Events:
    """One event a request, each another one."""

    def __init__(self) -> None:
        self.drawn = 0

    def draw(self) -> Request:
        self.drawn += 1
        return Request("event", b"POST /%d HTTP/1.1\r\n\r\n" % self.drawn, events=1)


@asynccontextmanager
async def served(store: Store) -> AsyncGenerator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await store.answer(reader, writer)
        except (EOFError, OSError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.close()


async def test_all_is_well_when_the_last_bad_answer_is_a_while_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WELL_SECONDS", WELL_SECONDS)
    store, events = Store(), Events()
    async with served(store) as url, Load([url], events, per_second=100) as load:
        began = time.perf_counter()
        assert await load.well(began) == began
        store.well = False
        ill = time.perf_counter()
        while not any(one.failed for one in load.since(ill)):
            await asyncio.sleep(0.01)
        waited = asyncio.create_task(load.well(ill))
        await asyncio.sleep(2 * WELL_SECONDS)
        assert not waited.done()
        store.well = True
        well = await waited
    assert well is not None
    assert not any(one.failed for one in load.since(well))


async def test_what_is_not_well_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    store = Store()
    store.well = False
    async with served(store) as url, Load([url], Events(), per_second=50) as load:
        assert await load.well(time.perf_counter()) is None


async def test_each_event_is_sent_until_it_is_acknowledged() -> None:
    store, events = Store(), Events()
    async with served(store) as url:
        async with Load([url], events, per_second=100) as load:
            store.well = False
            while len(load.since(0)) < 20:
                await asyncio.sleep(0.01)
        unknown = [one for one in load.since(0) if one.unknown]
        assert len(unknown) >= 20
        store.well = True
        assert await load.acknowledged() == events.drawn == len(store.stored)
