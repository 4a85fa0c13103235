"""Kept connections: used again while they are whole, and never with another's answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from backends.http_transport import HttpTransport
from contracts.transport import Request, ServiceUnavailable

pytestmark = pytest.mark.anyio

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


class Service:
    """Answers each request by `answer`; keeps what came, by connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[list[bytes]] = []
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        self.requests.append(mine)
        try:
            while head := await _head(reader):
                mine.append(head)
                await self._answer(head, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended.set()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def ok(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


@asynccontextmanager
async def service(
    answer: Answer, timeout_seconds: float = 5.0, prefix: str = ""
) -> AsyncGenerator[tuple[Service, HttpTransport]]:
    one = Service(answer)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = HttpTransport(f"http://127.0.0.1:{port}{prefix}", timeout_seconds=timeout_seconds)
    yield one, transport
    await transport.close()
    server.close()


async def test_requests_one_after_the_other_share_a_connection() -> None:
    async with service(ok) as (one, transport):
        answers = [await transport.send(Request("GET", "/")) for _ in range(3)]
    assert [(a.status, a.content) for a in answers] == [(200, b"ok")] * 3
    assert answers[0].headers == {"content-type": "text/plain", "content-length": "2"}
    assert len(one.requests) == 1


async def test_requests_at_the_same_time_have_a_connection_each() -> None:
    async def by_path(head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path))

    async with service(by_path) as (one, transport):
        paths = [f"/{number}" for number in range(20)]
        for _ in range(2):
            answers = await asyncio.gather(*(transport.send(Request("GET", p)) for p in paths))
            assert [answer.content.decode() for answer in answers] == paths
    assert len(one.requests) <= 20


async def test_an_answer_in_chunks_after_an_interim_one_is_whole() -> None:
    async def in_chunks(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"1\r\nc\r\n0\r\n\r\n")

    async with service(in_chunks) as (_, transport):
        answer = await transport.send(Request("GET", "/"))
    assert (answer.status, answer.content) == (200, b"abc")
    assert "link" not in answer.headers


async def test_a_connection_that_the_service_ends_is_used_no_more() -> None:
    async def once(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    async with service(once) as (one, transport):
        for _ in range(2):
            assert (await transport.send(Request("GET", "/"))).status == 200
    assert len(one.requests) == 2


async def test_a_connection_that_was_closed_while_it_was_kept_is_not_used() -> None:
    async def answered_and_gone(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        writer.close()

    async with service(answered_and_gone) as (one, transport):
        await transport.send(Request("GET", "/"))
        await one.ended.wait()
        await asyncio.sleep(0.05)
        assert (await transport.send(Request("GET", "/"))).status == 200
    assert len(one.requests) == 2


async def test_the_late_answer_to_one_who_left_is_nobody_elses() -> None:
    late = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/slow" in head:
            await late.wait()
        writer.write(OK)

    async with service(answer) as (one, transport):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await transport.send(Request("GET", "/slow"))
        late.set()
        assert (await transport.send(Request("GET", "/"))).content == b"ok"
    assert len(one.requests) == 2


@pytest.mark.parametrize(
    "given",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", b"no HTTP at all\r\n\r\n"],
    ids=["nothing", "half an answer", "garbage"],
)
async def test_an_answer_that_breaks_off_is_none(given: bytes) -> None:
    async def broken(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(given)
        writer.close()

    async with service(broken) as (_, transport):
        with pytest.raises(ServiceUnavailable, match="no answer from"):
            await transport.send(Request("GET", "/"))


async def test_each_wait_has_its_time_and_not_the_whole_answer() -> None:
    async def slowly(_: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in OK.splitlines(keepends=True):
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(0.1)

    async with service(slowly, timeout_seconds=0.4) as (_, transport):
        assert (await transport.send(Request("GET", "/"))).content == b"ok"


async def test_paths_are_quoted_below_the_address_and_headers_cannot_break_out() -> None:
    async with service(ok, prefix="/below/") as (one, transport):
        await transport.send(Request("GET", "/users/a%2Fb c\r\nx: y?q=1", b"", {"a": "b"}))
        with pytest.raises(ValueError, match="line break"):
            await transport.send(Request("GET", "/", b"", {"a": "b\r\nc: d"}))
    [[head]] = one.requests
    assert head.startswith(b"GET /below/users/a%2Fb%20c%0D%0Ax:%20y?q=1 HTTP/1.1\r\nhost: 127")
    assert b"\r\na: b\r\n" in head
