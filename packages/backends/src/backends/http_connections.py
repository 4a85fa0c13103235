"""Kept connections of HTTP/1.1 for requests whose body is at hand, in a tenth of httpx2's time.

One request at a time goes over a connection. What the calls between services do not need, such as
redirects, cookies, proxies and bodies in chunks, is not here.
"""

import asyncio
import re
from collections import deque
from functools import lru_cache
from typing import Final, cast
from urllib.parse import quote

import httptools
import httpx2

from contracts.transport import Request, Response

MAX_CONNECTIONS: Final = 100
IDLE_SECONDS: Final = 5.0
"""How long a connection is kept unused: far less than the services keep theirs."""

_TARGET: Final = "/?#[]@!$&'()*+,;=:%~"
_BREAKS: Final = re.compile(r"\r(?!\n)|(?<!\r)\n|\0")
_FINAL: Final = 200


class HttpConnections:
    """The connections to one service, `MAX_CONNECTIONS` at most."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        """`timeout_seconds` bounds each wait: for a connection, and until more of an answer."""
        url = httpx2.URL(base_url)
        self._host = url.host
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = httpx2.create_ssl_context(trust_env=False) if url.scheme == "https" else None
        self._prefix = url.path.rstrip("/")
        self._head = f"host: {url.netloc.decode()}\r\n"
        self._timeout_seconds = timeout_seconds
        self._idle: deque[_Connection] = deque()
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def send(self, request: Request, body: bytes) -> Response:
        """The answer to a request with this body.

        Raises:
            TimeoutError: the service let us wait; the message says for what.
            OSError: it refused the connection, or cut it off.
            httptools.HttpParserError: what it answered is no HTTP.
            ValueError: a header holds a line break.
        """
        message = self._head_of(request, len(body)) + body
        await self._take_place()
        try:
            connection = self._kept() or await self._connected()
            answer = await connection.exchange(message, self._timeout_seconds)
        finally:
            self._places.release()
        if connection.is_reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            self._idle.pop().abort()

    def _head_of(self, request: Request, size: int) -> bytes:
        target = _target(self._prefix + request.path)
        headers = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
        if headers.count("\n") > len(request.headers) or _BREAKS.search(headers):
            raise ValueError(f"a line break in one of the headers {', '.join(request.headers)}")
        return (
            f"{request.method} {target} HTTP/1.1\r\n{self._head}content-length: {size}\r\n"
            f"{headers}\r\n"
        ).encode("latin-1")

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise TimeoutError("PoolTimeout") from error

    def _kept(self) -> "_Connection | None":
        """The one used last; those unused for long are closed."""
        until = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle and (self._idle[0].idle_since < until or not self._idle[0].is_reusable):
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
        return None

    async def _connected(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                _, connection = await loop.create_connection(
                    _Connection, self._host, self._port, ssl=self._tls
                )
        except TimeoutError as error:
            raise TimeoutError("ConnectTimeout") from error
        return connection


# Of the paths that are asked for most there is one for each tenant.
@lru_cache(maxsize=1_024)
def _target(path: str) -> str:
    return quote(path, safe=_TARGET)


class _Connection(asyncio.Protocol):
    """One connection; the methods named `on_...` are called by the parser."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.idle_since = 0.0
        self.is_reusable = True

    async def exchange(self, message: bytes, timeout_seconds: float) -> Response:
        """Send a request and wait for its answer."""
        self._heard_at = self._loop.time()
        answer = self._answer = self._loop.create_future()
        # One that still waits since an earlier request looks on for this one.
        if self._watch is None:
            self._watch = self._loop.call_later(timeout_seconds, self._look, timeout_seconds)
        self._transport.write(message)
        try:
            return await answer
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Close it at once."""
        self.is_reusable = False
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's own are no instances of it.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the connection was cut off"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _FINAL:
            self._headers = {}
            return
        # With a request that is not out yet, or an answer to none, the next would be mistaken.
        is_whole = not self._transport.get_write_buffer_size() and self._answer is not None
        self.is_reusable = is_whole and self._parser.should_keep_alive()
        response = Response(status, b"".join(self._body), self._headers)
        self._headers, self._body = {}, []
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def _look(self, timeout_seconds: float) -> None:
        self._watch = None
        if self._answer is None:
            return
        left = self._heard_at + timeout_seconds - self._loop.time()
        if left <= 0:
            self._fail(TimeoutError("ReadTimeout"))
        else:
            self._watch = self._loop.call_later(left, self._look, timeout_seconds)

    def _fail(self, error: Exception) -> None:
        self.is_reusable = False
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
