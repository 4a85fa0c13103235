"""A closed loop of clients over kept connections, light enough to share the machine."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Latencies in seconds of the answers, all of status 200, and how long it all took."""

    latencies: Sequence[float]
    seconds: float

    def percentile_ms(self, percent: float) -> float:
        """The latency in milliseconds that `percent` of the answers stay below."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] * 1000


async def closed_loop(
    host: str,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    check: Callable[[bytes], None] = lambda _: None,
) -> Outcome:
    """Send raw HTTP/1.1 requests in turn over `connections` until `seconds` are over.

    `check` is given the body of each answer, outside of its time. Raises RuntimeError at an answer
    of another status than 200.
    """
    latencies: list[float] = []
    started = time.perf_counter()
    until = started + seconds

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        turn = first
        while time.perf_counter() < until:
            sent = time.perf_counter()
            writer.write(requests[turn % len(requests)])
            body = await _answer(reader)
            latencies.append(time.perf_counter() - sent)
            check(body)
            turn += connections
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(first) for first in range(connections)))
    return Outcome(latencies, time.perf_counter() - started)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:15]:
        raise RuntimeError(f"answered {head.splitlines()[0].decode()}")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    return await reader.readexactly(length)


def post(host: str, path: str, key: str, body: bytes) -> bytes:
    """A raw request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
