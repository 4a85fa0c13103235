"""Sends requests over kept connections, and notes what became of each."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from benchmarks.load.traffic import Request

ANSWER_SECONDS: Final = 30.0
MOST_AT_ONCE: Final = 500
IDLE_SECONDS: Final = 30.0
"""The services close a connection that was idle for 75 seconds."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request: `status` and `code` are 0 and the fault where none came back."""

    kind: str
    seconds: float
    status: int
    code: str
    sent: int
    accepted: int


class Sender:
    """Connections to one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, request: Request, due: float) -> Answered:
        """The answer to a request that was due at a time of `time.perf_counter`."""
        status, code, accepted = 0, "", 0
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await self._ask(request.raw)
        except (OSError, EOFError, TimeoutError) as error:
            code = type(error).__name__
        else:
            code = str(body.get("code", ""))
            accepted = int(body.get("accepted", 0)) if request.events else 0
        seconds = time.perf_counter() - due
        return Answered(request.kind, seconds, status, code, request.events, accepted)

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
        return await asyncio.open_connection(self._host, self._port)


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
    sender: Sender, draw: Callable[[], Request], per_second: float, seconds: float
) -> list[Answered]:
    """So many a second whatever becomes of those before; latencies count from when each was due."""
    answers: list[Answered] = []
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(due: float) -> None:
        async with at_once:
            answers.append(await sender.send(draw(), due))

    async with asyncio.TaskGroup() as under_way:
        async for due in _ticks(per_second, seconds):
            under_way.create_task(one(due))
    return answers


async def _ticks(per_second: float, seconds: float) -> AsyncIterator[float]:
    started = time.perf_counter()
    for turn in range(int(per_second * seconds)):
        due = started + turn / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        yield due


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
