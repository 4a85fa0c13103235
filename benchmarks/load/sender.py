"""Sends requests over kept connections, and notes what became of each."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from benchmarks.load.traffic import Request

ANSWER_SECONDS: Final = 30.0
MOST_AT_ONCE: Final = 500
STORED: Final = ("accepted", "duplicates")
IDLE_SECONDS: Final = 30.0
"""The services close a connection that was idle for 75 seconds."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request: `status` and `code` are 0 and the fault where none came back.

    `due` is when it was to be sent, a time of `time.perf_counter`; `acknowledged` how many events
    are stored as the answer says, and `unknown` the request of which nobody knows whether its
    events were.
    """

    kind: str
    due: float
    seconds: float
    status: int
    code: str
    acknowledged: int
    unknown: Request | None
    degraded: bool

    @property
    def failed(self) -> bool:
        """Whether that was the services' fault."""
        return not 200 <= self.status < 500


class Sender:
    """Connections to the replicas of a service, in turns; to the next where one takes none."""

    def __init__(self, urls: Sequence[str]) -> None:
        places = [urlsplit(url) for url in urls]
        self._addresses = deque((one.hostname or "127.0.0.1", one.port or 80) for one in places)
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._waiting: dict[object, float] = {}

    @property
    def waiting_since(self) -> float:
        """When the request was due that has waited longest; endless where none waits."""
        return min(self._waiting.values(), default=float("inf"))

    async def send(self, request: Request, due: float) -> Answered:
        """The answer to a request that was due at a time of `time.perf_counter`."""
        status, code, body = 0, "", dict[str, Any]()
        turn = object()
        self._waiting[turn] = due
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await self._ask(request.raw)
        except (OSError, EOFError, TimeoutError) as error:
            code = type(error).__name__
        finally:
            del self._waiting[turn]
        stored = sum(int(body.get(name, 0)) for name in STORED) if request.events else 0
        return Answered(
            kind=request.kind,
            due=due,
            seconds=time.perf_counter() - due,
            status=status,
            code=str(body.get("code", code)),
            acknowledged=stored,
            unknown=request if request.events and not 200 <= status < 300 else None,
            degraded=body.get("degraded") is not None,
        )

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
            ended = reader.at_eof() or writer.is_closing()
            if not ended and time.perf_counter() - since < IDLE_SECONDS:
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


async def when_due(
    sender: Sender,
    draw: Callable[[], Request],
    moments: AsyncIterator[float],
    noted: Callable[[Answered], None],
) -> None:
    """One at each moment whatever becomes of those before; latencies count from when it was due."""
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(due: float) -> None:
        async with at_once:
            noted(await sender.send(draw(), due))

    async with asyncio.TaskGroup() as under_way:
        async for due in moments:
            under_way.create_task(one(due))


async def moments(per_second: float, seconds: float = float("inf")) -> AsyncIterator[float]:
    """So many times of `time.perf_counter` a second, each when it has come."""
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
