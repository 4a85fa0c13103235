"""Call an ASGI app in this process, for tests: no server, no port.

The async client takes `httpx2.ASGITransport(app)`; this is its like for the sync client.
"""

from contextlib import ExitStack
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal


class InProcessTransport(httpx2.BaseTransport):
    """Runs an app's answers in an event loop of its own, in a thread.

    `over` is a transport for the async client, such as `httpx2.ASGITransport(app)`. With a
    `portal` they run in that portal's loop instead.
    """

    def __init__(
        self, over: httpx2.AsyncBaseTransport, portal: BlockingPortal | None = None
    ) -> None:
        self._over = over
        self._opened = ExitStack()
        self._portal = portal or self._opened.enter_context(start_blocking_portal())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The app's answer."""
        return self._portal.call(self._answer, request, request.read())

    def close(self) -> None:
        """End the event loop, where it is this transport's own."""
        self._opened.close()

    async def _answer(self, request: httpx2.Request, content: bytes) -> httpx2.Response:
        extensions: dict[str, Any] = dict(request.extensions)
        inner = httpx2.Request(
            request.method,
            request.url,
            headers=[pair for pair in request.headers.raw if pair[0] != b"transfer-encoding"],
            content=content,
            extensions=extensions,
        )
        answer = await self._over.handle_async_request(inner)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )
