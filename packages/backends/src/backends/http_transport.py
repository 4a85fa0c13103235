"""Transport over HTTP, with kept connections."""

from collections.abc import Callable

import httptools
import httpx2

from backends.http_connections import MAX_CONNECTIONS, HttpConnections
from contracts.transport import Request, Response, ServiceUnavailable

STREAM_TIMEOUT_SECONDS = 60.0
"""How long one chunk of a streamed body may take, and the answer after the last one."""


class HttpTransport:
    """Sends requests to the service at `base_url`.

    `timeout_seconds` bounds each wait for the service: to connect, to send, to answer. A body in
    chunks has `stream_timeout_seconds` for each chunk, and for the answer after the last.
    `inject` adds the trace context to the headers of each request. `over` replaces the network,
    for tests that call a service in-process.

    Bodies in chunks go by httpx2, as does what replaces the network; whole ones, which are nearly
    all and have to be answered in milliseconds, by connections that do no more than they need.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float,
        stream_timeout_seconds: float = STREAM_TIMEOUT_SECONDS,
        inject: Callable[[dict[str, str]], None] = lambda _: None,
        over: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._inject = inject
        self._timeout = httpx2.Timeout(timeout_seconds).as_dict()
        self._stream_timeout = httpx2.Timeout(
            stream_timeout_seconds, connect=timeout_seconds, pool=timeout_seconds
        ).as_dict()
        # The bare transport: cookies, redirects and proxies, which a client would look after,
        # do not occur between services, and cost two fifths of a call.
        self._streams = over or httpx2.AsyncHTTPTransport(
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS
            ),
        )
        self._connections = HttpConnections(base_url, timeout_seconds) if over is None else None

    async def send(self, request: Request) -> Response:
        """The service's answer.

        Raises:
            ServiceUnavailable: refused, timed out or cut off.
            Exception: whatever the chunks of the body raise; the service sees it break off.
        """
        self._inject(request.headers)
        if self._connections is None or not isinstance(request.content, bytes):
            return await self._streamed(request)
        try:
            return await self._connections.send(request, request.content)
        except (OSError, httptools.HttpParserError) as error:
            raise self._unavailable(error) from error

    async def _streamed(self, request: Request) -> Response:
        whole = isinstance(request.content, bytes)
        wire = httpx2.Request(
            request.method,
            self._base_url + request.path,
            headers=request.headers,
            content=request.content,
            extensions={"timeout": self._timeout if whole else self._stream_timeout},
        )
        try:
            answer = await self._streams.handle_async_request(wire)
            content = await answer.aread()
            await answer.aclose()
        except httpx2.TransportError as error:
            raise self._unavailable(error) from error
        return Response(answer.status_code, content, dict(answer.headers))

    async def close(self) -> None:
        """Close the connections."""
        if self._connections is not None:
            self._connections.close()
        await self._streams.aclose()

    def _unavailable(self, error: Exception) -> ServiceUnavailable:
        reason = str(error) or type(error).__name__
        return ServiceUnavailable(f"no answer from {self._base_url}: {reason}")
