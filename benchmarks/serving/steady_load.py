"""A steady stream of requests, sent on time whatever becomes of those before."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

IDLE_SECONDS = 3.0
"""uvicorn closes a connection that was idle for 5 seconds; one about to be closed is not used."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: when it was due (seconds since the start), how long it took, its answer."""

    due: float
    seconds: float
    status: int
    body: dict[str, Any]


class SteadyLoad:
    """Sends `per_second` raw HTTP/1.1 requests a second, each taken from `requests` in turn."""

    def __init__(self, port: int, requests: Sequence[bytes], per_second: float) -> None:
        self._port = port
        self._requests = requests
        self._interval = 1 / per_second
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._stopped = threading.Event()
        self.started = time.perf_counter()
        self.answers: list[Answered] = []

    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def wait_for(
        self, condition: Callable[[Answered], bool], *, since: float, seconds: float
    ) -> Answered:
        """The first answer to a request due after `since` that meets the condition."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for one in list(self.answers):
                if one.due >= since and condition(one):
                    return one
            time.sleep(0.01)
        raise AssertionError(f"no such answer within {seconds} s; the last: {self.answers[-3:]}")

    async def run(self) -> None:
        """Send until stopped, then wait for the answers under way."""
        self.started = time.perf_counter()
        turn = 0
        async with asyncio.TaskGroup() as under_way:
            while not self._stopped.is_set():
                due = turn * self._interval
                await asyncio.sleep(max(0.0, due - self.now()))
                request = self._requests[turn % len(self._requests)]
                under_way.create_task(self._send(due, request))
                turn += 1
        for _, _, writer in self._idle:
            await _closed(writer)

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    async def _send(self, due: float, request: bytes) -> None:
        reader, writer = await self._connection()
        sent = self.now()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        # From the moment it was sent: a late start is the sender's own.
        seconds = self.now() - sent
        self.answers.append(Answered(due, seconds, int(head[9:12]), orjson.loads(body)))
        self._idle.append((self.now(), reader, writer))

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            since, reader, writer = self._idle.pop()
            if self.now() - since < IDLE_SECONDS:
                return reader, writer
            await _closed(writer)
        return await asyncio.open_connection("127.0.0.1", self._port)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@contextmanager
def steady_load(port: int, requests: Sequence[bytes], per_second: float) -> Generator[SteadyLoad]:
    """The load, running in a thread of its own until the block ends."""
    load = SteadyLoad(port, requests, per_second)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, load.run())
        try:
            yield load
        finally:
            load.stop()
            running.result()


def percentile(seconds: Sequence[float], percent: float) -> float:
    """What `percent` of the values stay below."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
