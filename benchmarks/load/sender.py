"""Sends requests over kept connections, and notes what became of each."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson

from benchmarks.load.traffic import Request

ANSWER_SECONDS: Final = 30.0
MOST_AT_ONCE: Final = 500
IDLE_SECONDS: Final = 30.0
"""The services close a connection that was idle for 75 seconds."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request: `status` and `code` are 0 and the fault where none came back.

    `due` is when it was to be sent, a time of `time.perf_counter`.
    """

    kind: str
    due: float
    seconds: float
    status: int
    code: str
    sent: int
    accepted: int
    degraded: bool

    @property
    def failed(self) -> bool:
        """Whether that was the services' fault."""
        return not 200 <= self.status < 500


class Sender:
    """Connections to the replicas of a service, in turns; to the next where one takes none."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._addresses = deque(addresses)
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, request: Request, due: float) -> Answered:
        """The answer to a request that was due at a time of `time.perf_counter`."""
        status, code, accepted, degraded = 0, "", 0, False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await self._ask(request.raw)
        except (OSError, EOFError, TimeoutError) as error:
            code = type(error).__name__
        else:
            code = str(body.get("code", ""))
            accepted = int(body.get("accepted", 0)) if request.events else 0
            degraded = body.get("degraded") is not None
        seconds = time.perf_counter() - due
        sent = request.events
        return Answered(request.kind, due, seconds, status, code, sent, accepted, degraded)

    async def close(self) -> None:
        """Close the connections, none of which may be in use."""
        for _, _, writer in self._idle:
            await _closed(writer)

    async def _ask(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        reader, writer = await self._connection()
        try:
            writer.write(raw)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head[9:12])
            length = 0
            for line in head.split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
            body = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        self._idle.append((time.perf_counter(), reader, writer))
        return status, orjson.loads(body) if body[:1] == b"{" else {}

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            since, reader, writer = self._idle.pop()
            if time.perf_counter() - since < IDLE_SECONDS:
                return reader, writer
            await _closed(writer)
        for _ in range(len(self._addresses) - 1):
            with suppress(ConnectionRefusedError):
                return await self._connect()
        return await self._connect()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._addresses.rotate()
        return await asyncio.open_connection(*self._addresses[0])


async def as_fast_as_possible(
    sender: Sender, draw: Callable[[], Request], connections: int, seconds: float
) -> list[Answered]:
    """So many at a time, each after the answer to the one before."""
    answers: list[Answered] = []
    until = time.perf_counter() + seconds

    async def client() -> None:
        while (now := time.perf_counter()) < until:
            answers.append(await sender.send(draw(), now))

    async with asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(client())
    return answers


async def at_a_rate(
    sender: Sender,
    draw: Callable[[], Request],
    per_second: float,
    seconds: float,
    noted: Callable[[Answered], None],
) -> None:
    """So many a second whatever becomes of those before; latencies count from when each was due."""
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(due: float) -> None:
        async with at_once:
            noted(await sender.send(draw(), due))

    async with asyncio.TaskGroup() as under_way:
        async for due in _ticks(per_second, seconds):
            under_way.create_task(one(due))


async def _ticks(per_second: float, seconds: float) -> AsyncIterator[float]:
    started = time.perf_counter()
    for turn in count():
        if turn >= per_second * seconds:
            return
        due = started + turn / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        yield due


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
