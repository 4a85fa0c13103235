"""Requests over real connections: whole bodies, bodies in chunks, and what breaks off."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from backends.http_transport import HttpTransport
from contracts.transport import Request, ServiceUnavailable

pytestmark = pytest.mark.anyio

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def service(serve: Serve, **timeouts: float) -> AsyncGenerator[HttpTransport]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = HttpTransport(f"http://127.0.0.1:{port}/", **{"timeout_seconds": 5.0, **timeouts})
    yield transport
    await transport.close()
    server.close()


async def test_a_body_in_chunks_is_sent_as_it_comes() -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        while size := int(await reader.readline(), 16):
            await arrived.put((await reader.readexactly(size + 2))[:-2])
        writer.write(ANSWER)
        await writer.drain()

    async def chunks() -> AsyncIterator[bytes]:
        for part in (b"one", b"two"):
            yield part
            # The next chunk is made only once the service has this one.
            assert await arrived.get() == part

    async with service(serve) as transport:
        answer = await transport.send(Request("POST", "/files", chunks()))
    assert (answer.status, answer.content) == (200, b"ok")


async def test_what_the_chunks_raise_comes_through_and_the_service_sees_the_end() -> None:
    cut_off = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = await reader.read()
        assert not whole.endswith(b"0\r\n\r\n")
        cut_off.set()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async with service(serve) as transport:
        with pytest.raises(ZeroDivisionError):
            await transport.send(Request("POST", "/files", chunks()))
        async with asyncio.timeout(30):
            await cut_off.wait()


async def test_an_answer_before_the_end_of_the_body_is_the_answer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    async with service(serve) as transport:
        answer = await transport.send(Request("POST", "/files", chunks()))
    assert answer.status == 413


async def test_only_a_streamed_body_has_the_longer_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.write(ANSWER)
        await writer.drain()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    async with service(serve, timeout_seconds=0.05, stream_timeout_seconds=5.0) as transport:
        assert (await transport.send(Request("POST", "/files", chunks()))).status == 200
        with pytest.raises(ServiceUnavailable, match="ReadTimeout"):
            await transport.send(Request("POST", "/batch", b"x"))


async def test_a_refused_connection_is_no_answer() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    transport = HttpTransport(f"http://127.0.0.1:{port}", timeout_seconds=1.0)
    with pytest.raises(ServiceUnavailable, match="no answer from"):
        await transport.send(Request("GET", "/"))
    await transport.close()
